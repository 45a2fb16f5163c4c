"""The vocabulary: which words of a frame make which event, and where in the JSON each attribute stands.

Everything that knows CometChat's words reads this table: the reference decoder, the fast one, `to_frame()`, the
Hypothesis strategies and the reference page. Facts about the wire come from CometChat's own clients, watched against
local servers.

A *path* is the way through nested objects: `data.text` is the key `text` of the object at the key `data` of the body.
A number is a place in an array, `^` begins a path in the envelope around the body, and the empty path is the body
itself. Of alternatives, joined by ` or `, the first that is there and can be read counts.
"""

from __future__ import annotations

import functools
import typing
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final, TypeAlias

import attrs

from cometconn import events as ev

__all__ = [
    "KINDS",
    "MOST_OBJECTS",
    "OWN_KEY",
    "Dispatch",
    "JsonPath",
    "Kind",
    "choices",
    "parse_paths",
    "paths_of",
    "types_of",
]

JsonPath: TypeAlias = tuple[str, ...]

When: TypeAlias = Callable[[bool, bool], bool]

OWN_KEY: Final = "@me"
"""Stands in a path for the uid of the logged-in user; the value there is whether the key exists."""
_SENDER: Final = "data.entities.sender.entity or data.entities.by.entity or sender or ^sender"
_RECEIVER: Final = "data.entities.receiver.entity or data.entities.for.entity or receiver or ^receiver"
_CALL: Final = "data.entities.on.entity"


def _split(words: str) -> Sequence[str]:
    return words.split()


def _split_words(words: Mapping[str, str]) -> Mapping[tuple[JsonPath, ...], Sequence[str]]:
    return {parse_paths(path): names.split() for path, names in words.items()}


@attrs.frozen
class Kind:
    """One row: the frames that become one class of events.

    Attributes:
        event: the class.
        frames: the frame's `type`: any of these.
        words: the paths whose words distinguish this kind from the others of the frame, outermost first, and the words
            of this kind. A kind with fewer words than its siblings is for the frames that have no other row.
        listener: the listener that CometChat's own clients call.
        inner: attributes of an attribute's object that the frame has elsewhere, or (`=word`) that follow from the kind.
        when: for a call, returns whether it is of this kind; called with whether the logged-in user began it, and
            whether it is a call in a group.
        fast: whether the fast decoder reads it: such frames come often.
    """

    event: type[ev.Event]
    frames: Sequence[str] = attrs.field(converter=_split)
    words: Mapping[tuple[JsonPath, ...], Sequence[str]] = attrs.field(converter=_split_words)
    listener: str
    inner: Mapping[str, Mapping[str, str]] = attrs.field(factory=dict, kw_only=True)
    when: When | None = attrs.field(default=None, kw_only=True)
    fast: bool = attrs.field(default=False, kw_only=True)


def _camel(name: str) -> str:
    """Return an attribute's name as the wire spells it: `last_active_at` is `lastActiveAt`."""
    head, *tail = name.split("_")
    return head + "".join(word.capitalize() for word in tail)


@functools.cache
def parse_paths(text: str) -> tuple[JsonPath, ...]:
    """Return the alternatives that *text* names. A path into the envelope begins with `^`."""
    return tuple(
        (("^",) if path.startswith("^") else ()) + tuple(key for key in path.lstrip("^").split(".") if key)
        for path in text.split(" or ")
    )


