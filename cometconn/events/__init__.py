"""The events that CometChat sends: one frozen class for each kind, with CometChat's names.

`CometChat.events()` yields them. A base class (`Message`, `Call`, `GroupAction`, `Receipt`, `Typing`, `Reaction`,
`AIAssistantEvent`, `Marker`, `Event`) stands for all its subclasses, in `events()` as in `isinstance()`. `as_json()`
returns an event as JSON values.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING

from cometconn._modules import no_such_name

from .base import Event as Event
from .base import Group as Group
from .base import User as User
from .markers import Gap as Gap
from .markers import Marker as Marker
from .markers import Overflow as Overflow
from .markers import Resumed as Resumed
from .markers import UnknownEvent as UnknownEvent
from .markers import UnreadableFrame as UnreadableFrame
from .messages import Attachment as Attachment
from .messages import CardMessage as CardMessage
from .messages import CustomMessage as CustomMessage
from .messages import Interaction as Interaction
from .messages import InteractiveMessage as InteractiveMessage
from .messages import MediaMessage as MediaMessage
from .messages import Message as Message
from .messages import MessageDeleted as MessageDeleted
from .messages import MessageEdited as MessageEdited
from .messages import MessageMark as MessageMark
from .messages import MessageModerated as MessageModerated
from .messages import MessagePinned as MessagePinned
from .messages import MessageSaved as MessageSaved
from .messages import MessageUnpinned as MessageUnpinned
from .messages import MessageUnsaved as MessageUnsaved
from .messages import ReactionCount as ReactionCount
from .messages import TextMessage as TextMessage

if TYPE_CHECKING:
    from .agents import AIAssistantCardEndedEvent as AIAssistantCardEndedEvent
    from .agents import AIAssistantCardReceivedEvent as AIAssistantCardReceivedEvent
    from .agents import AIAssistantCardStartedEvent as AIAssistantCardStartedEvent
    from .agents import AIAssistantContentReceivedEvent as AIAssistantContentReceivedEvent
    from .agents import AIAssistantEvent as AIAssistantEvent
    from .agents import AIAssistantMessage as AIAssistantMessage
    from .agents import AIAssistantMessageEndedEvent as AIAssistantMessageEndedEvent
    from .agents import AIAssistantMessageStartedEvent as AIAssistantMessageStartedEvent
    from .agents import AIAssistantRunFinishedEvent as AIAssistantRunFinishedEvent
    from .agents import AIAssistantRunStartedEvent as AIAssistantRunStartedEvent
    from .agents import AIAssistantToolArgumentEvent as AIAssistantToolArgumentEvent
    from .agents import AIAssistantToolEndedEvent as AIAssistantToolEndedEvent
    from .agents import AIAssistantToolResultEvent as AIAssistantToolResultEvent
    from .agents import AIAssistantToolStartedEvent as AIAssistantToolStartedEvent
    from .agents import AIToolArgumentMessage as AIToolArgumentMessage
    from .agents import AIToolResultMessage as AIToolResultMessage
    from .agents import MessageElement as MessageElement
    from .agents import ToolCall as ToolCall
    from .calls import Call as Call
    from .calls import CallEnded as CallEnded
    from .calls import IncomingCall as IncomingCall
    from .calls import IncomingCallCancelled as IncomingCallCancelled
    from .calls import OutgoingCallAccepted as OutgoingCallAccepted
    from .calls import OutgoingCallRejected as OutgoingCallRejected
    from .conversations import Conversation as Conversation
    from .conversations import ConversationMark as ConversationMark
    from .conversations import ConversationPinned as ConversationPinned
    from .conversations import ConversationUnpinned as ConversationUnpinned
    from .conversations import FeedItem as FeedItem
    from .conversations import FeedItemReceived as FeedItemReceived
    from .groups import GroupAction as GroupAction
    from .groups import GroupMember as GroupMember
    from .groups import GroupMemberAdded as GroupMemberAdded
    from .groups import GroupMemberBanned as GroupMemberBanned
    from .groups import GroupMemberJoined as GroupMemberJoined
    from .groups import GroupMemberKicked as GroupMemberKicked
    from .groups import GroupMemberLeft as GroupMemberLeft
    from .groups import GroupMemberScopeChanged as GroupMemberScopeChanged
    from .groups import GroupMemberUnbanned as GroupMemberUnbanned
    from .json_values import as_json as as_json
    from .signals import InteractionGoalCompleted as InteractionGoalCompleted
    from .signals import MessagesDelivered as MessagesDelivered
    from .signals import MessagesDeliveredToAll as MessagesDeliveredToAll
    from .signals import MessagesRead as MessagesRead
    from .signals import MessagesReadByAll as MessagesReadByAll
    from .signals import Presence as Presence
    from .signals import Reaction as Reaction
    from .signals import ReactionAdded as ReactionAdded
    from .signals import ReactionRemoved as ReactionRemoved
    from .signals import Receipt as Receipt
    from .signals import TransientMessage as TransientMessage
    from .signals import Typing as Typing
    from .signals import TypingEnded as TypingEnded
    from .signals import TypingStarted as TypingStarted
    from .signals import UserOffline as UserOffline
    from .signals import UserOnline as UserOnline

__all__ = [
    "AIAssistantCardEndedEvent",
    "AIAssistantCardReceivedEvent",
    "AIAssistantCardStartedEvent",
    "AIAssistantContentReceivedEvent",
    "AIAssistantEvent",
    "AIAssistantMessage",
    "AIAssistantMessageEndedEvent",
    "AIAssistantMessageStartedEvent",
    "AIAssistantRunFinishedEvent",
    "AIAssistantRunStartedEvent",
    "AIAssistantToolArgumentEvent",
    "AIAssistantToolEndedEvent",
    "AIAssistantToolResultEvent",
    "AIAssistantToolStartedEvent",
    "AIToolArgumentMessage",
    "AIToolResultMessage",
    "Attachment",
    "Call",
    "CallEnded",
    "CardMessage",
    "Conversation",
    "ConversationMark",
    "ConversationPinned",
    "ConversationUnpinned",
    "CustomMessage",
    "Event",
    "FeedItem",
    "FeedItemReceived",
    "Gap",
    "Group",
    "GroupAction",
    "GroupMember",
    "GroupMemberAdded",
    "GroupMemberBanned",
    "GroupMemberJoined",
    "GroupMemberKicked",
    "GroupMemberLeft",
    "GroupMemberScopeChanged",
    "GroupMemberUnbanned",
    "IncomingCall",
    "IncomingCallCancelled",
    "Interaction",
    "InteractionGoalCompleted",
    "InteractiveMessage",
    "Marker",
    "MediaMessage",
    "Message",
    "MessageDeleted",
    "MessageEdited",
    "MessageElement",
    "MessageMark",
    "MessageModerated",
    "MessagePinned",
    "MessageSaved",
    "MessageUnpinned",
    "MessageUnsaved",
    "MessagesDelivered",
    "MessagesDeliveredToAll",
    "MessagesRead",
    "MessagesReadByAll",
    "OutgoingCallAccepted",
    "OutgoingCallRejected",
    "Overflow",
    "Presence",
    "Reaction",
    "ReactionAdded",
    "ReactionCount",
    "ReactionRemoved",
    "Receipt",
    "Resumed",
    "TextMessage",
    "ToolCall",
    "TransientMessage",
    "Typing",
    "TypingEnded",
    "TypingStarted",
    "UnknownEvent",
    "UnreadableFrame",
    "User",
    "UserOffline",
    "UserOnline",
    "as_json",
]

_LATER = ("signals", "groups", "calls", "conversations", "agents", "json_values")
"""Modules that are imported when one of their names is first used. They hold two thirds of the classes and take a fifth of
the time that a new process needs for its first client, which uses none of them."""


if not TYPE_CHECKING:  # otherwise a type checker would accept every name

    def __getattr__(name: str) -> object:
        for module in _LATER if name in __all__ else ():
            found = vars(importlib.import_module(f"{__name__}.{module}"))
            if name in found:
                value = globals()[name] = found[name]
                return value
        return no_such_name(__name__, __all__, name)


def __dir__() -> list[str]:
    return sorted(__all__)
