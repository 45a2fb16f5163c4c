"""CometChat's listeners, and what its clients pass to each: written by hand, from what those clients did.

It is independent of the decoders: nothing here is read from the table from which they are made.
"""

from __future__ import annotations

import datetime
from collections.abc import Callable
from typing import Any

from cometconn import events

__all__ = ["LISTENERS", "STEPS", "as_listeners_see_it", "class_of", "subjects"]

LISTENERS: dict[str, type[events.Event]] = {
    "onTextMessageReceived": events.TextMessage,
    "onMediaMessageReceived": events.MediaMessage,
    "onCustomMessageReceived": events.CustomMessage,
    "onInteractiveMessageReceived": events.InteractiveMessage,
    "onCardMessageReceived": events.CardMessage,
    "onAIAssistantMessageReceived": events.AIAssistantMessage,
    "onAIToolArgumentsReceived": events.AIToolArgumentMessage,
    "onAIToolResultReceived": events.AIToolResultMessage,
    "onMessageEdited": events.MessageEdited,
    "onMessageDeleted": events.MessageDeleted,
    "onMessageModerated": events.MessageModerated,
    "onMessagesDelivered": events.MessagesDelivered,
    "onMessagesRead": events.MessagesRead,
    "onMessagesDeliveredToAll": events.MessagesDeliveredToAll,
    "onMessagesReadByAll": events.MessagesReadByAll,
    "onTypingStarted": events.TypingStarted,
    "onTypingEnded": events.TypingEnded,
    "onTransientMessageReceived": events.TransientMessage,
    "onMessageReactionAdded": events.ReactionAdded,
    "onMessageReactionRemoved": events.ReactionRemoved,
    "onInteractionGoalCompleted": events.InteractionGoalCompleted,
    "onMessagePinned": events.MessagePinned,
    "onMessageUnpinned": events.MessageUnpinned,
    "onMessageSaved": events.MessageSaved,
    "onMessageUnsaved": events.MessageUnsaved,
    "onUserOnline": events.UserOnline,
    "onUserOffline": events.UserOffline,
    "onGroupMemberJoined": events.GroupMemberJoined,
    "onGroupMemberLeft": events.GroupMemberLeft,
    "onGroupMemberKicked": events.GroupMemberKicked,
    "onGroupMemberBanned": events.GroupMemberBanned,
    "onGroupMemberUnbanned": events.GroupMemberUnbanned,
    "onGroupMemberScopeChanged": events.GroupMemberScopeChanged,
    "onMemberAddedToGroup": events.GroupMemberAdded,
    "onIncomingCallReceived": events.IncomingCall,
    "onOutgoingCallAccepted": events.OutgoingCallAccepted,
    "onOutgoingCallRejected": events.OutgoingCallRejected,
    "onIncomingCallCancelled": events.IncomingCallCancelled,
    "onCallEndedMessageReceived": events.CallEnded,
    "onConversationPinned": events.ConversationPinned,
    "onConversationUnpinned": events.ConversationUnpinned,
    "onFeedItemReceived": events.FeedItemReceived,
}
STEPS: dict[str, type[events.Event]] = {
    "run_started": events.AIAssistantRunStartedEvent,
    "run_finished": events.AIAssistantRunFinishedEvent,
    "text_message_start": events.AIAssistantMessageStartedEvent,
    "text_message_content": events.AIAssistantContentReceivedEvent,
    "text_message_end": events.AIAssistantMessageEndedEvent,
    "tool_call_start": events.AIAssistantToolStartedEvent,
    "tool_call_args": events.AIAssistantToolArgumentEvent,
    "tool_call_end": events.AIAssistantToolEndedEvent,
    "tool_call_result": events.AIAssistantToolResultEvent,
    "card_start": events.AIAssistantCardStartedEvent,
    "card": events.AIAssistantCardReceivedEvent,
    "card_end": events.AIAssistantCardEndedEvent,
}
"""One listener, `onAIAssistantEventReceived`, gets all the steps of an AI agent's run: the class distinguishes them."""

