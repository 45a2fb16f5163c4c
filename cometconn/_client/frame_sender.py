"""Sending typing indicators, receipts and transient messages over the socket."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

import attrs
import trio

from cometconn.errors import FeatureThrottledError

from .message_sender import check_sent

if TYPE_CHECKING:
    from collections.abc import Callable

    from cometconn._connection.identity import Identity
    from cometconn._connection.machine import Machine
    from cometconn.settings import Limits

__all__ = ["FrameSender"]


@attrs.frozen(eq=False)
class FrameSender:
    """Sends frames to a user or a group.

    Attributes:
        machine: has the connection.
        identity: the sender.
        limits: bounds of what may be sent.
    """

    machine: Machine
    identity: Identity
    limits: Limits

    @trio.lowlevel.enable_ki_protection
    async def send(
        self,
        call: str,
        feature: Literal["typing", "receipts", "transient"],
        receiver: str,
        receiver_type: str,
        make_frame: Callable[..., str],
        **fields: Any,
    ) -> None:
        """Make a frame to *receiver* and return when it is written; *call* is for error messages.

        Where the server takes no frames of *feature* at present, none is written: a receipt raises, the others return.
        """
        link = self.machine.connected_link(call)
        text = make_frame(self.identity.envelope(receiver, receiver_type), **fields)
        check_sent(call, text, self.limits)
        features = self.identity.logged_in(call).features
        if not getattr(features, feature):
            if feature == "receipts":
                message = (
                    f"{call}: no receipt was sent, because the server takes none at present"
                    f" (its setting MODE is {features.mode}). Try again later, after logout() and login()."
                )
                raise FeatureThrottledError(message)
            await trio.lowlevel.checkpoint()
            return
        frame = link.send(text)
        try:
            await frame.done.wait()
        finally:
            link.withdraw(frame)
        if frame.error is not None:
            raise frame.error
