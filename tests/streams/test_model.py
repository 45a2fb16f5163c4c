"""`Streams` against a model of section 11 that shares no code with it: what is open, unclaimed or dropped, and the position."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import attrs
import trio
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule
from trio.testing import MockClock

from cometconn.errors import SlowConsumerError
from cometconn.events import TextMessage
from tests.streams.acknowledging import events_of, published, text, unclaimed

if TYPE_CHECKING:
    from collections.abc import Coroutine


def _run(call: Coroutine[Any, Any, Any]) -> Any:
    async def main() -> Any:
        with trio.move_on_after(1) as scope:
            return await call
        assert scope.cancelled_caught
        return None

    return trio.run(main, clock=MockClock(autojump_threshold=0))


class _LeftError(Exception):
    pass


@attrs.define(eq=False)
class _Stream:
    """One stream in the model.

    Attributes:
        waiting: ids that it has and has not handed out.
        hands: ids that were handed out and are open.
        took: every id that came while it was open and able.
        dropped: ids that it has dropped, and that no Overflow has reported yet.
    """

    real: Any
    subscription: Any
    acknowledge: str
    overflow: str
    most: int
    waiting: list[int] = attrs.field(factory=list)
    hands: list[int] = attrs.field(factory=list)
    took: set[int] = attrs.field(factory=set)
    dropped: list[int] = attrs.field(factory=list)
    failed: bool = False

    @property
    def counts(self) -> bool:
        """Whether what it has is open."""
        return self.acknowledge != "never"

    @property
    def full(self) -> bool:
        """Whether it has as many as it may."""
        return len(self.waiting) + len(self.hands) >= self.most


class Machine(RuleBasedStateMachine):
    """Messages of ids 1, 2, 3, ...; at every moment each is acknowledged, open, unclaimed, or dropped."""

    def __init__(self) -> None:
        super().__init__()
        self.streams = published()
        self.open: list[_Stream] = []
        self.unclaimed: list[int] = []
        self.last = 0
        self.first = 1  # the first id of the user who is logged in
        self.events: dict[int, TextMessage] = {}
        self.unreported: list[int] = []  # dropped by closed streams, and not reported yet
        self.duplicates = 0

    def teardown(self) -> None:
        """Close the streams that are open."""
        for stream in list(self.open):
            self._close(stream, well=True)

    # What comes

    @rule(count=st.integers(1, 5), at_once=st.booleans())
    def publish(self, count: int, at_once: bool) -> None:
        """Messages come; the receive loop publishes many at once only where there is room."""
        events = [text(number) for number in range(self.last + 1, self.last + count + 1)]
        self.last += count
        if at_once and self.streams.spare(count, count) >= count:
            self.streams.publish_all(events, [1] * count)
        else:
            for event in events:
                self.streams.publish(event, 1)
        for event in events:
            self._came(event.id)

    def _came(self, number: int) -> None:
        claimed = False
        for stream in self.open:
            if stream.failed:
                continue
            if stream.overflow == "fail" and stream.full:
                stream.failed = True
                continue
            claimed = claimed or stream.counts
            stream.took.add(number)
            stream.waiting.append(number)
            if stream.overflow == "drop_oldest":
                while len(stream.waiting) + len(stream.hands) > stream.most and stream.waiting:
                    stream.dropped.append(stream.waiting.pop(0))
        if not claimed:
            self.unclaimed.append(number)

    @precondition(lambda self: self.last)
    @rule(data=st.data())
    def again(self, data: st.DataObject) -> None:
        """A message comes again: nothing changes."""
        if self.last >= self.first:
            self.streams.publish(text(data.draw(st.integers(self.first, self.last))), 1)
            self.duplicates += 1

    @rule()
    def forget(self) -> None:
        """Another user logs in: what is in streams stays readable there, and is not given to other streams."""
        self.streams.forget()
        self.unclaimed.clear()
        self.unreported.clear()
        self.first = self.last + 1

    # Streams

    @precondition(lambda self: len(self.open) < 3)
    @rule(
        acknowledge=st.sampled_from(["next", "next", "call", "never"]),
        overflow=st.sampled_from(["pause", "drop_oldest", "fail"]),
        most=st.integers(1, 4),
    )
    def enter(self, acknowledge: str, overflow: str, most: int) -> None:
        """Open a stream in which everything unclaimed fits, so that the model needs no backlog."""
        most = max(most, len(self.unclaimed) + 1)
        subscription = events_of(self.streams, TextMessage, acknowledge=acknowledge, overflow=overflow, max_events=most)
        stream = _Stream(_run(subscription.__aenter__()), subscription, acknowledge, overflow, most)
        if stream.counts:
            stream.waiting, self.unclaimed = self.unclaimed, []
            stream.dropped, self.unreported = self.unreported, []
        self.open.append(stream)

    @precondition(lambda self: self.open)
    @rule(data=st.data(), batch=st.booleans())
    def read(self, data: st.DataObject, batch: bool) -> None:
        """A task takes an event and ends: each call is a new task's, so it acknowledges nothing that others got."""
        stream = data.draw(st.sampled_from(self.open))
        if not stream.counts:
            stream.hands.clear()
        expected = stream.waiting[: None if batch else 1]
        dropped = len(stream.dropped)
        if dropped and not batch:
            expected = []
        if not (expected or dropped):
            if stream.failed:
                try:
                    _run(stream.real.batch())
                except SlowConsumerError:
                    return
                raise AssertionError("it failed")
            assert _run(stream.real.batch()) is None, "there is nothing"
            return
        got = _run(stream.real.batch()) if batch else [_run(anext(stream.real))]
        if dropped:
            assert got.pop(0).dropped == dropped
            stream.dropped.clear()
        assert [event.id for event in got] == expected, "in their order, each once"
        self.events.update({event.id: event for event in got})
        del stream.waiting[: len(expected)]
        if stream.counts or not batch:
            stream.hands += expected

    @precondition(lambda self: any(stream.acknowledge == "call" and stream.hands for stream in self.open))
    @rule(data=st.data())
    def call(self, data: st.DataObject) -> None:
        """Call `acknowledge()` with one event, twice."""
        stream = data.draw(st.sampled_from([s for s in self.open if s.acknowledge == "call" and s.hands]))
        number = data.draw(st.sampled_from(stream.hands))
        stream.hands.remove(number)
        for _ in range(2):
            stream.real.acknowledge(self.events[number])

    @precondition(lambda self: self.open)
    @rule(data=st.data(), well=st.booleans())
    def leave(self, data: st.DataObject, well: bool) -> None:
        """Leave a block, with or without an exception."""
        self._close(data.draw(st.sampled_from(self.open)), well=well)

    def _close(self, stream: _Stream, *, well: bool) -> None:
        _run(stream.subscription.__aexit__(None if well else _LeftError, None, None))
        self.open.remove(stream)
        if not stream.counts:
            return
        rest = stream.waiting + ([] if well and stream.acknowledge == "next" else stream.hands)
        others = set().union(*(other.took for other in self.open if other.counts))
        self.unclaimed = sorted(self.unclaimed + [n for n in rest if n not in others and n >= self.first])
        self.unreported += stream.dropped

    # What holds

    @invariant()
    def they_agree(self) -> None:
        """Compare what is unclaimed, what is open, and the position."""
        assert unclaimed(self.streams) == self.unclaimed
        for stream in self.open:
            entries = [entry[0].id for entry in stream.real._queue.open_entries()]
            assert sorted(entries) == sorted(stream.waiting + stream.hands), stream
            assert stream.real.statistics().unacknowledged == len(stream.hands)
        open_ids = {n for s in self.open if s.counts for n in (*s.waiting, *s.hands, *s.dropped)} | {
            *self.unclaimed,
            *self.unreported,
        }
        position = self.streams.position
        if self.last < self.first:
            assert position is None
            return
        mine = {number for number in open_ids if number >= self.first}
        assert position == min((number - 1 for number in mine), default=self.last)
        beyond = set(self.streams.acknowledged_beyond(position))
        assert not beyond & open_ids, "what is open is not acknowledged"
        assert beyond <= set(range(position + 1, self.last + 1))

    @invariant()
    def nothing_vanishes(self) -> None:
        """Every message that came is accounted for in one of the four ways."""
        assert self.streams.received == self.last + self.duplicates
        assert self.streams.duplicates == self.duplicates


Machine.TestCase.settings = settings(
    max_examples=60, stateful_step_count=30, deadline=None, suppress_health_check=list(HealthCheck)
)
TestToldOnce = Machine.TestCase
