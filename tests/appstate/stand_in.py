"""A follower that writes down what it is told."""

from __future__ import annotations

import attrs
import trio

from cometconn import AppState, Disconnected, Reason, Status


@attrs.define(eq=False)
class StandIn:
    """Like a client in auto mode whose goodbye ends when the test says so."""

    app_state: AppState = AppState.FOREGROUND
    heard: list[str] = attrs.field(factory=list)
    closed: trio.Event = attrs.field(factory=trio.Event)
    news: trio.lowlevel.ParkingLot = attrs.field(factory=trio.lowlevel.ParkingLot)

    @property
    def status(self) -> Status:
        """Disconnected, since that is what the sources ask about."""
        return Disconnected(Reason.IN_BACKGROUND, at=0.0)

    def enter_background(self) -> None:
        """Write it down."""
        self.app_state = AppState.BACKGROUND
        self._hear("background")

    def enter_foreground(self) -> None:
        """Write it down."""
        self.app_state = AppState.FOREGROUND
        self._hear("foreground")

    def retry_now(self) -> None:
        """Write it down."""
        self._hear("retry")

    async def wait_closed(self) -> None:
        """Wait for the test."""
        self._hear("goodbye")
        await self.closed.wait()

    async def until(self, *words: str) -> None:
        """Wait until that is what it was told, and forget it."""
        with trio.fail_after(5):
            while self.heard[: len(words)] != list(words):
                await self.news.park()
        del self.heard[: len(words)]

    def _hear(self, word: str) -> None:
        self.heard.append(word)
        self.news.unpark_all()
