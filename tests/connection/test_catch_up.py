"""Messages missed while disconnected come in the stream once, in order, after their gap."""

from __future__ import annotations

import os
import time
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import pytest
import trio
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from trio.testing import MockClock

from cometconn import (
    AppSettings,
    Connected,
    Disconnected,
    EventStream,
    FileStore,
    MemoryStore,
    Reason,
    Timing,
    Waiting,
)
from cometconn._json.values import parse_in_steps
from cometconn._streams import known_messages
from cometconn._wire.decoder import Decoder
from cometconn.emulator.log import Kind
from cometconn.errors import NotLoggedInError
from cometconn.events import Event, Gap, TextMessage
from cometconn.testing import open_memory_server

from .harness import Pair, open_pair, settle
from .interruptions import ACTS, CATCHING_UP, REST_ACTS, played, say

if TYPE_CHECKING:
    import pathlib
    from collections.abc import AsyncGenerator

    from cometconn._account.pages import Cursor, MessagePage
    from cometconn._account.session import Session

PATIENCE = Timing().request_timeout
INTERLEAVINGS = int(os.environ.get("COMETCONN_INTERLEAVINGS", "50"))  # `nox -s fuzz` tries more


def words(events: list[Event]) -> list[str]:
    """Texts, and whether a gap was filled."""
    told = []
    for event in events:
        if isinstance(event, TextMessage):
            told.append(event.text)
        elif isinstance(event, Gap):
            told.append("recovered" if event.recovered else "missing")
        else:
            told.append(type(event).__name__)
    return told


async def read(events: EventStream) -> list[str]:
    """Everything that has arrived once every task is blocked."""
    await settle()
    got: list[Event] = []
    with trio.move_on_after(0.001):
        while batch := await events.batch():
            got.extend(batch)
    return words(got)


async def go(pair: Pair) -> None:
    """Lose the connection; the next one comes in a second."""
    for device in pair.server.world.devices():
        device.reset()
    await settle()


async def come_back(pair: Pair) -> None:
    """Wait for the next connection."""
    await pair.wait_status(Connected)


@asynccontextmanager
async def listening(**options: Any) -> AsyncGenerator[tuple[Pair, EventStream], None]:
    """A connected client that catches up, and its stream."""
    options.setdefault("settings", CATCHING_UP)
    async with open_pair(connect=True, **options) as pair, pair.chat.events() as events:
        yield pair, events


async def test_what_was_missed_stands_behind_the_gap(autojump_clock: MockClock) -> None:
    """Messages from before, missed ones and live ones come once each, in order, and the gap has `recovered=True`."""
    async with listening() as (pair, events):
        say(pair.server, "before")
        await settle()
        await go(pair)
        say(pair.server, "missed 1")
        say(pair.server, "missed 2")
        await come_back(pair)
        await settle()
        say(pair.server, "live")
        assert await read(events) == ["before", "recovered", "missed 1", "missed 2", "live"]


async def test_without_a_message_ever_seen_it_begins_at_the_loss(autojump_clock: MockClock) -> None:
    """Without any known message id, the messages sent since the moment of the loss are fetched."""
    async with listening() as (pair, events):
        await go(pair)
        say(pair.server, "missed")
        await come_back(pair)
        assert await read(events) == ["recovered", "missed"]


async def test_nothing_missed_is_a_gap_all_the_same(autojump_clock: MockClock) -> None:
    """If no message was missed there is still a gap, so a reader can distinguish a quiet time from a lost connection."""
    async with listening() as (pair, events):
        await go(pair)
        await come_back(pair)
        assert await read(events) == ["recovered"]


async def test_many_pages(autojump_clock: MockClock) -> None:
    """Many missed messages are fetched page by page, all of them."""
    async with listening() as (pair, events):
        await go(pair)
        for number in range(350):
            say(pair.server, str(number))
        await come_back(pair)
        assert await read(events) == ["recovered", *(str(number) for number in range(350))]


