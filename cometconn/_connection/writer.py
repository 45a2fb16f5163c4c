"""Writes messages to the socket: at once if it takes no waiting, otherwise in a task. Nothing else writes messages."""

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
    """Writes the outbox of a link. There is a task only while a frame has to wait.

    Attributes:
        machine: gets the error when the socket breaks, and counts the frames.
        link: its outbox is written.
        websocket: where the frames go.
        nursery: runs the task, within the lease.
    """

    machine: Machine
    link: Link
    websocket: WebSocket
    nursery: trio.Nursery

    def begin(self) -> None:
        """Write the frame that was put into an empty outbox, now or in a task."""
        if self.websocket.send_nowait(self.link.outbox[0].text):
            self._written()
        else:
            self.nursery.start_soon(self.run, name="cometconn.writer")

    @trio.lowlevel.enable_ki_protection
    async def run(self) -> None:
        """Write, in order, until the outbox is empty or the lease ends, which empties it.

        Only the end of the lease can cut a frame: when a call of `ping()` or `start_typing()` is cancelled, its frame
        stays in the outbox and is written. A frame leaves the outbox when it is written, so while this task runs the
        outbox is not empty, and no second task is started.
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
        if self.link.outbox:  # empty if the lease has ended meanwhile
            self.link.outbox.pop(0).done.set()
