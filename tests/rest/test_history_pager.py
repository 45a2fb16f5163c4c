"""The history of a conversation: every message once and in order, whatever the server returns, and whatever happens meanwhile."""

from __future__ import annotations

import datetime
import json
from collections.abc import Callable
from typing import Any

import pytest
import trio
from hypothesis import given, settings
from hypothesis import strategies as st
from trio.testing import MockClock

from cometconn._rest.history_pager import HistoryPager
from cometconn.errors import ApiError
from cometconn.events import CustomMessage, MediaMessage, Message, TextMessage

from .harness import Pair, message, open_chat, page

HUNDRED = range(1, 101)


async def ids(listing: Any) -> list[int]:
    """The ids of the messages that come."""
    return [found.id async for found in listing]


def backwards(query: dict[str, str], numbers: range, size: int) -> list[int]:
    """The numbers before the `id` of a request, at most *size*, oldest first."""
    return [number for number in numbers if number < int(query.get("id", 10**9))][-size:]


# What a server may do.

SOUND: dict[str, Callable[[dict[str, str]], Any]] = {
    "whole": lambda q: page([*map(message, backwards(q, HUNDRED, 30))], pages=2),
    "the last page alone is marked": lambda q: page(
        [*map(message, found := backwards(q, HUNDRED, 30))], pages=1 if 1 in found else 2
    ),
    "without the number of pages": lambda q: page([*map(message, backwards(q, HUNDRED, 30))], pages=None),
    "without meta": lambda q: {"data": [*map(message, backwards(q, HUNDRED, 30))]},
    "newest first": lambda q: page([*map(message, backwards(q, HUNDRED, 30))][::-1], pages=2),
    "each page begins where the one before ended": lambda q: page(
        [message(n) for n in HUNDRED if n <= int(q.get("id", 10**9))][-30:], pages=None
    ),
    "one message twice": lambda q: page([message(n) for n in backwards(q, HUNDRED, 30) for _ in range(2)], pages=2),
    "more than was wanted": lambda q: page([*map(message, backwards(q, HUNDRED, 900))], pages=2),
    "one message a page": lambda q: page([*map(message, backwards(q, range(1, 121), 1))], pages=2),
    "numbers as numbers": lambda q: page([message(n, id=n) for n in backwards(q, HUNDRED, 30)], pages=2),
}


@pytest.mark.parametrize("way", SOUND)
async def test_each_message_comes_once(way: str, autojump_clock: MockClock) -> None:
    """However the server cuts and marks its pages."""
    async with open_chat(lambda _, query: SOUND[way](query)) as pair:
        first = 120 if way == "one message a page" else 100
        assert await ids(pair.chat.messages.history(user="amy-2")) == list(range(first, 0, -1))


def unreadable(number: int) -> dict[str, Any]:
    """A message with an id, of which nothing else can be read."""
    return {"id": str(number), "category": "message", "type": "text", "sender": 5, "receiver": "zed-1", "data": {}}


@pytest.mark.parametrize("bad", [unreadable, lambda n: {"id": n}, lambda n: message(n, sender=None, data="x")])
async def test_a_page_of_which_nothing_can_be_read(
    bad: Callable[[int], Any], autojump_clock: MockClock, caplog: pytest.LogCaptureFixture
) -> None:
    """The next page follows. What was left out is counted, with one warning that has the reason."""

    def stand(_: str, query: dict[str, str]) -> Any:
        numbers = backwards(query, HUNDRED, 20)
        return page([bad(number) if 20 < number <= 80 else message(number) for number in numbers], pages=2)

    async with open_chat(stand) as pair:
        assert await ids(pair.chat.messages.history()) == [*range(100, 80, -1), *range(20, 0, -1)]
        assert pair.chat.statistics().frames_unreadable == 60
        (record,) = [each for each in caplog.records if each.levelname == "WARNING"]
        assert "is left out" in record.getMessage()


async def test_elements_without_an_id(autojump_clock: MockClock) -> None:
    """The server's cursor leads on behind them; without one, the list ends with an error and not in a loop."""

    def stand(_: str, query: dict[str, str]) -> Any:
        if query.get("id") == "50":
            return page([*map(message, range(40, 50))], pages=1)
        return page([message(None), message(None)], pages=2, **({"id": 50} if query["affix"] == "prepend" else {}))

    async with open_chat(stand) as pair:
        assert await ids(pair.chat.messages.history()) == list(range(49, 39, -1))
        assert pair.chat.statistics().frames_unreadable == 2
        with pytest.raises(ApiError, match="does not continue"):
            await ids(pair.chat.messages.history(after=0))


