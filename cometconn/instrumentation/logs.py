"""The hook that writes details to the standard library's `logging`."""

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
    connections.CloseFrameSent: logging.DEBUG,
    connections.SocketClosed: logging.DEBUG,
    lease.DeadlineMoved: logging.DEBUG,
    lease.StatusChanged: logging.DEBUG,  # the other details report it with its cause
    lease.DetailsDropped: logging.WARNING,
}


class LogHook:
    """A hook that logs: `open_client(..., hooks=[LogHook()])`.

    A record reads `[APP-1 #3] lost after 812 s: ...`: connection id, generation, description. It also has the attributes
    `connection_id`, `generation` and `detail`, for formatters and filters. Failures that the client recovers from are
    logged as WARNING, failures that need a login as ERROR, normal steps as INFO, and pings and similar as DEBUG. No
    record contains a token or the text of a message.

    Args:
        logger: the logger to use; by default `cometconn.connection`.
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
