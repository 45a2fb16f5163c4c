"""Sending typing indicators, receipts and transient messages over the socket."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any, Literal

import trio

from cometconn.errors import FeatureThrottledError

from .message_sender import check_sent
from .receivers import address

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping, Sequence

    from cometconn._connection.identity import Identity
    from cometconn._connection.link import Link, OutgoingFrame
    from cometconn._connection.machine import Machine

    from .receivers import Receiver

__all__ = ["send_frame", "send_frames"]


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
    return send_frames(machine, identity, call, feature, receiver, receiver_type, make_frame, [fields])


@trio.lowlevel.enable_ki_protection
def send_frames(
    machine: Machine,
    identity: Identity,
    call: str,
    feature: Literal["typing", "receipts", "transient"],
    receiver: Receiver,
    receiver_type: Literal["user", "group"],
    make_frame: Callable[..., str],
    each: Sequence[Mapping[str, Any]],
) -> Callable[[], Awaitable[None]]:
    """Queue one frame for each mapping of fields in *each*, in this order. Otherwise like `send_frame()`."""
    other = address(f"{call[:-2]}(receiver=...)", receiver, receiver_type, identity.uid)
    link = machine.connected_link(call)
    envelope = identity.envelope(*other)
    texts = [make_frame(envelope, **fields) for fields in each]
    for text in texts:
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
    frames = [link.send(text) for text in texts]
    if all(frame.done.is_set() and frame.error is None for frame in frames):  # as long as the server reads
        return trio.lowlevel.checkpoint
    return partial(_wait_written, link, frames)


@trio.lowlevel.enable_ki_protection
async def _wait_written(link: Link, frames: Sequence[OutgoingFrame]) -> None:
    try:
        for frame in frames:
            await frame.done.wait()
    finally:
        for frame in frames:
            link.withdraw(frame)
    for frame in frames:
        if frame.error is not None:
            raise frame.error
