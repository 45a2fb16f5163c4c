"""`cometconn.emulator.backend.page_routes`: what the pages show beside the messages' order (see `test_messages`)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .conftest import Village


def say(village: Village, sender: str, receiver: str, kind: str = "user", **more: Any) -> dict[str, Any]:
    """Have a message sent."""
    draft = {"receiver": receiver, "receiverType": kind, "category": "message", "type": "text", "data": {"text": "x"}}
    return village.world.post(sender, {**draft, **more})


def test_messages_come_with_their_reactions(village: Village) -> None:
    """As the user who asks sees them, on a page and alone; what is stored stays without."""
    message = say(village, "zed-1", "amy-2")
    village.world.messages.reactions.add(message, "🔥", "amy-2", now=1)
    for uid, mine in (("amy-2", True), ("zed-1", False)):
        shown = [{"reaction": "🔥", "count": 1, "reactedByMe": mine}]
        token = village.token(uid)
        (on_page,) = village.ask("GET", "/messages", authToken=token)[1]["data"]
        alone = village.ask("GET", "/messages/1?withThreadSubscribed=true", authToken=token)[1]["data"]
        assert on_page["data"]["reactions"] == alone["data"]["reactions"] == shown
    assert "reactions" not in message["data"]


def test_unread_messages_are_listed_and_counted(village: Village) -> None:
    """Those of others that were neither read nor deleted, by user or by group."""
    say(village, "amy-2", "zed-1")
    read_up_to = say(village, "amy-2", "zed-1")
    say(village, "zed-1", "amy-2")
    say(village, "amy-2", "zed-1")
    say(village, "bob-3", "zed-1")
    say(village, "bob-3", "zed-1", deletedAt=1)
    say(village, "amy-2", "hikers", "group")
    village.world.messages.receipts.mark(read_up_to, "zed-1", "read")
    token = village.token("zed-1")

    def ask(path: str) -> Any:
        return village.ask("GET", path, authToken=token)[1]["data"]

    assert [message["id"] for message in ask("/messages?unread=1")] == ["4", "5", "7"]
    assert ask("/messages?unread=1&count=1&hideMessagesFromBlockedUsers=0") == [
        {"entityType": "user", "entityId": "amy-2", "count": 1},
        {"entityType": "user", "entityId": "bob-3", "count": 1},
        {"entityType": "group", "entityId": "hikers", "count": 1},
    ]
    assert ask("/users/bob-3/messages?unread=1&count=1") == [{"entityType": "user", "entityId": "bob-3", "count": 1}]
    assert ask("/groups/hikers/messages?count=1") == [{"entityType": "group", "entityId": "hikers", "count": 1}]


def test_a_deleted_groups_messages_are_nobodys(village: Village) -> None:
    """The other conversations are listed as before."""
    say(village, "amy-2", "hikers", "group")
    say(village, "amy-2", "zed-1")
    token = village.token("zed-1")
    assert village.ask("DELETE", "/groups/hikers", authToken=token)[0] == 200
    assert [message["id"] for message in village.ask("GET", "/messages", authToken=token)[1]["data"]] == ["2"]
    assert village.ask("GET", "/messages/1", authToken=token)[0] == 404
