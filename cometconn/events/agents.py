"""What AI agents say: their messages, and the steps of a run while it runs."""

from __future__ import annotations

import datetime
from collections.abc import Mapping
from typing import Any

import attrs

from .base import Event, with_lazy_raw
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
    """What is the same in the three messages below."""

    run_id: str | None = None
    thread_id: str | None = None
    data: Mapping[str, Any] = attrs.field(factory=dict, hash=False)


@attrs.frozen(kw_only=True)
class MessageElement:
    """One part of an AI agent's answer.

    Attributes:
        type: the kind of part: `"text"`, `"card"` or another.
        value: a text; of a card, an object with `card` and `cardId`; else any JSON value.
    """

    type: str
    value: Any = attrs.field(default=None, hash=False)


@attrs.frozen(kw_only=True)
class AIAssistantMessage(_AgentMessage):
    """An AI agent answered.

    Attributes:
        text: the answer.
        elements: the parts of the answer, in their order, where it has parts.
        run_id, thread_id: the agent's run, and the thread that it belongs to.
        data: all that the server sent about it.
    """

    text: str | None = None
    elements: tuple[MessageElement, ...] = ()


@attrs.frozen(kw_only=True)
class ToolCall:
    """One use of a tool by an AI agent.

    Attributes:
        id: the call's id; its result has the same.
        type: the kind of call (`"function"`).
        name: the tool.
        arguments: what it is given: JSON, as text.
        display_name: the tool's name for people.
        execution_text: what to show while it runs.
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
        tool_calls: the tools, and what they are given.
        run_id, thread_id: the agent's run, and the thread that it belongs to.
        data: all that the server sent about it.
    """

    tool_calls: tuple[ToolCall, ...] = ()


@attrs.frozen(kw_only=True)
class AIToolResultMessage(_AgentMessage):
    """A tool that an AI agent used gave its result.

    Attributes:
        text: the result.
        tool_call_id: the call it is the result of.
        run_id, thread_id: the agent's run, and the thread that it belongs to.
        data: all that the server sent about it.
    """

    text: str | None = None
    tool_call_id: str | None = None


@with_lazy_raw
@attrs.frozen(kw_only=True)
class AIAssistantEvent(Event):
    """One step of an AI agent's run, while it runs. Each kind is a subclass; a step of another kind is this itself.

    Attributes:
        type: the kind of step; empty if not told.
        conversation_id: the conversation, in CometChat's spelling; empty if not told.
        message_id: the message that the run answers.
        parent_message_id: the message that begins the thread, if the message is in one.
        timestamp: when it happened, UTC.
        run_id, thread_id: the agent's run, and the thread that it belongs to.
        data: all that the server sent about the step.
        raw: the whole frame. Neither shown nor compared.
    """

    type: str = ""
    conversation_id: str = ""
    message_id: int | None = None
    parent_message_id: int | None = None
    timestamp: datetime.datetime | None = None
    run_id: str | None = None
    thread_id: str | None = None
    data: Mapping[str, Any] = attrs.field(factory=dict, hash=False)
    raw: Mapping[str, Any] = attrs.field(factory=dict, repr=False, eq=False)


@attrs.frozen(kw_only=True)
class AIAssistantRunStartedEvent(AIAssistantEvent):
    """The agent begins to work."""


@attrs.frozen(kw_only=True)
class AIAssistantRunFinishedEvent(AIAssistantEvent):
    """The agent has done its work."""


@attrs.frozen(kw_only=True)
class AIAssistantMessageStartedEvent(AIAssistantEvent):
    """The agent begins a text.

    Attributes:
        role: whose text it is (`"assistant"`).
    """

    role: str | None = None


@attrs.frozen(kw_only=True)
class AIAssistantContentReceivedEvent(AIAssistantEvent):
    """More of the agent's text.

    Attributes:
        delta: what is to be appended.
    """

    delta: str = ""


@attrs.frozen(kw_only=True)
class AIAssistantMessageEndedEvent(AIAssistantEvent):
    """The agent's text is complete."""


@attrs.frozen(kw_only=True)
class AIAssistantToolStartedEvent(AIAssistantEvent):
    """The agent begins to use a tool.

    Attributes:
        tool_call_id: the call's id.
        tool_call_name: the tool.
        display_name: the tool's name for people.
        execution_text: what to show while it runs.
    """

    tool_call_id: str | None = None
    tool_call_name: str | None = None
    display_name: str | None = None
    execution_text: str | None = None


@attrs.frozen(kw_only=True)
class AIAssistantToolArgumentEvent(AIAssistantEvent):
    """More of what a tool is given.

    Attributes:
        tool_call_id: the call's id.
        delta: what is to be appended to the arguments, which are JSON as text.
    """

    tool_call_id: str | None = None
    delta: str = ""


@attrs.frozen(kw_only=True)
class AIAssistantToolEndedEvent(AIAssistantEvent):
    """All that a tool is given has come.

    Attributes:
        tool_call_id: the call's id.
    """

    tool_call_id: str | None = None


@attrs.frozen(kw_only=True)
class AIAssistantToolResultEvent(AIAssistantEvent):
    """A tool gave its result.

    Attributes:
        tool_call_id: the call's id.
        content: the result.
        role: whose words it is (`"tool"`).
    """

    tool_call_id: str | None = None
    content: str = ""
    role: str | None = None


@attrs.frozen(kw_only=True)
class AIAssistantCardStartedEvent(AIAssistantEvent):
    """The agent begins a card.

    Attributes:
        stream_message_id: the agent's answer that the card is part of.
        card_id: the card's id.
        execution_text: what to show until the card is here.
    """

    stream_message_id: str | None = None
    card_id: str | None = None
    execution_text: str | None = None


@attrs.frozen(kw_only=True)
class AIAssistantCardReceivedEvent(AIAssistantEvent):
    """The agent's card is here.

    Attributes:
        stream_message_id: the agent's answer that the card is part of.
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
        stream_message_id: the agent's answer that the card is part of.
        card_id: the card's id.
    """

    stream_message_id: str | None = None
    card_id: str | None = None
