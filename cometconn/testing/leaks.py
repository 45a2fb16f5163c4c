"""Checks that a block of code leaves no tasks, file descriptors or connections behind."""

from __future__ import annotations

import gc
import os
import socket
import weakref
from typing import TYPE_CHECKING, Any, Final, final

import trio

from cometconn._arguments import checked
from cometconn._connection.link import Link

from .memory_stream import MemorySocket

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import TracebackType

__all__ = ["LeakCheck", "assert_no_leaks"]

_OURS: Final = ("cometconn", "trio_websocket")
_FOLDERS: Final = ("/proc/self/fd", "/dev/fd")
_HELD: Final = (MemorySocket, Link)
_POLL: Final = 0.01  # seconds


@checked
def assert_no_leaks(*, patience: float = 1.0) -> LeakCheck:
    """Check that a block leaves nothing of a client behind. Use it with `async with` or with `with`.

    The error lists: tasks of cometconn and of trio-websocket that did not run before the block; file descriptors
    (sockets, files) that were not open before, whatever code opened them; memory sockets that are not closed; and links
    (connections, or attempts at one) that did not end. Objects that are closed but still referenced, such as a client,
    a stream, or a `Gap` with its cause, are not leaks.

    `async with` waits before it checks, because a server outside of the block needs a moment to notice that its client
    is gone. `with` checks at once, and can surround a whole `trio.run()`.

    Args:
        patience: the most seconds of real time that `async with` waits. In virtual time it waits until all tasks are
            blocked, and no time passes.

    Raises:
        AssertionError: something was left behind. If the block raises, nothing is checked and its exception is raised.

    Descriptors are not checked where the operating system does not list them (Windows). Only one check at a time in a
    process can distinguish its own descriptors from others.
    """
    return LeakCheck(patience)


@final
@checked
class LeakCheck:
    """What `assert_no_leaks()` returns: a context manager of both kinds, for one block."""

    def __init__(self, patience: float) -> None:
        self._patience = patience
        self._tasks: set[trio.lowlevel.Task] = set()
        self._descriptors: dict[int, tuple[int, int]] = {}
        self._objects: weakref.WeakSet[Any] = weakref.WeakSet()

    def __enter__(self) -> None:
        gc.collect()
        self._tasks = set(_tasks())
        self._descriptors = _descriptors()
        self._objects = weakref.WeakSet(_pending())

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is None:
            self._judge(self._left())

    async def __aenter__(self) -> None:
        self.__enter__()
        await trio.lowlevel.checkpoint()

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is not None:
            return
        from trio.testing import MockClock, wait_all_tasks_blocked  # noqa: PLC0415 - it imports pytest if installed

        if isinstance(trio.lowlevel.current_clock(), MockClock):
            await wait_all_tasks_blocked()
        else:
            with trio.move_on_after(self._patience):
                while self._left():  # noqa: ASYNC110 - there is no notification of a closed descriptor
                    await trio.sleep(_POLL)
        self._judge(self._left())

    def _judge(self, left: list[str]) -> None:
        if left:
            message = "\n  ".join(["The block left something behind:", *left])
            raise AssertionError(message)

    def _left(self) -> list[str]:
        tasks = [f"task {task.name}" for task in _tasks() if task not in self._tasks]
        open_now = _descriptors()
        new = [number for number, identity in open_now.items() if self._descriptors.get(number) != identity]
        descriptors = [f"descriptor {number}: {_describe(number)}" for number in new]
        return [*tasks, *descriptors, *self._left_in_memory()]

    def _left_in_memory(self) -> Iterator[str]:
        gc.collect()
        for item in _pending():
            if item not in self._objects:
                yield f"object {item!r}"


def _tasks() -> Iterator[trio.lowlevel.Task]:
    """Yield the tasks of ours in the current Trio run, if there is one."""
    if not trio.lowlevel.in_trio_run():
        return
    root = trio.lowlevel.current_root_task()
    waiting = [] if root is None else [root]
    while waiting:
        task = waiting.pop()
        waiting.extend(child for nursery in task.child_nurseries for child in nursery.child_tasks)
        if task.name.startswith(_OURS):
            yield task


def _descriptors() -> dict[int, tuple[int, int]]:
    """Return the open descriptors, each with the device and inode that distinguish it from a later one of its number."""
    folder = next((folder for folder in _FOLDERS if os.path.isdir(folder)), None)  # noqa: PTH112 - no Path needed
    found = {}
    for name in os.listdir(folder) if folder is not None else ():  # noqa: PTH208 - the same
        try:
            status = os.fstat(int(name))
        except OSError:  # the descriptor of the listing itself
            continue
        found[int(name)] = (status.st_dev, status.st_ino)
    return found


def _describe(number: int) -> str:
    """Return what a descriptor refers to."""
    try:
        with socket.socket(fileno=os.dup(number)) as copy:
            try:
                return f"a socket from {copy.getsockname()} to {copy.getpeername()}"
            except OSError:
                return f"a socket at {copy.getsockname()}"
    except OSError:
        pass
    try:
        return os.readlink(f"{_FOLDERS[0]}/{number}")  # noqa: PTH115 - it may be no path
    except OSError:
        return "not a socket"


def _pending() -> list[Any]:
    """Return the memory sockets that are not closed, and the links that did not end."""
    found = [item for item in gc.get_objects() if type(item) in _HELD]
    return [item for item in found if not (item.over if type(item) is Link else item.closed)]
