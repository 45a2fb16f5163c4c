"""A goodbye, and how long it may take."""

from __future__ import annotations

import attrs
import trio

__all__ = ["Farewell"]

_LAST_WORD = 0.05
"""So many seconds the close frame has to leave although a new connection is wanted: none, unless the write blocks."""


@attrs.define(eq=False)
class Farewell:
    """Bounds one goodbye: the close frame, and then the wait for its answer.

    Attributes:
        scope: the goodbye runs in it.
    """

    scope: trio.CancelScope
    _said: bool = attrs.field(default=False, init=False)
    _cut: bool = attrs.field(default=False, init=False)

    def end_by(self, deadline: float) -> None:
        """Take no longer than until *deadline*, on Trio's clock."""
        self.scope.deadline = min(self.scope.deadline, deadline)

    def cut(self) -> None:
        """Stop waiting for the answer, now; a new connection is wanted."""
        self._cut = True
        if self._said:
            self.scope.cancel(reason="cometconn: a new connection is wanted")
        else:
            self.end_by(trio.current_time() + _LAST_WORD)

    def said(self) -> None:
        """Note that the close frame is written."""
        self._said = True
        if self._cut:
            self.cut()
