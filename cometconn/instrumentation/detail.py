"""The base class of all details, and the protocol of hooks."""

from __future__ import annotations

import datetime
from typing import Protocol

import attrs

__all__ = ["Detail", "Hook"]


@attrs.frozen(kw_only=True)
class Detail:
    """One step of one client, as hooks receive it. It is frozen, consists of plain values and contains no secret.

    Attributes:
        connection_id: the client in this process: its app id and a number.
        generation: the number of its current WebSocket, counted from 1; 0 before the first.
        at: when it happened, on Trio's clock, in seconds.
        at_utc: the same time on the wall clock.
    """

    connection_id: str
    generation: int
    at: float
    at_utc: datetime.datetime


class Hook(Protocol):
    """Is called for every step: any callable that takes a `Detail`. See `open_client(hooks=...)`.

    A task of the client calls it in Trio's thread, in the order of the steps, and after the step is complete. It may
    read `chat.status`, which may already be newer than the detail, and may call `enter_background()` and the other
    synchronous methods as any other task may.

    It must return soon, because no other task runs meanwhile. An exception that it raises is logged once (logger
    `cometconn`, level WARNING, with the traceback) and has no other effect: the hook is called again for the next
    detail. Ctrl-C does not interrupt it.
    """

    def __call__(self, detail: Detail, /) -> object:
        """Handle *detail*. The return value is ignored."""
        ...
