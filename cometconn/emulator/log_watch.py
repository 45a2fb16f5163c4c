"""The log as server-sent events (WHATWG HTML, section 9.2), for a page that watches it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import attrs
import trio

from .controls import entry_json
from .jsontext import render

if TYPE_CHECKING:
    from .log import ServerLog

__all__ = ["AT_ONCE", "HEARTBEAT", "LogWatch"]

HEARTBEAT: Final = 5.0
"""Seconds between two signs of life when there is nothing to report."""

AT_ONCE: Final = 500
"""At most this many entries are in one event."""

_GATHER: Final = 0.05
"""Seconds in which entries are gathered: a browser redraws 20 times in a second, not for each of 1,000 frames."""

_RETRY: Final = 1_000
"""Milliseconds after which a browser connects again."""


@attrs.define(eq=False)
class LogWatch:
    """One reader of the log. It keeps nothing but a position, however slow the reader is: the log itself is bounded.

    The events: `hello` first, with the server's id and the position; `entries`, whose id is the number of the last
    one, so that a browser resumes after it; `lost` when entries that were not read are no longer in the log; `beat`.

    Attributes:
        log: the log.
        server: the server's id. It differs after a restart, when the numbers begin again.
        position: the number of the next entry to report; `None` for the end of the log.
    """

    log: ServerLog
    server: str
    position: int | None = None
    _greeted: bool = attrs.field(default=False, init=False)

    async def next_chunk(self) -> bytes:
        """Wait for the next event, or for `HEARTBEAT` seconds, and return its text. A checkpoint."""
        await trio.lowlevel.checkpoint()
        if self.position is None or self.position > self.log.position:
            self.position = self.log.position
        if not self._greeted:
            self._greeted = True
            return f"retry: {_RETRY}\n".encode() + _event(
                "hello", {"server": self.server, "position": self.position, "dropped": self.log.dropped}
            )
        if self.position >= self.log.position:
            with trio.move_on_after(HEARTBEAT) as waited:
                await self.log.wait_news()
            if waited.cancelled_caught:
                return _event("beat", {"now": self.log.now()})
            await trio.sleep(_GATHER)
        if self.position < self.log.dropped:
            lost = self.log.dropped - self.position
            self.position = self.log.dropped
            return _event("lost", {"lost": lost, "position": self.position})
        entries = [entry_json(entry) for entry in self.log.since(self.position, AT_ONCE)]
        self.position += len(entries)
        return _event("entries", entries, self.position - 1)


def _event(name: str, data: Any, number: int | None = None) -> bytes:
    numbered = "" if number is None else f"id: {number}\n"
    return f"{numbered}event: {name}\ndata: {render(data)}\n\n".encode()
