"""Filters what httpcore2 and trio-websocket log at DEBUG about our connections.

httpcore2 logs the head of each response and trio-websocket each frame, so a server that repeats a token would put it
into the log. What they log about other connections in the same process is not changed.
"""

from __future__ import annotations

import contextvars
import logging
import re
from typing import Final

__all__ = ["OURS"]

OURS: Final = contextvars.ContextVar("cometconn's own connection", default=False)
"""`True` in the tasks, and during the calls, in which these libraries work for us."""

_LOGGERS = ("httpcore2.http11", "trio-websocket")
_FOREIGN = re.compile(
    r"( return_value=| exception=| received event:| received unknown event type:| websocket closed| ping| pong"
    r"| remote protocol error:).*",
    re.DOTALL,
)


def _without_foreign_words(record: logging.LogRecord) -> bool:
    """Remove what the server sent from a record about a connection of ours. A logging filter that passes all records."""
    if OURS.get() and (found := _FOREIGN.search(text := record.getMessage())) is not None:
        record.msg, record.args = f"{text[: found.end(1)]} (not shown)", ()
    return True


for _name in _LOGGERS:
    logging.getLogger(_name).addFilter(_without_foreign_words)
