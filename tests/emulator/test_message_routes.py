"""`cometconn.emulator.backend.message_routes`: what is asked for, what is answered, and which event others get."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from cometconn import events
from cometconn._wire.decoder import decode, decode_message

if TYPE_CHECKING:
    from cometconn.emulator import Device

    from .conftest import Village

EMOJI = "%F0%9F%94%A5"


def say(village: Village, sender: str = "zed-1", receiver: str = "amy-2", kind: str = "user") -> str:
    """Have a message sent; give its id."""
    draft = {
        "receiver": receiver,
        "receiverType": kind,
        "category": "message",
        "type": "text",
        "data": {"text": "helo"},
    }
    return str(village.world.post(sender, draft)["id"])


def arrives(village: Village, device: Device, uid: str) -> list[events.Event]:
    """Give the events that a client of *uid* makes of what waits for it."""
    found = [decode(json.dumps(frame), own_uid=uid, session_id="mine") for frame in village.outbox(device)]
    assert all(isinstance(event, events.Event) for event in found)
    return found  # type: ignore[return-value]


def test_an_edit_is_told_and_stored(village: Village) -> None:
    """The answer is the action; the other side gets `MessageEdited`; the message is changed."""
    amy, number = village.device("amy-2"), say(village)
    village.outbox(amy)
    status, answer = village.ask(
        "PUT", f"/messages/{number}", {"data": {"text": "hello"}, "tags": ["a"]}, authToken=village.token("zed-1")
    )
    assert status == 200
    assert isinstance(decode_message(answer["data"]), events.MessageEdited)
    (event,) = arrives(village, amy, "amy-2")
    assert isinstance(event, events.MessageEdited)
    assert isinstance(event.message, events.TextMessage)
    assert (event.message.id, event.message.text, event.message.edited_by) == (int(number), "hello", "zed-1")
    stored = village.world.messages.get(number)
    assert stored is not None
    assert (stored["data"]["text"], stored["editedBy"], stored["tags"]) == ("hello", "zed-1", ["a"])
    assert stored["updatedAt"] >= stored["sentAt"]


def test_a_deletion_takes_the_text(village: Village) -> None:
    """The other side gets `MessageDeleted`; what was written is gone."""
    amy, number = village.device("amy-2"), say(village)
    village.outbox(amy)
    status, answer = village.ask("DELETE", f"/messages/{number}", {"id": number}, authToken=village.token("zed-1"))
    assert (status, answer["data"]["data"]["action"]) == (200, "deleted")
    (event,) = arrives(village, amy, "amy-2")
    assert isinstance(event, events.MessageDeleted)
    assert (event.message.id, event.message.deleted_by) == (int(number), "zed-1")
    assert "text" not in (village.world.messages.get(number) or {})["data"]


def test_who_leads_a_group_may_change_its_messages(village: Village) -> None:
    """The owner deletes a member's message; a member not the owner's."""
    by_amy, by_zed = say(village, "amy-2", "hikers", "group"), say(village, "zed-1", "hikers", "group")
    assert village.ask("DELETE", f"/messages/{by_amy}", authToken=village.token("zed-1"))[0] == 200
    status, answer = village.ask("DELETE", f"/messages/{by_zed}", authToken=village.token("amy-2"))
    assert (status, answer["error"]["code"]) == (403, "ERR_PERMISSION_DENIED")


def test_reactions_are_told_counted_and_listed(village: Village) -> None:
    """Both sides hear of a reaction and of its end; the message carries the counts as the asker sees them."""
    zed, number = village.device("zed-1"), say(village)
    village.outbox(zed)
    path, token = f"/messages/{number}/reactions/{EMOJI}", village.token("amy-2")

    status, answer = village.ask("POST", path, authToken=token)

    assert status == 200
    assert answer["data"]["data"]["reactions"] == [{"reaction": "🔥", "count": 1, "reactedByMe": True}]
    (added,) = arrives(village, zed, "zed-1")
    assert isinstance(added, events.ReactionAdded)
    assert (added.reaction, added.message_id) == ("🔥", int(number))
    assert added.reacted_by.uid == "amy-2"
    assert village.ask("POST", path, authToken=token)[1]["error"]["code"] == "ERR_REACTION_ALREADY_ADDED"
    for listed in (f"/messages/{number}/reactions", path):
        (reaction,) = village.ask("GET", listed, authToken=token)[1]["data"]
        assert (reaction["reaction"], reaction["reactedBy"]["uid"]) == ("🔥", "amy-2")

    assert village.ask("DELETE", path, authToken=token)[1]["data"]["data"]["reactions"] == []

    (removed,) = arrives(village, zed, "zed-1")
    assert isinstance(removed, events.ReactionRemoved)
    assert village.ask("DELETE", path, authToken=token)[1]["error"]["code"] == "ERR_REACTION_NOT_FOUND"


def test_interactions_reach_the_author(village: Village) -> None:
    """Touching an interactive message tells its author."""
    zed, number = village.device("zed-1"), say(village)
    village.outbox(zed)
    body = {"interactions": ["btn-1"]}
    assert village.ask("PATCH", f"/messages/{number}/interacted", body, authToken=village.token("amy-2"))[0] == 200
    (event,) = arrives(village, zed, "zed-1")
    assert isinstance(event, events.InteractionGoalCompleted)
    assert event.message_id == int(number)


def test_a_reply_in_a_thread_says_so_in_its_reactions(village: Village) -> None:
    """The frame carries the thread's parent."""
    zed, parent = village.device("zed-1"), say(village)
    reply = village.world.post(
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
    village.outbox(zed)
    village.ask("POST", f"/messages/{reply['id']}/reactions/{EMOJI}", authToken=village.token("amy-2"))
    assert village.outbox(zed)[0]["body"]["parentId"] == parent


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
def test_what_makes_no_sense(village: Village, method: str, path: str, body: Any, code: str) -> None:
    """It is refused with a code, and nobody hears of it."""
    say(village)
    say(village, "amy-2", "zed-1")
    amy = village.device("amy-2")
    status, answer = village.ask(method, path, body, authToken=village.token("zed-1"))
    assert 400 <= status < 500
    assert answer["error"]["code"] == code
    assert not village.outbox(amy)


def test_the_device_that_asks_gets_no_echo(village: Village) -> None:
    """What a device does by REST is told to the user's other devices, not to itself."""
    mine, other = village.device("zed-1", device_id="mine"), village.device("zed-1", device_id="other")
    number = say(village)
    village.outbox(mine)
    village.outbox(other)
    village.ask(
        "PUT", f"/messages/{number}", {"data": {"text": "x"}}, authToken=village.token("zed-1"), resource="mine"
    )
    assert not village.outbox(mine)
    assert len(village.outbox(other)) == 1
