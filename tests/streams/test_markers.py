"""Streams with `markers=False`: only events of the classes asked for; gaps and overflows are reported elsewhere."""

from __future__ import annotations

import datetime
from typing import Any

import pytest
import trio
from trio.testing import MockClock

from cometconn import AppSettings, Connected
from cometconn.errors import SettingsError
from cometconn.events import Event, Gap, Marker, Overflow, Resumed, TextMessage
from tests.connection.harness import Pair, open_pair, settle
from tests.streams.acknowledging import events_of, numbers, published, text, unclaimed

NOW = datetime.datetime(2026, 1, 1, tzinfo=datetime.UTC)


def gap(since: float, recovered: bool | None = False) -> Gap:
    """A gap of three seconds."""
    return Gap(since=since, until=since + 3, since_utc=NOW, until_utc=NOW, recovered=recovered)


def warnings(caplog: pytest.LogCaptureFixture) -> list[str]:
    """The library's warnings."""
    return [record.getMessage() for record in caplog.records if record.name == "cometconn"]


async def come_back(pair: Pair) -> None:
    """Lose the connection, have a message sent meanwhile, and wait until connected again."""
    pair.chat.enter_background()
    await settle()
    pair.server.say("amy-2", "meanwhile", receiver="zed-1")
    pair.chat.enter_foreground()
    await pair.wait_status(Connected)
    await settle()


async def test_a_gap_is_in_gaps_and_a_warning(autojump_clock: MockClock, caplog: pytest.LogCaptureFixture) -> None:
    """After a lost connection the stream has only messages, `gaps` has the gap, and a WARNING is logged."""
    async with open_pair(connect=True) as pair, pair.chat.events(TextMessage, markers=False) as events:
        assert events.gaps == ()
        pair.server.say("amy-2", "before", receiver="zed-1")
        await settle()
        await come_back(pair)
        pair.server.say("amy-2", "after", receiver="zed-1")
        await settle()
        assert [message.text for message in await events.batch()] == ["before", "after"]
        (gap,) = events.gaps
        assert isinstance(gap, Gap)
        assert gap.recovered is False
        (warning,) = warnings(caplog)
        assert "may be missing" in warning
        assert "EventStream.gaps" in warning


async def test_a_gap_that_was_fetched_is_no_warning(
    autojump_clock: MockClock, caplog: pytest.LogCaptureFixture
) -> None:
    """With catch_up the missed messages are in the stream, the gap is in `gaps`, and there is no WARNING."""
    settings = AppSettings(catch_up=True)
    async with open_pair(connect=True, settings=settings) as pair, pair.chat.events(markers=False) as events:
        pair.server.say("amy-2", "before", receiver="zed-1")
        await settle()
        await come_back(pair)
        await trio.sleep(1)
        got = await events.batch()
        assert [message.text for message in got if isinstance(message, TextMessage)] == ["before", "meanwhile"]
        assert len(got) == 2
        assert [event.recovered for event in events.gaps if isinstance(event, Gap)] == [True]
        assert warnings(caplog) == []


@pytest.mark.parametrize("batch", [False, True])
async def test_an_overflow_is_reported_when_the_reader_comes_to_it(
    batch: bool, caplog: pytest.LogCaptureFixture
) -> None:
    """Dropped messages are reported, and count as handled, when the reader comes to their place."""
    streams = published()
    async with events_of(streams, TextMessage, overflow="drop_oldest", max_events=3, markers=False) as stream:
        published(1, 2, 3, 4, 5, streams=streams)
        assert stream.gaps == ()
        assert streams.position == 0
        assert numbers(await stream.batch() if batch else [await anext(stream)])[0] == 3
        assert stream.gaps == (Overflow(2),)
        assert streams.position == 2
        (warning,) = warnings(caplog)
        assert "2 events were dropped" in warning


