"""The results of a script of lifecycle events."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import attrs

from cometconn.emulator.log import Kind

if TYPE_CHECKING:
    from cometconn.emulator.log import Entry, ServerLog

    from .actions import Action

__all__ = ["SocketLog", "Step", "Transcript", "read_log"]


@attrs.frozen
class Step:
    """What was seen from one action until all tasks were blocked.

    Attributes:
        action: the action.
        at: when all tasks were blocked, in seconds since the script began.
        statuses: the client's statuses in this step: the reason of a `Disconnected`, otherwise the name of the class;
            `Waiting` with the time of the retry.
        outcomes: the calls that ended: the number of the action that made the call, and `ok`, `cancelled`, or the
            class of the error, with its reason if it has one.
        events: the events that the stream yielded: the class, and the text of a message.
        returned: the client's status when `enter_background()`, `enter_foreground()` or `retry_now()` returned, before
            any other task ran; `None` for every other action.
        status: the client's status at the end of the step; `None` if no client is open.
    """

    action: Action
    at: float
    statuses: tuple[str, ...]
    outcomes: tuple[tuple[int, str], ...]
    events: tuple[str, ...]
    returned: str | None
    status: str | None


@attrs.frozen
class Transcript:
    """The results of a script. All times are in seconds since the script began.

    Attributes:
        steps: one for each action.
        dials: when the client dialled.
        closes: the close frames with which the client began a closing handshake: when, and with which code.
        pings: when the server received a ping frame of the application or of the library.
        auths: when the server received an auth frame, and whether it was `accepted`, `refused` or `unanswered`.
        most_sockets: the largest number of sockets that were open on the client's side, or being dialled, at a time.
        sockets_left: how many of them were still open after a client was left.
    """

    steps: tuple[Step, ...]
    dials: tuple[float, ...]
    closes: tuple[tuple[float, int | None], ...]
    pings: tuple[float, ...]
    auths: tuple[tuple[float, str], ...]
    most_sockets: int
    sockets_left: int


@attrs.frozen
class SocketLog:
    """What the server's log contains about the client's sockets: see `Transcript`."""

    closes: tuple[tuple[float, int | None], ...]
    pings: tuple[float, ...]
    auths: tuple[tuple[float, str], ...]


def read_log(log: ServerLog, began: float) -> SocketLog:
    """Read the server's log, with times counted from *began*."""

    def since(entry: Entry) -> float:
        return round(entry.at - began, 6)

    closed_by_us, closes = set(), []
    for entry in log.of(Kind.CLOSE_IN, Kind.CLOSE_OUT):
        if entry.kind is Kind.CLOSE_OUT:
            closed_by_us.add(entry.connection)
        elif entry.connection not in closed_by_us:
            closes.append((since(entry), entry.detail["code"]))
    return SocketLog(
        tuple(closes),
        tuple(since(entry) for entry in log.of(Kind.FRAME_IN) if _is_ping(entry)),
        tuple((since(entry), entry.detail["outcome"]) for entry in log.of(Kind.AUTH)),
    )


def _is_ping(entry: Entry) -> bool:
    frame = entry.detail.get("frame")
    return isinstance(frame, Mapping) and frame.get("action") == "ping"
