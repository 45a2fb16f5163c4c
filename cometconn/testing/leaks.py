"""Whether a block of code cleaned up behind itself: tasks, descriptors, and what a connection holds in memory."""

from __future__ import annotations

import gc
import os
import socket
import weakref
from typing import TYPE_CHECKING, Any, Final, final

import trio

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


def assert_no_leaks(*, patience: float = 1.0) -> LeakCheck:
    """Check that a block leaves nothing of a client behind: use it with `async with`, or with `with`.

    What is looked for, and told by name in the error: tasks of cometconn (and of trio-websocket, on which it stands)
    that were not there before; descriptors (sockets, files) that were not open before, whoever opened them; memory
    sockets that are not closed, and links (connections, or attempts at one) that nobody ended. Objects that you hold and
    that are over (a client, a stream, a `Gap` with its cause) are yours.

    `async with` gives the neighbours time: a server that was there before needs a moment to see that its client
    is gone. Plain `with` judges at once; it goes round a whole `trio.run()`, too.

    Args:
        patience: how long, in real seconds, `async with` waits for the end of what is about to end. In virtual
            time it waits, without time passing, until everybody has done what they could.

    Raises:
        AssertionError: something was left. Not when the block raises: then that comes out, and nothing is checked.

    Where the system does not list descriptors (Windows), they are not checked. One check at a time in a process
    tells its own descriptors from another's.
    """
    return LeakCheck(patience)


@final
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
        from trio.testing import MockClock, wait_all_tasks_blocked  # noqa: PLC0415 - it loads pytest, where that is

        if isinstance(trio.lowlevel.current_clock(), MockClock):
            await wait_all_tasks_blocked()
        else:
            with trio.move_on_after(self._patience):
                while self._left():  # noqa: ASYNC110 - nobody tells when a descriptor is closed
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
    """Go through the tasks of ours that run now, in the Trio run that this is called from, if any."""
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
    """Return the open descriptors, each with what tells it from a later one with the same number."""
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
    """Say what a descriptor leads to."""
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
    """Return what is in memory and ought to be ended by somebody."""
    found = [item for item in gc.get_objects() if type(item) in _HELD]
    return [item for item in found if not (item.over if type(item) is Link else item.closed)]
