"""`cometconn.emulator.world.messages`."""

from __future__ import annotations

from typing import Any

import pytest

from cometconn.emulator.backend.query import page_request
from cometconn.emulator.backend.responses import page_body
from cometconn.emulator.world.messages import MessageStore, PageRequest


def _draft(text: str = "hello", **fields: Any) -> dict[str, Any]:
    return {"category": "message", "type": "text", "data": {"text": text}, **fields}


def _store(*times: int) -> MessageStore:
    store = MessageStore()
    for time in times:
        store.add(_draft(f"text {time}"), now=time)
    return store


def _page(store: MessageStore, **query: str) -> tuple[list[int], dict[str, Any]]:
    body = page_body(store.page(page_request(query), lambda _: True))
    return [int(message["id"]) for message in body["data"]], body["meta"]


def test_messages_get_ids_and_times() -> None:
    """Ids count up from 1, as texts; times never go back, even if the wall clock does."""
    store = MessageStore()

    first, second = store.add(_draft(), now=50), store.add(_draft(), now=40)

    assert (first["id"], first["sentAt"], first["updatedAt"]) == ("1", 50, 50)
    assert (second["id"], second["sentAt"]) == ("2", 50)
    assert store.get("2") is second


@pytest.mark.parametrize("identifier", ["3", "-1", "x", "", "²"])
def test_unknown_ids_find_nothing(identifier: str) -> None:
    """An unknown number, or a text that is no number, finds no message."""
    assert _store(1, 2).get(identifier) is None


def test_the_store_is_bounded() -> None:
    """Beyond the limit the oldest message is dropped."""
    store = MessageStore(limit=2)
    for _ in range(3):
        store.add(_draft(), now=1)

    assert len(store) == 2
    assert store.get("1") is None
    assert _page(store)[0] == [2, 3]


def test_append_goes_on_after_an_id() -> None:
    """The page has the messages after the id, oldest first, at most `per_page`; the cursor names the last."""
    found, meta = _page(_store(*range(10)), id="3", affix="append", per_page="4")

    assert found == [4, 5, 6, 7]
    assert meta["cursor"] == {"affix": "append", "id": "7"}
    assert meta["pagination"] == {"total": 7, "count": 4, "per_page": 4, "current_page": 1, "total_pages": 2}


def test_prepend_goes_back_before_an_id() -> None:
    """The page has the nearest messages before the id, still oldest first; the cursor names the first."""
    found, meta = _page(_store(*range(10)), id="8", affix="prepend", per_page="3")

    assert found == [5, 6, 7]
    assert meta["cursor"] == {"affix": "prepend", "id": "5"}
    assert meta["pagination"]["total"] == 7


def test_without_a_bound_the_ends_are_given() -> None:
    """`prepend` ends with the newest message, `append` begins with the oldest."""
    assert _page(_store(*range(10)), affix="prepend", per_page="2")[0] == [9, 10]
    assert _page(_store(*range(10)), affix="append", per_page="2")[0] == [1, 2]


def test_no_message_gives_an_empty_page() -> None:
    """An empty page counts as one page, and its cursor names no message."""
    found, meta = _page(_store(1), id="1")

    assert found == []
    assert meta["cursor"] == {"affix": "append"}
    assert meta["pagination"]["total_pages"] == 1


@pytest.mark.parametrize(("affix", "expected"), [("append", [4]), ("prepend", [1])])
def test_times_are_exclusive(affix: str, expected: list[int]) -> None:
    """A time covers the whole second: none of its messages is on the page."""
    assert _page(_store(10, 20, 20, 30), sentAt="20", affix=affix)[0] == expected


def test_a_second_is_paged_through_with_time_and_id() -> None:
    """Following the cursor gives every message once, though many share one second."""
    store, found = _store(5, *[20] * 7, 30), []
    query = {"sentAt": "5", "affix": "append", "per_page": "2"}

    while True:
        page, meta = _page(store, **query)
        if not page:
            break
        found += page
        query |= {"sentAt": str(meta["cursor"]["sentAt"]), "id": meta["cursor"]["id"]}

    assert found == list(range(2, 10))


def test_changes_come_in_their_own_order() -> None:
    """With `updatedAt` messages are sorted by their last change; `onlyUpdates` leaves out unchanged ones."""
    store = _store(10, 20, 30)
    changed = store.get("1")
    assert changed is not None
    changed["updatedAt"] = 40

    found, meta = _page(store, updatedAt="10")
    assert found == [2, 3, 1]
    assert meta["cursor"] == {"affix": "append", "id": "1", "updatedAt": 40}
    assert _page(store, updatedAt="10", onlyUpdates="1")[0] == [1]


def test_filters() -> None:
    """Categories, types, a text to search, tags, replies and deletions are filtered."""
    store = MessageStore()
    store.add(_draft("Hello"), now=1)
    store.add(_draft("reply", parentId="1"), now=1)
    store.add({"category": "custom", "type": "poll", "data": {}}, now=1)

    assert _page(store, categories="custom,call")[0] == [3]
    assert _page(store, types="text")[0] == [1, 2]
    assert _page(store, searchKey="hell")[0] == [1]
    assert _page(store, hideReplies="true")[0] == [1, 3]
    assert _page(store, unread="1")[0] == [1, 2, 3]
    store.add(_draft("tagged", tags=["a", "b"], deletedAt=1), now=1)
    assert _page(store, tags="b,c")[0] == [4]
    assert _page(store, hideDeleted="1")[0] == [1, 2, 3]


def test_pages_hold_visible_messages_only() -> None:
    """The page holds and counts visible messages only."""
    page = _store(1, 2, 3).page(PageRequest(), lambda message: message["id"] != "2")

    assert [message["id"] for message in page.messages] == ["1", "3"]
    assert page.total == 2
