"""What the libraries below us log at DEBUG about our connections, without the server's words.

httpcore2 logs the head of an answer and trio-websocket every frame, as they came: a server that repeats a token would
put it into the log. Other connections of the same process are logged as before.
"""

from __future__ import annotations

import contextvars
import logging
import re
from typing import Final

__all__ = ["OURS"]

OURS: Final = contextvars.ContextVar("cometconn's own connection", default=False)
"""Set in the tasks, or for the time, in which these libraries work for us."""

_LOGGERS = ("httpcore2.http11", "trio-websocket")
_FOREIGN = re.compile(
    r"( return_value=| exception=| received event:| received unknown event type:| websocket closed| ping| pong"
    r"| remote protocol error:).*",
    re.DOTALL,
)


def _without_foreign_words(record: logging.LogRecord) -> bool:
    """Cut what the server said off a record about a connection of ours. A filter: all records pass."""
    if OURS.get() and (found := _FOREIGN.search(text := record.getMessage())) is not None:
        record.msg, record.args = f"{text[: found.end(1)]} (not shown)", ()
    return True


for _name in _LOGGERS:
    logging.getLogger(_name).addFilter(_without_foreign_words)
