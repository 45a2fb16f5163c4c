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
    """Every attribute of a text message is read from its place in the frame."""
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
    """A message stays readable if the message that it quotes is of an unknown kind."""
    given = frame("s2c-messages", "text.quoted")
    given["body"]["quotedMessage"]["category"] = "hologram"
    assert (read(given).text, read(given).quoted_message) == ("quoting", None)


def test_every_kind_of_message_can_quote(frame: Any) -> None:
    """The quoted message of a group action is a message, too, and never a bare mapping."""
    given = frame("s2c-group_actions", "joined")
    given["body"]["quotedMessage"] = frame("s2c-messages", "text.user")["body"]
    assert read(given).quoted_message.text == "hello zed"


def test_media_has_url_attachments_and_caption(frame: Any) -> None:
    """A media message has its URL, its attachments and its caption."""
    media = read(frame("s2c-messages", "media.image"))
    url = "https://files.probe.test/a.png"
    assert (media.url, media.caption) == (url, "a caption")
    assert media.attachments == (
        events.Attachment(url=url, name="a.png", extension="png", mime_type="image/png", size=321),
    )


@pytest.mark.parametrize("kind", [None, "hologram", "video"])
def test_a_message_that_is_not_text_is_media(text_frame: dict[str, Any], kind: str | None) -> None:
    """A message without a type, or with an unknown one, is a MediaMessage."""
    text_frame["body"]["type"] = kind
    assert type(read(text_frame)) is events.MediaMessage


@pytest.mark.parametrize("kind", [5, [], {}, True, "\ud800", "9" * 5000])
def test_a_type_that_cannot_be_decoded(text_frame: dict[str, Any], kind: object) -> None:
    """A message whose type is no valid text is a MediaMessage, and its `type` is empty or the repaired text."""
    text_frame["body"]["type"] = kind
    message = read(text_frame)
    assert type(message) is events.MediaMessage
    assert message.type == ("" if not isinstance(kind, str) else kind.replace("\ud800", "\ufffd"))


@pytest.mark.parametrize("category", ["custom", "interactive", "card"])
@pytest.mark.parametrize("kind", ["text", "custom", "image", "anything", None])
def test_the_category_decides(text_frame: dict[str, Any], category: str, kind: str | None) -> None:
    """The category decides the class of a custom, interactive or card message; only in `message` does the type decide."""
    text_frame["body"] |= {"category": category, "type": kind}
    expected = {"custom": events.CustomMessage, "interactive": events.InteractiveMessage, "card": events.CardMessage}
    assert type(read(text_frame)) is expected[category]


def test_a_custom_message_of_category_message(frame: Any) -> None:
    """A message of category `message` and type `custom` is a CustomMessage, as in CometChat's own clients."""
    given = frame("s2c-messages", "custom")
    given["body"] |= {"category": "message", "type": "custom"}
    assert type(read(given)) is events.CustomMessage
    assert read(given).custom_data == {"lat": 1.5, "lon": 2.5}


def test_media_without_a_url_has_that_of_the_first_file(frame: Any) -> None:
    """The URL of a media message is its own, or else that of the first file."""
    given = frame("s2c-attachments", "attachments_only")
    assert read(given).url == read(given).attachments[0].url == "https://files.probe.test/1.png"
    assert read(frame("s2c-attachments", "url_and_attachments")).url == "https://files.probe.test/2.png"
    for nothing in ([], {}, None, "x", [{}], [5]):
        given["body"]["data"]["attachments"] = nothing
        assert read(given).url is None


def test_custom_and_interactive_contents(frame: Any) -> None:
    """A custom and an interactive message contain their data."""
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
    """Agentic messages are distinguished by their type; an unknown type is an unknown event."""
    text_frame["body"] |= {"category": "agentic", "type": kind}
    assert type(read(text_frame)) is expected
    assert getattr(read(text_frame), "data", text_frame["body"]["data"]) == text_frame["body"]["data"]


