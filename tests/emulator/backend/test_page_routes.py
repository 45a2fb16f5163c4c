"""`cometconn.emulator.backend.page_routes`: what pages show; the order of messages is in `test_messages`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

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


@pytest.mark.parametrize(
    ("query", "ids"),
    [
        ("hasLinks=1", ["1", "3"]),
        ("hasAttachments=1", ["2"]),
        ("hasMentions=true", ["3"]),
        ("hasReactions=1", ["4"]),
        ("hasLinks=1&hasMentions=1", ["3"]),
        ("hasLinks=0", ["1", "2", "3", "4"]),
    ],
)
def test_messages_are_filtered_by_what_they_have(backend: Backend, query: str, ids: list[str]) -> None:
    """Links, attachments, mentions, reactions, or several of them."""
    say(backend, "zed-1", "amy-2", data={"text": "see HTTPS://a.example"})
    say(backend, "zed-1", "amy-2", data={"attachments": [{"url": "u"}]})
    say(backend, "zed-1", "amy-2", data={"text": "<@uid:amy-2> www.b.example"})
    reacted = say(backend, "zed-1", "amy-2")
    backend.world.messages.reactions.add(reacted, "x", "amy-2", now=1)
    answer = backend.request("GET", f"/messages?{query}", authToken=backend.token("zed-1"))[1]
    assert [message["id"] for message in answer["data"]] == ids


@pytest.mark.parametrize(
    ("query", "ids"),
    [
        ("pinned=1", ["1"]),
        ("saved=1", ["2"]),
        ("mentionedUids=amy-2,bob-3", ["3"]),
        ("mentionedUids=bob-3", []),
        ("attachmentTypes=image", ["4"]),
        ("attachmentTypes=file", ["4"]),
        ("attachmentTypes=audio,video", []),
        ("hideQuotedMessages=1", ["1", "2", "3", "4", "6"]),
        ("receiverType=group", ["6"]),
        ("receiverType=user&pinned=1", ["1"]),
    ],
)
def test_messages_are_filtered_by_what_was_made_of_them(backend: Backend, query: str, ids: list[str]) -> None:
    """Pins, saves, mentions of users, types of attachments, quotes, the type of the receiver."""
    zed = backend.token("zed-1")
    say(backend, "zed-1", "amy-2")
    say(backend, "zed-1", "amy-2")
    say(backend, "zed-1", "amy-2", data={"text": "<@uid:amy-2>"})
    attachments = [{"mimeType": kind} for kind in ("image/png", "text/plain")]
    say(backend, "zed-1", "amy-2", data={"attachments": attachments})
    draft = {"receiverType": "user", "category": "message", "type": "text", "data": {"text": "x"}}
    backend.world.post("zed-1", {**draft, "receiver": "amy-2", "quotedMessageId": "1"})
    backend.world.post("zed-1", {**draft, "receiver": "hikers", "receiverType": "group"})
    for path in ("1/pin", "2/save"):
        assert backend.request("POST", f"/messages/{path}", authToken=zed)[0] == 200
    answer = backend.request("GET", f"/messages?{query}", authToken=zed)[1]
    assert [message["id"] for message in answer["data"]] == ids


def test_a_single_message_has_its_receipts(backend: Backend) -> None:
    """When it was delivered to each other user, and read; later messages do not change that."""
    draft = {"receiver": "hikers", "receiverType": "group", "category": "message", "type": "text"}
    zed, amy = backend.token("zed-1"), backend.token("amy-2")

    def receipts() -> Any:
        found = backend.request("GET", "/messages/1", authToken=zed)[1]["data"]["receipts"]["data"]
        return [(each.pop("recipient")["uid"], each) for each in found]

    backend.world.post("zed-1", {**draft, "data": {"text": "one"}})
    assert receipts() == []
    backend.request("POST", "/groups/hikers/conversation/delivered", {"messageId": "1"}, authToken=amy)
    backend.clock[0] += 5
    assert receipts() == [("amy-2", {"deliveredAt": 1_800_000_000})]
    backend.request("POST", "/groups/hikers/conversation/read", {"messageId": "1"}, authToken=amy)
    backend.clock[0] += 5
    backend.world.post("zed-1", {**draft, "data": {"text": "two"}})
    backend.request("POST", "/groups/hikers/conversation/read", authToken=amy)
    assert receipts() == [("amy-2", {"deliveredAt": 1_800_000_000, "readAt": 1_800_000_005})]
