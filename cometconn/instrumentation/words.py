"""Describes each detail in a short phrase."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from cometconn._arguments import checked
from cometconn._text.foreign_text import KnownSecrets

from . import attempts, connections, lease

if TYPE_CHECKING:
    from collections.abc import Mapping

    from .detail import Detail

__all__ = ["in_words"]

_PLAIN: Mapping[type, str] = {
    attempts.ClientOpened: "client opened, {0.mode} mode, cometconn {0.version}",
    attempts.AttemptBegun: "dialling {0.url}",
    attempts.Dialled: "dialled in {0.took:.3f} s",
    attempts.Upgraded: "upgraded to WebSocket in {0.took:.3f} s",
    attempts.Authenticated: "authenticated in {0.took:.3f} s, attempt {0.attempt}",
    attempts.AttemptFailed: "attempt {0.attempt} failed: {0.cause}",
    attempts.RenewalBegun: "the token was refused: asking for a new one",
    attempts.TokenRefused: "the token is refused for good: {0.cause}",
    attempts.RetrySet: "attempt {0.attempt} follows in {0.delay:.1f} s",
    connections.PingSent: "ping, by the {0.by}",
    connections.PongReceived: "pong after {0.round_trip:.3f} s",
    connections.EventsReceived: "{0.events} events came, {0.duplicates} of them twice",
    connections.EventsDropped: "a full stream lost {0.dropped} events",
    connections.ReadingPaused: "a stream is full: the socket is not read until the application reads",
    connections.ReadingResumed: "the socket is read again after {0.paused:.1f} s",
    connections.PageFetched: "{0.messages} missed messages were fetched",
    connections.ConnectionLost: "lost after {0.stood:.0f} s: {0.cause}",
    connections.CloseFrameSent: "close frame sent",
    connections.SocketClosed: "socket closed",
    lease.EnteredBackground: "the app is in the background",
    lease.EnteredForeground: "the app is in the foreground",
    lease.MachineSlept: "the machine slept for {0.slept:.0f} s",
    lease.DetailsDropped: "{0.dropped} details were dropped",
}

_ONE: Mapping[type, tuple[str, str]] = {
    connections.EventsReceived: ("events", "1 event came, {0.duplicates} of them twice"),
    connections.EventsDropped: ("dropped", "a full stream lost 1 event"),
    connections.PageFetched: ("messages", "1 missed message was fetched"),
    lease.DetailsDropped: ("dropped", "1 detail was dropped"),
}
"""The field that counts, and the words for one."""

_NO_SECRETS: Final = KnownSecrets()  # details contain no secrets, but a trace file may contain control characters


@checked
def in_words(detail: Detail) -> str:
    """Return a short description of *detail*, without its time. Control characters are escaped."""
    return _NO_SECRETS.masked(_words(detail))


def _words(detail: Detail) -> str:
    match detail:
        case lease.DeadlineMoved(left=left):
            return "the lease has no deadline" if left is None else f"the lease ends in {left:.1f} s"
        case lease.LeaseEnded(reason=reason):
            return f"the lease ended: {reason.value}"
        case lease.StatusChanged(status=status, reason=reason, attempt=attempt):
            return f"{status}: {reason.value}" if reason is not None else f"{status}, attempt {attempt}"
        case connections.GapMarked(since=since, until=until, recovered=recovered):
            outcome = {True: "recovered", None: "messages follow", False: "messages may be missing"}[recovered]
            return f"a gap of {until - since:.1f} s, {outcome}"
        case _:
            counts, one = _ONE.get(type(detail), ("at", ""))
            words = one if one and getattr(detail, counts) == 1 else _PLAIN[type(detail)]
            return words.format(detail)
