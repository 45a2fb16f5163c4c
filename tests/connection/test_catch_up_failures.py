"""Catch-up with transient failures, refusals, bad messages, and wrong clocks."""

from __future__ import annotations

import datetime
import json
import time
import types
from collections.abc import Callable
from typing import Any

import attrs
import pytest
import trio
from trio.testing import MockClock

from cometconn import MemoryStore
from cometconn._connection import disconnection, missed_range
from cometconn._telemetry import step_observer
from cometconn.environment import Request, Response
from cometconn.events import Event, Gap, TextMessage, UnreadableFrame
from cometconn.testing import open_memory_server

from .harness import Pair, open_pair, settle
from .interruptions import CATCHING_UP, say
from .test_catch_up import come_back, go, listening, read


async def taken(events: Any) -> list[Event]:
    """Everything that has arrived, as events."""
    await settle()
    got: list[Event] = []
    with trio.move_on_after(0.001):
        while batch := await events.batch():
            got.extend(batch)
    return got


def answer_pages(pair: Pair, answers: list[Any]) -> list[str]:
    """Let `answers` (functions of the true answer, or `None` for it) replace the next pages; return the requested URLs."""
    catch_up = pair.chat._core.catch_up
    assert catch_up is not None
    api = pair.chat._core.login.api
    request, asked = api.request, []

    async def changed(what: Request) -> Response:
        answer = await request(what)
        if "/messages?" in what.url:
            asked.append(what.url.partition("?")[2])
            if answers and (change := answers.pop(0)) is not None:
                return change(answer)
        return answer

    api.request = changed
    return asked


def status(number: int, **headers: str) -> Any:
    """Replace an answer by a refusal with this HTTP status."""
    body = json.dumps({"error": {"code": "ERR", "message": "no"}}).encode()
    return lambda answer: Response(number, {**answer.headers, **headers}, body)


@pytest.mark.parametrize("number", [408, 425, 429, 500, 503])
async def test_a_transient_refusal_is_tried_again(number: int, autojump_clock: MockClock) -> None:
    """A3: after a transient refusal the fetch is repeated, and the gap has `recovered=True`."""
    async with listening() as (pair, events):
        say(pair.server, "before")
        assert await read(events) == ["before"]
        await go(pair)
        say(pair.server, "missed")
        answer_pages(pair, [status(number)])
        await come_back(pair)
        await trio.sleep(3)
        assert await read(events) == ["recovered", "missed"]


@pytest.mark.parametrize(
    "body", [b"[]", b"", b'{"data":{}}', b'{"data":[{"id":"2"'], ids=["list", "none", "object", "cut"]
)
async def test_an_answer_that_is_no_list_is_tried_again(body: bytes, autojump_clock: MockClock) -> None:
    """A page that is no list, or was cut off, is fetched again, because it may come whole the next time."""
    async with listening() as (pair, events):
        await go(pair)
        say(pair.server, "missed")
        answer_pages(pair, [lambda answer: attrs.evolve(answer, body=body)])
        await come_back(pair)
        await trio.sleep(3)
        assert await read(events) == ["recovered", "missed"]


async def test_retry_after_is_obeyed_and_what_comes_late_stands_behind_a_second_gap(autojump_clock: MockClock) -> None:
    """Retry-After of up to 300 s is waited; live events come after request_timeout; both gaps have one range."""
    async with listening(wall_clock=trio.current_time) as (pair, events):
        say(pair.server, "before")
        assert await read(events) == ["before"]
        await go(pair)
        say(pair.server, "missed")
        asked = answer_pages(pair, [status(429, **{"retry-after": "400"})])
        await come_back(pair)
        await trio.sleep(3)  # then the server's clock shows that it was sent to this connection
        say(pair.server, "live")
        await trio.sleep(8)
        missing, live = await taken(events)
        assert isinstance(missing, Gap)
        assert (missing.recovered, missing.after_id, missing.before_id) == (False, 1, 3)
        assert pair.chat._core.streams.unfetched_after == 1
        assert isinstance(live, TextMessage)
        await trio.sleep(285)
        assert len(asked) == 1
        assert await read(events) == []
        await trio.sleep(10)
        late, missed = await taken(events)
        assert isinstance(late, Gap)
        assert (late.recovered, late.after_id, late.before_id, late.since) == (True, 1, 3, missing.since)
        assert isinstance(missed, TextMessage)
        assert pair.chat._core.streams.unfetched_after is None


