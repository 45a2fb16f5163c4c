"""Calls: the messages that tell how one is going. The sound and the picture are elsewhere."""

from __future__ import annotations

import datetime

import attrs

from .base import User
from .messages import Message

__all__ = [
    "Call",
    "CallEnded",
    "IncomingCall",
    "IncomingCallCancelled",
    "OutgoingCallAccepted",
    "OutgoingCallRejected",
]


@attrs.frozen(kw_only=True)
class Call(Message):
    """News of a call. Each kind is a subclass; `type` is `"audio"` or `"video"`.

    `sender` is who acted: who called, who rejected, and so on.

    Attributes:
        session_id: the call's id: all its news have the same.
        status: CometChat's word for how it stands.
        initiator: who began the call.
        initiated_at: when it began, UTC.
        joined_at: when it was answered, UTC.
    """

    session_id: str | None = None
    status: str
    initiator: User | None = None
    initiated_at: datetime.datetime | None = None
    joined_at: datetime.datetime | None = None


@attrs.frozen(kw_only=True)
class IncomingCall(Call):
    """Somebody calls (CometChat's `onIncomingCallReceived`)."""


@attrs.frozen(kw_only=True)
class OutgoingCallAccepted(Call):
    """Somebody answered the call that the logged-in user made."""


@attrs.frozen(kw_only=True)
class OutgoingCallRejected(Call):
    """Nobody will answer the call that was made: `status` is `"rejected"`, `"busy"` or `"unanswered"`."""


@attrs.frozen(kw_only=True)
class IncomingCallCancelled(Call):
    """The caller gave up: `status` is `"cancelled"` or `"unanswered"`."""


@attrs.frozen(kw_only=True)
class CallEnded(Call):
    """The call is over (CometChat's `onCallEndedMessageReceived`)."""
