"""SIGINT at a chosen step of a program: what the sweeps of Ctrl-C share."""

from __future__ import annotations

import gc
import inspect
import itertools
import os
import pathlib
import signal
import sys
from typing import TYPE_CHECKING, Any

import trio
import trio.testing

import cometconn

if TYPE_CHECKING:
    import types
    from collections.abc import Awaitable, Callable

__all__ = ["AtCall", "AtStep", "Strike", "open_sockets", "sweep"]

_OURS = str(pathlib.Path(cometconn.__file__).parent)
_SWALLOWED = (
    "_weakrefset.py",
    "weakref.py",
)  # called by the collector: Python prints what is raised there, and goes on
_MOST = 20_000  # steps; nothing here has that many
_QUIET = 0.05  # seconds without a step: nothing more will happen


class Strike:
    """SIGINT at the n-th step between `begin()` and `end()`.

    Attributes:
        struck: it came.
        last: it came because no task made another step.
    """

    def __init__(self, n: int) -> None:
        self._left = n
        self.struck = False
        self.last = False
        self._counting = False

    def begin(self) -> None:
        """Count from here on."""
        self._counting = True
        self._watch()

    def end(self) -> None:
        """Count no more."""
        if self._counting:
            self._counting = False
            self._unwatch()

    def step(self) -> None:
        """Count, and strike when it is time."""
        if self._counting and not self.struck:
            self._left -= 1
            if self._left == 0:
                self.strike()

    def strike(self) -> None:
        """Raise SIGINT."""
        self.struck = True
        signal.raise_signal(signal.SIGINT)

    async def strike_when_quiet(self) -> None:
        """In a task of its own: raise SIGINT once all tasks are blocked."""
        await trio.testing.wait_all_tasks_blocked(_QUIET)
        if self._counting and not self.struck:
            self.last = True
            self.strike()

    def _watch(self) -> None:
        raise NotImplementedError

    def _unwatch(self) -> None:
        raise NotImplementedError


class AtStep(Strike, trio.abc.Instrument):
    """Counts the steps of Trio's tasks: SIGINT comes between two of them, as it does to a program that waits."""

    def after_task_step(self, task: trio.lowlevel.Task) -> None:
        """A task has run as far as it could."""
        del task
        self.step()

    def _watch(self) -> None:
        trio.lowlevel.add_instrument(self)

    def _unwatch(self) -> None:
        trio.lowlevel.remove_instrument(self)


class AtCall(Strike):
    """Counts calls of Python functions that cometconn makes, in whatever task: SIGINT comes inside them.

    Generators are left out: Python reports their being closed as a call, and swallows what is raised there.
    The tasks of the memory server are, too: no program but a test has them.
    """

    def _watch(self) -> None:
        sys.setprofile(self._called)

    def _unwatch(self) -> None:
        sys.setprofile(None)

    def _called(self, frame: types.FrameType, event: str, arg: object) -> None:
        del arg
        name = frame.f_code.co_filename
        if event != "call" or name.endswith(_SWALLOWED) or frame.f_code.co_flags & inspect.CO_GENERATOR:
            return
        if not trio.lowlevel.in_trio_task() or "memory_server" in trio.lowlevel.current_task().name:
            return
        if _is_ours(frame):
            self.step()


def _is_ours(frame: types.FrameType | None) -> bool:
    while frame is not None and not frame.f_code.co_filename.startswith(_OURS):
        if frame.f_code.co_name == "__del__":
            return False  # what is raised there is swallowed, too
        frame = frame.f_back
    return frame is not None


def sweep(
    program: Callable[[Strike], Awaitable[object]],
    counting: Callable[[int], Strike],
    *,
    every: int = 1,
    clock: Callable[[], trio.abc.Clock] | None = None,
) -> int:
    """Run *program* with SIGINT at its first step, its second, ... until it ends without one. Return the number of SIGINTs.

    Each time a bare `KeyboardInterrupt` comes out of it, with no cause and no context, and no socket stays open.
    """
    for struck, n in enumerate(itertools.count(1, every)):
        assert n < _MOST
        strike = counting(n)
        before = open_sockets()
        error = _interrupted(program, strike, None if clock is None else clock())
        if not strike.struck:
            assert error is None
            return struck
        where = f"struck at step {n}"
        assert type(error) is KeyboardInterrupt, f"{where}: {error!r}"
        assert error.__cause__ is None, f"{where}: {error.__cause__!r}"
        assert error.__context__ is None, f"{where}: {error.__context__!r}"
        del error
        if open_sockets() - before:
            gc.collect()
            raise AssertionError(f"{where}: a socket stayed open")
        if strike.last:
            return struck + 1
    raise AssertionError


def _interrupted(
    program: Callable[[Strike], Awaitable[object]], strike: Strike, clock: trio.abc.Clock | None
) -> BaseException | None:
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        trio.run(_until_interrupted, program, strike, clock=clock)
    except BaseException as error:
        return error
    finally:
        sys.setprofile(None)
        signal.signal(signal.SIGINT, before)
    return None


async def _until_interrupted(program: Callable[[Strike], Awaitable[object]], strike: Strike) -> None:
    try:
        await program(strike)
    finally:
        sys.setprofile(None)
    await trio.lowlevel.checkpoint()  # struck at the very end, it rises here


def open_sockets() -> set[str]:
    """The sockets that this process has open, on systems that list them."""
    found: set[Any] = set()
    if sys.platform == "linux":
        for name in os.listdir("/proc/self/fd"):
            try:
                target = os.readlink(f"/proc/self/fd/{name}")
            except OSError:  # the folder's own descriptor
                continue
            if target.startswith("socket:"):
                found.add(target)
    return found
