"""The two sides of a source, and the way into the background and back that all sources share."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol, final

import attrs
import trio

from cometconn.status import AppState, ConnectionState

if TYPE_CHECKING:
    from types import TracebackType

    from cometconn.status import Status

__all__ = ["Excursion", "Follower", "Source"]


class Follower(Protocol):
    """What a source drives: a `CometChat`, or a few lines of yours that tell several of them."""

    @property
    def app_state(self) -> AppState:
        """Where the application is."""
        ...

    @property
    def status(self) -> Status:
        """The connection's status."""
        ...

    def enter_background(self) -> None:
        """Hear that the app is out of sight."""
        ...

    def enter_foreground(self) -> None:
        """Hear that the app is in use again."""
        ...

    def retry_now(self) -> None:
        """Hear that it is worth trying again."""
        ...

    async def wait_closed(self) -> None:
        """Return once no socket is open. A checkpoint."""
        ...


class Source(Protocol):
    """An async function that watches something and tells a `Follower`, until it is cancelled.

    It calls `task_status.started()` once it misses nothing any more, so that both
    `nursery.start()` and `nursery.start_soon()` run it. When it ends, however it ends, it
    has undone what it did: the app is where it was, signals and locks are given back.
    """

    async def __call__(
        self, chat: Follower, /, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED
    ) -> None:
        """Watch."""
        ...


@final
@attrs.define(eq=False)
class Excursion:
    """A source's way into the background and back, any number of times.

    Around a source's loop::

        from cometconn.appstate import Excursion
        with Excursion(chat) as away:
            away.begin()
            await away.wait_quiet(2.0)  # then the machine may sleep, the process may stop
            away.end()

    It brings back only what it took away: an app that was in the background before stays
    there, so sources do not undo each other's word or yours. While it is away the app
    state is the source's; leaving the block brings the app back.

    Attributes:
        chat: who is told.
        away: the app is in the background because of us.
    """

    chat: Follower
    away: bool = attrs.field(default=False, init=False)

    def __enter__(self) -> Excursion:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.end()

    def begin(self) -> None:
        """Enter the background, unless the app is there. Never blocks; idempotent."""
        if self.chat.app_state is AppState.FOREGROUND:
            self.away = True
            self.chat.enter_background()

    async def wait_quiet(self, patience: float) -> bool:
        """Wait until the goodbye is said, as far as one is owed.

        In manual mode a connection lives on in the background: then there is nothing to
        wait for. In auto mode the goodbye takes a round trip to the server.

        Args:
            patience: how long to wait at most, in seconds.

        Returns:
            Whether no socket is open any more.

        A checkpoint. If cancelled, the goodbye goes on by itself.
        """
        if self.chat.status.state is not ConnectionState.DISCONNECTED:
            await trio.lowlevel.checkpoint()
            return False
        with trio.move_on_after(patience) as waiting:
            await self.chat.wait_closed()
        return not waiting.cancelled_caught

    def end(self) -> None:
        """Enter the foreground, if it was `begin()` that left it. Never blocks; idempotent."""
        if self.away:
            self.away = False
            self.chat.enter_foreground()
