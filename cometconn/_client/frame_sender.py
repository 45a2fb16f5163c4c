"""Sending typing indicators, receipts and transient messages over the socket."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any, Literal

import trio

from cometconn.errors import FeatureThrottledError

from .message_sender import check_sent
from .receivers import address

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from cometconn._connection.identity import Identity
    from cometconn._connection.link import Link, OutgoingFrame
    from cometconn._connection.machine import Machine

    from .receivers import Receiver

__all__ = ["send_frame"]


@trio.lowlevel.enable_ki_protection
def send_frame(
    machine: Machine,
    identity: Identity,
    call: str,
    feature: Literal["typing", "receipts", "transient"],
    receiver: Receiver,
    receiver_type: Literal["user", "group"],
    make_frame: Callable[..., str],
    **fields: Any,
) -> Callable[[], Awaitable[None]]:
    """Queue a frame from the user of *identity* to *receiver*, and return the wait until it is written.

    *call* is for error messages. Where the server takes no frames of *feature* at present, none is written: then a
    receipt raises, and the others return.
    """
    other = address(f"{call[:-2]}(receiver=...)", receiver, receiver_type, identity.uid)
    link = machine.connected_link(call)
    text = make_frame(identity.envelope(*other), **fields)
    check_sent(call, text, identity.settings.limits)
    features = identity.logged_in(call).features
    if not getattr(features, feature):
        if feature == "receipts":
            message = (
                f"{call}: no receipt was sent, because the server takes none at present"
                f" (its setting MODE is {features.mode}). Try again later, after logout() and login()."
            )
            raise FeatureThrottledError(message)
        return trio.lowlevel.checkpoint
    frame = link.send(text)
    if frame.done.is_set() and frame.error is None:  # as long as the server reads
        return trio.lowlevel.checkpoint
    return partial(_wait_written, link, frame)


@trio.lowlevel.enable_ki_protection
async def _wait_written(link: Link, frame: OutgoingFrame) -> None:
    try:
        await frame.done.wait()
    finally:
        link.withdraw(frame)
    if frame.error is not None:
        raise frame.error