def test_without_entities_the_plain_ids_serve(text_frame: dict[str, Any]) -> None:
    """Without entities, sender and receiver have the ids of the body, or else those of the envelope."""
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


def test_message_without_receiver_is_to_the_logged_in_user(text_frame: dict[str, Any]) -> None:
    """A message without receiver is to the logged-in user; without that, the frame is unreadable."""
    del text_frame["body"]["data"]["entities"], text_frame["body"]["receiver"], text_frame["receiver"]
    assert read(text_frame, "zed-1").receiver == events.User("zed-1")
    assert read(text_frame, None).error.path == ("body", "data", "entities", "receiver", "entity")


def test_message_without_sender_is_unreadable(text_frame: dict[str, Any]) -> None:
    """A message without any sender is unreadable."""
    del text_frame["body"]["data"]["entities"], text_frame["body"]["sender"], text_frame["sender"]
    assert read(text_frame).error.path == ("body", "data", "entities", "sender", "entity")


def test_what_the_server_may_leave_out(text_frame: dict[str, Any]) -> None:
    """A message needs an id, a category, data and a sender; every other attribute has a default."""
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
    """A change has its own id, the user who made it, and the message after it."""
    edited = read(frame("s2c-message_changes", "edited"))
    assert (edited.id, edited.by.uid, edited.message.id) == (1013, "amy-2", 1001)
    assert (edited.message.text, edited.message.edited_by) == ("hello zed (edited)", "amy-2")
    deleted = read(frame("s2c-message_changes", "deleted"))
    assert (deleted.id, deleted.message.id, deleted.message.text) == (1015, 1001, "")
    assert deleted.message.deleted_at == datetime.datetime.fromtimestamp(1800000395, UTC)


def test_a_change_of_a_message_without_a_class_is_unknown(frame: Any) -> None:
    """A change of a message of an unknown kind is an unknown event, too."""
    given = frame("s2c-message_changes", "edited")
    given["body"]["data"]["entities"]["on"]["entity"]["category"] = "hologram"
    assert type(read(given)) is events.UnknownEvent


def test_a_change_of_a_change_is_unreadable(frame: Any) -> None:
    """An edit that contains an edit in place of a message is unreadable."""
    given = frame("s2c-message_changes", "edited")
    given["body"]["data"]["entities"]["on"]["entity"] = frame("s2c-message_changes", "deleted")["body"]
    error = read(given).error
    assert error.path == ("body", "data", "entities", "on", "entity")
    assert str(error) == "body.data.entities.on.entity must be a message, not what is done to one."


@pytest.mark.parametrize(("value", "what"), [(None, "is missing"), ("x", "must be an object, not text")])
def test_a_change_needs_its_message(frame: Any, value: object, what: str) -> None:
    """The error of an edit without a message has the path at which it is missing."""
    given = frame("s2c-message_changes", "edited")
    given["body"]["data"]["entities"]["on"]["entity"] = value
    assert str(read(given).error) == f"body.data.entities.on.entity {what}."


def test_group_actions_have_member_actor_and_group(frame: Any) -> None:
    """A group action has the member, the user who acted, and the group."""
    for name in ("kicked", "banned", "unbanned", "added", "scopeChanged"):
        action = read(frame("s2c-group_actions", name))
        assert (action.action, action.user.uid, action.by.uid, action.group.guid) == (name, "bob-3", "amy-2", "hikers")
        assert (action.sender, action.receiver, action.group.members_count) == (action.by, action.group, 3)
    assert (action.new_scope, action.old_scope) == ("admin", "participant")
    for name in ("joined", "left", "invited"):
        action = read(frame("s2c-group_actions", name))
        assert (action.action, action.user.uid, action.by, action.group.name) == (name, "bob-3", action.user, "Hikers")