async def test_overflows_are_added_up_until_the_next_gap(caplog: pytest.LogCaptureFixture) -> None:
    """A stream that always drops has one Overflow and one WARNING, and another ones after a gap."""
    streams = published()
    async with events_of(streams, overflow="drop_oldest", max_events=3, acknowledge="never", markers=False) as stream:
        for number in range(10):
            published(*range(5 * number, 5 * number + 5), streams=streams)
            assert len(await stream.batch()) == 3
        assert stream.gaps == (Overflow(20),)
        assert len(warnings(caplog)) == 1
        streams.publish(gap(5), 0)
        published(*range(50, 55), streams=streams)
        assert len(await stream.batch()) == 3
        assert stream.gaps == (Overflow(20), gap(5), Overflow(2))
        assert len(warnings(caplog)) == 3


async def test_a_reader_whose_stream_dropped_everything_waits_on(autojump_clock: MockClock) -> None:
    """An overflow alone does not end the wait of a reader: it is noted, and the reader waits for the next event."""
    streams = published(*range(1, 1031))
    async with events_of(streams, markers=False, max_events=2, acknowledge="call", overflow="drop_oldest") as stream:
        assert numbers([await anext(stream), await anext(stream)]) == [7, 8]
        with trio.move_on_after(1) as scope:
            await anext(stream)
        assert scope.cancelled_caught
        before = stream.gaps
        async with trio.open_nursery() as nursery:
            nursery.start_soon(anext, stream)
            await settle()
            published(1031, streams=streams)  # behind 1,024 that wait for room: the oldest of these is dropped
            published(*range(1032, 1040), streams=streams)
            await settle()
            assert stream.gaps != before
            nursery.cancel_scope.cancel()


async def test_what_no_stream_had_taken_is_left_out_too() -> None:
    """A stream that begins with unclaimed events has the markers among them in `gaps`, too."""
    streams = published(1)
    streams.publish(gap(1), 0)
    streams.machine_slept(9)
    published(2, streams=streams)
    async with events_of(streams, TextMessage, markers=False) as stream:
        assert stream.gaps == (gap(1),)
        assert numbers(await stream.batch()) == [1, 2]
    assert unclaimed(streams) == []


async def test_gaps_are_bounded_and_kept_apart() -> None:
    """The latest 64 are kept, each its own; a sleep of the machine is no gap."""
    streams = published()
    async with events_of(streams, markers=False) as stream, events_of(streams) as other:
        for number in range(70):
            streams.publish(gap(number, recovered=None), 0)
            published(number + 1, streams=streams)
        streams.machine_slept(9)
        assert stream.gaps == tuple(gap(number, recovered=None) for number in range(6, 70))
        assert numbers(await stream.batch()) == list(range(1, 71))
        assert other.gaps == ()
        assert sum(isinstance(event, Marker) for event in await other.batch()) == 71


@pytest.mark.parametrize("kind", [Marker, Gap, Overflow, Resumed])
async def test_a_marker_that_is_asked_for_and_left_out(kind: type[Event], autojump_clock: MockClock) -> None:
    """Asking for a marker and leaving markers out is a SettingsError that names it."""
    async with open_pair(login=False) as pair:
        with pytest.raises(SettingsError, match=kind.__name__):
            pair.chat.events(TextMessage, kind, markers=False)
        async with pair.chat.events(Event, markers=False), pair.chat.events(kind):
            pass


@pytest.mark.parametrize("wrong", [None, 1, "no", Marker])
async def test_markers_is_a_bool(wrong: Any, autojump_clock: MockClock) -> None:
    """Anything else is a SettingsError."""
    async with open_pair(login=False) as pair:
        with pytest.raises(SettingsError, match=r"events\(markers=\.\.\.\) must be True or False"):
            pair.chat.events(markers=wrong)


async def test_match_narrows_as_the_types_say() -> None:
    """The classes of a stream are found by `match`."""
    streams = published()
    seen: list[str] = []
    async with events_of(streams, TextMessage) as stream:
        streams.publish(gap(1), 0)
        streams.publish(text(1, "hello"), 1)
        streams.machine_slept(2)
        for event in await stream.batch():
            match event:
                case TextMessage(text=words):
                    seen.append(words)
                case Gap(recovered=False):
                    seen.append("gap")
                case Marker():
                    seen.append("marker")
    assert seen == ["gap", "hello", "marker"]
