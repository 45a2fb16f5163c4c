"""What alone writes messages to the socket: at once where it can, else in a task."""

from __future__ import annotations

from typing import TYPE_CHECKING

import attrs
import trio

from cometconn._transport.abc import WebSocketError

if TYPE_CHECKING:
    from cometconn._transport.abc import WebSocket

    from .link import Link
    from .machine import Machine

__all__ = ["Writer"]


@attrs.frozen(eq=False)
class Writer:
    """Writes what is in the outbox of a link. There is a task only while something in it has to wait.

    Attributes:
        machine: is told of a socket that breaks.
        link: whose outbox it is.
        websocket: where the frames go.
        nursery: the tasks in the lease.
    """

    machine: Machine
    link: Link
    websocket: WebSocket
    nursery: trio.Nursery

    def begin(self) -> None:
        """Write the frame that has come into an empty outbox, now or in a task."""
        if self.websocket.send_nowait(self.link.outbox[0].text):
            self._written()
        else:
            self.nursery.start_soon(self.run, name="cometconn.writer")

    @trio.lowlevel.enable_ki_protection
    async def run(self) -> None:
        """Write, in order, until the outbox is empty or the lease ends, which empties it.

        A frame is cut in the middle only by the end of the lease; the cancelled user of
        `ping()` or `start_typing()` leaves the frame here, whole. It leaves the outbox once it
        is written: so while this task runs there is one, and nobody starts another.
        """
        outbox = self.link.outbox
        while outbox:
            try:
                await self.websocket.send(outbox[0].text)
            except WebSocketError as error:
                self.machine.lost(self.link, error)
                return
            self._written()

    def _written(self) -> None:
        self.machine.frames_sent += 1
        if self.link.outbox:  # the lease may have ended meanwhile, and emptied it
            self.link.outbox.pop(0).done.set()