async def test_live_events_wait_for_what_was_missed(autojump_clock: MockClock) -> None:
    """What arrives while pages are fetched comes after them, and a message that is in both comes once."""
    async with listening() as (pair, events):
        say(pair.server, "before")
        await settle()
        await go(pair)
        say(pair.server, "missed")
        pair.server.set(rest="hang")
        await come_back(pair)
        await settle()
        say(pair.server, "live")
        assert await read(events) == ["before"]
        await go(pair)  # the fetch is cut off; the next one finds both
        pair.server.set(rest="accept")
        await come_back(pair)
        assert await read(events) == ["recovered", "missed", "live", "recovered"]  # a gap for each of two losses
        say(pair.server, "later")
        assert await read(events) == ["later"]


async def test_what_was_on_its_way_when_the_connection_was_lost(
    autojump_clock: MockClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without a message and with a loss judged late, fetching begins at the first connection, not at the loss."""
    now, yet_to_pass = time.time, 20.0
    monkeypatch.setattr(time, "time", lambda: now() - yet_to_pass)
    async with listening(wall_clock=time.time) as (pair, events):
        pair.server.drop("zed-1", "silent")
        say(pair.server, "on its way")
        yet_to_pass = 0.0
        await pair.wait_status(Waiting)
        await come_back(pair)
        assert await read(events) == ["recovered", "on its way"]


async def test_what_was_held_comes_once_however_much_is_fetched(
    autojump_clock: MockClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A held message comes once and in its place, also when more is fetched than the window of ids remembers."""
    monkeypatch.setattr(known_messages, "_WINDOW", 10)
    async with listening() as (pair, events):
        say(pair.server, "before")
        await settle()
        await go(pair)
        pair.server.set(rest="hang")
        await come_back(pair)
        await settle()
        missed = [str(number) for number in range(20)]
        for text in missed[:2]:
            say(pair.server, text)
        pair.device.send_json({"type": "typing_indicator", "body": {"action": "started", "user": {"uid": "amy-2"}}})
        await settle()
        await go(pair)
        for text in missed[2:]:
            say(pair.server, text)
        pair.server.set(rest="accept")
        await come_back(pair)
        assert await read(events) == ["before", "recovered", *missed[:2], "TypingStarted", "recovered", *missed[2:]]


async def test_a_page_that_comes_with_the_end_of_the_lease_is_not_taken(autojump_clock: MockClock) -> None:
    """A page that arrives as the user logs out is dropped: the next user never gets what this one missed."""
    async with listening(users=("zed-1", "amy-2", "kim-3")) as (pair, events):
        catch_up = pair.chat._core.catch_up
        assert catch_up is not None
        fetch = catch_up.fetch

        async def logged_out_meanwhile(session: Session, place: Cursor) -> MessagePage:
            page = await fetch(session, place)
            pair.chat._core.login._exit(NotLoggedInError("logged out"))
            return page

        catch_up.fetch = logged_out_meanwhile
        await go(pair)
        say(pair.server, "for zed-1")
        await pair.wait_status(Disconnected)
        catch_up.fetch = fetch
        await pair.chat.login(uid="kim-3", auth_key="KEY")
        await come_back(pair)
        await go(pair)
        await come_back(pair)
        assert await read(events) == ["recovered"]


async def test_a_failed_fetch_is_in_the_gap_and_live_goes_on(autojump_clock: MockClock) -> None:
    """After a failed fetch the gap has `recovered=False` and a cause, and live events are not held back."""
    async with listening() as (pair, events):
        await go(pair)
        say(pair.server, "missed")
        pair.server.set(rest=503)
        await come_back(pair)
        await settle()
        say(pair.server, "live")
        gap = await anext(events)
        assert isinstance(gap, Gap)
        assert not gap.recovered
        assert gap.cause is not None
        assert "503" in str(gap.cause) or "error" in str(gap.cause)
        assert await read(events) == ["live"]


async def test_a_fetch_that_hangs_holds_live_events_no_longer_than_a_request(autojump_clock: MockClock) -> None:
    """After request_timeout a gap with `recovered=False` is written, and live events come."""
    async with listening() as (pair, events):
        await go(pair)
        pair.server.set(rest="hang")
        await come_back(pair)
        began = trio.current_time()
        await settle()
        say(pair.server, "live")
        gap = await anext(events)
        assert isinstance(gap, Gap)
        assert not gap.recovered
        assert "request_timeout" in str(gap.cause)
        assert trio.current_time() - began == PATIENCE
        assert await read(events) == ["live"]


async def test_what_this_client_sent_itself_is_not_news(autojump_clock: MockClock) -> None:
    """Fetched messages that this session sent are dropped; those that other devices of the user sent are not."""
    async with listening() as (pair, events):
        session_id = pair.chat._core.identity.session_id
        await go(pair)
        say(pair.server, "mine", sender="zed-1", device_id=session_id)
        say(pair.server, "my phone's", sender="zed-1")
        await come_back(pair)
        assert await read(events) == ["recovered", "my phone's"]


async def test_after_the_background(autojump_clock: MockClock) -> None:
    """In auto mode, the messages sent while the app was in the background are fetched."""
    async with listening() as (pair, events):
        say(pair.server, "before")
        await settle()
        pair.chat.enter_background()
        await settle()
        say(pair.server, "missed")
        pair.chat.enter_foreground()
        await come_back(pair)
        assert await read(events) == ["before", "recovered", "missed"]


async def test_a_closed_program_that_is_opened_again(autojump_clock: MockClock) -> None:
    """The position is saved with the session: the next program gets a gap and the messages sent meanwhile."""
    store = MemoryStore()
    async with open_memory_server(groups={}) as server:
        async with listening(given=server, store=store) as (pair, events):
            say(server, "before")
            assert await read(events) == ["before"]
        say(server, "missed")
        async with open_pair(given=server, store=store, settings=CATCHING_UP) as pair, pair.chat.events() as events:
            assert await read(events) == ["recovered", "missed"]
        say(server, "missed too")
        async with open_pair(given=server, store=store) as pair, pair.chat.events() as events:
            assert await read(events) == [], "without catch_up there is no gap"


async def test_a_message_that_is_sent_again_while_catching_up(autojump_clock: MockClock) -> None:
    """A message from before the restart that the server sends again is not taken for the first live one."""
    store = MemoryStore()
    async with open_memory_server(groups={}) as server:
        async with (
            open_pair(given=server, store=store, settings=CATCHING_UP, connect=True) as pair,
            pair.chat.events(acknowledge="call") as events,
        ):
            for number in ("1", "2", "3"):
                say(server, number)
            await settle()
            first, second, third = await events.batch()
            events.acknowledge(first)
            events.acknowledge(third)
        assert isinstance(second, TextMessage)
        frames = [entry.detail["frame"] for entry in server.log.of(Kind.FRAME_OUT)]
        again = next(frame for frame in frames if frame["body"].get("id") == str(second.id))
        say(server, "missed")
        server.set(rest_delay=1.0)
        async with open_pair(given=server, store=store, settings=CATCHING_UP) as pair, pair.chat.events() as events:
            await settle()
            for device in server.world.devices(authenticated=True):
                device.send_json(dict(again))
            await trio.sleep(2)
            assert await read(events) == ["recovered", "2", "missed"]


@pytest.mark.parametrize("pause", [1.0, 11.0], ids=["held", "late"])
@pytest.mark.parametrize("is_lost_again", [False, True])
async def test_a_missed_message_that_is_sent_again_hides_no_other(
    is_lost_again: bool, pause: float, autojump_clock: MockClock
) -> None:
    """A missed message that the server sends again, before or after the first gap, does not end what is fetched."""
    async with listening() as (pair, events):
        say(pair.server, "before")
        assert await read(events) == ["before"]
        pair.chat.enter_background()
        say(pair.server, "again")  # the server does not know yet that the connection is over
        await settle()
        again = pair.server.log.of(Kind.FRAME_OUT)[-1].detail["frame"]
        say(pair.server, "missed")
        pair.server.set(rest=503)
        pair.chat.enter_foreground()
        await come_back(pair)
        await trio.sleep(pause)
        pair.device.send_json(dict(again))
        await trio.sleep(11)
        say(pair.server, "live")
        await settle()
        gap, *live = await events.batch()
        assert words([gap, *live]) == ["missing", "again", "live"]
        assert isinstance(gap, Gap)
        assert (gap.after_id, gap.before_id) == (1, None)
        assert pair.chat.position == 1
        pair.server.set(rest="accept")
        if is_lost_again:
            await go(pair)
            await come_back(pair)
        await trio.sleep(60)
        assert await read(events) == ["recovered", "missed"] + ["recovered"] * is_lost_again


async def test_a_live_message_that_was_fetched_too_and_not_published_is_fetched_again(
    autojump_clock: MockClock,
) -> None:
    """A live message, fetched as well and not in a stream when the connection ends, comes late if fetching then fails."""
    async with open_pair(connect=True, settings=CATCHING_UP) as pair, pair.chat.events(max_events=1) as events:
        say(pair.server, "before")
        assert await read(events) == ["before"]
        await go(pair)
        say(pair.server, "missed 1")
        say(pair.server, "missed 2")
        pair.server.set(rest_delay=0.5)
        await come_back(pair)
        say(pair.server, "live")
        await trio.sleep(1)  # the stream is full, so the last of the three that were fetched wait
        pair.server.set(rest=503, rest_delay=0.0)
        await go(pair)
        await come_back(pair)
        got = words(await events.batch())
        await trio.sleep(11)
        got += await read(events)
        pair.server.set(rest="accept")
        await trio.sleep(60)
        got += await read(events)
        assert sorted(word for word in got if word not in {"missing", "recovered"}) == ["live", "missed 1", "missed 2"]


async def test_a_closed_program_that_never_saw_a_message(autojump_clock: MockClock) -> None:
    """A program closed without any message is followed by one that fetches the messages sent since the login."""
    store = MemoryStore()
    async with open_memory_server(groups={}) as server:
        async with open_pair(given=server, store=store, connect=True, settings=CATCHING_UP):
            pass
        say(server, "missed")
        async with open_pair(given=server, store=store, settings=CATCHING_UP) as pair, pair.chat.events() as events:
            assert await read(events) == ["recovered", "missed"]


async def test_a_closed_program_whose_position_cannot_be_read(tmp_path: pathlib.Path) -> None:
    """What was missed cannot be known, which its gap reports. In real time."""
    path = tmp_path / "session.json"
    with trio.fail_after(30):
        async with open_memory_server(groups={}) as server:
            async with open_pair(given=server, store=FileStore(path), connect=True, settings=CATCHING_UP):
                pass
            path.with_name("session.json.position").write_bytes(b"")
            say(server, "missed")
            async with open_pair(given=server, store=FileStore(path), settings=CATCHING_UP) as pair:
                async with pair.chat.events() as events:
                    await pair.wait_status(Connected)
                    say(server, "live")
                    gap = await anext(events)
                    assert isinstance(gap, Gap)
                    assert gap.recovered is False
                    assert words([await anext(events)]) == ["live"]


async def test_what_was_held_when_the_program_was_closed_comes_again(autojump_clock: MockClock) -> None:
    """Events held back when the program was closed come to the next one, because the saved position is before them."""
    store = MemoryStore()
    async with open_memory_server(groups={}) as server:
        async with listening(given=server, store=store) as (pair, events):
            say(server, "before")
            assert await read(events) == ["before"]
        server.set(rest="hang")
        async with open_pair(given=server, store=store, settings=CATCHING_UP) as pair:
            await pair.wait_status(Connected)
            await settle()
            say(server, "held")
            await settle()
        server.set(rest="accept")
        async with open_pair(given=server, store=store, settings=CATCHING_UP) as pair, pair.chat.events() as events:
            assert await read(events) == ["recovered", "held"]


async def test_the_position_is_saved_while_running(autojump_clock: MockClock) -> None:
    """A program after a SIGKILL begins at the position of a few seconds before."""
    store = MemoryStore()
    async with listening(store=store) as (pair, events):
        say(pair.server, "before")
        assert await read(events) == ["before"]
        await trio.sleep(6)
        assert store._positions["APP"].message_id == 1


async def test_another_user_begins_anew(autojump_clock: MockClock) -> None:
    """The next user does not get the messages that this one missed."""
    async with listening() as (pair, events):
        say(pair.server, "before")
        assert await read(events) == ["before"]
        await go(pair)
        say(pair.server, "missed")
        await pair.chat.logout()
        await pair.chat.login(uid="amy-2", auth_key="KEY")
        await pair.wait_status(Connected)
        assert await read(events) == []


async def test_a_token_unknown_to_rest_logs_out(autojump_clock: MockClock) -> None:
    """Catching up logs the user out, as every other request does."""
    async with listening() as (pair, _events):
        await go(pair)
        sessions = pair.server.world.sessions
        await trio.sleep(0.5)
        jwts = dict(sessions._jwts)
        sessions.forget_all()
        sessions._jwts.update(jwts)  # the socket still lets us in
        status = await pair.wait_status(Disconnected)
        assert isinstance(status, Disconnected)
        assert status.reason is Reason.LOGGED_OUT


async def test_a_paused_stream_is_not_flooded(autojump_clock: MockClock) -> None:
    """Missed messages are published no faster than they are read: the bound holds."""
    async with open_pair(connect=True, settings=CATCHING_UP) as pair, pair.chat.events(max_events=10) as events:
        await go(pair)
        for number in range(150):
            say(pair.server, str(number))
        await come_back(pair)
        await settle()
        assert events.statistics().events <= 10
        got: list[Event] = []
        with trio.move_on_after(1):
            while True:
                got.append(await anext(events))
                assert events.statistics().events <= 10
        assert words(got) == ["recovered", *(str(number) for number in range(150))]


async def test_leaving_hands_over_what_was_held(autojump_clock: MockClock) -> None:
    """Events that are no messages cannot be fetched again, so leaving publishes them: a stream read to its end gets them."""
    async with open_pair(connect=True, settings=CATCHING_UP) as pair:
        async with pair.chat.events() as events:
            await go(pair)
            pair.server.set(rest="hang")
            await come_back(pair)
            await settle()
            say(pair.server, "held")
            pair.device.send_json({"type": "typing_indicator", "body": {"action": "started", "user": {"uid": "amy-2"}}})
            await settle()
            pair.chat._core.leave()
            assert words([event async for event in events]) == ["missing", "TypingStarted"]


async def test_no_message_comes_twice_when_the_program_is_closed_while_it_catches_up(autojump_clock: MockClock) -> None:
    """Fetched messages are read to the end of the stream, held ones come to the next program: each comes once."""
    store = MemoryStore()
    async with open_memory_server(groups={}) as server:
        async with open_pair(given=server, store=store, settings=CATCHING_UP, connect=True) as pair:
            async with pair.chat.events(max_events=5) as events:
                await go(pair)
                for number in range(20):
                    say(server, f"missed {number}")
                await come_back(pair)
                await settle()
                say(server, "held")
                await settle()
                pair.chat._core.leave()
                first = words([event async for event in events])
        async with open_pair(given=server, store=store, settings=CATCHING_UP) as pair, pair.chat.events() as events:
            second = await read(events)
    got = [word for word in first + second if word not in {"missing", "recovered"}]
    assert got == [*(f"missed {number}" for number in range(20)), "held"]
    assert second[0] == "recovered"


async def test_what_was_not_acknowledged_comes_again_after_a_crash(autojump_clock: MockClock) -> None:
    """The position saved while running is before what waits in a stream and before what was handed out and is open."""
    store = MemoryStore()
    async with listening(store=store) as (pair, events):
        for number in range(1, 6):
            say(pair.server, str(number))
        await settle()
        assert words([await anext(events), await anext(events)]) == ["1", "2"]
        await trio.sleep(6)
        assert store._positions["APP"].message_id == pair.chat.position == 1


async def test_what_came_before_the_first_stream_comes_again(autojump_clock: MockClock) -> None:
    """Events that no stream has taken are unclaimed, and come to the next program."""
    store = MemoryStore()
    async with open_memory_server(groups={}) as server:
        async with open_pair(given=server, store=store, connect=True, settings=CATCHING_UP):
            say(server, "1")
            say(server, "2")
            await settle()
        async with open_pair(given=server, store=store, settings=CATCHING_UP) as pair, pair.chat.events() as events:
            assert await read(events) == ["recovered", "1", "2"]


def interleavings() -> st.SearchStrategy[list[str]]:
    """Draw acts, and sequences that random draws would seldom give: REST misbehaves while something is missed."""
    single = st.sampled_from(ACTS).map(lambda act: (act,))
    missed = st.tuples(
        st.sampled_from([*REST_ACTS, "cut", "hang"]),
        st.sampled_from(["reset", "close", "half-open"]),
        st.sampled_from(["say", "page"]),
        st.sampled_from(["wait", "long"]),
        st.sampled_from(["wait", "long"]),
        st.just("say"),
        st.sampled_from(["wait", "long", "reset", "reopen"]),
        st.sampled_from(["say", "reset", "reopen", "at once", "answering", "heal", "away", "back"]),
    )
    happenings = st.lists(st.one_of(single, single, missed), max_size=14)
    return happenings.map(lambda few: [act for acts in few for act in acts])


@settings(max_examples=INTERLEAVINGS, deadline=None, suppress_health_check=list(HealthCheck), database=None)
@given(
    acts=interleavings(),
    seed=st.integers(0, 2**32),
    began=st.floats(0, 1),
    room=st.sampled_from([1, 7, 1024]),
    pause=st.sampled_from([0.0, 0.004]),
)
def test_any_interleaving_of_outages(acts: list[str], seed: int, began: float, room: int, pause: float) -> None:
    """Whatever is cut off or refused, in any order of tasks, every message comes exactly once, and in order if it is not late."""
    said, received = played(acts, seed=seed, began=began, room=room, pause=pause)
    assert received == said


@pytest.mark.parametrize(
    "acts",
    [
        ["half-open"],
        ["away", "say", "sleep", "away", "say"],
        ["away", "say", "reset", "away", "sleep", "away", "say"],
        ["hang", "reset", "wait", "say", "reset", "page", "heal", "reset", "say", "reopen", "say"],
        ["unavailable", "reset", "say", "wait", "wait", "say", "long", "say", "heal"],
        ["too slow", "reset", "say", "wait", "wait", "say", "long", "say", "long", "long", "at once", "reset", "long"],
        ["forbidden", "reset", "say", "wait", "wait", "say", "long", "say", "reopen", "long"],
        ["busy until", "dateless", "reset", "say", "wait", "wait", "cut", "say", "answering", "long", "say", "reopen"],
    ],
    ids=" ".join,
)
def test_the_order_of_ready_tasks_does_not_matter(acts: list[str]) -> None:
    """No message is lost or comes twice, in whatever order ready tasks run, late or early in a second."""
    for seed in range(20):
        said, received = played(acts, seed=seed, began=seed / 20)
        assert received == said, seed


async def test_a_long_message_of_a_page_is_decoded_in_steps_of_its_own(
    autojump_clock: MockClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Other tasks run between the steps, each of which may take milliseconds; short messages need no more steps."""
    steps: list[list[str]] = []

    class Steps(trio.abc.Instrument):
        def before_task_step(self, task: trio.lowlevel.Task) -> None:
            steps.append([])

    def parsed(text: bytes, max_items: int) -> Any:
        parsing = parse_in_steps(text, max_items)
        while True:
            if len(text) > 10_000:
                steps[-1].append("parse")
            try:
                next(parsing)
            except StopIteration as end:
                return end.value
            yield

    def decoded(decoder: Decoder, text: bytes) -> Any:
        steps[-1].append("decode")
        return decode(decoder, text)

    decode = Decoder.decode_fetched
    async with open_pair(settings=AppSettings(catch_up=True), connect=True) as pair, pair.chat.events() as events:
        pair.server.say("amy-2", "seen", receiver="zed-1")
        assert await read(events) == ["seen"]
        pair.chat.enter_background()
        await settle()
        for text in ("a", "b", "x" * 100_000, "c", "last"):
            pair.server.say("amy-2", text, receiver="zed-1")
        monkeypatch.setattr("cometconn._wire.decoder.parse_in_steps", parsed)
        monkeypatch.setattr(Decoder, "decode_fetched", decoded)
        trio.lowlevel.add_instrument(watch := Steps())
        pair.chat.enter_foreground()
        assert await read(events) == ["recovered", "a", "b", "x" * 100_000, "c", "last"]
        trio.lowlevel.remove_instrument(watch)
    first, *parsing, long, last = [step for step in steps if step]
    assert first == ["decode", "decode", "parse"]
    assert len(parsing) > 2
    assert all(step == ["parse"] for step in parsing)
    assert (long, last) == (["decode"], ["decode", "decode"])
