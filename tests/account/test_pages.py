"""Pages of messages: where the next one begins, and when there is none."""

from __future__ import annotations

from typing import Any

import pytest

from cometconn._account.pages import MessagePage, Place
from cometconn.errors import ApiError


def answer(*messages: Any, pages: int | None = 3, **cursor: Any) -> dict[str, Any]:
    """What REST answers."""
    meta: dict[str, Any] = {"cursor": cursor}
    if pages is not None:
        meta["pagination"] = {"total_pages": pages}
    return {"data": list(messages), "meta": meta}


M7 = {"id": "7", "sentAt": 70, "updatedAt": 71}
M8 = {"id": "8", "sentAt": 80, "updatedAt": 81}


@pytest.mark.parametrize(
    ("asked", "cursor", "following"),
    [
        (Place(id=6), {}, Place(id=8)),
        (Place(sent_at=60), {}, Place(sent_at=80)),
        (Place(updated_at=60), {}, Place(updated_at=81)),
        (Place(id=6), {"updatedAt": 81, "affix": "append"}, Place(id=8)),
        (Place(id=6), {"id": 3}, Place(id=8)),
        (Place(sent_at=60), {"id": "8"}, Place(sent_at=80, id=8)),
        (Place(updated_at=60), {"id": 8, "sentAt": 80}, Place(updated_at=81, sent_at=80, id=8)),
    ],
)
def test_the_next_page_begins_behind_the_last_message(asked: Place, cursor: Any, following: Place) -> None:
    """What was asked for is advanced to the last message; the cursor adds an id and a time of sending."""
    page = MessagePage.read(answer(M7, M8, **cursor), asked)
    assert page.bodies == (M7, M8)
    assert page.next == following


@pytest.mark.parametrize("last", [answer(M7, pages=1), answer(), answer(pages=None), {"data": [], "meta": 3}])
def test_the_last_page(last: dict[str, Any]) -> None:
    """One page in all, or an empty one, is the last."""
    assert MessagePage.read(last, Place(id=6)).next is None


@pytest.mark.parametrize("meta", [{}, {"pagination": []}, {"pagination": {"total_pages": "x"}}])
def test_a_page_that_does_not_tell_of_others(meta: Any) -> None:
    """Without a usable number of pages, only an empty page is the last."""
    assert MessagePage.read({"data": [M7], "meta": meta}, Place(id=6)).next == Place(id=7)


@pytest.mark.parametrize(
    "bad", [{"data": {}}, {"data": None}, answer(M7), answer({"id": "x"}), answer("y"), answer({})]
)
def test_what_cannot_go_on(bad: dict[str, Any]) -> None:
    """No list, a page that ends where it began, a last message without its place: an error, not an endless loop."""
    with pytest.raises(ApiError, match="messages") as caught:
        MessagePage.read(bad, Place(id=7))
    assert caught.value.code == "INVALID_RESPONSE"


def test_the_parameters() -> None:
    """CometChat's names, and only what is known."""
    assert Place(id=0).query() == {"id": 0}
    assert Place(sent_at=5, id=3).query() == {"id": 3, "sentAt": 5}
    assert Place(updated_at=5).query() == {"updatedAt": 5}
