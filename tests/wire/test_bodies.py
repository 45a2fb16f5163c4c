"""Message bodies: kinds, parties, calls, group actions, changes."""

from __future__ import annotations

import datetime
import json
from typing import Any

import pytest

from cometconn import events
from cometconn._wire.decoder import decode

UTC = datetime.UTC


def read(frame: dict[str, Any], own_uid: str | None = "zed-1") -> Any:
    """Decode a frame given as a mapping."""
    return decode(json.dumps(frame), own_uid=own_uid, session_id=None)


def test_a_text_message_has_all_its_attributes(text_frame: dict[str, Any]) -> None:
    """Every attribute of a message is read from its place in the frame."""
    text_frame["body"] |= {
        "parentId": "900",
        "tags": ["pinned", "new"],
        "editedAt": 1800000201,
        "editedBy": "amy-2",
        "deletedAt": "1800000202",
        "deletedBy": "bob-3",
        "deliveredAt": 1800000203,
        "readAt": 1800000204.5,
    }
    text_frame["body"]["data"]["mentions"] = {"zed-1": {"uid": "zed-1", "name": "Zed One"}}
    message = read(text_frame)
    assert message == events.TextMessage(
        id=1001,
        sender=events.User(
            "amy-2",
            name="Amy Two",
            role="default",
            avatar="https://pics.probe.test/amy.png",
            status="online",
            last_active_at=datetime.datetime(2027, 1, 15, 8, 1, 40, tzinfo=UTC),
        ),
        receiver=events.User("zed-1", name="Zed One", role="default", status="online"),
        conversation_id="amy-2_user_zed-1",
        sent_at=datetime.datetime(2027, 1, 15, 8, 3, 20, tzinfo=UTC),
        updated_at=datetime.datetime(2027, 1, 15, 8, 3, 20, tzinfo=UTC),
        category="message",
        type="text",
        muid="m-1",
        text="hello zed",
        metadata={"colour": "blue"},
        parent_message_id=900,
        tags=("pinned", "new"),
        mentions=(events.User("zed-1", name="Zed One"),),
        has_mentioned_me=True,
        edited_at=datetime.datetime(2027, 1, 15, 8, 3, 21, tzinfo=UTC),
        edited_by="amy-2",
        deleted_at=datetime.datetime(2027, 1, 15, 8, 3, 22, tzinfo=UTC),
        deleted_by="bob-3",
        delivered_at=datetime.datetime(2027, 1, 15, 8, 3, 23, tzinfo=UTC),
        read_at=datetime.datetime(2027, 1, 15, 8, 3, 24, 500000, tzinfo=UTC),
    )
    assert message.raw == text_frame


def test_a_quoted_message_is_a_message(frame: Any) -> None:
    """The quoted message has a class, its own id and its own mapping as raw."""
    given = frame("s2c-messages", "text.quoted")
    quoted = read(given).quoted_message
    assert type(quoted) is events.TextMessage
    assert (quoted.id, quoted.text, quoted.raw) == (900, "original", given["body"]["quotedMessage"])


def test_a_quote_of_an_unknown_kind_is_left_out(frame: Any) -> None:
    """A message stays readable when what it quotes has no class."""
    given = frame("s2c-messages", "text.quoted")
    given["body"]["quotedMessage"]["category"] = "hologram"
    assert (read(given).text, read(given).quoted_message) == ("quoting", None)


def test_every_kind_of_message_can_quote(frame: Any) -> None:
    """A group action's quoted message is a message too, never a bare mapping."""
    given = frame("s2c-group_actions", "joined")
    given["body"]["quotedMessage"] = frame("s2c-messages", "text.user")["body"]
    assert read(given).quoted_message.text == "hello zed"


def test_media_has_url_attachments_and_caption(frame: Any) -> None:
    """A media message names its files."""
    media = read(frame("s2c-messages", "media.image"))
    url = "https://files.probe.test/a.png"
    assert (media.url, media.caption) == (url, "a caption")
    assert media.attachments == (
        events.Attachment(url=url, name="a.png", extension="png", mime_type="image/png", size=321),
    )


@pytest.mark.parametrize("kind", [None, "hologram", "video"])
def test_a_message_that_is_not_text_is_media(text_frame: dict[str, Any], kind: str | None) -> None:
    """Without a type, or with one not known, a message is taken for media."""
    text_frame["body"]["type"] = kind
    assert type(read(text_frame)) is events.MediaMessage


def test_custom_and_interactive_contents(frame: Any) -> None:
    """A custom and an interactive message carry their data."""
    custom = read(frame("s2c-messages", "custom"))
    assert (custom.custom_data, custom.sub_type) == ({"lat": 1.5, "lon": 2.5}, "pin")
    interactive = read(frame("s2c-messages", "interactive"))
    assert interactive.interactive_data == {"title": "Ask", "formFields": []}
    assert interactive.interaction_goal == {"type": "none", "elementIds": []}
    assert interactive.allow_sender_interaction is False