def test_a_group_action_without_the_group_object(frame: Any) -> None:
    """Without the group's object its guid is used; without any group the action is unreadable."""
    given = frame("s2c-group_actions", "joined")
    del given["body"]["data"]["entities"]["for"]
    assert read(given).group == events.Group("hikers")
    given["body"]["receiverType"] = "user"
    assert str(read(given).error) == "body.receiver must be an object, not text."


def test_a_group_action_without_the_member(frame: Any) -> None:
    """A kick without the kicked member is unreadable."""
    given = frame("s2c-group_actions", "kicked")
    del given["body"]["data"]["entities"]["on"]
    assert read(given).error.path == ("body", "data", "entities", "on", "entity")


@pytest.mark.parametrize(("category", "action"), [("action", "renamed"), ("hologram", "joined")])
def test_unknown_actions_and_categories(frame: Any, category: str, action: str) -> None:
    """An unknown action or category is an unknown event with the whole frame."""
    given = frame("s2c-group_actions", "joined")
    given["body"]["category"] = category
    given["body"]["data"]["action"] = action
    assert read(given) == events.UnknownEvent("message", given)


def test_call_attributes(frame: Any) -> None:
    """A call has its session, status, initiator and times."""
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
    """The class depends on the status, and for an unanswered call on who started it."""
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
    """In a group, only the user who started the call gets events of answers, and that user gets no IncomingCall."""
    given = frame("s2c-calls", "group.initiated")
    given["body"]["data"]["entities"]["on"]["entity"]["status"] = status
    assert type(read(given, "amy-2")) is for_beginner
    assert type(read(given, "zed-1")) is for_others


def test_call_initiator_may_be_a_bare_uid_or_missing(frame: Any) -> None:
    """Without the object of the initiator the uid is used; without that, there is no initiator."""
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


def test_pins_need_a_word_that_is_known(frame: Any) -> None:
    """The action of the body counts, or else that of the envelope; an unknown action, or none, is an unknown event."""
    given = frame("s2c-pins", "message_pin.pinned")
    assert read(given).message.pinned_by == "amy-2"
    for word in ("dreamt", "created", "updated"):
        given["body"]["action"] = word
        assert read(given) == events.UnknownEvent("message_pin", given)
    del given["body"]["action"]
    assert read(given) == events.UnknownEvent("message_pin", given)
    given["action"] = "unsaved"
    assert type(read(given)) is events.MessageUnsaved


def test_a_pin_needs_a_message(frame: Any) -> None:
    """A pin with only an id is unreadable; one of a message of an unknown kind is an unknown event."""
    given = frame("s2c-pins", "message_pin.pinned")
    given["body"] = {"action": "pinned", "messageId": 5}
    assert isinstance(read(given), events.UnreadableFrame)
    given = frame("s2c-pins", "message_pin.pinned")
    given["body"]["message"]["category"] = "hologram"
    assert read(given) == events.UnknownEvent("message_pin", given)


def test_the_last_message_of_a_conversation_may_have_no_class(frame: Any) -> None:
    """A pinned conversation may have a last message of an unknown kind, or one that is no message."""
    given = frame("s2c-conversation_pins", "conversation_pin.pinned")
    assert read(given).conversation.last_message.text == "see you"
    for last in ({"id": 5, "category": "hologram"}, frame("s2c-message_changes", "edited")["body"], {}, "x", None):
        given["body"]["conversation"]["lastMessage"] = last
        pinned = read(given)
        assert type(pinned) is events.ConversationPinned
        assert (pinned.conversation.last_message, pinned.conversation.unread_message_count) == (None, 3)


def test_only_items_sent_to_a_feed_have_a_class(frame: Any) -> None:
    """That an item of a feed was delivered, read or deleted is an unknown event."""
    given = frame("s2c-notification_feed", "sent")
    for word in ("delivered", "read", "deleted"):
        given["body"]["action"] = word
        assert read(given) == events.UnknownEvent("notification_feed_item", given)
