"""Hypothesis strategies for every kind of event, and for the frames that servers send for them."""

from __future__ import annotations

import datetime
from collections.abc import Callable, Mapping
from typing import Any, Final, TypeAlias, TypeVar

import attrs
from hypothesis import strategies as st

from cometconn import events as ev
from cometconn.errors import ConnectionLostError, DecodeError, SettingsError

from .event_frames import to_frame
from .event_values import (
    ME,
    attributes,
    bare_receivers,
    counts,
    groups,
    ids,
    json_objects,
    json_values,
    names,
    receivers,
    texts,
    times,
    users,
    words,
)

__all__ = ["KINDS", "events", "frames"]

E = TypeVar("E", bound=ev.Event)
Strategy: TypeAlias = "st.SearchStrategy[Any]"
Maker: TypeAlias = Callable[[str], Strategy]
"""Makes the strategy of one kind, for the logged-in user."""


def events(*kinds: type[ev.Event], uid: str = ME) -> st.SearchStrategy[Any]:
    """Draw events as an application meets them in `chat.events()`: whole, valid, and with a `raw` that fits.

    Args:
        kinds: of these classes, a base class standing for its subclasses; of all, the client's own markers
            (`Gap`, `Overflow`, `Resumed`) included, when none is named.
        uid: the logged-in user: whose calls the outgoing ones are.

    Raises:
        SettingsError: one of *kinds* is no class of events.
    """
    chosen = [kind for kind in KINDS if not kinds or issubclass(kind, kinds)]
    return st.one_of([KINDS[kind](uid) for kind in chosen]).map(_with_raw) if chosen else _refuse(kinds)


def frames(*kinds: type[ev.Event], uid: str = ME) -> st.SearchStrategy[Any]:
    """Draw frames as a server sends them: JSON objects, and for `UnreadableFrame` texts that are none.

    To be pushed by `Emulator.push()`, `MemoryServer.push()` or `ServerScript.say()`: each becomes the event
    that it was made from.

    Args:
        kinds: as for `events()`; without the markers, which no server sends.
        uid: the logged-in user.

    Raises:
        SettingsError: one of *kinds* is no class of events, or of markers only.
    """
    chosen = [kind for kind in KINDS if (not kinds or issubclass(kind, kinds)) and not issubclass(kind, ev.Marker)]
    return st.one_of([KINDS[kind](uid) for kind in chosen]).map(to_frame) if chosen else _refuse(kinds)


def _refuse(kinds: tuple[object, ...]) -> Strategy:
    message = f"There is nothing to draw for {kinds!r}: name classes of cometconn.events."
    raise SettingsError(message)


def _with_raw(event: Any) -> Any:
    """Give an event the mapping that it would have been made from."""
    if isinstance(event, ev.Marker | ev.UnknownEvent | ev.UnreadableFrame):
        return event
    return attrs.evolve(event, raw=to_frame(event))


# Messages.

_MEDIA: Final = ("image", "video", "audio", "file", "")
_NOTED: Final[Mapping[str, Strategy]] = {
    "conversation_id": words,
    "sent_at": times,
    "muid": names,
    "parent_message_id": ids,
    "metadata": json_objects,
    "tags": st.lists(words, max_size=2).map(tuple),
    "mentions": st.lists(users, max_size=2).map(tuple),
    "updated_at": times,
    "edited_at": times,
    "edited_by": names,
    "deleted_at": times,
    "deleted_by": names,
    "delivered_at": times,
    "read_at": times,
}
"""What any message may have."""


def _messages(
    kind: type[E], category: str, types: Strategy, noted: Mapping[str, Strategy], **needed: Strategy
) -> Strategy:
    required = {
        "id": ids,
        "sender": users,
        "receiver": receivers,
        "category": st.just(category),
        "type": types,
        **needed,
    }
    return attributes(kind, required, {**_NOTED, **noted})


def _quoting(messages: Strategy) -> Strategy:
    """Let one in a few quote another."""
    quoted = _messages(ev.TextMessage, "message", st.just("text"), {"text": texts})
    quoting = st.builds(lambda message, other: attrs.evolve(message, quoted_message=other), messages, quoted)
    return st.one_of(messages, messages, quoting)


def _of_agents(kind: type[E], word: str, noted: Mapping[str, Strategy]) -> Strategy:
    messages: st.SearchStrategy[Any] = _messages(kind, "agentic", st.just(word), noted)
    return messages.map(lambda message: attrs.evolve(message, data=_frame(message)["body"]["data"]))


