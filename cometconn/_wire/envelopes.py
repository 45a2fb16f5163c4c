"""The frames that come often, as msgspec decodes them: an envelope, and in it a message or a signal."""

from __future__ import annotations

from typing import TypeAlias

from .shapes import Body, Json, JsonMapping, Party, Shape

__all__ = [
    "Frame",
    "MessageFrame",
    "PresenceFrame",
    "ReactionFrame",
    "ReceiptFrame",
    "StepFrame",
    "TransientFrame",
    "TypingFrame",
]


class _Signal(Shape):
    """A body without a receiver: CometChat's signals name it in the envelope."""

    receiver: None = None
    receiver_type: None = None


class ReceiptBody(_Signal, kw_only=True):
    """How far somebody has received or read."""

    action: str
    message_id: int | str
    user: Party
    timestamp: int | None = None


class TypingBody(_Signal, kw_only=True):
    """Whether somebody types."""

    action: str
    user: Party
    metadata: JsonMapping | None = None


class PresenceBody(Shape):
    """Whether somebody is there."""

    action: str
    user: Party
    timestamp: int | None = None


class TransientBody(_Signal, kw_only=True):
    """Data that is kept nowhere."""

    user: Party
    data: Json = None


class ReactionBody(_Signal, kw_only=True):
    """What somebody feels about a message."""

    action: str
    message_id: int | str
    reaction: str
    reacted_by: Party
    id: str | None = None
    uid: str | None = None
    reacted_at: int | None = None
    conversation_id: str | None = None
    parent_id: int | str | None = None


class StepBody(Shape):
    """One step of an AI agent's run."""

    type: str
    id: int | str | None = None
    conversation_id: str | None = None
    parent_id: int | str | None = None
    data: JsonMapping | None = None


class _Envelope(Shape, tag_field="type"):
    """What surrounds every body. An `action` beside the `type` would make it a pong."""

    app_id: str | None = None
    receiver: str | None = None
    receiver_type: str | None = None
    device_id: str | None = None
    sender: str | None = None
    action: None = None
    message_sender: str | None = None


class MessageFrame(_Envelope, tag="message", kw_only=True):
    """A message."""

    body: Body


class ReceiptFrame(_Envelope, tag="receipts", kw_only=True):
    """A receipt."""

    body: ReceiptBody


class TypingFrame(_Envelope, tag="typing_indicator", kw_only=True):
    """A sign of typing."""

    body: TypingBody


class PresenceFrame(_Envelope, tag="presence", kw_only=True):
    """A change of presence."""

    body: PresenceBody


class TransientFrame(_Envelope, tag="transient_message", kw_only=True):
    """A transient message."""

    body: TransientBody


class ReactionFrame(_Envelope, tag="reaction", kw_only=True):
    """A reaction."""

    body: ReactionBody


class StepFrame(_Envelope, tag="streamed_message", kw_only=True):
    """A step of an AI agent."""

    body: StepBody


Frame: TypeAlias = (
    MessageFrame | ReceiptFrame | TypingFrame | PresenceFrame | TransientFrame | ReactionFrame | StepFrame
)
"""A frame of a kind that comes often."""
