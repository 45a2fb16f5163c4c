"""Writes all messages to the socket: directly if the socket takes them without waiting, otherwise in a task."""

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
    """Writes the outbox of a link. A task runs only while the socket does not accept a frame at once.

    Attributes:
        machine: its `lost()` is called when writing fails, and its `frames_sent` is incremented for each frame.
        link: the link whose outbox is written.
        websocket: the WebSocket of the link.
        nursery: the nursery of the lease, in which the task is started.
    """

    machine: Machine
    link: Link
    websocket: WebSocket
    nursery: trio.Nursery

    def begin(self) -> None:
        """Write the first frame of the outbox, or start `run()` if the socket is full.

        Called when a frame was added to an empty outbox.
        """
        if self.websocket.send_nowait(self.link.outbox[0].text):
            self._written()
        else:
            self.nursery.start_soon(self.run, name="cometconn.writer")

    @trio.lowlevel.enable_ki_protection
    async def run(self) -> None:
        """Write the frames in order until the outbox is empty. The end of the lease cancels this task and empties the outbox.

        A frame is left half written only when the lease ends. A cancelled `ping()` leaves its frame in the outbox. Other
        cancelled calls remove theirs, unless it is the first one, which may be half written. A frame is removed only
        after it was written, so the outbox is not empty while this task runs, and `begin()` is not called again.
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
        if self.link.outbox:  # the end of the lease empties it
            self.link.outbox.pop(0).done.set()
