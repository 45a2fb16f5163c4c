"""The type of a source and of what it drives, and the background guard that all sources share."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol, final

import attrs
import trio

from cometconn._arguments import checked
from cometconn.status import AppState, ConnectionState

if TYPE_CHECKING:
    from types import TracebackType

    from cometconn.status import Status

__all__ = ["AppStateTarget", "BackgroundGuard", "Source"]


class AppStateTarget(Protocol):
    """What a source drives: a `CometChat`, or an object of yours that passes the calls on to several clients."""

    @property
    def app_state(self) -> AppState:
        """Whether the application is in the foreground or in the background."""
        ...

    @property
    def status(self) -> Status:
        """The connection's status."""
        ...

    def enter_background(self) -> None:
        """Note that the app is now in the background."""
        ...

    def enter_foreground(self) -> None:
        """Note that the app is in the foreground again."""
        ...

    def retry_now(self) -> None:
        """Make a waiting retry now."""
        ...

    async def wait_closed(self) -> None:
        """Return once no socket is open. A checkpoint."""
        ...


class Source(Protocol):
    """An async function that watches something and calls an `AppStateTarget`, until it is cancelled.

    It calls `task_status.started()` once it can no longer miss anything, so it can be run by
    `nursery.start()` and by `nursery.start_soon()`. However it ends, it has undone what it
    did: the app state is as before, and signals and locks are released.
    """

    async def __call__(
        self, chat: AppStateTarget, /, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED
    ) -> None:
        """Watch until cancelled."""
        ...


@final
@checked
@attrs.define(eq=False)
class BackgroundGuard:
    """Takes the app into the background and back, any number of times, and always back at the end.

    Put it around a source's loop::

        from cometconn.appstate import BackgroundGuard
        with BackgroundGuard(chat) as away:
            away.begin()
            await away.wait_quiet(2.0)  # afterwards the machine may sleep, or the process may stop
            away.end()

    It brings the app back only if it was this guard that took it away: an app that was in
    the background before stays there. So sources undo neither each other's calls nor yours.
    Leaving the block brings the app back.

    Attributes:
        chat: the client whose app state is changed.
        away: the app is in the background because of this guard.
    """

    chat: AppStateTarget
    away: bool = attrs.field(default=False, init=False)

    def __enter__(self) -> BackgroundGuard:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.end()

    def begin(self) -> None:
        """Enter the background, unless the app is there already. Never blocks; idempotent."""
        if self.chat.app_state is AppState.FOREGROUND:
            self.away = True
            self.chat.enter_background()

    async def wait_quiet(self, patience: float) -> bool:
        """Wait for the closing handshake, if the connection is being closed.

        In auto mode the background closes the connection, and the closing handshake takes
        one round trip to the server. In manual mode the connection stays open in the
        background, so this returns at once.

        Args:
            patience: how long to wait at most, in seconds.

        Returns:
            Whether no socket is open any more.

        A checkpoint. If cancelled, the closing handshake goes on without you.
        """
        if self.chat.status.state is not ConnectionState.DISCONNECTED:
            await trio.lowlevel.checkpoint()
            return False
        with trio.move_on_after(patience) as waiting:
            await self.chat.wait_closed()
        return not waiting.cancelled_caught

    def end(self) -> None:
        """Enter the foreground, if `begin()` left it. Never blocks; idempotent."""
        if self.away:
            self.away = False
            self.chat.enter_foreground()
