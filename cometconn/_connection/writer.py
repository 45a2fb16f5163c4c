"""The task that alone writes messages to the socket."""

from __future__ import annotations

from typing import TYPE_CHECKING

import trio

from cometconn._transport.abc import WebSocketError

if TYPE_CHECKING:
    from cometconn._transport.abc import WebSocket

    from .link import Link
    from .machine import Machine

__all__ = ["writer"]


@trio.lowlevel.enable_ki_protection
async def writer(machine: Machine, link: Link, websocket: WebSocket) -> None:
    """Write what is in the link's outbox, in order, until the lease ends.

    A frame is cut in the middle only by the end of the lease; the cancelled user of
    `ping()` or `start_typing()` leaves the frame here, whole.
    """
    while not link.over:
        if not link.outbox:
            await link.outbox_filled.park()
            continue
        try:
            await websocket.send(link.outbox[0].text)
        except WebSocketError as error:
            machine.lost(link, error)
            return
        machine.frames_sent += 1
        if link.outbox:  # the lease may have ended meanwhile, and emptied it
            link.outbox.pop(0).done.set()
