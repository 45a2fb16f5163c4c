"""Pages of messages: where the next page begins, and when there is none."""

from __future__ import annotations

import json
from typing import Any

import pytest

from cometconn._account.pages import Cursor, MessagePage
from cometconn.errors import ApiError


def answer(*messages: Any, pages: int | None = 3, **cursor: Any) -> dict[str, bytes]:
    """Return the members of a response."""
    meta: dict[str, Any] = {"cursor": cursor}
    if pages is not None:
        meta["pagination"] = {"total_pages": pages}
    return {"data": json.dumps(list(messages)).encode(), "meta": json.dumps(meta).encode()}


M7 = {"id": "7", "sentAt": 70}
M8 = {"id": "8", "sentAt": 80}


@pytest.mark.parametrize("asked", [Cursor(id=6), Cursor(sent_at=60)])
@pytest.mark.parametrize("cursor", [{}, {"updatedAt": 81, "affix": "append"}, {"id": 3}, {"id": "8"}])
async def test_the_next_page_begins_after_the_last_message(asked: Cursor, cursor: Any) -> None:
    """The next page begins after the id of the last message, whatever the request was."""
    page = await MessagePage.read(answer(M7, M8, **cursor), asked)
    assert [json.loads(text) for text in page.messages] == [M7, M8]
    assert page.next == Cursor(id=8)


@pytest.mark.parametrize("last", [answer(M7, pages=1), answer(), answer(pages=None), {"data": b"[]", "meta": b"3"}])
async def test_the_last_page(last: dict[str, bytes]) -> None:
    """The only page, and an empty one, are the last."""
    assert (await MessagePage.read(last, Cursor(id=6))).next is None


@pytest.mark.parametrize("meta", [b"", b"NaN", b"{}", b'{"pagination":[]}', b'{"pagination":{"total_pages":"x"}}'])
async def test_a_page_without_the_number_of_pages(meta: bytes) -> None:
    """Without a valid number of pages, only an empty page is the last."""
    assert (await MessagePage.read({"data": b'[{"id":"7"}]', "meta": meta}, Cursor(id=6))).next == Cursor(id=7)


async def test_an_invalid_element_does_not_affect_the_others() -> None:
    """A6, A7: the next page begins after the last message, even if only its id can be read."""
    page = await MessagePage.read({"data": b'[{"id":"7"},{"id":"8","n":NaN}]', "meta": b"{}"}, Cursor(id=6))
    assert len(page.messages) == 2
    assert page.next == Cursor(id=8)


@pytest.mark.parametrize(("cursor", "following", "unplaced"), [({}, 7, 1), ({"id": "8"}, 8, 0), ({"id": 6}, 7, 1)])
async def test_a_last_message_without_an_id(cursor: Any, following: int, unplaced: int) -> None:
    """The next page begins at the server's cursor if that is further, else after the last id, which sets `unplaced`."""
    page = await MessagePage.read(answer(M7, {"text": "x"}, **cursor), Cursor(id=6))
    assert (page.next, page.unplaced) == (Cursor(id=following), unplaced)


@pytest.mark.parametrize("bad", [{}, {"data": b"{}"}, {"data": b"null"}, {"data": b"[1"}])
async def test_a_response_without_a_list(bad: dict[str, bytes]) -> None:
    """A response without a list is an INVALID_RESPONSE, because a retry may succeed."""
    with pytest.raises(ApiError, match="messages") as caught:
        await MessagePage.read(bad, Cursor(id=7))
    assert caught.value.code == "INVALID_RESPONSE"


@pytest.mark.parametrize("bad", [answer(M7), answer({"id": "x"}), answer("y"), answer({}), answer({}, id=7)])
async def test_a_list_that_does_not_advance(bad: dict[str, bytes]) -> None:
    """A page that ends where it began, or has no id at all, is an error and not an endless loop."""
    with pytest.raises(ApiError, match="messages") as caught:
        await MessagePage.read(bad, Cursor(id=7))
    assert caught.value.code == "INVALID_LIST"
    assert not caught.value.worth_retrying


async def test_the_parameters() -> None:
    """The parameters of the request have CometChat's names."""
    assert Cursor(id=0).query() == {"id": 0}
    assert Cursor(sent_at=5).query() == {"sentAt": 5}
