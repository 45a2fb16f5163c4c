"""What a script of lifecycle events led to."""

from __future__ import annotations

from typing import TYPE_CHECKING

import attrs

if TYPE_CHECKING:
    from .actions import Action

__all__ = ["Step", "Transcript"]


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
    """

    action: Action
    at: float
    statuses: tuple[str, ...]
    outcomes: tuple[tuple[int, str], ...]
    events: tuple[str, ...]


@attrs.frozen
class Transcript:
    """What a script led to.

    Attributes:
        steps: one for each action.
        dials: when the client dialled, in seconds since the script began.
        closes: the goodbyes that the client began, as the server saw them: when, and with which code.
        most_sockets: the largest number of sockets open at the server at the end of a step.
    """

    steps: tuple[Step, ...]
    dials: tuple[float, ...]
    closes: tuple[tuple[float, int | None], ...]
    most_sockets: int