async def test_a_message_that_is_too_long_is_left_out(autojump_clock: MockClock) -> None:
    """Limits.max_message holds for fetched messages, too."""
    long = message(2, data={"text": "x" * 2**20})
    async with open_chat(lambda *_: page([message(1), long, message(3)])) as pair:
        assert await ids(pair.chat.messages.history()) == [3, 1]
        assert pair.chat.statistics().frames_unreadable == 1


async def test_an_optional_attribute_that_cannot_be_read(autojump_clock: MockClock) -> None:
    """The message comes with the default, and the attribute is counted."""
    async with open_chat(lambda *_: page([message(1, tags=7), message(2)])) as pair:
        assert [found.tags async for found in pair.chat.messages.history()] == [(), ()]
        assert pair.chat.statistics().fields_unread_at == {"TextMessage tags": 1}


ENDLESS: dict[str, Callable[[dict[str, str]], Any]] = {
    "the same page": lambda _: page([*map(message, range(1, 101))], pages=2),
    "the same page, without meta": lambda _: {"data": [*map(message, range(1, 101))]},
    "two pages in turn": lambda q: page([*map(message, range(1, 51) if "id" in q else range(51, 101))], pages=2),
    "nothing that can be read": lambda q: page([{"id": int(q.get("id", 10**9)) - 1}], pages=2),
    "too many elements": lambda _: page([message(1)] * 1001, pages=2),
    "no list": lambda _: {"data": {"1": message(1)}},
    "a list without JSON": lambda _: b'{"data": [' + b'{"id":' * 5,
    "nothing": lambda _: b"",
}


@pytest.mark.parametrize("way", ENDLESS)
async def test_no_server_makes_an_endless_loop(way: str, autojump_clock: MockClock) -> None:
    """What does not list on ends with an error, and every message came once before."""
    got: list[int] = []
    async with open_chat(lambda _, query: ENDLESS[way](query)) as pair:
        with pytest.raises(ApiError) as caught:
            async for found in pair.chat.messages.history():
                got.append(found.id)
        assert caught.value.code in {"INVALID_LIST", "INVALID_RESPONSE"}
        assert len(pair.environment.asked) <= 102
        assert sorted(set(got), reverse=True) == got
        with pytest.raises(ApiError):  # and further calls do not begin a loop either
            await ids(pair.chat.messages.history())


# What may happen meanwhile.


