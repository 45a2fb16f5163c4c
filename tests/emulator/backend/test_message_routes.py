"""`cometconn.emulator.backend.message_routes`: requests, their answers, and the events that others get."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from cometconn import events
from tests.received import message_frame, received, received_one

if TYPE_CHECKING:
    from cometconn.emulator import Device
    from tests.emulator.conftest import Backend

EMOJI = "%F0%9F%94%A5"


def say(backend: Backend, sender: str = "zed-1", receiver: str = "amy-2", kind: str = "user") -> str:
    """Send a message; return its id."""
    draft = {
        "receiver": receiver,
        "receiverType": kind,
        "category": "message",
        "type": "text",
        "data": {"text": "helo"},
    }
    return str(backend.world.post(sender, draft)["id"])


def arrives(backend: Backend, device: Device, uid: str) -> list[events.Event]:
    """Return the events that a client of *uid* receives, one for each of its frames."""
    frames = backend.outbox(device)
    found = received(*frames, uid=uid)
    assert len(found) == len(frames)
    return found


def test_an_edit_is_published_and_stored(backend: Backend) -> None:
    """The answer is the action; the other side gets `MessageEdited`; the message is changed."""
    amy, number = backend.device("amy-2"), say(backend)
    backend.outbox(amy)
    status, answer = backend.request(
        "PUT", f"/messages/{number}", {"data": {"text": "hello"}, "tags": ["a"]}, authToken=backend.token("zed-1")
    )
    assert status == 200
    assert isinstance(received_one(message_frame(answer["data"])), events.MessageEdited)
    (event,) = arrives(backend, amy, "amy-2")
    assert isinstance(event, events.MessageEdited)
    assert isinstance(event.message, events.TextMessage)
    assert (event.message.id, event.message.text, event.message.edited_by) == (int(number), "hello", "zed-1")
    stored = backend.world.messages.get(number)
    assert stored is not None
    assert (stored["data"]["text"], stored["editedBy"], stored["tags"]) == ("hello", "zed-1", ["a"])
    assert stored["updatedAt"] >= stored["sentAt"]


def test_a_deletion_removes_the_text(backend: Backend) -> None:
    """The other side gets `MessageDeleted`; the text is removed from the message."""
    amy, number = backend.device("amy-2"), say(backend)
    backend.outbox(amy)
    status, answer = backend.request("DELETE", f"/messages/{number}", {"id": number}, authToken=backend.token("zed-1"))
    assert (status, answer["data"]["data"]["action"]) == (200, "deleted")
    (event,) = arrives(backend, amy, "amy-2")
    assert isinstance(event, events.MessageDeleted)
    assert (event.message.id, event.message.deleted_by) == (int(number), "zed-1")
    assert "text" not in (backend.world.messages.get(number) or {})["data"]


def test_owners_may_change_messages_of_their_group(backend: Backend) -> None:
    """The owner may delete a member's message; a member may not delete the owner's."""
    by_amy, by_zed = say(backend, "amy-2", "hikers", "group"), say(backend, "zed-1", "hikers", "group")
    assert backend.request("DELETE", f"/messages/{by_amy}", authToken=backend.token("zed-1"))[0] == 200
    status, answer = backend.request("DELETE", f"/messages/{by_zed}", authToken=backend.token("amy-2"))
    assert (status, answer["error"]["code"]) == (403, "ERR_PERMISSION_DENIED")


def test_reactions_are_published_counted_and_listed(backend: Backend) -> None:
    """Both users get the events of a reaction added and removed; the message has the counts as the request's user sees them."""
    zed, number = backend.device("zed-1"), say(backend)
    backend.outbox(zed)
    path, token = f"/messages/{number}/reactions/{EMOJI}", backend.token("amy-2")

    status, answer = backend.request("POST", path, authToken=token)

    assert status == 200
    assert answer["data"]["data"]["reactions"] == [{"reaction": "🔥", "count": 1, "reactedByMe": True}]
    (added,) = arrives(backend, zed, "zed-1")
    assert isinstance(added, events.ReactionAdded)
    assert (added.reaction, added.message_id) == ("🔥", int(number))
    assert added.reacted_by.uid == "amy-2"
    assert backend.request("POST", path, authToken=token)[1]["error"]["code"] == "ERR_REACTION_ALREADY_ADDED"
    for listed in (f"/messages/{number}/reactions", path):
        (reaction,) = backend.request("GET", listed, authToken=token)[1]["data"]
        assert (reaction["reaction"], reaction["reactedBy"]["uid"]) == ("🔥", "amy-2")

    assert backend.request("DELETE", path, authToken=token)[1]["data"]["data"]["reactions"] == []

    (removed,) = arrives(backend, zed, "zed-1")
    assert isinstance(removed, events.ReactionRemoved)
    assert backend.request("DELETE", path, authToken=token)[1]["error"]["code"] == "ERR_REACTION_NOT_FOUND"


