"""The event classes: documented, frozen, and related as `events()` needs it."""

from __future__ import annotations

import copy
import datetime
import pathlib
import pickle
import re
from typing import Any

import attrs
import pytest

from cometconn import events
from cometconn.errors import DecodeError
from cometconn.events import Gap, Marker, Overflow, Resumed

CLASSES: list[type[Any]] = [getattr(events, name) for name in events.__all__ if name != "as_json"]
NOT_EVENTS = {
    *(events.Attachment, events.Conversation, events.FeedItem, events.Group, events.GroupMember),
    *(events.Interaction, events.MessageElement, events.ReactionCount, events.ToolCall, events.User),
}
MARKERS = {events.Gap, events.Overflow, events.Resumed}
NOON = datetime.datetime(2027, 1, 15, 12, tzinfo=datetime.UTC)
AMY, HIKERS = events.User("amy-2", metadata={"a": 1}), events.Group("hikers", metadata={"b": 2})


def text_message(**more: Any) -> events.TextMessage:
    """Return a message with the attributes that the test needs."""
    values: dict[str, Any] = {
        "id": 1,
        "sender": AMY,
        "receiver": HIKERS,
        "category": "message",
        "metadata": {"c": 3},
    } | more
    return events.TextMessage(**values)


each_class = pytest.mark.parametrize("kind", CLASSES, ids=lambda kind: kind.__name__)


def test_the_front_of_the_package_is_sorted_and_whole() -> None:
    """`__all__` is sorted, has no repeats, and names every public class of the modules."""
    assert events.__all__ == sorted(set(events.__all__))
    folder = pathlib.Path(events.__file__).parent
    defined = {
        name
        for path in folder.glob("[a-z]*.py")
        for name in re.findall(r"^class ([A-Z]\w+)", path.read_text(encoding="utf-8"), re.MULTILINE)
    }
    assert set(events.__all__) == {*defined, "as_json"}


@each_class
def test_every_class_is_frozen_and_slotted(kind: type[Any]) -> None:
    """An event cannot be changed, nor be given an attribute that its class does not have."""
    assert attrs.has(kind)
    assert not hasattr(kind.__new__(kind), "__dict__")
    empty: Any = kind.__new__(kind)
    with pytest.raises(attrs.exceptions.FrozenInstanceError):
        empty.anything = 1


@each_class
def test_every_class_and_attribute_is_documented(kind: type[Any]) -> None:
    """Every class has a docstring, and each attribute is described in it or in that of a public base class."""
    assert kind.__doc__
    assert not kind.__doc__.startswith("Method generated")
    documented = "\n".join(base.__doc__ or "" for base in kind.__mro__ if base.__name__ in events.__all__)
    for field in attrs.fields(kind):
        assert re.search(rf"^    [ \w,]*\b{field.name}\b[\w, ]*:", documented, re.MULTILINE), field.name


@each_class
def test_every_class_but_the_parts_is_an_event(kind: type[Any]) -> None:
    """Users, groups and the parts of messages are not events; all other classes are."""
    assert issubclass(kind, events.Event) == (kind not in NOT_EVENTS)


def test_markers_are_exactly_the_events_of_the_client_itself() -> None:
    """`Marker` has no other subclasses."""
    assert set(events.Marker.__subclasses__()) == MARKERS


def kinds_of(base: type[Any]) -> list[str]:
    """Return the names of the nearest public subclasses of *base*."""
    return [
        name
        for kind in base.__subclasses__()
        for name in (kinds_of(kind) if kind.__name__.startswith("_") else [kind.__name__])
    ]


@pytest.mark.parametrize(
    ("base", "names"),
    [
        (events.Call, "IncomingCall OutgoingCallAccepted OutgoingCallRejected IncomingCallCancelled CallEnded"),
        (
            events.GroupAction,
            (
                "GroupMemberJoined GroupMemberLeft GroupMemberKicked GroupMemberBanned GroupMemberUnbanned "
                "GroupMemberAdded GroupMemberScopeChanged"
            ),
        ),
        (events.Receipt, "MessagesDelivered MessagesRead MessagesDeliveredToAll MessagesReadByAll"),
        (events.Typing, "TypingStarted TypingEnded"),
        (events.Reaction, "ReactionAdded ReactionRemoved"),
        (
            events.Message,
            (
                "TextMessage MediaMessage CustomMessage InteractiveMessage CardMessage AIAssistantMessage "
                "AIToolArgumentMessage AIToolResultMessage Call GroupAction"
            ),
        ),
        (events.Presence, "UserOnline UserOffline"),
        (events.MessageMark, "MessagePinned MessageUnpinned MessageSaved MessageUnsaved"),
        (events.ConversationMark, "ConversationPinned ConversationUnpinned"),
        (
            events.AIAssistantEvent,
            (
                "AIAssistantRunStartedEvent AIAssistantRunFinishedEvent AIAssistantMessageStartedEvent "
                "AIAssistantContentReceivedEvent AIAssistantMessageEndedEvent AIAssistantToolStartedEvent "
                "AIAssistantToolArgumentEvent AIAssistantToolEndedEvent AIAssistantToolResultEvent "
                "AIAssistantCardStartedEvent AIAssistantCardReceivedEvent AIAssistantCardEndedEvent"
            ),
        ),
    ],
)
def test_base_classes_name_their_kinds(base: type[Any], names: str) -> None:
    """A base class stands for its kinds and for no others: an edit, for example, is not a message."""
    assert set(kinds_of(base)) == set(names.split())