@pytest.mark.parametrize("forward", [True, False])
async def test_messages_that_are_sent_meanwhile(
    forward: bool, autojump_clock: MockClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """They shift nothing. Towards newer messages they come as well; towards older ones they do not."""
    monkeypatch.setattr(HistoryPager, "most_per_page", 3)
    async with open_chat() as pair:
        for number in range(10):
            pair.post(str(number))
        got = []
        async for found in pair.chat.messages.history(user="amy-2", after=0 if forward else None):
            got.append(found.id)
            if len(got) <= 10:
                pair.post("meanwhile")
        assert got == (list(range(1, 21)) if forward else list(range(10, 0, -1)))


async def test_several_messages_of_one_second(autojump_clock: MockClock, monkeypatch: pytest.MonkeyPatch) -> None:
    """A time as the bound is exact for messages of whole seconds, and pages go on by ids within one."""
    monkeypatch.setattr(HistoryPager, "most_per_page", 2)
    now = [1_800_000_000.0]
    async with open_chat(wall_clock=lambda: now[0]) as pair:
        for second in range(3):
            now[0] += 1
            for number in range(5):
                pair.post(f"{second}.{number}")
        noon = datetime.datetime.fromtimestamp(1_800_000_002, datetime.UTC)
        half = datetime.timedelta(seconds=0.5)
        for before, after, expected in (
            (noon, None, range(5, 0, -1)),
            (noon + half, None, range(10, 0, -1)),
            (noon - half, None, range(5, 0, -1)),
            (None, noon, range(11, 16)),
            (None, noon - half, range(6, 16)),
            (None, noon + half, range(11, 16)),
            (noon + half, noon - half, range(6, 11)),
            (13, noon, range(11, 13)),
            (noon.astimezone(datetime.timezone(datetime.timedelta(hours=5))), 2, range(3, 6)),
        ):
            assert await ids(pair.chat.messages.history(before=before, after=after)) == list(expected)


async def test_nothing_is_fetched_behind_the_end(autojump_clock: MockClock) -> None:
    """Of a part, no page follows the one with the end."""
    async with open_chat(lambda *_: page([*map(message, HUNDRED)], pages=2)) as pair:
        assert await ids(pair.chat.messages.history(after=0, before=10)) == list(range(1, 10))
        assert len(pair.environment.asked) == 1


@pytest.mark.parametrize("forward", [True, False])
async def test_a_server_that_takes_a_time_as_included(forward: bool, autojump_clock: MockClock) -> None:
    """The messages of that second are left out all the same; one without a time may be wanted."""
    sent = [message(number, sentAt=1_800_000_000 + number // 2) for number in range(10)]
    sent[5].pop("sentAt")
    bound = datetime.datetime.fromtimestamp(1_800_000_002, datetime.UTC)
    async with open_chat(lambda *_: page(sent)) as pair:
        history = pair.chat.messages.history(**({"after": bound} if forward else {"before": bound}))
        assert await ids(history) == ([5, 6, 7, 8, 9] if forward else [5, 3, 2, 1, 0])


async def test_pages_after_a_short_one_are_whole(autojump_clock: MockClock) -> None:
    """The first has hardly more than *limit*; what follows may be of other kinds, and has to be passed in few requests."""
    async with open_chat() as pair:
        first = pair.post("the only one")
        for _ in range(150):
            pair.post("x", type="image")
        history = pair.chat.messages.history(kinds=[TextMessage, CustomMessage], limit=1)
        assert await ids(history) == [first]
        assert [int(query["per_page"]) for _, query in pair.environment.asked] == [2, 100, 100]


# A model.

KINDS = ("text", "image", "place")


@st.composite
def worlds(draw: st.DrawFn) -> tuple[list[tuple[str, str, int]], dict[str, Any], int]:
    """Draw messages (where, kind, the place of the message whose thread they are in), a call, and the size of a page."""
    sent = draw(
        st.lists(
            st.tuples(
                st.sampled_from(("amy-2", "bob-3", "hikers", "from amy-2")), st.sampled_from(KINDS), st.integers(0, 5)
            ),
            max_size=25,
        )
    )
    number = st.integers(0, len(sent) + 2)
    call: dict[str, Any] = draw(
        st.fixed_dictionaries(
            {},
            optional={
                "before": number,
                "after": number,
                "limit": st.integers(1, 12),
                "kinds": st.sampled_from([[TextMessage], [Message], [CustomMessage, MediaMessage]]),
            },
        )
    )
    where = draw(st.sampled_from(("everywhere", "user", "group", "thread")))
    call |= {"user": {"user": "amy-2"}, "group": {"group": "hikers"}, "thread": {"thread": 1}}.get(where, {})
    return sent, call, draw(st.integers(1, 5))


def model(stored: list[dict[str, Any]], call: dict[str, Any]) -> list[int]:
    """The ids that a call has to return, from the server's list."""
    conversation = {"amy-2": "amy-2_user_zed-1", "hikers": "group_hikers"}.get(call.get("user") or call.get("group"))
    events = {"text": "TextMessage", "image": "MediaMessage", "place": "CustomMessage"}
    kinds = {kind.__name__ for kind in call.get("kinds", ())}
    found = [
        int(each["id"])
        for each in stored
        if (conversation is None or each["conversationId"] == conversation)
        and ("thread" not in call or each.get("parentId") == str(call["thread"]))
        and int(each["id"]) < call.get("before", 10**9)
        and int(each["id"]) > call.get("after", -1)
        and (not kinds or "Message" in kinds or events[each["type"]] in kinds)
    ]
    if "after" not in call:
        found.reverse()
    return found[: call.get("limit")]


@settings(max_examples=40, deadline=None)
@given(worlds())
def test_random_histories_are_those_of_a_model(world: tuple[list[tuple[str, str, int]], dict[str, Any], int]) -> None:
    """Every call returns what a list comprehension over the server's messages does, with pages of any size."""
    sent, call, size = world

    async def main() -> None:
        async with open_chat() as pair:
            for place, (where, kind, thread) in enumerate(sent):
                send(pair, where, kind, thread if 0 < thread <= place else None)
            if "thread" in call and not sent:
                return
            got = await ids(pair.chat.messages.history(**call))
            assert got == model(json.loads(json.dumps(list(pair.server.world.messages))), call)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(HistoryPager, "most_per_page", size)
        trio.run(main, clock=MockClock(autojump_threshold=0))


def send(pair: Pair, where: str, kind: str, thread: int | None) -> None:
    """Post one message of the model."""
    sender, to = ("amy-2", "zed-1") if where == "from amy-2" else ("zed-1", where)
    more: dict[str, Any] = {"type": kind, "category": "custom" if kind == "place" else "message"}
    if thread is not None:
        more["parentId"] = str(thread)
    pair.post("x", sender=sender, to=to, group=to == "hikers", **more)
