"""Pages of messages: where the next one begins, and when there is none."""

from __future__ import annotations

import json
from typing import Any

import pytest

from cometconn._account.pages import Cursor, MessagePage
from cometconn.errors import ApiError


def answer(*messages: Any, pages: int | None = 3, **cursor: Any) -> dict[str, bytes]:
    """What REST answers."""
    meta: dict[str, Any] = {"cursor": cursor}
    if pages is not None:
        meta["pagination"] = {"total_pages": pages}
    return {"data": json.dumps(list(messages)).encode(), "meta": json.dumps(meta).encode()}


M7 = {"id": "7", "sentAt": 70}
M8 = {"id": "8", "sentAt": 80}


@pytest.mark.parametrize("asked", [Cursor(id=6), Cursor(sent_at=60)])
@pytest.mark.parametrize("cursor", [{}, {"updatedAt": 81, "affix": "append"}, {"id": 3}, {"id": "8"}])
async def test_the_next_page_begins_behind_the_last_message(asked: Cursor, cursor: Any) -> None:
    """Behind its id, whatever was asked for."""
    page = await MessagePage.read(answer(M7, M8, **cursor), asked)
    assert [json.loads(text) for text in page.messages] == [M7, M8]
    assert page.next == Cursor(id=8)


@pytest.mark.parametrize("last", [answer(M7, pages=1), answer(), answer(pages=None), {"data": b"[]", "meta": b"3"}])
async def test_the_last_page(last: dict[str, bytes]) -> None:
    """One page in all, or an empty one, is the last."""
    assert (await MessagePage.read(last, Cursor(id=6))).next is None


@pytest.mark.parametrize("meta", [b"", b"NaN", b"{}", b'{"pagination":[]}', b'{"pagination":{"total_pages":"x"}}'])
async def test_a_page_that_does_not_tell_of_others(meta: bytes) -> None:
    """Without a usable number of pages, only an empty page is the last."""
    assert (await MessagePage.read({"data": b'[{"id":"7"}]', "meta": meta}, Cursor(id=6))).next == Cursor(id=7)


async def test_a_bad_element_costs_nothing_else() -> None:
    """A6, A7: the page goes on behind a last message that cannot be read but for its id."""
    page = await MessagePage.read({"data": b'[{"id":"7"},{"id":"8","n":NaN}]', "meta": b"{}"}, Cursor(id=6))
    assert len(page.messages) == 2
    assert page.next == Cursor(id=8)


@pytest.mark.parametrize(("cursor", "following", "unplaced"), [({}, 7, 1), ({"id": "8"}, 8, 0), ({"id": 6}, 7, 1)])
async def test_a_last_message_without_an_id(cursor: Any, following: int, unplaced: int) -> None:
    """The server's cursor passes it; else the next page goes on behind the last id, and it is known for what it is."""
    page = await MessagePage.read(answer(M7, {"text": "x"}, **cursor), Cursor(id=6))
    assert (page.next, page.unplaced) == (Cursor(id=following), unplaced)


@pytest.mark.parametrize("bad", [{}, {"data": b"{}"}, {"data": b"null"}, {"data": b"[1"}])
async def test_what_is_no_list(bad: dict[str, bytes]) -> None:
    """Another answer may come the next time."""
    with pytest.raises(ApiError, match="messages") as caught:
        await MessagePage.read(bad, Cursor(id=7))
    assert caught.value.code == "INVALID_RESPONSE"


@pytest.mark.parametrize("bad", [answer(M7), answer({"id": "x"}), answer("y"), answer({}), answer({}, id=7)])
async def test_what_cannot_go_on(bad: dict[str, bytes]) -> None:
    """A page that ends where it began, or has no id at all: an error, not an endless loop."""
    with pytest.raises(ApiError, match="messages") as caught:
        await MessagePage.read(bad, Cursor(id=7))
    assert caught.value.code == "INVALID_LIST"
    assert not caught.value.worth_retrying


async def test_the_parameters() -> None:
    """CometChat's names, and only what is known."""
    assert Cursor(id=0).query() == {"id": 0}
    assert Cursor(sent_at=5).query() == {"sentAt": 5}
