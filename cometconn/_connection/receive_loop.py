"""The task that reads the socket: the only one that does."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeGuard, cast

import trio

from cometconn._transport.abc import LongMessage, WebSocketError
from cometconn._wire.decoder import AuthReply, Decoded, Decoder, Echo, Pong
from cometconn.errors import CometConnError, ProtocolError
from cometconn.events import Event, UnreadableFrame

from .long_message import long_frame
from .position import CLOCKS_DIFFER

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from cometconn._streams.streams import Streams
    from cometconn._transport.abc import Message, Received, WebSocket

    from .catch_up import CatchUp
    from .identity import Identity
    from .link import Link
    from .machine import Machine
    from .position import PositionKeeper

__all__ = ["receive_loop"]

_LONGEST_CODE = 64  # characters of it in an error
_LONG = 16 * 1024  # characters: more take milliseconds, if a hostile server wrote them
_MOST = 64  # messages taken between two checkpoints: a read may hold tens of thousands


@trio.lowlevel.enable_ki_protection
async def receive_loop(
    machine: Machine,
    link: Link,
    websocket: WebSocket,
    identity: Identity,
    streams: Streams,
    catch_up: CatchUp | None = None,
    positions: PositionKeeper | None = None,
) -> None:
    """Read and publish until the link is over; then only read, for the closing handshake.

    Apart from reading, only a full event stream makes this task wait, and it stops the pong clock.

    The machine ticks after each await, so that everything up to the next await happens at one instant. A deadline
    that has passed by then counts before the first message; one that passes meanwhile, before the first message
    behind the next await.
    """
    reader = _Reader(machine, link, identity, streams, catch_up, positions)
    try:
        while not link.over:
            received = await websocket.messages(_MOST)
            if received.size:
                machine.received(link)
            else:
                machine.tick()
            await _take(machine, link, reader, received)
            del received  # up to 64 messages, which would stay for as long as the server is silent
    except WebSocketError as error:
        machine.lost(link, error)
    while (await websocket.messages(0)).size:
        pass


async def _take(machine: Machine, link: Link, reader: _Reader, received: Received) -> None:
    """Publish every message of *received*; the caller has ticked.

    Silence is not judged until all that was read is published, because the pong may be among it.
    """
    messages = received.messages
    if received.more:
        link.heartbeat.pause()
    while messages:
        first = messages[0]
        if _is_long(first):
            link.heartbeat.pause()
            # Reading it has taken milliseconds, and each step of decoding it takes some more. No cancel may lose it.
            await trio.lowlevel.cancel_shielded_checkpoint()
            for _ in reader.begin(first):
                await trio.lowlevel.cancel_shielded_checkpoint()
            await trio.lowlevel.cancel_shielded_checkpoint()
            machine.tick()
        messages = messages[reader.take_some(messages[: _next_long(messages)]) :]
        if reader.no_room:
            link.heartbeat.pause()
            await reader.wait_room()
            link.heartbeat.restart(trio.current_time())
            machine.tick()
    if received.more and not link.over:
        return
    if machine.observer is not None:
        machine.observer.drained()
    if link.heartbeat.resume():
        link.wake_for_silence()


class _Reader:
    """Decodes and publishes messages. It never awaits, so that a cancel loses nothing that was read."""

    def __init__(
        self,
        machine: Machine,
        link: Link,
        identity: Identity,
        streams: Streams,
        catch_up: CatchUp | None,
        positions: PositionKeeper | None = None,
    ) -> None:
        self._machine = machine
        self._link = link
        self._identity = identity
        self._streams = streams
        self._catch_up = catch_up
        self._positions = positions
        max_items = identity.settings.limits.max_items
        self._decoder = Decoder(identity.uid, identity.session_id, max_items, streams.note_unread)
        streams.early.clear()

    def begin(self, text: str) -> Iterator[None]:
        """Parse a long message, which is taken next, in steps with a checkpoint after each."""
        return self._decoder.begin(text)

    def take(self, message: Message) -> None:
        """Tick, then decode and publish one message, unless the lease has ended."""
        self._machine.tick()
        self.take_some([message])

    def take_some(self, messages: Sequence[Message]) -> int:
        """Decode and publish *messages*, up to the one that fills a pausing stream; return how many that were.

        Once the lease has ended the rest is dropped, and counted. The caller has ticked since the last await.
        """
        link, publish = self._link, self._streams.publish
        decode = self._decoder.decode
        live = self._live
        taken = 0
        if live and len(messages) > 1 and not link.over:
            taken = self._take_events(cast("list[str]", messages))  # as `Received` has it
        for count, message in enumerate(messages[taken:], start=taken + 1):
            if link.over:
                break
            if isinstance(message, LongMessage):
                decoded: Decoded = self._too_long(message)
                message = message.head
            else:
                decoded = decode(message)
            if isinstance(decoded, Event):
                size = _size(message)
                if publish(decoded, size) if live else self._put_by(decoded, size):
                    return count
            elif isinstance(decoded, Pong):
                link.pong(self._machine.tick())
            elif isinstance(decoded, AuthReply):
                self._answered(decoded)
                if self.no_room:  # because of the gap, and of what came before the reply
                    return count
                live = self._live
            else:
                assert isinstance(decoded, Echo), decoded
        return len(messages)

    def _take_events(self, texts: list[str]) -> int:
        """Decode and publish the events that *texts* begin with, at once; return how many.

        This makes a burst cheap. It ends before the first text that only the reference decoder reads, and before the
        first that may fill a stream: these are taken one by one. An event cannot end the lease.
        """
        sizes = list(map(len if all(map(str.isascii, texts)) else _size, texts))
        fitting = self._streams.spare(len(texts), sum(sizes))
        events = self._decoder.first_events(texts[:fitting])
        if events:
            self._streams.publish_all(events, sizes[: len(events)])
        return len(events)

    def _too_long(self, message: LongMessage) -> UnreadableFrame:
        event = long_frame(message, self._identity.settings.limits)
        self._streams.note_unread(event)
        return event

    async def wait_room(self) -> None:
        """Wait while a pausing stream is full."""
        while self.no_room and not self._link.over:
            if self._machine.observer is not None:
                self._machine.observer.paused()
            await self._streams.room.park()

    @property
    def no_room(self) -> bool:
        """Whether a pausing stream is full."""
        return self._streams.full or (self._catch_up is not None and self._catch_up.full)

    def _answered(self, reply: AuthReply) -> None:
        if self._link.authenticated:
            return
        if not reply.accepted:
            code = self._identity.secrets.masked_line(reply.code, _LONGEST_CODE)
            words = f"the server refused the auth token (code {code})"
            self._machine.refused(self._link, CometConnError(words, code=code))
            return
        disconnection = self._machine.authenticated(self._link)
        if not self._link.authenticated:  # the time of the attempt ran out at that moment
            return
        if self._catch_up is not None:
            now = self._machine.tick()
            self._catch_up.begin(disconnection, now, self._accepted_by(now))
        elif disconnection is not None:
            marker = disconnection.gap(self._machine.tick(), after_id=self._streams.last_id)
            if self._machine.observer is not None:
                self._machine.observer.gap_marked(marker)
            self._streams.publish(marker, 0)
        if self._positions is not None and self._link.websocket is not None:
            self._positions.connected(
                self._link.websocket.response_date
            )  # after `begin()`: what it notes would make a first connection look like a second
        for event, size in self._streams.early.take_all():
            self._deliver(event, size)

    def _accepted_by(self, now: float) -> float | None:
        """Return the latest time on the server's clock at which it can have accepted the auth frame, if it is *now* here.

        `None` if the response to the upgrade had no `Date`, from which that is calculated.
        """
        websocket = self._link.websocket
        date = None if websocket is None else websocket.response_date
        return None if date is None else date + CLOCKS_DIFFER + now - self._link.upgrade_began

    @property
    def _live(self) -> bool:
        """Whether events are published at once."""
        return self._link.authenticated and not (self._catch_up is not None and self._catch_up.pending)

    def _put_by(self, event: Event, size: int) -> bool:
        """Keep an event until those before it are published; return whether a pausing stream is full."""
        if self._link.authenticated:
            self._deliver(event, size)
        elif self._streams.early.full:
            error = ProtocolError("The server sent more events than can be kept before it answered the auth frame.")
            self._machine.lost(self._link, error)
        else:
            self._streams.early.put(event, size)
        return self.no_room

    def _deliver(self, event: Event, size: int) -> None:
        if self._catch_up is not None and self._catch_up.pending:
            self._catch_up.hold(event, size)
        else:
            self._streams.publish(event, size)


def _is_long(message: Message) -> TypeGuard[str]:
    return isinstance(message, str) and len(message) > _LONG


def _next_long(messages: Sequence[Message]) -> int:
    """Return the place of the next long message behind the first one, or how many there are."""
    if len(messages) == 1 or max(map(len, cast("Sequence[str]", messages))) <= _LONG:  # as `Received` has it
        return len(messages)
    return next((place for place in range(1, len(messages)) if _is_long(messages[place])), len(messages))


def _size(message: str | bytes) -> int:
    """Return the bytes of a frame's payload."""
    return len(message) if isinstance(message, bytes) or message.isascii() else len(message.encode())