_GETTERS = {
    "threadId": "thread_id",
    "runId": "run_id",
    "cardId": "card_id",
    "streamMessageId": "stream_message_id",
    "toolCallId": "tool_call_id",
    "toolCallName": "tool_call_name",
    "toolCalls": "tool_calls",
    "displayName": "display_name",
    "executionText": "execution_text",
    "fallbackText": "fallback_text",
    "conversationText": "conversation_text",
    "messageId": "message_id",
    "parentMessageId": "parent_message_id",
    "replyCount": "reply_count",
    "unreadRepliesCount": "unread_replies_count",
    "quotedMessageId": "quoted_message_id",
    "deliveredToMeAt": "delivered_to_me_at",
    "readByMeAt": "read_by_me_at",
    "pinnedAt": "pinned_at",
    "pinnedBy": "pinned_by",
    "savedAt": "saved_at",
    "sentAt": "sent_at",
    "deliveredAt": "delivered_at",
    "readAt": "read_at",
    "moderationStatus": "moderation_status",
    "mentionedUsers": "mentions",
    "hasMentionedMe": "has_mentioned_me",
    "isThreadSubscribed": "thread_subscribed",
    "conversationId": "conversation_id",
    "conversationType": "conversation_type",
    "conversationWith": "conversation_with",
    "lastMessage": "last_message",
    "unreadMessageCount": "unread_message_count",
    "unreadMentionsCount": "unread_mentions_count",
    "lastReadMessageId": "last_read_message_id",
    "latestMessageId": "latest_message_id",
    "receiverType": "receiver_type",
    "session": "session_id",
}
"""What the getters of CometChat's clients are called, without their `get`, and our attributes; others have one name."""
_IDS = {"id", "messageId", "parentMessageId", "quotedMessageId", "lastReadMessageId", "latestMessageId"}
"""Numbers of ours that are text there."""


def class_of(example: dict[str, Any]) -> type[events.Event]:
    """Return the class that the frame of a golden example must become: by its listener, never by its words."""
    [listener] = example["listener"]
    name = listener.partition(".")[2]
    if name == "onAIAssistantEventReceived":
        return STEPS.get(example["frame"]["body"]["type"], events.AIAssistantEvent)
    return LISTENERS[name]


def as_listeners_see_it(subject: Any, getter: str) -> object:
    """Return what CometChat's *getter* gives for *subject*."""
    receiver = getattr(subject, "receiver", None)
    if getter == "receiverId":
        return receiver.id if receiver else None
    if getter == "receiverType" and not isinstance(subject, events.FeedItem):
        return receiver.receiver_type if receiver else None
    if getter == "action" and not hasattr(subject, "action"):
        return subject.status
    if getter == "reaction" and isinstance(subject, events.Reaction):
        return subject.reacted_by.uid
    value = getattr(subject, _GETTERS.get(getter, getter))
    if getter == "timestamp" and isinstance(subject, events.AIAssistantEvent):
        return round(value.timestamp() * 1000)
    return str(value) if getter in _IDS else _plain(value)


_PLAIN: dict[type[Any], Callable[[Any], object]] = {
    datetime.datetime: lambda time: int(time.timestamp()),
    events.User: lambda user: user.uid,
    events.Group: lambda group: group.guid,
    events.Attachment: lambda file: file.url,
    events.MessageElement: lambda part: part.type,
    events.ReactionCount: lambda one: {
        "reaction": one.reaction,
        "count": one.count,
        "reactedByMe": one.reacted_by_me,
    },
    events.ToolCall: lambda call: {
        "id": call.id,
        "type": call.type,
        "displayName": call.display_name or "",
        "executionText": call.execution_text or "",
    },
    tuple: lambda several: [_plain(item) for item in several],
}


def _plain(value: object) -> object:
    if isinstance(value, events.Message):
        return str(value.id)
    made = _PLAIN.get(type(value))
    return made(value) if made else value


_HANDED_OVER: tuple[tuple[tuple[type[Any], ...], str], ...] = (
    ((events.MessageEdited, events.MessageDeleted, events.MessageModerated, events.MessageMark), "message"),
    ((events.ConversationMark,), "conversation"),
    ((events.FeedItemReceived,), "item"),
    ((events.Presence,), "user"),
    ((events.GroupMemberScopeChanged,), "self user new_scope old_scope group"),
    ((events.GroupMemberJoined, events.GroupMemberLeft), "self user group"),
    ((events.GroupAction,), "self user by group"),
    ((events.Event,), "self"),
)


def subjects(event: Any) -> list[object]:
    """Return what CometChat hands to the listener for *event*, in order."""
    names = next(names for kinds, names in _HANDED_OVER if isinstance(event, kinds))
    return [event if name == "self" else getattr(event, name) for name in names.split()]
