"""Details as records of the standard library's `logging`."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from . import attempts, connections, lease
from .words import in_words

if TYPE_CHECKING:
    from collections.abc import Mapping

    from .detail import Detail

__all__ = ["LogHook"]

_LEVELS: Mapping[type, int] = {
    attempts.Dialled: logging.DEBUG,
    attempts.Upgraded: logging.DEBUG,
    attempts.AttemptFailed: logging.WARNING,
    attempts.RenewalBegun: logging.WARNING,
    attempts.TokenRefused: logging.ERROR,
    connections.PingSent: logging.DEBUG,
    connections.PongReceived: logging.DEBUG,
    connections.EventsReceived: logging.DEBUG,
    connections.EventsDropped: logging.WARNING,
    connections.ReadingPaused: logging.WARNING,
    connections.PageFetched: logging.DEBUG,
    connections.ConnectionLost: logging.WARNING,
    connections.GoodbyeSaid: logging.DEBUG,
    connections.SocketClosed: logging.DEBUG,
    lease.DeadlineMoved: logging.DEBUG,
    lease.StatusChanged: logging.DEBUG,  # the other details say it, and why
    lease.DetailsDropped: logging.WARNING,
}


class LogHook:
    """A hook that logs: `open_client(..., hooks=[LogHook()])`.

    A record says `[APP-1 #3] lost after 812 s: ...`: connection id, generation, words. It
    carries the two also as attributes `connection_id` and `generation`, and the detail itself
    as `detail`, for formatters and filters. What mends itself but cost something is a WARNING,
    what only a login mends an ERROR, the course of things INFO, pings and the like DEBUG.
    There are no tokens and no texts of messages in any of them.

    Args:
        logger: where to; by default the logger `cometconn.connection`.
    """

    def __init__(self, logger: logging.Logger | None = None) -> None:
        self._logger: logging.Logger = logger or logging.getLogger("cometconn.connection")

    def __repr__(self) -> str:
        return f"LogHook({self._logger!r})"

    def __call__(self, detail: Detail, /) -> None:
        """Log *detail*."""
        level = _LEVELS.get(type(detail), logging.INFO)
        if self._logger.isEnabledFor(level):
            known = {"connection_id": detail.connection_id, "generation": detail.generation, "detail": detail}
            where = (detail.connection_id, detail.generation)
            self._logger.log(level, "[%s #%d] %s", *where, in_words(detail), extra=known)