def test_the_next_page_of_reactions_is_named(backend: Backend) -> None:
    """`meta.next` is what the JavaScript SDK adds to its next request, and that page is empty."""
    number = say(backend)
    backend.request("POST", f"/messages/{number}/reactions/{EMOJI}", authToken=backend.token("amy-2"))
    path, token = f"/messages/{number}/reactions?limit=1&affix=append", backend.token("zed-1")
    first = backend.request("GET", path, authToken=token)[1]
    assert (len(first["data"]), first["meta"]["next"]) == (1, {"page": 2})
    assert backend.request("GET", f"{path}&page=2", authToken=token)[1]["data"] == []


def test_interactions_reach_the_author(backend: Backend) -> None:
    """The author of an interactive message gets an event about its use."""
    zed, number = backend.device("zed-1"), say(backend)
    backend.outbox(zed)
    body = {"interactions": ["btn-1"]}
    assert backend.request("PATCH", f"/messages/{number}/interacted", body, authToken=backend.token("amy-2"))[0] == 200
    (event,) = arrives(backend, zed, "zed-1")
    assert isinstance(event, events.InteractionGoalCompleted)
    assert event.message_id == int(number)


def test_reactions_to_a_reply_name_the_thread(backend: Backend) -> None:
    """The frame has the id of the thread's parent."""
    zed, parent = backend.device("zed-1"), say(backend)
    reply = backend.world.post(
        "zed-1",
        {
            "receiver": "amy-2",
            "receiverType": "user",
            "category": "message",
            "type": "text",
            "parentId": parent,
            "data": {"text": "x"},
        },
    )
    backend.outbox(zed)
    backend.request("POST", f"/messages/{reply['id']}/reactions/{EMOJI}", authToken=backend.token("amy-2"))
    assert backend.outbox(zed)[0]["body"]["parentId"] == parent


@pytest.mark.parametrize(
    ("method", "path", "body", "code"),
    [
        ("PUT", "/messages/99", {"data": {}}, "ERR_MESSAGE_ID_NOT_FOUND"),
        ("PUT", "/messages/1", {"data": "x"}, "ERR_BAD_REQUEST"),
        ("PUT", "/messages/2", {"data": {}}, "ERR_PERMISSION_DENIED"),
        ("DELETE", "/messages/x", None, "ERR_MESSAGE_ID_NOT_FOUND"),
        ("PATCH", "/messages/1/interacted", {}, "ERR_BAD_REQUEST"),
        ("PATCH", "/messages/1/interacted", {"interactions": [3]}, "ERR_BAD_REQUEST"),
        ("PUT", "/messages/1", {"data": {}, "tags": [3]}, "ERR_BAD_REQUEST"),
    ],
)
def test_bad_requests_are_refused(backend: Backend, method: str, path: str, body: Any, code: str) -> None:
    """It is refused with a code, and no event is sent."""
    say(backend)
    say(backend, "amy-2", "zed-1")
    amy = backend.device("amy-2")
    status, answer = backend.request(method, path, body, authToken=backend.token("zed-1"))
    assert 400 <= status < 500
    assert answer["error"]["code"] == code
    assert not backend.outbox(amy)


def test_the_device_of_the_request_gets_no_frame(backend: Backend) -> None:
    """The user's other devices get the frame of a REST request, the device that sent it does not."""
    mine, other = backend.device("zed-1", device_id="mine"), backend.device("zed-1", device_id="other")
    number = say(backend)
    backend.outbox(mine)
    backend.outbox(other)
    backend.request(
        "PUT", f"/messages/{number}", {"data": {"text": "x"}}, authToken=backend.token("zed-1"), resource="mine"
    )
    assert not backend.outbox(mine)
    assert len(backend.outbox(other)) == 1
