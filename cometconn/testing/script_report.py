"""What a script of lifecycle events led to."""

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
    """What was seen between one action and the next, everybody having done what they could.

    Attributes:
        action: what was done.
        at: when all was quiet again, in seconds since the script began.
        statuses: the statuses the client went through: a reason for `Disconnected`, else the class's
            name; `Waiting` with the time of the retry.
        outcomes: which calls ended: the number of their action, and `ok`, `cancelled`, or the error's
            class (with its reason).
        events: what the event stream gave: the class, and a message's text.
        returned: the client's status as `enter_background()`, `enter_foreground()` or `retry_now()` returned,
            before any other task ran; `None` for every other action.
        status: the client's status at the end of the step; `None` when there is no client.
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
    """What a script led to.

    Attributes:
        steps: one for each action.
        dials: when the client dialled, in seconds since the script began.
        closes: the goodbyes that the client began, as the server saw them: when, and with which code.
        pings: when the server got a ping frame, the application's and the library's own.
        auths: when the server got an auth frame, and whether it was `accepted`, `refused` or `unanswered`.
        most_sockets: the largest number of sockets at once, as the client's side sees it: open, or being dialled.
        sockets_left: how many of them were not closed when a client had been left.
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
    """What the server's log says of the client's sockets: see `Transcript`."""

    closes: tuple[tuple[float, int | None], ...]
    pings: tuple[float, ...]
    auths: tuple[tuple[float, str], ...]


def read_log(log: ServerLog, began: float) -> SocketLog:
    """Read it, with times counted from *began*."""

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
