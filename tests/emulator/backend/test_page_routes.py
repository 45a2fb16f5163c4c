"""`cometconn.emulator.backend.page_routes`: what pages show; the order of messages is in `test_messages`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tests.emulator.conftest import Backend


def say(backend: Backend, sender: str, receiver: str, kind: str = "user", **more: Any) -> dict[str, Any]:
    """Send a message."""
    draft = {"receiver": receiver, "receiverType": kind, "category": "message", "type": "text", "data": {"text": "x"}}
    return backend.world.post(sender, {**draft, **more})


def test_messages_come_with_their_reactions(backend: Backend) -> None:
    """As the request's user sees them, on a page and alone; the stored message does not change."""
    message = say(backend, "zed-1", "amy-2")
    backend.world.messages.reactions.add(message, "🔥", "amy-2", now=1)
    for uid, mine in (("amy-2", True), ("zed-1", False)):
        shown = [{"reaction": "🔥", "count": 1, "reactedByMe": mine}]
        token = backend.token(uid)
        (on_page,) = backend.request("GET", "/messages", authToken=token)[1]["data"]
        alone = backend.request("GET", "/messages/1?withThreadSubscribed=true", authToken=token)[1]["data"]
        assert on_page["data"]["reactions"] == alone["data"]["reactions"] == shown
    assert "reactions" not in message["data"]


def test_unread_messages_are_listed_and_counted(backend: Backend) -> None:
    """Messages of others that were neither read nor deleted, counted by user and by group."""
    say(backend, "amy-2", "zed-1")
    read_up_to = say(backend, "amy-2", "zed-1")
    say(backend, "zed-1", "amy-2")
    say(backend, "amy-2", "zed-1")
    say(backend, "bob-3", "zed-1")
    say(backend, "bob-3", "zed-1", deletedAt=1)
    say(backend, "amy-2", "hikers", "group")
    backend.world.messages.receipts.mark(read_up_to, "zed-1", "read")
    token = backend.token("zed-1")

    def request(path: str) -> Any:
        return backend.request("GET", path, authToken=token)[1]["data"]

    assert [message["id"] for message in request("/messages?unread=1")] == ["4", "5", "7"]
    assert request("/messages?unread=1&count=1&hideMessagesFromBlockedUsers=0") == [
        {"entityType": "user", "entityId": "amy-2", "count": 1},
        {"entityType": "user", "entityId": "bob-3", "count": 1},
        {"entityType": "group", "entityId": "hikers", "count": 1},
    ]
    assert request("/users/bob-3/messages?unread=1&count=1") == [
        {"entityType": "user", "entityId": "bob-3", "count": 1}
    ]
    assert request("/groups/hikers/messages?count=1") == [{"entityType": "group", "entityId": "hikers", "count": 1}]


def test_messages_of_a_deleted_group_are_not_listed(backend: Backend) -> None:
    """Messages of other conversations are still listed."""
    say(backend, "amy-2", "hikers", "group")
    say(backend, "amy-2", "zed-1")
    token = backend.token("zed-1")
    assert backend.request("DELETE", "/groups/hikers", authToken=token)[0] == 200
    assert [message["id"] for message in backend.request("GET", "/messages", authToken=token)[1]["data"]] == ["2"]
    assert backend.request("GET", "/messages/1", authToken=token)[0] == 404
