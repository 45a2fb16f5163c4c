"""The closing handshake of one WebSocket, and how long it may take."""

from __future__ import annotations

import attrs
import trio

__all__ = ["ClosingHandshake"]

_CLOSE_FRAME_TIMEOUT = 0.05
"""Seconds that the close frame gets to be written although a new connection is wanted. Unless the write blocks, it needs none."""


@attrs.define(eq=False)
class ClosingHandshake:
    """Bounds one closing handshake (RFC 6455, section 7.1.2): writing the close frame, then waiting for the server's.

    Attributes:
        scope: the closing handshake runs in it.
    """

    scope: trio.CancelScope
    _written: bool = attrs.field(default=False, init=False)
    _cut: bool = attrs.field(default=False, init=False)

    def end_by(self, deadline: float) -> None:
        """Take no longer than until *deadline*, on Trio's clock."""
        self.scope.deadline = min(self.scope.deadline, deadline)

    def cut(self) -> None:
        """Stop waiting for the server's close frame now, because a new connection is wanted."""
        self._cut = True
        if self._written:
            self.scope.cancel(reason="cometconn: a new connection is wanted")
        else:
            self.end_by(trio.current_time() + _CLOSE_FRAME_TIMEOUT)

    def note_written(self) -> None:
        """Note that our close frame is written."""
        self._written = True
        if self._cut:
            self.cut()