@pytest.mark.parametrize(
    ("kind", "expected"),
    [
        ("assistant", events.AIAssistantMessage),
        ("tool-arguments", events.AIToolArgumentMessage),
        ("tool-result", events.AIToolResultMessage),
        ("dream", events.UnknownEvent),
    ],
)
def test_agentic_messages(text_frame: dict[str, Any], kind: str, expected: type[events.Event]) -> None:
    """Agentic messages are told apart by type; an unknown type is an unknown event."""
    text_frame["body"] |= {"category": "agentic", "type": kind}
    assert type(read(text_frame)) is expected
    assert getattr(read(text_frame), "data", text_frame["body"]["data"]) == text_frame["body"]["data"]


def test_without_entities_the_plain_ids_serve(text_frame: dict[str, Any]) -> None:
    """Sender and receiver come from the body's ids, then from the envelope's."""
    del text_frame["body"]["data"]["entities"]
    text_frame["body"] |= {"sender": "cat-4", "receiver": "hikers", "receiverType": "group"}
    assert read(text_frame).sender == events.User("cat-4")
    assert read(text_frame).receiver == events.Group("hikers")
    for key in ("sender", "receiver", "receiverType"):
        del text_frame["body"][key]
    assert read(text_frame).sender == events.User("amy-2")
    assert read(text_frame).receiver == events.User("zed-1")
    text_frame["receiverType"] = "group"
    assert read(text_frame).receiver == events.Group("zed-1")
    for neither in (None, "", "bot"):
        text_frame["receiverType"] = neither
        assert read(text_frame).receiver == events.User("zed-1")


def test_a_message_to_nobody_in_particular_came_to_us(text_frame: dict[str, Any]) -> None:
    """Without any receiver it is the logged-in user; without one of those the frame is unreadable."""
    del text_frame["body"]["data"]["entities"], text_frame["body"]["receiver"], text_frame["receiver"]
    assert read(text_frame, "zed-1").receiver == events.User("zed-1")
    assert read(text_frame, None).error.path == ("body", "data", "entities", "receiver", "entity")


def test_a_message_from_nobody_is_unreadable(text_frame: dict[str, Any]) -> None:
    """Without any sender there is no message."""
    del text_frame["body"]["data"]["entities"], text_frame["body"]["sender"], text_frame["sender"]
    assert read(text_frame).error.path == ("body", "data", "entities", "sender", "entity")


def test_what_the_server_may_leave_out(text_frame: dict[str, Any]) -> None:
    """A message needs an id, a category, data and a sender; all else has a default."""
    bare = {"id": 7, "category": "message", "type": "text", "sender": "amy-2", "data": {"text": "hi"}}
    message = read({"type": "message", "body": bare})
    assert message == events.TextMessage(
        id=7,
        sender=events.User("amy-2"),
        receiver=events.User("zed-1"),
        category="message",
        type="text",
        text="hi",
    )
    del text_frame["body"]["id"]
    assert read(text_frame).error.path == ("body", "id")


def test_edits_and_deletions_hold_the_whole_message(frame: Any) -> None:
    """A change has an id of its own, who made it, and the message as it is now."""
    edited = read(frame("s2c-message_changes", "edited"))
    assert (edited.id, edited.by.uid, edited.message.id) == (1013, "amy-2", 1001)
    assert (edited.message.text, edited.message.edited_by) == ("hello zed (edited)", "amy-2")
    deleted = read(frame("s2c-message_changes", "deleted"))
    assert (deleted.id, deleted.message.id, deleted.message.text) == (1015, 1001, "")
    assert deleted.message.deleted_at == datetime.datetime.fromtimestamp(1800000395, UTC)


def test_a_change_of_a_message_without_a_class_is_unknown(frame: Any) -> None:
    """What happens to an unknown kind of message is unknown, too."""
    given = frame("s2c-message_changes", "edited")
    given["body"]["data"]["entities"]["on"]["entity"]["category"] = "hologram"
    assert type(read(given)) is events.UnknownEvent


def test_a_change_of_a_change_is_unreadable(frame: Any) -> None:
    """An edit needs a message, not an edit, inside."""
    given = frame("s2c-message_changes", "edited")
    given["body"]["data"]["entities"]["on"]["entity"] = frame("s2c-message_changes", "deleted")["body"]
    error = read(given).error
    assert error.path == ("body", "data", "entities", "on", "entity")
    assert str(error) == "body.data.entities.on.entity must be a message, not what is done to one."


@pytest.mark.parametrize(("value", "what"), [(None, "is missing"), ("x", "must be an object, not text")])
def test_a_change_needs_its_message(frame: Any, value: object, what: str) -> None:
    """An edit without a message says where it should be."""
    given = frame("s2c-message_changes", "edited")
    given["body"]["data"]["entities"]["on"]["entity"] = value
    assert str(read(given).error) == f"body.data.entities.on.entity {what}."


def test_group_actions_tell_who_whom_and_where(frame: Any) -> None:
    """A group action names the member, who acted, and the group."""
    for name in ("kicked", "banned", "unbanned", "added", "scopeChanged"):
        action = read(frame("s2c-group_actions", name))
        assert (action.action, action.user.uid, action.by.uid, action.group.guid) == (name, "bob-3", "amy-2", "hikers")
        assert (action.sender, action.receiver, action.group.members_count) == (action.by, action.group, 3)
    assert (action.new_scope, action.old_scope) == ("admin", "participant")
    for name in ("joined", "left", "invited"):
        action = read(frame("s2c-group_actions", name))
        assert (action.action, action.user.uid, action.by, action.group.name) == (name, "bob-3", action.user, "Hikers")


