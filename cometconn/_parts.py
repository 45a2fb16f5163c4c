"""What one client consists of, put together."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import attrs
import trio

from ._account.api import is_token_unknown, is_transient
from ._connection.absence import Absence
from ._connection.link_nursery import LinkNursery
from ._connection.supervisor import Supervisor
from ._connection.verdicts import lost_error
from ._lifecycle.states import Input
from ._speaking import Speaking
from ._transport.websocket import TrioWebSocket
from .errors import SettingsError
from .status import Reason

if TYPE_CHECKING:
    from collections.abc import Callable

    from ._account.session import Session
    from ._connection.buffer import BufferStatistics
    from ._connection.catch_up import CatchUp
    from ._connection.event_stream import EventStreamStatistics
    from ._connection.identity import Identity
    from ._connection.machine import Machine
    from ._connection.streams import Streams
    from ._login import Login
    from .environment import Environment
    from .settings import AppSettings

__all__ = ["Parts", "Statistics"]

_POSITION_EVERY = 5.0  # seconds between two savings of the position


@attrs.frozen
class Statistics:
    """Counters of one client since it was opened.

    Attributes:
        attempts: WebSockets that were begun.
        connections: of these, how many were authenticated.
        frames_sent: frames handed to the socket, pings included.
        events_received: events read from the socket, duplicates included.
        duplicates: of these, how many were dropped because their message had come before.
        backlog: what waits for the first stream; `None` once there was one.
        streams: the open streams, in the order in which they were opened.
        early: events that came before the server had answered the auth frame.
        fetched: missed messages on their way into the streams; `None` without `catch_up`.
        held: live events that stand behind them; `None` without `catch_up`.
    """

    attempts: int
    connections: int
    frames_sent: int
    events_received: int
    duplicates: int
    backlog: EventStreamStatistics | None
    streams: tuple[EventStreamStatistics, ...]
    early: BufferStatistics
    fetched: BufferStatistics | None
    held: BufferStatistics | None


@attrs.define(eq=False)
class Parts:
    """The parts of one client; `CometChat` is their face.

    Attributes:
        settings: what the application chose.
        identity, machine, streams, login, environment: see their modules.
        catch_up: the same; `None` unless the application wants it.
        speaking: sends messages.
        left: `open_client()` is being left.
    """

    settings: AppSettings
    identity: Identity
    machine: Machine
    streams: Streams
    login: Login
    environment: Environment
    catch_up: CatchUp | None
    speaking: Speaking = attrs.field(init=False)
    left: bool = attrs.field(default=False, init=False)
    _last_position: int | None = attrs.field(default=None, init=False)

    def __attrs_post_init__(self) -> None:
        """Speaking needs no more than is here."""
        self.speaking = Speaking(self.login, self.streams)

    def supervisor(self) -> Supervisor:
        """Return the supervisor, ready to run."""
        links = LinkNursery(self.machine, self.identity, self.streams, self.environment, TrioWebSocket, self.catch_up)
        return Supervisor(self.machine, links, self.login.renew, is_transient, is_token_unknown, self.login.forget)

    def leave(self) -> None:
        """End everything that can be ended at once. Synchronous, idempotent."""
        if self.left:
            return
        self.left = True
        self.login.leave()
        self.speaking.leave()
        self.machine.tell(Input.CLIENT_LEFT)
        if self.catch_up is not None:
            self.catch_up.flush()
            self._last_position = self.streams.position(left=True)
        self.streams.close()

    def take_up(self, session: Session) -> None:
        """Begin with a saved session. Where the last one ended, catching up begins."""
        if self.catch_up is not None:
            self.catch_up.since = session.since
            self.catch_up.reopened(Absence(trio.current_time(), lost_error(Reason.CLIENT_CLOSED)))
        self.login.reopen(session)

    @trio.lowlevel.enable_ki_protection
    async def keep_position(self) -> None:
        """Save every few seconds which message was the last; a program that is killed misses none."""
        while not self.left:
            await trio.sleep(_POSITION_EVERY)
            await self.save_position()

    async def save_position(self) -> None:
        """Save which message was the last that nobody needs again."""
        if self.catch_up is not None:
            position = self._last_position if self.left else self.streams.position(left=False)
            await self.login.note_position(position or None, self.catch_up.since)  # 0 is none: see `unfetched_after`

    @trio.lowlevel.enable_ki_protection
    async def send(
        self,
        call: str,
        receiver: str,
        receiver_type: str,
        make_frame: Callable[..., str],
        **fields: Any,
    ) -> None:
        """Make a frame to *receiver* and return when it is written; *call* is for error messages."""
        link = self.machine.connected_link(call)
        frame = link.send(make_frame(**self.identity.envelope(receiver, receiver_type), **fields))
        try:
            await frame.done.wait()
        finally:
            link.withdraw(frame)
        if frame.error is not None:
            raise frame.error

    def check_keep_alive(self, every: float) -> None:
        """Refuse an interval at which the connection would die in the background."""
        grace = self.settings.timing.background_grace
        if not 0 < every < grace:
            message = f"keep_alive(every={every!r}): must be more than 0 and less than background_grace, {grace:g} s."
            raise SettingsError(message)

    def statistics(self) -> Statistics:
        """Return the counters."""
        self.machine.tick()
        return Statistics(
            attempts=self.machine.attempts,
            connections=self.machine.connections,
            frames_sent=self.machine.frames_sent,
            events_received=self.streams.received,
            duplicates=self.streams.duplicates,
            backlog=self.streams.backlog_statistics(),
            streams=self.streams.stream_statistics(),
            early=self.streams.early.statistics(),
            fetched=self.catch_up.fetched if self.catch_up is not None else None,
            held=self.catch_up.held if self.catch_up is not None else None,
        )
