"""Lists whose pages have numbers: each element once, and an end, whatever the server returns."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from trio.testing import MockClock

from cometconn.errors import ApiError

from .harness import open_chat, page

UIDS = [f"user-{number}" for number in range(250)]


def numbered(query: dict[str, str], uids: list[str] = UIDS, **meta: int | None) -> dict[str, Any]:
    """Return the page of users that a request is for."""
    number, size = int(query["page"]), int(query["per_page"])
    found = uids[(number - 1) * size : number * size]
    total = -(-len(uids) // size)
    pagination = {"total_pages": total, "current_page": number} | meta
    return {
        "data": [{"uid": uid} for uid in found],
        "meta": {"pagination": {name: value for name, value in pagination.items() if value is not None}},
    }


SOUND: dict[str, Callable[[dict[str, str]], Any]] = {
    "all pages are counted": numbered,
    # CometChat's pages: the number of pages is that of this one, or one more.
    "one page ahead": lambda q: numbered(q, total_pages=min(3, int(q["page"]) + 1)),
    "without the number of pages": lambda q: numbered(q, total_pages=None),
    "without meta": lambda q: {"data": numbered(q)["data"]},
    "with an empty page at the end": lambda q: numbered(q, total_pages=int(q["page"]) + 1),
}


@pytest.mark.parametrize("way", SOUND)
async def test_each_element_comes_once(way: str, autojump_clock: MockClock) -> None:
    """However the server marks its pages."""
    async with open_chat(lambda _, query: SOUND[way](query)) as pair:
        assert [user.uid async for user in pair.chat.users.list()] == UIDS


@pytest.mark.parametrize("limit", [1, 99, 100, 101, 250, 300])
async def test_a_limit(limit: int, autojump_clock: MockClock) -> None:
    """The list ends there, and no page is fetched that is not needed."""
    async with open_chat(lambda _, query: numbered(query)) as pair:
        assert [user.uid async for user in pair.chat.users.list(limit=limit)] == UIDS[:limit]
        assert len(pair.environment.asked) == -(-min(limit, 250) // 100)


async def test_elements_that_move_to_the_next_page(autojump_clock: MockClock) -> None:
    """An element that comes a second time, because others were put before it, is left out."""
    uids = list(UIDS)

    def stand(_: str, query: dict[str, str]) -> Any:
        answer = numbered(query, uids)
        uids.insert(0, f"new-{len(uids)}")
        return answer

    async with open_chat(stand) as pair:
        assert [user.uid async for user in pair.chat.users.list()] == UIDS


async def test_elements_that_cannot_be_read(autojump_clock: MockClock, caplog: pytest.LogCaptureFixture) -> None:
    """They are left out and counted, with one warning, and the others come; also from invalid JSON."""
    text = b'{"data": [{"uid": "a"}, {"uid": ""}, 5, {"uid": NaN}, null, {"name": "x"}, {"uid": "b", "tags": 7}]}'
    async with open_chat(lambda _, q: text if q["page"] == "1" else page([])) as pair:
        assert [(user.uid, user.tags) async for user in pair.chat.users.list()] == [("a", ()), ("", ()), ("b", ())]
        statistics = pair.chat.statistics()
        assert (statistics.frames_unreadable, statistics.fields_unread_at) == (4, {"User tags": 1})
        assert len([each for each in caplog.records if each.levelname == "WARNING"]) == 1


async def test_an_element_that_is_too_long(autojump_clock: MockClock) -> None:
    """Decoding it would hold the loop, so it is left out; as the only thing that was wanted, it is an error."""
    long = {"uid": "long", "name": "x" * 2**20}
    async with open_chat(lambda path, _: {"data": long} if "/" in path[1:] else page([long, {"uid": "a"}])) as pair:
        assert [user.uid async for user in pair.chat.users.list()] == ["a"]
        assert pair.chat.statistics().frames_unreadable == 1
        with pytest.raises(ApiError, match=r"Limits\.max_message"):
            await pair.chat.users.get("long")


ENDLESS: dict[str, Callable[[dict[str, str]], Any]] = {
    "the same page": lambda q: numbered({**q, "page": "1"}, total_pages=99),
    "the same page, without meta": lambda q: {"data": numbered({**q, "page": "1"})["data"]},
    "three pages in turn": lambda q: numbered({**q, "page": str((int(q["page"]) - 1) % 3 + 1)}, total_pages=10**9),
    "nothing that can be read": lambda q: page([int(q["page"])], pages=10**9),
    "too many elements": lambda _: page([{"uid": "a"}] * 1001, pages=2),
    "no list": lambda _: {"data": {"uid": "a"}},
    "a text": lambda _: {"data": "[]"},
}


@pytest.mark.parametrize("way", ENDLESS)
async def test_no_server_makes_an_endless_loop(way: str, autojump_clock: MockClock) -> None:
    """What does not list on ends with an error."""
    async with open_chat(lambda _, query: ENDLESS[way](query)) as pair:
        with pytest.raises(ApiError) as caught:
            async for _ in pair.chat.users.list():
                pass
        assert caught.value.code in {"INVALID_LIST", "INVALID_RESPONSE"}
        assert not caught.value.worth_retrying
        assert len(pair.environment.asked) <= 101