def _frame(event: Any) -> dict[str, Any]:
    frame = to_frame(event)
    assert isinstance(frame, dict), "a message's is"
    return frame


_attachments = st.lists(
    attributes(
        ev.Attachment, {}, {"url": texts, "name": texts, "extension": words, "mime_type": words, "size": counts}
    ),
    max_size=2,
).map(tuple)
_media: Strategy = _messages(
    ev.MediaMessage, "message", st.sampled_from(_MEDIA), {"url": texts, "attachments": _attachments, "caption": texts}
)
_texts: Strategy = _messages(ev.TextMessage, "message", st.just("text"), {"text": texts})
_custom: Strategy = _messages(ev.CustomMessage, "custom", names, {"custom_data": json_objects, "sub_type": names})
_form = {"interactive_data": json_objects, "interaction_goal": json_objects, "allow_sender_interaction": st.booleans()}
_interactive: Strategy = _messages(ev.InteractiveMessage, "interactive", names, _form)
_changed = st.one_of(_texts, _media, _custom)


def _changes(kind: type[E]) -> Strategy:
    return attributes(kind, {"message": _changed, "by": users}, {"id": ids})


def _group_actions(kind: type[ev.GroupAction], *actions: str, **noted: Strategy) -> Strategy:
    own = kind in {ev.GroupMemberJoined, ev.GroupMemberLeft}
    drawn = _messages(kind, "action", st.just("groupMember"), noted, action=st.sampled_from(actions), **_MEMBERS)

    def settle(action: Any) -> Any:
        """Who did it is the sender; who joins or leaves does it themselves; the group is whom it goes to."""
        return attrs.evolve(action, sender=action.by, user=action.by if own else action.user, receiver=action.group)

    return drawn.map(settle)


_MEMBERS: Final = {"user": users, "by": users, "group": groups}


def _calls(kind: type[ev.Call], uid: str, *statuses: str, mine: bool | None) -> Strategy:
    """Draw calls that the user began (*mine*), that another began, or (`None`) either."""
    others = users.filter(lambda user: user.uid != uid)
    initiators = {True: st.just(ev.User(uid)), False: others, None: st.one_of(st.just(ev.User(uid)), others)}[mine]
    noted = {"session_id": names, "initiated_at": times, "joined_at": times}
    needed = {"status": st.sampled_from(statuses), "initiator": initiators}
    return _messages(kind, "call", st.sampled_from(["audio", "video"]), noted, **needed)


# Signals.


def _receipts(kind: type[E]) -> Strategy:
    needed = {"message_id": ids, "sender": users, "receiver": bare_receivers}
    return attributes(kind, needed, {"message_sender": names, "timestamp": times})


def _addressed(kind: type[E], noted: Mapping[str, Strategy]) -> Strategy:
    return attributes(kind, {"sender": users, "receiver": bare_receivers}, noted)


def _presence(kind: type[E], status: str) -> Strategy:
    return users.map(lambda user: kind(user=attrs.evolve(user, status=status)))  # type: ignore[call-arg]


def _reactions(kind: type[E]) -> Strategy:
    needed = {"message_id": ids, "reaction": names, "reacted_by": users, "receiver": bare_receivers}
    noted = {"reacted_at": times, "id": names, "conversation_id": words, "parent_message_id": ids}
    return attributes(kind, needed, noted)


_interactions = st.lists(attributes(ev.Interaction, {"element_id": words}, {"interacted_at": times}), max_size=2).map(
    tuple
)
_completed: Strategy = attributes(
    ev.InteractionGoalCompleted,
    {"sender": users, "receiver": bare_receivers, "interactions": _interactions},
    {"message_id": ids, "message_sender": names},
)
_steps: Strategy = attributes(ev.AIAssistantEvent, {"type": names}, {"conversation_id": words, "data": json_objects})


# What is no news, or none that can be read.

_seconds = st.floats(0, 1e6, allow_nan=False)


def _gap(since: float, length: float, recovered: bool | None, until_utc: datetime.datetime) -> ev.Gap:  # noqa: FBT001 - drawn
    since_utc = until_utc - datetime.timedelta(seconds=length)
    cause = ConnectionLostError("The connection was lost.")
    return ev.Gap(since, since + length, cause, recovered, since_utc=since_utc, until_utc=until_utc)