_PINNED: Final = {"pinned_at": "pinnedAt or data.pinnedAt", "pinned_by": "pinnedBy or data.pinnedBy"}
_IN_DATA: Final[Mapping[type[Any], Sequence[str]]] = {
    ev.Message: _split(
        "action allow_sender_interaction attachments card custom_data elements interaction_goal interactions "
        "interactive_data mentions metadata reactions run_id sub_type text thread_id tool_call_id tool_calls"
    ),
    ev.AIAssistantEvent: _split(
        "card card_id content delta display_name execution_text role run_id stream_message_id thread_id timestamp "
        "tool_call_id tool_call_name"
    ),
}
"""Attributes that stand in `data`, as the key of their own name in camel case, whichever subclass has them."""
_PATHS: Final[Mapping[type[Any], Mapping[str, str]]] = {
    ev.Event: {
        "sender": "user or ^sender",
        "receiver": "receiver or ^receiver",
        "by": _SENDER,
        "message_sender": "^messageSender",
        "parent_message_id": "parentId",
    },
    ev.Message: {
        "sender": _SENDER,
        "receiver": _RECEIVER,
        "delivered_to_me_at": "myReceipt.deliveredAt or deliveredToMeAt",
        "read_by_me_at": "myReceipt.readAt or readByMeAt",
        "quoted_message_id": "quotedMessage.id or quotedMessageId",
        "has_mentioned_me": f"data.mentions.{OWN_KEY}",
        **_PINNED,
        "saved_at": "savedAt or data.savedAt",
        "moderation_status": "data.moderation.status",
    },
    # CometChat's own clients have no url where the server sends attachments only; every program wants one.
    ev.MediaMessage: {"url": "data.url or data.attachments.0.url", "caption": "data.text"},
    ev.CustomMessage: {"conversation_text": "data.text"},
    ev.CardMessage: {"fallback_text": "data.card.fallbackText"},
    ev.ToolCall: {
        "name": "function.name",
        "arguments": "function.arguments",
        "display_name": "function.displayName",
        "execution_text": "function.executionText",
    },
    ev.GroupMember: {"user": ""},
    ev.GroupAction: {"user": "data.entities.on.entity", "group": _RECEIVER},
    ev.GroupMemberJoined: {"user": _SENDER},
    ev.GroupMemberLeft: {"user": _SENDER},
    ev.GroupMemberScopeChanged: {
        "new_scope": "data.extras.scope.new or data.entities.on.entity.scope",
        "old_scope": "data.extras.scope.old or data.entities.on.entity.oldScope",
    },
    ev.Call: {
        "session_id": f"{_CALL}.sessionid",
        "status": f"{_CALL}.status",
        "initiator": f"{_CALL}.data.entities.sender.entity or {_CALL}.sender",
        "initiated_at": f"{_CALL}.initiatedAt",
        "joined_at": f"{_CALL}.joinedAt",
    },
    ev.MessageEdited: {"message": "data.entities.on.entity"},
    ev.MessageDeleted: {"message": "data.entities.on.entity"},
    ev.MessageModerated: {"message": "", "status": "data.moderation.status"},
    ev.MessageMark: {"message": "message or "},
    ev.ConversationMark: {"conversation": "conversation or "},
    ev.Conversation: _PINNED,
    ev.FeedItemReceived: {"item": "feedItem"},
    ev.FeedItem: {"category": "templateCategory or category"},
    ev.Presence: {"user": "user or ^sender"},
    ev.Reaction: {"reacted_by": "reactedBy or uid or ^sender"},
    ev.AIAssistantEvent: {"message_id": "id"},
}
"""Where else attributes stand. What is in neither table is the key of its own name, in camel case."""


def _message(event: type[ev.Event], listener: str, **words: str) -> Kind:
    """Return the row of a message, which is distinguished from others by its category, its type or its `action`."""
    paths = {"category": "category", "type": "type", "action": "data.action"}
    fast = event in {ev.TextMessage, ev.MediaMessage} or words == {"category": "custom"}
    return Kind(event, "message", {paths[name]: word for name, word in words.items()}, listener, fast=fast)


def _call(event: type[ev.Event], listener: str, status: str, when: When | None = None) -> Kind:
    return Kind(event, "message", {"category": "call", f"{_CALL}.status": status}, listener, when=when)


def _presence(event: type[ev.Event], listener: str, action: str, status: str) -> Kind:
    inner = {"user": {"status": f"={status}", "last_active_at": "timestamp or user.lastActiveAt"}}
    return Kind(event, "presence", {"action": action}, listener, inner=inner)


def _signal(event: type[ev.Event], listener: str, frame: str, *, fast: bool = True, **words: str) -> Kind:
    return Kind(event, frame, words, listener, fast=fast)


def _mark(event: type[ev.Event], listener: str, action: str) -> Kind:
    """Return the row of a pin or the like: the word is in the body, or in the envelope, or is the frame's type."""
    frames = _CONVERSATION_PINS if issubclass(event, ev.ConversationMark) else _PINS
    return Kind(event, frames, {"action or ^action or ^type": action}, listener)


