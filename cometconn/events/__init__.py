"""The events that CometChat sends, as classes: one for each kind, frozen, with CometChat's names.

`events()` hands these out. A base class (`Message`, `Call`, `GroupAction`, `Receipt`, `Typing`,
`Reaction`, `Marker`, `Event`) stands for all its subclasses, there and in `isinstance`.
"""

from __future__ import annotations

from .base import Event as Event
from .base import Group as Group
from .base import User as User
from .calls import Call as Call
from .calls import CallEnded as CallEnded
from .calls import IncomingCall as IncomingCall
from .calls import IncomingCallCancelled as IncomingCallCancelled
from .calls import OutgoingCallAccepted as OutgoingCallAccepted
from .calls import OutgoingCallRejected as OutgoingCallRejected
from .groups import GroupAction as GroupAction
from .groups import GroupMemberAdded as GroupMemberAdded
from .groups import GroupMemberBanned as GroupMemberBanned
from .groups import GroupMemberJoined as GroupMemberJoined
from .groups import GroupMemberKicked as GroupMemberKicked
from .groups import GroupMemberLeft as GroupMemberLeft
from .groups import GroupMemberScopeChanged as GroupMemberScopeChanged
from .groups import GroupMemberUnbanned as GroupMemberUnbanned
from .markers import Gap as Gap
from .markers import Marker as Marker
from .markers import Overflow as Overflow
from .markers import Resumed as Resumed
from .markers import UnknownEvent as UnknownEvent
from .markers import UnreadableFrame as UnreadableFrame
from .messages import AIAssistantMessage as AIAssistantMessage
from .messages import AIToolArgumentMessage as AIToolArgumentMessage
from .messages import AIToolResultMessage as AIToolResultMessage
from .messages import Attachment as Attachment
from .messages import CustomMessage as CustomMessage
from .messages import InteractiveMessage as InteractiveMessage
from .messages import MediaMessage as MediaMessage
from .messages import Message as Message
from .messages import MessageDeleted as MessageDeleted
from .messages import MessageEdited as MessageEdited
from .messages import MessageModerated as MessageModerated
from .messages import TextMessage as TextMessage
from .signals import AIAssistantEvent as AIAssistantEvent
from .signals import Interaction as Interaction
from .signals import InteractionGoalCompleted as InteractionGoalCompleted
from .signals import MessagesDelivered as MessagesDelivered
from .signals import MessagesDeliveredToAll as MessagesDeliveredToAll
from .signals import MessagesRead as MessagesRead
from .signals import MessagesReadByAll as MessagesReadByAll
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
    "AIAssistantEvent",
    "AIAssistantMessage",
    "AIToolArgumentMessage",
    "AIToolResultMessage",
    "Attachment",
    "Call",
    "CallEnded",
    "CustomMessage",
    "Event",
    "Gap",
    "Group",
    "GroupAction",
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
    "MessageModerated",
    "MessagesDelivered",
    "MessagesDeliveredToAll",
    "MessagesRead",
    "MessagesReadByAll",
    "OutgoingCallAccepted",
    "OutgoingCallRejected",
    "Overflow",
    "Reaction",
    "ReactionAdded",
    "ReactionRemoved",
    "Receipt",
    "Resumed",
    "TextMessage",
    "TransientMessage",
    "Typing",
    "TypingEnded",
    "TypingStarted",
    "UnknownEvent",
    "UnreadableFrame",
    "User",
    "UserOffline",
    "UserOnline",
]
