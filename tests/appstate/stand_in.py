"""An `AppStateTarget` that records the calls it gets."""

from __future__ import annotations

import attrs
import trio

from cometconn import AppState, Disconnected, Reason, Status


@attrs.define(eq=False)
class StandIn:
    """Stands for a client in auto mode; its closing handshake ends when the test sets `closed`."""

    app_state: AppState = AppState.FOREGROUND
    calls: list[str] = attrs.field(factory=list)
    closed: trio.Event = attrs.field(factory=trio.Event)
    waiting: trio.lowlevel.ParkingLot = attrs.field(factory=trio.lowlevel.ParkingLot)

    @property
    def status(self) -> Status:
        """Disconnected: the sources then wait for the closing handshake."""
        return Disconnected(Reason.IN_BACKGROUND, at=0.0)

    def enter_background(self) -> None:
        """Record the call."""
        self.app_state = AppState.BACKGROUND
        self._record("background")

    def enter_foreground(self) -> None:
        """Record the call."""
        self.app_state = AppState.FOREGROUND
        self._record("foreground")

    def retry_now(self) -> None:
        """Record the call."""
        self._record("retry")

    async def wait_closed(self) -> None:
        """Record the call, and wait for the test."""
        self._record("wait_closed")
        await self.closed.wait()

    async def until(self, *words: str) -> None:
        """Wait until the oldest recorded calls are these, and remove them."""
        with trio.fail_after(20):
            while self.calls[: len(words)] != list(words):
                await self.waiting.park()
        del self.calls[: len(words)]

    def _record(self, word: str) -> None:
        self.calls.append(word)
        self.waiting.unpark_all()