def _step(event: type[ev.Event], **words: str) -> Kind:
    return Kind(event, "streamed_message", words, "onAIAssistantEventReceived")


_PINS: Final = "message_pin message_save message_pinned message_unpinned message_saved message_unsaved pin save"
_CONVERSATION_PINS: Final = "conversation_pin conversation_pinned conversation_unpinned"

KINDS: Final[Sequence[Kind]] = (
    # Messages. Without a type, or with one not known, CometChat's clients take a message for media.
    _message(ev.TextMessage, "onTextMessageReceived", category="message", type="text"),
    _message(ev.CustomMessage, "onCustomMessageReceived", category="message", type="custom"),
    _message(ev.MediaMessage, "onMediaMessageReceived", category="message"),
    _message(ev.CustomMessage, "onCustomMessageReceived", category="custom"),
    _message(ev.InteractiveMessage, "onInteractiveMessageReceived", category="interactive"),
    _message(ev.CardMessage, "onCardMessageReceived", category="card"),
    _message(ev.AIAssistantMessage, "onAIAssistantMessageReceived", category="agentic", type="assistant"),
    _message(ev.AIToolArgumentMessage, "onAIToolArgumentsReceived", category="agentic", type="tool-arguments"),
    _message(ev.AIToolResultMessage, "onAIToolResultReceived", category="agentic", type="tool-result"),
    # What is done to messages, and to members of groups.
    _message(ev.MessageEdited, "onMessageEdited", category="action", action="edited"),
    _message(ev.MessageDeleted, "onMessageDeleted", category="action", action="deleted"),
    _message(ev.GroupMemberJoined, "onGroupMemberJoined", category="action", action="joined invited"),
    _message(ev.GroupMemberLeft, "onGroupMemberLeft", category="action", action="left"),
    _message(ev.GroupMemberKicked, "onGroupMemberKicked", category="action", action="kicked"),
    _message(ev.GroupMemberBanned, "onGroupMemberBanned", category="action", action="banned"),
    _message(ev.GroupMemberUnbanned, "onGroupMemberUnbanned", category="action", action="unbanned"),
    _message(ev.GroupMemberAdded, "onMemberAddedToGroup", category="action", action="added"),
    _message(ev.GroupMemberScopeChanged, "onGroupMemberScopeChanged", category="action", action="scopeChanged"),
    # Calls. All members of a group get all frames; CometChat's clients report to each only what concerns that member.
    _call(ev.IncomingCall, "onIncomingCallReceived", "initiated", lambda mine, group: not (mine and group)),
    _call(ev.OutgoingCallAccepted, "onOutgoingCallAccepted", "ongoing", lambda mine, group: mine or not group),
    _call(ev.OutgoingCallRejected, "onOutgoingCallRejected", "rejected busy", lambda mine, group: mine or not group),
    _call(ev.OutgoingCallRejected, "onOutgoingCallRejected", "unanswered", lambda mine, _: mine),
    _call(ev.IncomingCallCancelled, "onIncomingCallCancelled", "unanswered", lambda mine, _: not mine),
    _call(ev.IncomingCallCancelled, "onIncomingCallCancelled", "cancelled"),
    _call(ev.CallEnded, "onCallEndedMessageReceived", "ended"),
    # Signals.
    _signal(ev.MessagesDelivered, "onMessagesDelivered", "receipts", action="delivered"),
    _signal(ev.MessagesRead, "onMessagesRead", "receipts", action="read"),
    _signal(ev.MessagesDeliveredToAll, "onMessagesDeliveredToAll", "receipts", action="deliveredToAll"),
    _signal(ev.MessagesReadByAll, "onMessagesReadByAll", "receipts", action="readByAll"),
    _signal(ev.TypingStarted, "onTypingStarted", "typing_indicator", action="started"),
    _signal(ev.TypingEnded, "onTypingEnded", "typing_indicator", action="ended"),
    _presence(ev.UserOnline, "onUserOnline", "online available", "online"),
    _presence(ev.UserOffline, "onUserOffline", "offline", "offline"),
    _signal(ev.TransientMessage, "onTransientMessageReceived", "transient_message"),
    _signal(ev.ReactionAdded, "onMessageReactionAdded", "reaction", action="message_reaction_added"),
    _signal(ev.ReactionRemoved, "onMessageReactionRemoved", "reaction", action="message_reaction_removed"),
    _signal(ev.InteractionGoalCompleted, "onInteractionGoalCompleted", "interaction_completed", fast=False),
    _signal(ev.MessageModerated, "onMessageModerated", "on_moderation_status_changed", fast=False),
    _mark(ev.MessagePinned, "onMessagePinned", "message_pinned pinned pin"),
    _mark(ev.MessageUnpinned, "onMessageUnpinned", "message_unpinned unpinned unpin"),
    _mark(ev.MessageSaved, "onMessageSaved", "message_saved saved save"),
    _mark(ev.MessageUnsaved, "onMessageUnsaved", "message_unsaved unsaved unsave"),
    _mark(ev.ConversationPinned, "onConversationPinned", "conversation_pinned pinned pin"),
    _mark(ev.ConversationUnpinned, "onConversationUnpinned", "conversation_unpinned unpinned unpin"),
    _signal(ev.FeedItemReceived, "onFeedItemReceived", "notification_feed_item", action="sent", fast=False),
    # The steps of an AI agent's run.
    _step(ev.AIAssistantRunStartedEvent, type="run_started"),
    _step(ev.AIAssistantRunFinishedEvent, type="run_finished"),
    _step(ev.AIAssistantMessageStartedEvent, type="text_message_start"),
    _step(ev.AIAssistantContentReceivedEvent, type="text_message_content"),
    _step(ev.AIAssistantMessageEndedEvent, type="text_message_end"),
    _step(ev.AIAssistantToolStartedEvent, type="tool_call_start"),
    _step(ev.AIAssistantToolArgumentEvent, type="tool_call_args"),
    _step(ev.AIAssistantToolEndedEvent, type="tool_call_end"),
    _step(ev.AIAssistantToolResultEvent, type="tool_call_result"),
    _step(ev.AIAssistantCardStartedEvent, type="card_start"),
    _step(ev.AIAssistantCardReceivedEvent, type="card"),
    _step(ev.AIAssistantCardEndedEvent, type="card_end"),
    _step(ev.AIAssistantEvent),
)
"""All kinds. Of several rows that fit, the first counts."""

