"""Counting what came and could not be read, with a warning at most once a minute."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import TYPE_CHECKING, Final

import attrs
import trio

from cometconn.events import UnreadableFrame

if TYPE_CHECKING:
    from cometconn.errors import DecodeError

__all__ = ["Unread"]

_MINUTE: Final = 60.0
_logger: Final = logging.getLogger("cometconn")


@attrs.define(eq=False)
class Unread:
    """What one client could not read.

    Attributes:
        frames: how many frames and fetched messages became an `UnreadableFrame`, and how many elements of lists were left
            out.
    """

    frames: int = 0
    _fields: Counter[str] | None = None
    _silent_until: float = float("-inf")

    @property
    def fields(self) -> Mapping[str, int]:
        """How often each optional attribute could not be read: `"TextMessage data.metadata"`."""
        return MappingProxyType(dict(self._fields or {}))

    def note(self, unread: Sequence[str] | UnreadableFrame) -> None:
        """Count the attributes of a frame that could not be read, or a frame that could not be read at all."""
        if isinstance(unread, UnreadableFrame):
            self.frames += 1
            self._warn(f"A frame from the server could not be read: {unread.error.message}", "frames_unreadable")
        else:
            self._fields = Counter() if self._fields is None else self._fields
            self._fields.update(unread)
            self._warn(
                f"What the server sent as {unread[0]} could not be read; the attribute has its default.",
                "fields_unread",
            )

    def note_left_out(self, error: DecodeError) -> None:
        """Count an element of a list from the server that could not be read, and that no program gets therefore."""
        self.frames += 1
        self._warn(f"An element of a list from the server is left out: {error.message}", "frames_unreadable", kept="")

    def _warn(self, what: str, counter: str, kept: str = " `raw` has it as it came.") -> None:
        now = trio.current_time()
        if now >= self._silent_until:
            self._silent_until = now + _MINUTE
            _logger.warning("%s%s For a minute, more of this is only counted, in statistics().%s.", what, kept, counter)