@each_class
def test_raw_is_there_but_neither_shown_nor_compared(kind: type[Any]) -> None:
    """Every event from the server has `raw`, outside of its repr; only events without other content compare it."""
    fields = attrs.fields_dict(kind)
    sent = issubclass(kind, events.Event) and not issubclass(kind, events.Marker) and kind is not events.Event
    assert ("raw" in fields) == sent
    if sent:
        assert fields["raw"].repr is False
        assert fields["raw"].eq == (kind in {events.UnknownEvent, events.UnreadableFrame})


def test_messages_are_equal_whatever_they_were_made_from() -> None:
    """A message from the socket equals the same one from REST, and both have the same hash."""
    live, fetched = text_message(text="hi", raw={"body": {}}), text_message(text="hi", raw={})
    assert live == fetched
    assert len({live, fetched, text_message(text="ho")}) == 2
    assert "body" not in repr(live)


def test_users_and_groups_have_what_a_receiver_needs() -> None:
    """Each has an id and the receiver type that belongs to it."""
    assert (AMY.id, AMY.receiver_type) == ("amy-2", "user")
    assert (HIKERS.id, HIKERS.receiver_type) == ("hikers", "group")


def test_only_the_ids_are_needed() -> None:
    """All attributes of a user but the uid, and of a group but the guid, have defaults."""
    assert events.User("u") == events.User(uid="u", name=None, metadata={}, tags=())
    assert events.Group("g") == events.Group(guid="g", name=None, metadata={}, tags=())
    with pytest.raises(TypeError):
        events.User()  # type: ignore[call-arg]


def test_defaults_are_not_shared() -> None:
    """Each event has an empty mapping of its own."""
    assert events.User("a").metadata is not events.User("b").metadata


def test_markers() -> None:
    """Gaps, overflows and resumptions contain what the client measured."""
    lost = ConnectionResetError("reset")
    gap = events.Gap(1.0, 2.5, lost, since_utc=NOON, until_utc=NOON)
    assert (gap.since, gap.until, gap.cause, gap.recovered) == (1.0, 2.5, lost, False)
    assert attrs.evolve(gap, recovered=True).recovered
    assert events.Overflow(3).dropped == 3
    assert events.Resumed(4.5).slept == 4.5


def test_unknown_and_unreadable() -> None:
    """Both contain what was received, compare it, and do not show it in the repr."""
    unknown = events.UnknownEvent("new", {"authToken": "secret"})
    assert (unknown.type, unknown.raw) == ("new", {"authToken": "secret"})
    error = DecodeError("no", path=("a",))
    unreadable = events.UnreadableFrame("secret", error)
    assert (unreadable.raw, unreadable.error) == ("secret", error)
    assert unreadable == events.UnreadableFrame("secret", DecodeError("other"))
    assert "secret" not in repr(unknown) + repr(unreadable)
    hash(unknown)


def test_events_can_go_to_another_process() -> None:
    """A message can be pickled, `raw` included."""
    message = text_message(quoted_message=text_message(id=2), raw={"a": 1})
    again = pickle.loads(pickle.dumps(message))  # noqa: S301 - our own
    assert again == message
    assert again.raw == {"a": 1}


@pytest.mark.parametrize(
    "marker",
    [
        Overflow(3),
        Resumed(1.5),
        Gap(1.0, 2.0, since_utc=datetime.datetime.now(datetime.UTC), until_utc=datetime.datetime.now(datetime.UTC)),
    ],
    ids=lambda marker: type(marker).__name__,
)
def test_a_marker_that_is_taken_for_a_message(marker: Marker) -> None:
    """Its error says how to leave markers out, for a name that messages have; everything else is as for any object."""
    for name in ("text", "sender", "id", "receiver", "custom_data", "attachments"):
        assert not hasattr(marker, name)
        with pytest.raises(
            AttributeError, match=r"a marker.*`events\(\.\.\., markers=False\)`.*`isinstance\(\)`"
        ) as caught:
            getattr(marker, name)
        assert str(caught.value).startswith(f"'{type(marker).__name__}' object has no attribute '{name}', because")
    with pytest.raises(AttributeError, match=r"^'\w+' object has no attribute 'sinse'$"):
        marker.sinse  # type: ignore[attr-defined]  # noqa: B018
    for same in (pickle.loads(pickle.dumps(marker)), copy.copy(marker), copy.deepcopy(marker), attrs.evolve(marker)):  # noqa: S301
        assert (type(same), same) == (type(marker), marker)