MOST_OBJECTS: Final = 500
"""Of users, attachments and the like in one message. Each costs some microseconds, and the loop waits meanwhile."""


@functools.cache
def types_of(kind: Any) -> Mapping[str, Any]:
    """Return the type of each attribute of class *kind*."""
    hints = typing.get_type_hints(kind)
    return {field.name: hints[field.name] for field in attrs.fields(kind)}


@functools.cache
def paths_of(kind: Any) -> Mapping[str, tuple[JsonPath, ...]]:
    """Return where each attribute of class *kind* stands, but for `raw`."""
    written: dict[str, str] = {}
    for base in reversed(kind.__mro__):
        written |= {name: f"data.{_camel(name)}" for name in _IN_DATA.get(base, ())} | dict(_PATHS.get(base, {}))
    return {name: parse_paths(written.get(name, _camel(name))) for name in types_of(kind) if name != "raw"}


@attrs.frozen
class Dispatch:
    """Which kinds a word in the body leaves.

    Attributes:
        paths: where the word stands.
        branches: what is left for each word that is known.
        otherwise: the kinds for any other word, or for none.
    """

    paths: tuple[JsonPath, ...]
    branches: Mapping[str, Dispatch | Sequence[Kind]]
    otherwise: Sequence[Kind]


def _choice(kinds: Sequence[Kind], level: int = 0) -> Dispatch | Sequence[Kind]:
    deeper = [kind for kind in kinds if len(kind.words) > level]
    if not deeper:
        return kinds
    paths = tuple(deeper[0].words)[level]
    words = dict.fromkeys(word for kind in deeper for word in kind.words[paths])
    branches = {word: _choice([kind for kind in deeper if word in kind.words[paths]], level + 1) for word in words}
    return Dispatch(paths, branches, [kind for kind in kinds if kind not in deeper])


@functools.cache
def choices() -> Mapping[str, Dispatch | Sequence[Kind]]:
    """Return, for each `type` of a frame, what leads to its kinds."""
    frames = dict.fromkeys(frame for kind in KINDS for frame in kind.frames)
    return {frame: _choice([kind for kind in KINDS if frame in kind.frames]) for frame in frames}
