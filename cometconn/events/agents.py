"""AI agents: their messages, and the events of a run while it is streamed."""

from __future__ import annotations

import datetime
from collections.abc import Mapping
from typing import Any

import attrs

from .base import _ServerEvent
from .messages import Message

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
    "MessageElement",
    "ToolCall",
]


@attrs.frozen(kw_only=True)
class _AgentMessage(Message):
    """The attributes that the messages of AI agents share."""

    run_id: str | None = None
    thread_id: str | None = None
    data: Mapping[str, Any] = attrs.field(factory=dict, hash=False)


@attrs.frozen(kw_only=True)
class MessageElement:
    """One part of an AI agent's answer.

    Attributes:
        type: the kind of part: `"text"`, `"card"` or another.
        value: a text; for a card, an object with `card` and `cardId`; otherwise any JSON value.
    """

    type: str
    value: Any = attrs.field(default=None, hash=False)


@attrs.frozen(kw_only=True)
class AIAssistantMessage(_AgentMessage):
    """An AI agent answered.

    Attributes:
        text: the answer.
        elements: the parts of the answer in their order, if it has parts.
        run_id, thread_id: the ids of the agent's run, and of the thread that it belongs to.
        data: all data that the server sent about the message.
    """

    text: str | None = None
    elements: tuple[MessageElement, ...] = ()


@attrs.frozen(kw_only=True)
class ToolCall:
    """One use of a tool by an AI agent.

    Attributes:
        id: the id of this use, which its result has, too.
        type: the kind of call (`"function"`).
        name: the tool's name.
        arguments: the tool's arguments: a text of JSON.
        display_name: the name to display.
        execution_text: the text to display while the tool runs.
    """

    id: str | None = None
    type: str | None = None
    name: str | None = None
    arguments: str | None = None
    display_name: str | None = None
    execution_text: str | None = None


@attrs.frozen(kw_only=True)
class AIToolArgumentMessage(_AgentMessage):
    """An AI agent is about to use tools.

    Attributes:
        tool_calls: the tools and their arguments.
        run_id, thread_id: the ids of the agent's run, and of the thread that it belongs to.
        data: all data that the server sent about the message.
    """

    tool_calls: tuple[ToolCall, ...] = ()


@attrs.frozen(kw_only=True)
class AIToolResultMessage(_AgentMessage):
    """A tool that an AI agent used returned its result.

    Attributes:
        text: the result.
        tool_call_id: the id of the tool call.
        run_id, thread_id: the ids of the agent's run, and of the thread that it belongs to.
        data: all data that the server sent about the message.
    """

    text: str | None = None
    tool_call_id: str | None = None


@attrs.frozen(kw_only=True)
class AIAssistantEvent(_ServerEvent):
    """One event of an AI agent's run while it is streamed. Known kinds are subclasses; any other kind is this class.

    Attributes:
        type: the kind of event; empty if the server did not send it.
        conversation_id: the conversation's id, in CometChat's format; empty if the server did not send it.
        message_id: the id of the message that the run answers.
        parent_message_id: the id of the message that begins the thread, if the message is in one.
        timestamp: when it happened, UTC.
        run_id, thread_id: the ids of the agent's run, and of the thread that it belongs to.
        data: all data that the server sent about the event.
        raw: the whole frame. It is neither in the `repr` nor compared.
    """

    type: str = ""
    conversation_id: str = ""
    message_id: int | None = None
    parent_message_id: int | None = None
    timestamp: datetime.datetime | None = None
    run_id: str | None = None
    thread_id: str | None = None
    data: Mapping[str, Any] = attrs.field(factory=dict, hash=False)


@attrs.frozen(kw_only=True)
class AIAssistantRunStartedEvent(AIAssistantEvent):
    """The agent's run started."""


@attrs.frozen(kw_only=True)
class AIAssistantRunFinishedEvent(AIAssistantEvent):
    """The agent's run finished."""


@attrs.frozen(kw_only=True)
class AIAssistantMessageStartedEvent(AIAssistantEvent):
    """The agent starts a text.

    Attributes:
        role: the role of the text's author (`"assistant"`).
    """

    role: str | None = None


@attrs.frozen(kw_only=True)
class AIAssistantContentReceivedEvent(AIAssistantEvent):
    """The next piece of the agent's text.

    Attributes:
        delta: the text to append.
    """

    delta: str = ""


@attrs.frozen(kw_only=True)
class AIAssistantMessageEndedEvent(AIAssistantEvent):
    """The agent's text is complete."""


@attrs.frozen(kw_only=True)
class AIAssistantToolStartedEvent(AIAssistantEvent):
    """The agent starts to use a tool.

    Attributes:
        tool_call_id: the id of the tool call.
        tool_call_name: the tool's name.
        display_name: the name to display.
        execution_text: the text to display while the tool runs.
    """

    tool_call_id: str | None = None
    tool_call_name: str | None = None
    display_name: str | None = None
    execution_text: str | None = None


@attrs.frozen(kw_only=True)
class AIAssistantToolArgumentEvent(AIAssistantEvent):
    """The next piece of a tool's arguments.

    Attributes:
        tool_call_id: the id of the tool call.
        delta: the text to append to the arguments, which are a text of JSON.
    """

    tool_call_id: str | None = None
    delta: str = ""


@attrs.frozen(kw_only=True)
class AIAssistantToolEndedEvent(AIAssistantEvent):
    """A tool's arguments are complete.

    Attributes:
        tool_call_id: the id of the tool call.
    """

    tool_call_id: str | None = None


@attrs.frozen(kw_only=True)
class AIAssistantToolResultEvent(AIAssistantEvent):
    """A tool returned its result.

    Attributes:
        tool_call_id: the id of the tool call.
        content: the result.
        role: the role of the result's author (`"tool"`).
    """

    tool_call_id: str | None = None
    content: str = ""
    role: str | None = None


@attrs.frozen(kw_only=True)
class AIAssistantCardStartedEvent(AIAssistantEvent):
    """The agent starts a card.

    Attributes:
        stream_message_id: the id of the agent's answer that the card is part of.
        card_id: the card's id.
        execution_text: the text to display until the card is received.
    """

    stream_message_id: str | None = None
    card_id: str | None = None
    execution_text: str | None = None


@attrs.frozen(kw_only=True)
class AIAssistantCardReceivedEvent(AIAssistantEvent):
    """The agent's card was received.

    Attributes:
        stream_message_id: the id of the agent's answer that the card is part of.
        card_id: the card's id.
        card: the card's description.
    """

    stream_message_id: str | None = None
    card_id: str | None = None
    card: Mapping[str, Any] = attrs.field(factory=dict, hash=False)


@attrs.frozen(kw_only=True)
class AIAssistantCardEndedEvent(AIAssistantEvent):
    """The agent's card is complete.

    Attributes:
        stream_message_id: the id of the agent's answer that the card is part of.
        card_id: the card's id.
    """

    stream_message_id: str | None = None
    card_id: str | None = None
