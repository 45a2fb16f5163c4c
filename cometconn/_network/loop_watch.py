"""Measures how long the event loop was blocked, so that no store or server is blamed for that time."""

from __future__ import annotations

from contextlib import contextmanager
from time import perf_counter
from typing import TYPE_CHECKING, Final, final

import trio

if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Self

__all__ = ["LoopWatch", "blocked_time", "blocked_words", "excused", "loop_watch"]

_SHORTEST: Final = 0.1  # seconds: a shorter block is not counted
_GRACE: Final = 1.0  # seconds
_SAME: Final = 0.05  # seconds by which two readings of one clock may differ, because they are taken one after the other


@final
class LoopWatch(trio.abc.Instrument):
    """Counts the seconds in which the event loop could not go on: `time.sleep()` in the program, long work, a stopped process.

    Each pass of the loop has a time by which it is due: now, while tasks can run, or the end of the wait for sockets and
    deadlines. What it is late is counted, from 0.1 s on. In a guest run the waits include the host's own callbacks, so
    a block by an asyncio task counts, too. On a test's clock, which does not run by itself, nothing is counted.

    Used as a context manager, it measures during the outermost block, which is a call or an attempt with a time limit. A
    pass of the loop then takes about 1 us more, so nothing is measured while no such limit runs.
    """

    def __init__(self) -> None:
        self._users = 0
        self._counted = 0.0
        self._due = 0.0  # when the loop goes on at the latest, unless it is blocked
        self._ahead = 0.0  # how far Trio's clock is ahead of ours
        self._excused: dict[trio.CancelScope, float] = {}  # and when each was added
        self._graced: set[trio.CancelScope] = set()

    def __enter__(self) -> Self:
        """Measure from now on."""
        if self._users == 0:
            self._due = perf_counter()
            self._ahead = trio.current_time() - self._due
            trio.lowlevel.add_instrument(self)
        self._users += 1
        return self

    def __exit__(self, *_: object) -> None:
        """Measure no more, if this is the outermost block."""
        if self._users == 1:
            self._counted = self.blocked
        self._users -= 1
        if self._users == 0:
            trio.lowlevel.remove_instrument(self)

    @property
    def blocked(self) -> float:
        """For how many seconds the loop was blocked so far, a block that goes on included."""
        return self._counted + self._late(perf_counter())

    def before_io_wait(self, timeout: float, /) -> None:
        """Trio calls this when no task can run, or each that could has run."""
        now = perf_counter()
        if now - self._due >= _SHORTEST:
            self._note(now)
        self._due = now + timeout

    def after_io_wait(self, timeout: float, /) -> None:
        """Trio calls this before it looks which deadlines have passed, so that a deadline can still be moved."""
        now = perf_counter()
        if now - self._due >= _SHORTEST:
            self._note(now)
        self._due = now

    def add(self, scope: trio.CancelScope) -> None:
        """Move the deadline of *scope* by the time in which the loop is blocked; the first time to 1 s from then at least.

        In a guest run only the part of a block is seen that came after the loop was due, so without that second the
        result of the call could not be taken.
        """
        self._excused[scope] = perf_counter()

    def discard(self, scope: trio.CancelScope) -> None:
        """Leave the deadline of *scope* where it is from now on."""
        self._excused.pop(scope, None)
        self._graced.discard(scope)

    def _note(self, now: float) -> None:
        late = self._late(now)
        if not late:
            return
        self._counted += late
        least = trio.current_time() + _GRACE
        for scope, since in self._excused.items():
            scope.deadline += min(late, now - since)
            if scope.deadline < least and scope not in self._graced:
                self._graced.add(scope)
                scope.deadline = least

    def _late(self, now: float) -> float:
        late = now - self._due
        is_real = self._users > 0 and abs(trio.current_time() - now - self._ahead) < _SAME
        return late if late >= _SHORTEST and is_real else 0.0


_watches: Final = trio.lowlevel.RunVar[LoopWatch]("cometconn loop watch")


def loop_watch() -> LoopWatch:
    """Return the watch of this Trio run. It measures while it is used as a context manager."""
    try:
        return _watches.get()
    except LookupError:
        _watches.set(watch := LoopWatch())
        return watch


@contextmanager
def excused(scope: trio.CancelScope) -> Iterator[None]:
    """Let the time in which the event loop is blocked not count for the deadline of *scope*, during this block.

    So a call whose result came while the loop was blocked is not cancelled before the result can be taken.
    """
    with loop_watch() as watch:
        watch.add(scope)
        try:
            yield
        finally:
            watch.discard(scope)


def blocked_time() -> float:
    """Return for how many seconds the loop was blocked so far, while it was watched: to compare with a later value."""
    return loop_watch().blocked


def blocked_words(before: float) -> str:
    """Return what an error about a time limit adds if the loop was blocked since `blocked_time()` was *before*."""
    blocked = blocked_time() - before
    return f" (the event loop was blocked for {blocked:.1f} s of it)" if blocked >= _SHORTEST else ""