def test_a_group_action_without_the_group_object(frame: Any) -> None:
    """The bare guid serves; without any group the action is unreadable."""
    given = frame("s2c-group_actions", "joined")
    del given["body"]["data"]["entities"]["for"]
    assert read(given).group == events.Group("hikers")
    given["body"]["receiverType"] = "user"
    assert str(read(given).error) == "body.receiver must be an object, not text."


def test_a_group_action_without_the_member(frame: Any) -> None:
    """Who was kicked must be named."""
    given = frame("s2c-group_actions", "kicked")
    del given["body"]["data"]["entities"]["on"]
    assert read(given).error.path == ("body", "data", "entities", "on", "entity")


@pytest.mark.parametrize(("category", "action"), [("action", "renamed"), ("hologram", "joined")])
def test_unknown_actions_and_categories(frame: Any, category: str, action: str) -> None:
    """What has no class comes as an unknown event with the whole frame."""
    given = frame("s2c-group_actions", "joined")
    given["body"]["category"] = category
    given["body"]["data"]["action"] = action
    assert read(given) == events.UnknownEvent("message", given)


def test_a_call_tells_how_it_stands(frame: Any) -> None:
    """A call has its session, status, beginner and times."""
    call = read(frame("s2c-calls", "user.ongoing"))
    assert (call.session_id, call.status, call.type, call.initiator.uid) == ("call-77", "ongoing", "audio", "amy-2")
    assert call.initiated_at == datetime.datetime.fromtimestamp(1800000500, UTC)
    assert call.joined_at == datetime.datetime.fromtimestamp(1800000505, UTC)


@pytest.mark.parametrize(
    ("status", "for_beginner", "for_others"),
    [
        ("initiated", events.IncomingCall, events.IncomingCall),
        ("ongoing", events.OutgoingCallAccepted, events.OutgoingCallAccepted),
        ("rejected", events.OutgoingCallRejected, events.OutgoingCallRejected),
        ("busy", events.OutgoingCallRejected, events.OutgoingCallRejected),
        ("cancelled", events.IncomingCallCancelled, events.IncomingCallCancelled),
        ("unanswered", events.OutgoingCallRejected, events.IncomingCallCancelled),
        ("ended", events.CallEnded, events.CallEnded),
        ("on_hold", events.UnknownEvent, events.UnknownEvent),
    ],
)
def test_call_statuses(frame: Any, status: str, for_beginner: type, for_others: type) -> None:
    """The status, and for an unanswered call who began it, choose the class."""
    given = frame("s2c-calls", "user.initiated")
    given["body"]["data"]["entities"]["on"]["entity"]["status"] = status
    assert type(read(given, "amy-2")) is for_beginner
    assert type(read(given, "zed-1")) is for_others
    assert type(read(given, None)) is for_others


@pytest.mark.parametrize(
    ("status", "for_beginner", "for_others"),
    [
        ("initiated", events.UnknownEvent, events.IncomingCall),
        ("ongoing", events.OutgoingCallAccepted, events.UnknownEvent),
        ("rejected", events.OutgoingCallRejected, events.UnknownEvent),
        ("busy", events.OutgoingCallRejected, events.UnknownEvent),
        ("cancelled", events.IncomingCallCancelled, events.IncomingCallCancelled),
        ("unanswered", events.OutgoingCallRejected, events.IncomingCallCancelled),
        ("ended", events.CallEnded, events.CallEnded),
    ],
)
def test_group_call_statuses(frame: Any, status: str, for_beginner: type, for_others: type) -> None:
    """In a group, only the beginner hears of answers, and nobody is called by themselves."""
    given = frame("s2c-calls", "group.initiated")
    given["body"]["data"]["entities"]["on"]["entity"]["status"] = status
    assert type(read(given, "amy-2")) is for_beginner
    assert type(read(given, "zed-1")) is for_others


def test_who_began_a_call_may_be_a_bare_uid_or_nobody(frame: Any) -> None:
    """Without the beginner's object their uid serves; without that they are nobody, so not us."""
    given = frame("s2c-calls", "user.unanswered")
    call = given["body"]["data"]["entities"]["on"]["entity"]
    del call["data"]
    assert read(given, "amy-2").initiator == events.User("amy-2")
    assert type(read(given, "amy-2")) is events.OutgoingCallRejected
    del call["sender"]
    assert read(given, "amy-2").initiator is None
    assert type(read(given, None)) is events.IncomingCallCancelled


def test_a_call_needs_a_status(frame: Any) -> None:
    """A call without a status is unreadable."""
    given = frame("s2c-calls", "user.ended")
    del given["body"]["data"]["entities"]["on"]["entity"]["status"]
    assert read(given).error.path == ("body", "data", "entities", "on", "entity", "status")