_gaps: Strategy = st.builds(_gap, _seconds, st.floats(0, 1e5), st.sampled_from([True, None, False]), times)
_unknown: Strategy = st.builds(
    lambda word, body: ev.UnknownEvent(f"novel_{word}", {"type": f"novel_{word}", "body": body}), names, json_values
)
_NOT_JSON: Final = ("", "this is not JSON", "{", "[]", '"text"', "null", '{"type": 1}', '{"type": "message"}')
_unreadable: Strategy = st.sampled_from(_NOT_JSON).map(
    lambda text: ev.UnreadableFrame(text, DecodeError("The frame cannot be read."))
)

KINDS: Final[Mapping[type[ev.Event], Maker]] = {
    ev.TextMessage: lambda _: _quoting(_texts),
    ev.MediaMessage: lambda _: _quoting(_media),
    ev.CustomMessage: lambda _: _custom,
    ev.InteractiveMessage: lambda _: _interactive,
    ev.AIAssistantMessage: lambda _: _of_agents(ev.AIAssistantMessage, "assistant", {"text": texts}),
    ev.AIToolArgumentMessage: lambda _: _of_agents(ev.AIToolArgumentMessage, "tool_arguments", {}),
    ev.AIToolResultMessage: lambda _: _of_agents(ev.AIToolResultMessage, "tool_result", {"text": texts}),
    ev.MessageEdited: lambda _: _changes(ev.MessageEdited),
    ev.MessageDeleted: lambda _: _changes(ev.MessageDeleted),
    ev.MessageModerated: lambda _: attributes(ev.MessageModerated, {"message": _changed}, {"status": names}),
    ev.GroupMemberJoined: lambda _: _group_actions(ev.GroupMemberJoined, "joined", "invited"),
    ev.GroupMemberLeft: lambda _: _group_actions(ev.GroupMemberLeft, "left"),
    ev.GroupMemberKicked: lambda _: _group_actions(ev.GroupMemberKicked, "kicked"),
    ev.GroupMemberBanned: lambda _: _group_actions(ev.GroupMemberBanned, "banned"),
    ev.GroupMemberUnbanned: lambda _: _group_actions(ev.GroupMemberUnbanned, "unbanned"),
    ev.GroupMemberAdded: lambda _: _group_actions(ev.GroupMemberAdded, "added"),
    ev.GroupMemberScopeChanged: lambda _: _group_actions(
        ev.GroupMemberScopeChanged, "scopeChanged", new_scope=names, old_scope=names
    ),
    ev.IncomingCall: lambda uid: _calls(ev.IncomingCall, uid, "initiated", mine=False),
    ev.OutgoingCallAccepted: lambda uid: _calls(ev.OutgoingCallAccepted, uid, "ongoing", mine=True),
    ev.OutgoingCallRejected: lambda uid: _calls(
        ev.OutgoingCallRejected, uid, "rejected", "busy", "unanswered", mine=True
    ),
    ev.IncomingCallCancelled: lambda uid: _calls(ev.IncomingCallCancelled, uid, "cancelled", "unanswered", mine=False),
    ev.CallEnded: lambda uid: _calls(ev.CallEnded, uid, "ended", mine=None),
    ev.MessagesDelivered: lambda _: _receipts(ev.MessagesDelivered),
    ev.MessagesRead: lambda _: _receipts(ev.MessagesRead),
    ev.MessagesDeliveredToAll: lambda _: _receipts(ev.MessagesDeliveredToAll),
    ev.MessagesReadByAll: lambda _: _receipts(ev.MessagesReadByAll),
    ev.TypingStarted: lambda _: _addressed(ev.TypingStarted, {"metadata": json_objects}),
    ev.TypingEnded: lambda _: _addressed(ev.TypingEnded, {"metadata": json_objects}),
    ev.UserOnline: lambda _: _presence(ev.UserOnline, "online"),
    ev.UserOffline: lambda _: _presence(ev.UserOffline, "offline"),
    ev.TransientMessage: lambda _: _addressed(ev.TransientMessage, {"data": json_values}),
    ev.ReactionAdded: lambda _: _reactions(ev.ReactionAdded),
    ev.ReactionRemoved: lambda _: _reactions(ev.ReactionRemoved),
    ev.InteractionGoalCompleted: lambda _: _completed,
    ev.AIAssistantEvent: lambda _: _steps,
    ev.Gap: lambda _: _gaps,
    ev.Overflow: lambda _: st.integers(1, 10_000).map(ev.Overflow),
    ev.Resumed: lambda _: _seconds.map(ev.Resumed),
    ev.UnknownEvent: lambda _: _unknown,
    ev.UnreadableFrame: lambda _: _unreadable,
}
"""The strategy of each kind. A test fails for a class of events that is not here."""
