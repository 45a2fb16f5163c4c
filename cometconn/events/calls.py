"""Calls: the messages that signal them. Audio and video are not part of this library."""

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
    """The base class of call messages. `type` is `"audio"` or `"video"`.

    `sender` is the user who acted: who called, rejected, and so on.

    Attributes:
        session_id: the call's id, which is the same in all messages of one call.
        status: CometChat's status of the call.
        initiator: the user who started the call.
        initiated_at: when it was started, UTC.
        joined_at: when it was accepted, UTC.
    """

    session_id: str | None = None
    status: str
    initiator: User | None = None
    initiated_at: datetime.datetime | None = None
    joined_at: datetime.datetime | None = None


@attrs.frozen(kw_only=True)
class IncomingCall(Call):
    """Another user calls (CometChat's `onIncomingCallReceived`)."""


@attrs.frozen(kw_only=True)
class OutgoingCallAccepted(Call):
    """The call that the logged-in user made was accepted."""


@attrs.frozen(kw_only=True)
class OutgoingCallRejected(Call):
    """The call that the logged-in user made was not accepted: `status` is `"rejected"`, `"busy"` or `"unanswered"`."""


@attrs.frozen(kw_only=True)
class IncomingCallCancelled(Call):
    """The caller cancelled the call, or it was not accepted in time: `status` is `"cancelled"` or `"unanswered"`."""


@attrs.frozen(kw_only=True)
class CallEnded(Call):
    """The call ended (CometChat's `onCallEndedMessageReceived`)."""
