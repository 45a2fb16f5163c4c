"""Blocks during which a receiver sees that the user is typing: `async with chat.typing(to)`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

import attrs
import trio

from cometconn._wire.outgoing import typing_frame
from cometconn.errors import NotConnectedError, NotLoggedInError, SettingsError

from .message_sender import check_sent

if TYPE_CHECKING:
    from collections.abc import Mapping

    from cometconn._connection.identity import Identity
    from cometconn._connection.machine import Machine

__all__ = ["TypingBlocks"]

_CALL = "typing()"
_APART = 0.3  # seconds from one frame to the next one to the same receiver
_CROWD = 64  # frames that wait for a server that does not read: a typing indicator would come too late anyway


@attrs.define(eq=False)
class _Indicator:
    """What one receiver sees.

    Attributes:
        blocks: how many blocks are open.
        shown_for: the uid of the user whose `started` was the last frame; `None` when nothing is shown.
        metadata: that of the first of the open blocks.
        is_resting: whether a frame was sent less than `_APART` seconds ago.
    """

    blocks: int = 0
    shown_for: str | None = None
    metadata: Mapping[str, Any] | None = None
    is_resting: bool = False


@attrs.define(eq=False)
class TypingBlocks:
    """Sends `started` for the first open block to a receiver, and `ended` after the last one.

    A frame that would be sent less than 0.3 s after another one to the same receiver is sent when that time has passed,
    if it still tells something new then.

    Attributes:
        machine: has the connection.
        identity: the user.
        nursery: the client's, for a task that waits until the next frame may be sent.
    """

    machine: Machine
    identity: Identity
    nursery: trio.Nursery = attrs.field(repr=False)
    _indicators: dict[tuple[str, str], _Indicator] = attrs.field(factory=dict, init=False)

    def enter(self, receiver: tuple[str, Literal["user", "group"]], metadata: Mapping[str, Any] | None) -> None:
        """Begin a block. Raises `SettingsError` if *metadata* cannot be sent, and nothing else."""
        self.machine.tick()  # raises an error if the call comes from another thread
        if self.identity.session is not None:
            self._frame(receiver, "started", metadata)  # an error is raised with and without a connection
        indicator = self._indicators.setdefault(receiver, _Indicator())
        indicator.blocks += 1
        if indicator.blocks == 1:
            indicator.metadata = metadata
        self._update(receiver)

    def leave(self, receiver: tuple[str, Literal["user", "group"]]) -> None:
        """End a block. Never raises."""
        if receiver in self._indicators:
            self._indicators[receiver].blocks -= 1
            self._update(receiver)

    def close(self) -> None:
        """Send each `ended` that is still to be sent: the client is being left."""
        while self._indicators:
            receiver, indicator = self._indicators.popitem()
            self._end(receiver, indicator)

    def _update(self, receiver: tuple[str, str]) -> None:
        indicator = self._indicators[receiver]
        if indicator.is_resting:
            return
        if indicator.blocks and indicator.shown_for is None:
            self._start(receiver, indicator)
        elif not indicator.blocks and self._end(receiver, indicator):
            self._rest(receiver, indicator)
        if not (indicator.blocks or indicator.is_resting):
            del self._indicators[receiver]

    def _start(self, receiver: tuple[str, str], indicator: _Indicator) -> None:
        if self._send(receiver, "started", indicator.metadata):
            indicator.shown_for = self.identity.uid
            self._rest(receiver, indicator)

    def _end(self, receiver: tuple[str, str], indicator: _Indicator) -> bool:
        shown_for, indicator.shown_for = indicator.shown_for, None
        return shown_for is not None and shown_for == self.identity.uid and self._send(receiver, "ended", None)

    def _rest(self, receiver: tuple[str, str], indicator: _Indicator) -> None:
        indicator.is_resting = True
        self.nursery.start_soon(self._end_rest, receiver, name="cometconn.typing")

    @trio.lowlevel.enable_ki_protection
    async def _end_rest(self, receiver: tuple[str, str]) -> None:
        await trio.sleep(_APART)
        if receiver in self._indicators:
            self._indicators[receiver].is_resting = False
            self._update(receiver)

    def _send(
        self, receiver: tuple[str, str], action: Literal["started", "ended"], metadata: Mapping[str, Any] | None
    ) -> bool:
        """Queue a frame. Return `False` if there is no connection for it, or the server takes no such frames."""
        try:
            link = self.machine.connected_link(_CALL)
            features = self.identity.logged_in(_CALL).features
            text = self._frame(receiver, action, metadata)
        except (NotConnectedError, NotLoggedInError, SettingsError):  # a new session may have too long a user
            return False
        if not features.typing or (action == "started" and len(link.outbox) >= _CROWD):
            return False
        link.send(text)
        return True

    def _frame(
        self, receiver: tuple[str, str], action: Literal["started", "ended"], metadata: Mapping[str, Any] | None
    ) -> str:
        text = typing_frame(self.identity.envelope(*receiver), action=action, metadata=metadata)
        check_sent(_CALL, text, self.identity.settings.limits)
        return text