async def test_a_refused_page_is_left_to_the_next_connection(autojump_clock: MockClock) -> None:
    """A 403 is not tried again on this connection; the position stays before it, and the next connection fetches it once."""
    async with listening() as (pair, events):
        say(pair.server, "before")
        assert await read(events) == ["before"]
        await go(pair)
        say(pair.server, "missed")
        asked = answer_pages(pair, [status(403)])
        await come_back(pair)
        await settle()
        say(pair.server, "live")
        assert await read(events) == ["missing", "live"]
        await trio.sleep(60)
        assert len(asked) == 1
        assert pair.chat._core.streams.position == 1
        await go(pair)
        say(pair.server, "missed too")
        await come_back(pair)
        assert await read(events) == ["recovered", "missed", "recovered", "missed too"]


async def test_more_than_the_bounds_comes_in_order_between_two_gaps(autojump_clock: MockClock) -> None:
    """The first gap has `recovered=None`, the pages follow before live events, then a gap of the same range with `True`."""
    async with listening() as (pair, events):
        await go(pair)
        for number in range(2500):
            say(pair.server, str(number))
        await come_back(pair)
        got: list[Event] = []
        live = False
        with trio.move_on_after(5):
            while True:
                got.append(await anext(events))
                if not live and len(got) == 100:
                    live = True
                    say(pair.server, "live")
        gaps = [event for event in got if isinstance(event, Gap)]
        assert [gap.recovered for gap in gaps] == [None, True]
        assert gaps[0].since == gaps[1].since
        assert [e.text for e in got if isinstance(e, TextMessage)] == [*map(str, range(2500)), "live"]
        assert got[0] is gaps[0]


@pytest.mark.parametrize(
    ("bad", "kind"),
    [
        (b'"n":01', UnreadableFrame),
        (b'"n":nul', UnreadableFrame),
        (b'"n":' + b"[" * 200 + b"]" * 200, UnreadableFrame),
        (b'"n":' + b"9" * 5000, TextMessage),
        (b'"n":NaN', TextMessage),
        (b'"n":1e999', TextMessage),
        (b'"n":"\\ud83d"', TextMessage),
    ],
    ids=["zero", "nul", "deep", "digits", "NaN", "1e999", "emoji"],
)
async def test_a_bad_message_costs_neither_its_page_nor_the_position(
    bad: bytes, kind: type[Event], autojump_clock: MockClock
) -> None:
    """A6, A7: a message that is no JSON is an UnreadableFrame in its place, and the position passes it."""
    store = MemoryStore()
    async with open_memory_server(groups={}) as server:
        async with listening(given=server, store=store) as (pair, events):
            say(server, "before")
            assert await read(events) == ["before"]
            await go(pair)
            for text in ("one", "two", "bad"):
                say(server, text)
            answer_pages(
                pair, [lambda answer: attrs.evolve(answer, body=answer.body.replace(b'"id":"4"', b'"id":"4",' + bad))]
            )
            await come_back(pair)
            got = await taken(events)
            assert [type(event) for event in got] == [Gap, TextMessage, TextMessage, kind]
            assert pair.chat._core.streams.position == 4
        async with open_pair(given=server, store=store, settings=CATCHING_UP) as pair, pair.chat.events() as events:
            assert await read(events) == ["recovered"]


def set_clocks(patch: pytest.MonkeyPatch, clock: Callable[[], float]) -> None:
    """Replace the wall clock of cometconn by this one."""

    class Clock(datetime.datetime):
        @classmethod
        def now(cls, tz: datetime.tzinfo | None = None) -> Clock:
            return cls.fromtimestamp(clock(), tz)

    patch.setattr(time, "time", clock)
    patch.setattr(time, "time_ns", lambda: int(clock() * 1e9))
    # Not in the module itself: the wire's codec knows the class by its identity.
    told = types.SimpleNamespace(datetime=Clock, timedelta=datetime.timedelta, UTC=datetime.UTC)
    for module in (disconnection, missed_range, step_observer):
        patch.setattr(module, "datetime", told)


