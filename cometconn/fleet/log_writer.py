"""Appends to the engine's log: those of many accounts in one call, which is forty times cheaper than one call for each."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Sequence
from typing import final

import attrs
import trio

from .counters import Counters
from .engine import EngineConnection
from .errors import EngineError, FencedError, FleetError, LeaseLostError, RewoundError
from .lease import LocalLease
from .values import Append, Appended, AppendResult, Fenced, LogEvent, OwnerWord, Rewound

__all__ = ["AFTER_FAILURE", "AccountLog", "LogWriter"]

AFTER_FAILURE = 0.1
"""Seconds until a failed call of the engine is repeated."""

_MOST_APPENDS = 256  # in one call
_MOST_BYTES = 1024 * 1024  # of bodies in one call, unless a single append has more


@attrs.define(eq=False)
class AccountLog:
    """What one owner knows of the log of its account. When the engine has forgotten something, a new one takes its place.

    Attributes:
        uid: the account's.
        word: the proof of ownership.
        position: the greatest message id that is known to be appended.
        after: the sequence of the last append whose result is known.
        sequence: the greatest sequence that was used.
        queued: the greatest message id of an append that waits, or was made.
        on_end: is called with the engine's refusal, after which nothing can be appended.
    """

    uid: str
    word: OwnerWord
    position: int | None
    on_end: Callable[[Fenced | Rewound], object] = attrs.field(repr=False)
    after: int = 0
    sequence: int = 0
    queued: int | None = attrs.field(init=False)
    _ended: FleetError | None = attrs.field(default=None, init=False, repr=False)
    _pending: int = attrs.field(default=0, init=False)
    _quiet: trio.Event = attrs.field(factory=trio.Event, init=False, repr=False)
    _has_news: bool = attrs.field(default=False, init=False)

    def __attrs_post_init__(self) -> None:
        """Begin with the position."""
        self.queued = self.position

    def check(self) -> None:
        """Raise the reason why nothing can be appended, if there is one."""
        if self._ended is not None:
            raise self._ended

    @property
    def has_ended(self) -> bool:
        """Whether nothing can be appended any more."""
        return self._ended is not None

    def is_quiet(self) -> bool:
        """Return whether nothing was appended since the last call, and nothing is being appended."""
        news, self._has_news = self._has_news, False
        return not news and self._pending == 0 and self._ended is None

    def began(self, events: Iterable[LogEvent]) -> None:
        """Note that an append of *events* waits."""
        self._pending += 1
        ids = [event.id for event in events if event.id is not None]
        self.queued = max([*ids, *([] if self.queued is None else [self.queued])], default=None)

    def finished(self) -> None:
        """Note that the result of an append is known."""
        self._pending -= 1
        if self._pending == 0:
            self._quiet.set()
            self._quiet = trio.Event()

    async def wait_quiet(self) -> None:
        """Return when no append waits."""
        await trio.lowlevel.checkpoint()
        while self._pending:
            await self._quiet.wait()

    def take(self, result: AppendResult) -> Appended | FleetError:
        """Note a result of the engine. Return it, or the error that it is."""
        if self._ended is not None:
            return self._ended
        if isinstance(result, Appended):
            self.after, self.position, self._has_news = result.sequence, result.position, True
            return result
        if isinstance(result, Fenced):
            self._ended = FencedError(f"{self.uid!r} belongs to another owner now.")
        else:
            self._ended = RewoundError(f"The engine has forgotten events of {self.uid!r} that it had acknowledged.")
        self.on_end(result)
        return self._ended


@attrs.define(eq=False)
class _Item:
    log: AccountLog
    events: tuple[LogEvent, ...]
    sequence: int
    queued_at: float
    done: trio.Event = attrs.field(factory=trio.Event, init=False)
    outcome: Appended | FleetError | None = attrs.field(default=None, init=False)

    def finish(self, outcome: Appended | FleetError) -> None:
        self.outcome = outcome
        self.log.finished()
        self.done.set()

    def to_append(self) -> Append:
        log = self.log
        return Append(log.uid, log.word, self.sequence, self.events, after=log.after, expected=log.position)


@final
@attrs.define(eq=False)
class LogWriter:
    """Makes the appends of one lease, one call at a time. What comes during a call goes into the next one.

    Attributes:
        connection: to the engine.
        lease: nothing is sent after its end.
        counters: of the worker.
    """

    connection: EngineConnection
    lease: LocalLease
    counters: Counters
    _queue: deque[_Item] = attrs.field(factory=deque, init=False)
    _in_call: Sequence[_Item] = attrs.field(default=(), init=False)
    _arrived: trio.Event = attrs.field(factory=trio.Event, init=False)
    _closed: bool = attrs.field(default=False, init=False)

    @property
    def lag(self) -> float:
        """For how many seconds the oldest append has waited; 0 if none waits."""
        oldest = next(iter(self._in_call), None) or next(iter(self._queue), None)
        return 0.0 if oldest is None else trio.current_time() - oldest.queued_at

    async def append(self, log: AccountLog, events: Iterable[LogEvent]) -> Appended:
        """Append *events*, and return when the engine has acknowledged them.

        Raises `LeaseLostError`, `FencedError` or `RewoundError`. If cancelled, the events may still be appended.
        """
        self.lease.check()
        log.check()
        if self._closed:
            raise _lost()
        log.sequence += 1
        item = self._put(log, tuple(events), log.sequence)
        await item.done.wait()
        if isinstance(item.outcome, FleetError):
            # A new object, because several callers may get the same error.
            raise type(item.outcome)(item.outcome.message)
        assert item.outcome is not None, "done"
        return item.outcome

    def audit(self, logs: Iterable[AccountLog]) -> None:
        """Compare the engine's position with that of each account that was quiet since the last call (F9)."""
        if not self._closed:
            for log in logs:
                if log.is_quiet():
                    self._put(log, (), 0)

    def _put(self, log: AccountLog, events: tuple[LogEvent, ...], sequence: int) -> _Item:
        item = _Item(log, events, sequence, trio.current_time())
        log.began(events)
        self._queue.append(item)
        self._arrived.set()
        return item

    @trio.lowlevel.enable_ki_protection
    async def run(self) -> None:
        """Append until cancelled. What is not known to be appended then fails with `LeaseLostError`."""
        try:
            while True:
                await self._arrived.wait()
                self._arrived = trio.Event()
                while self._queue:
                    self._in_call = self._next_call()
                    await self._call(self._in_call)
                    self._in_call = ()
        finally:
            self._closed = True
            for item in (*self._in_call, *self._queue):
                item.finish(_lost())
            self._in_call = ()
            self._queue.clear()

    def _next_call(self) -> Sequence[_Item]:
        items: list[_Item] = []
        size = 0
        while self._queue and len(items) < _MOST_APPENDS:
            size += sum(len(event.body or b"") for event in self._queue[0].events)
            if items and size > _MOST_BYTES:
                break
            items.append(self._queue.popleft())
        return items

    async def _call(self, items: Sequence[_Item]) -> None:
        appends = [item.to_append() for item in items]
        while True:
            if self.lease.is_over:
                await trio.sleep_forever()  # the lease's scope is cancelled, which ends this
            self.counters.append_calls += 1
            try:
                results = await self.connection.append(appends)
            except EngineError:
                self.counters.append_failures += 1
                await trio.sleep(AFTER_FAILURE)
                continue
            break
        for item, result in zip(items, results, strict=True):
            self._count(result)
            item.finish(item.log.take(result))

    def _count(self, result: AppendResult) -> None:
        if isinstance(result, Appended):
            self.counters.appended += result.appended
            self.counters.skipped += len(result.skipped)
            self.counters.late += len(result.late)
        elif isinstance(result, Fenced):
            self.counters.fenced += 1


def _lost() -> LeaseLostError:
    message = "The lease ended before the engine had acknowledged the append: it may have been made."
    return LeaseLostError(message)
