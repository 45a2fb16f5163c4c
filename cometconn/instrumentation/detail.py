"""The root of all details, and what a hook is."""

from __future__ import annotations

import datetime
from typing import Protocol

import attrs

__all__ = ["Detail", "Hook"]


@attrs.frozen(kw_only=True)
class Detail:
    """One step of one client, as a hook gets it. Frozen, made of plain values, free of secrets.

    Attributes:
        connection_id: which client of this process: its app id and a number.
        generation: which of its WebSockets: counts every one that was begun, from 1; 0 before the first.
        at: when it happened, on Trio's clock, in seconds.
        at_utc: the same instant on the wall clock.
    """

    connection_id: str
    generation: int
    at: float
    at_utc: datetime.datetime


class Hook(Protocol):
    """Is told every step: any callable that takes a `Detail`. See `open_client(hooks=...)`.

    It is called in Trio's thread, in the order of events, by a task of the client's and not
    inside the step itself: the state is whole, `chat.status` may be asked and tells the
    truth of *that* moment, which may be newer than the detail. `enter_background()` and the
    other synchronous calls do what they do from any other task.

    It must return soon, because nothing else runs meanwhile. What it raises is logged once
    (logger `cometconn`, WARNING, with the traceback) and changes nothing: the hook is called
    again for the next detail. Ctrl-C does not interrupt it.
    """

    def __call__(self, detail: Detail, /) -> object:
        """Take *detail*. The result is ignored."""
        ...