async def a_long_session(patch: pytest.MonkeyPatch, fault: Callable[[int], float]) -> list[object]:
    """Login, background, outages, Retry-After as a date, sleep, a restart: all events and statuses, with Trio's times.

    The wall clock is the server's, and `fault(n)` seconds beside it at the look number *n*.
    """
    slept, looks = 0.0, 0
    seen: list[object] = []
    began = trio.current_time()

    def now() -> float:
        return 1_800_057_600.25 + trio.current_time() - began + slept

    def clock() -> float:
        nonlocal looks
        looks += 1
        return now() + fault(looks)

    async def look(pair: Pair, events: Any) -> None:
        got = await taken(events)
        for event in got:
            told: tuple[object, ...] = (type(event).__name__,)
            if isinstance(event, Gap):
                told += (event.recovered, event.after_id, event.before_id)
                told += (round(event.since - began, 6), round(event.until - began, 6))
                assert event.since_utc <= event.until_utc
            elif isinstance(event, TextMessage):
                told += (event.id, event.text, event.sent_at)
            seen.append(told)
        for one in pair.seen:
            retry_at = getattr(one, "retry_at", began)
            seen.append((type(one).__name__, round(one.at - began, 6), round(retry_at - began, 6)))

    store = MemoryStore()
    set_clocks(patch, clock)
    async with open_memory_server(groups={}, wall_clock=now) as server:
        async with listening(given=server, store=store) as (pair, events):
            pair.chat.enter_background()
            await settle()
            say(server, "missed, and no message was ever seen")
            pair.chat.enter_foreground()
            await come_back(pair)
            await look(pair, events)
            await go(pair)
            say(server, "late")
            server.set(rest=503, retry_after=40, retry_after_as="date")
            await come_back(pair)
            await settle()
            say(server, "live")
            server.set(rest="accept")
            await trio.sleep(20)
            await look(pair, events)
            await trio.sleep(25)
            await look(pair, events)
            server.set(upgrade=503, retry_after=70, retry_after_as="date")
            await go(pair)
            await trio.sleep(2)
            say(server, "while it waits")
            server.heal()
            await look(pair, events)
            await come_back(pair)
            await look(pair, events)
            slept += 300
            server.slept += 300
            await trio.sleep(20)
            await go(pair)
            say(server, "behind the sleep")
            await come_back(pair)
            await look(pair, events)
        say(server, "while closed")
        async with open_pair(given=server, store=store, settings=CATCHING_UP) as pair, pair.chat.events() as events:
            await come_back(pair)
            await look(pair, events)
    assert looks > 10, "the clock was read too seldom"
    return seen


@pytest.mark.parametrize(
    "fault",
    [
        lambda _: 3600.0,
        lambda _: -3600.0,
        lambda looks: 3600.0 * (looks % 3 - 1),
        lambda looks: -60.0 * looks,
        lambda looks: 3600.0 if looks < 20 else -3600.0,
    ],
    ids=["ahead", "behind", "jumping", "going back", "set back once"],
)
async def test_a_wrong_wall_clock_changes_nothing(
    fault: Callable[[int], float], autojump_clock: MockClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A2: a wrong clock gives the same events and statuses at the same times as a right one, also after a restart."""
    with trio.fail_after(3600):
        right = await a_long_session(monkeypatch, lambda _: 0.0)
        wrong = await a_long_session(monkeypatch, fault)
    assert wrong == right
    texts = [one[2] for one in right if isinstance(one, tuple) and one[0] == "TextMessage"]
    assert texts == [
        "missed, and no message was ever seen",
        "live",
        "late",
        "while it waits",
        "behind the sleep",
        "while closed",
    ]


async def test_a_session_without_a_message_is_fetched_from_its_first_connection(autojump_clock: MockClock) -> None:
    """A2: with the server's clock a day off ours, messages sent before a restart still come after it."""
    store = MemoryStore()
    async with open_memory_server(groups={}) as server:
        server.set_clock(ahead=-86_400)
        async with open_pair(given=server, store=store, connect=True, settings=CATCHING_UP):
            pass
        say(server, "missed")
        async with open_pair(given=server, store=store, settings=CATCHING_UP) as pair, pair.chat.events() as events:
            assert await read(events) == ["recovered", "missed"]


async def test_without_any_date_nothing_is_fetched(autojump_clock: MockClock) -> None:
    """Without any `Date` there is no time to begin at: nothing is fetched, and the gap has that as its cause."""
    async with open_memory_server(groups={}) as server:
        server.set(date=False)
        async with listening(given=server) as (pair, events):
            await go(pair)
            say(server, "missed")
            await come_back(pair)
            (gap,) = await taken(events)
            assert isinstance(gap, Gap)
            assert gap.recovered is False
            assert "Date" in str(gap.cause)
