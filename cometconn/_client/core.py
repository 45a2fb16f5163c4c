"""What one client consists of, put together."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

import attrs
import trio

from cometconn._connection.supervisor import Supervisor
from cometconn._lifecycle.states import Input
from cometconn._streams.unread import Unread
from cometconn.errors import FeatureThrottledError, SettingsError

from .message_sender import MessageSender, check_sent

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from cometconn._connection.catch_up import CatchUp
    from cometconn._connection.identity import Identity
    from cometconn._connection.link_nursery import LinkNursery
    from cometconn._connection.machine import Machine
    from cometconn._connection.position import PositionKeeper
    from cometconn._environment import Environment
    from cometconn._streams.buffer import BufferStatistics
    from cometconn._streams.event_stream import EventStreamStatistics
    from cometconn._streams.streams import Streams
    from cometconn.settings import AppSettings

    from .login import Login

__all__ = ["ClientCore", "Statistics"]


@attrs.frozen
class Statistics:
    """Counters of one client since it was opened.

    Attributes:
        attempts: WebSockets that were begun.
        connections: of these, how many were authenticated.
        frames_sent: frames handed to the socket, pings included.
        events_received: events read from the socket, duplicates included.
        duplicates: of these, how many were dropped because their message had come before.
        fields_unread: optional attributes of frames that could not be read, and have their default instead.
        fields_unread_at: the same, for each class and place in the JSON: `"TextMessage data.metadata"`.
        frames_unreadable: frames, and fetched messages, that came as an `UnreadableFrame`, whether a stream wanted it or not.
        unclaimed: what no stream has taken; it waits for the next one.
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
    fields_unread: int
    fields_unread_at: Mapping[str, int]
    frames_unreadable: int
    unclaimed: BufferStatistics
    streams: tuple[EventStreamStatistics, ...]
    early: BufferStatistics
    fetched: BufferStatistics | None
    held: BufferStatistics | None


@attrs.define(eq=False)
class ClientCore:
    """The parts of one client; `CometChat` is their face.

    Attributes:
        settings: what the application chose.
        identity, machine, streams, login, positions, environment: see their modules.
        catch_up: the same; `None` unless the application wants it.
        speaking: sends messages.
        left: `open_client()` is being left.
    """

    settings: AppSettings
    identity: Identity
    machine: Machine
    streams: Streams
    login: Login
    positions: PositionKeeper
    environment: Environment
    catch_up: CatchUp | None
    speaking: MessageSender = attrs.field(init=False)
    left: bool = attrs.field(default=False, init=False)

    def __attrs_post_init__(self) -> None:
        """MessageSender needs no more than is here."""
        self.speaking = MessageSender(self.login, self.streams, self.settings.limits)

    def supervisor(self) -> Supervisor:
        """Return the supervisor, ready to run."""
        return Supervisor(self.machine, self._links, self.login.renew, self.login.forget)

    def _links(self) -> LinkNursery:
        # What only a connection needs is imported for the first one: trio-websocket and the decoders are a sixth
        # of the time that a new process takes to its first client. `preload()` imports them ahead.
        from cometconn._connection.link_nursery import LinkNursery  # noqa: PLC0415
        from cometconn._transport.websocket import TrioWebSocket  # noqa: PLC0415

        return LinkNursery(
            self.machine, self.identity, self.streams, self.environment, TrioWebSocket, self.catch_up, self.positions
        )

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
        self.positions.leave()
        self.streams.close()

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
        check_sent(call, text, self.settings.limits)
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

    def check_keep_alive(self, every: float) -> None:
        """Refuse an interval at which the connection would die in the background."""
        grace = self.settings.timing.background_grace
        if not 0 < every < grace:
            message = f"keep_alive(every={every!r}): must be more than 0 and less than background_grace, {grace:g} s."
            raise SettingsError(message)

    def statistics(self) -> Statistics:
        """Return the counters."""
        self.machine.tick()
        unread = self.streams.unread or Unread()
        return Statistics(
            attempts=self.machine.attempts,
            connections=self.machine.connections,
            frames_sent=self.machine.frames_sent,
            events_received=self.streams.received,
            duplicates=self.streams.duplicates,
            fields_unread=sum(unread.fields.values()),
            fields_unread_at=unread.fields,
            frames_unreadable=unread.frames,
            unclaimed=self.streams.unclaimed.statistics(),
            streams=self.streams.stream_statistics(),
            early=self.streams.early.statistics(),
            fetched=self.catch_up.fetched if self.catch_up is not None else None,
            held=self.catch_up.held if self.catch_up is not None else None,
        )
