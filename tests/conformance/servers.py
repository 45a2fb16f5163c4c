"""What misbehaving servers do, over real sockets: one function each."""

from __future__ import annotations

import json
import os
import pathlib
import signal
import struct
from collections.abc import Awaitable, Callable
from typing import Any

import attrs
import trio

from tests.transport.raw_server import close, frame, read_frames, read_head, reset, switching, text, upgrade

__all__ = ["Relay", "Script", "Visit"]

Script = Callable[["Visit"], Awaitable[None]]

ACCEPTED = text('{"type": "auth", "body": {"code": "200", "status": "OK"}}')
REFUSED = text('{"type": "auth", "body": {"code": "401", "status": "ERROR", "message": "no"}}')
PONG = text('{"action": "pong", "ack": "true"}')
LIMIT = 16 * 1024 * 1024


@attrs.frozen
class Relay:
    """The process between the client and the server.

    Attributes:
        pid: its process id.
        port: where it listens.
    """

    pid: int
    port: int

    async def stop(self) -> None:
        """Stop it, and wait until bytes have come to it that it will not read: killed now, it resets the client."""
        os.kill(self.pid, signal.SIGSTOP)
        while not (self._is_stopped() and self._has_unread_bytes()):
            await trio.sleep(0.001)

    def _is_stopped(self) -> bool:
        status = pathlib.Path(f"/proc/{self.pid}/stat").read_text(encoding="ascii")
        return status.rpartition(")")[2].split()[0] == "T"

    def _has_unread_bytes(self) -> bool:
        sockets = (line.split() for line in pathlib.Path("/proc/net/tcp").read_text(encoding="ascii").splitlines()[1:])
        return any(
            local.endswith(f":{self.port:04X}") and state == "01" and int(queues.partition(":")[2], 16)
            for _, local, _, state, queues, *_ in sockets
        )


class Visit:
    """One connection to a misbehaving server.

    Attributes:
        number: counts the connections, from 1.
        stream: the server's end.
        seen: what the client's frames were: opcode and payload.
        elsewhere: the URL of another server, to which no request may go.
        relay: between the client and this server, where there is one.
    """

    def __init__(self, number: int, stream: Any, pace: float, elsewhere: str, relay: Relay | None = None) -> None:
        self.number = number
        self.stream = stream
        self.seen: list[tuple[int, bytes]] = []
        self.pace = pace
        self.elsewhere = elsewhere
        self.relay = relay
        self._one_writer = trio.StrictFIFOLock()

    async def say(self, data: bytes) -> None:
        """Write."""
        async with self._one_writer:
            await self.stream.send_all(data)

    @property
    def socket(self) -> trio.socket.SocketType:
        """The TCP socket, below TLS where there is TLS."""
        return getattr(self.stream, "transport_stream", self.stream).socket

    async def sees_bytes(self) -> None:
        """Wait until more bytes of the client's have arrived, and leave them unread."""
        await trio.lowlevel.wait_readable(self.socket)

    async def head(self) -> bytes:
        """Read the upgrade request."""
        return await read_head(self.stream)

    async def welcome(self, behind: bytes = b"") -> None:
        """Accept the upgrade and the auth frame, as a good server does; *behind* is in the same write."""
        await upgrade(self.stream)
        await self.stream.receive_some(65536)
        await self.say(ACCEPTED + behind)

    async def read(self) -> None:
        """Read until the client has gone."""
        await read_frames(self.stream, self.seen)

    async def serve(self) -> None:
        """Answer pings and the close, as a good server does."""
        async with trio.open_nursery() as nursery:
            nursery.start_soon(self.read)
            answered, open_ = 0, True
            while open_:
                while len(self.seen) == answered:
                    await trio.sleep(0.001)
                opcode, payload = self.seen[answered]
                answered += 1
                if opcode == 8:
                    await self.say(frame(8, payload))
                    open_ = False
                if opcode == 1 and b'"ping"' in payload:
                    await self.say(PONG)


async def hold_open(visit: Visit) -> None:
    """Keep the connection, read nothing, send nothing."""
    await trio.sleep_forever()


# While connecting.


async def says_nothing(visit: Visit) -> None:
    """Accepts TCP and sends nothing."""
    await hold_open(visit)


async def trickles(visit: Visit) -> None:
    """Answers the upgrade one byte at a time, too slowly."""
    for byte in switching(await visit.head()):
        await visit.say(bytes([byte]))
        await trio.sleep(visit.pace)


async def trickles_in_time(visit: Visit) -> None:
    """Answers the upgrade one byte at a time, fast enough."""
    for byte in switching(await visit.head()):
        await visit.say(bytes([byte]))
    await visit.stream.receive_some(65536)
    for byte in ACCEPTED:
        await visit.say(bytes([byte]))
    await visit.serve()


async def surplus(visit: Visit) -> None:
    """Sends an event in the same packet as the 101."""
    await upgrade(visit.stream, text('{"type": "surplus"}'))
    await visit.stream.receive_some(65536)
    await visit.say(ACCEPTED)
    await visit.serve()


def answers(answer: bytes, *, keep: bool = False) -> Script:
    """Answers the upgrade with these bytes; closes, or keeps the connection."""

    async def script(visit: Visit) -> None:
        await visit.head()
        await visit.say(answer)
        if keep:
            await hold_open(visit)

    return script


def redirects(status: str) -> Script:
    """Answers the upgrade with a redirect to another host."""

    async def script(visit: Visit) -> None:
        await visit.head()
        await visit.say(f"HTTP/1.1 {status}\r\nLocation: {visit.elsewhere}\r\nContent-Length: 0\r\n\r\n".encode())

    return script


async def resets_the_upgrade(visit: Visit) -> None:
    """RST instead of an answer."""
    await visit.head()
    reset(visit.stream)


async def knows_no_tls(visit: Visit) -> None:
    """Takes the first bytes of TLS for HTTP."""
    await visit.stream.receive_some(65536)
    await visit.say(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n")


async def never_answers_auth(visit: Visit) -> None:
    """Accepts the upgrade, ignores the auth frame."""
    await upgrade(visit.stream)
    await visit.read()


async def answers_auth_late(visit: Visit) -> None:
    """Takes its time, but not too long."""
    await upgrade(visit.stream)
    await visit.stream.receive_some(65536)
    await trio.sleep(10 * visit.pace)
    await visit.say(ACCEPTED)
    await visit.serve()


async def refuses_auth(visit: Visit) -> None:
    """Refuses every token."""
    await upgrade(visit.stream)
    await visit.stream.receive_some(65536)
    await visit.say(REFUSED)
    await visit.read()


async def closes_before_auth(visit: Visit) -> None:
    """Closes between the auth frame and its answer."""
    await upgrade(visit.stream)
    await visit.stream.receive_some(65536)
    await visit.say(close(1011))
    await visit.read()


# While connected.


def says(data: bytes, *, read: bool = True) -> Script:
    """Sends these bytes behind its welcome, and keeps the connection."""

    async def script(visit: Visit) -> None:
        await visit.welcome(data)
        await (visit.read() if read else hold_open(visit))

    return script


def says_and_serves(data: bytes) -> Script:
    """Sends these bytes behind its welcome, and goes on as a good server."""

    async def script(visit: Visit) -> None:
        await visit.welcome(data)
        await visit.serve()

    return script


async def dies_at_a_ping(visit: Visit) -> None:
    """Closes TCP when it gets a ping."""
    await visit.welcome()
    await visit.stream.receive_some(65536)


async def vanishes(visit: Visit) -> None:
    """FIN, and no close frame."""
    await visit.welcome()


async def half_open(visit: Visit) -> None:
    """Goes silent, reads nothing, keeps the connection."""
    await visit.welcome()
    await hold_open(visit)


async def ignores_our_close(visit: Visit) -> None:
    """Answers pings, not the close."""
    await visit.welcome()
    async with trio.open_nursery() as nursery:
        nursery.start_soon(visit.read)
        while True:
            await visit.say(PONG)
            await trio.sleep(visit.pace)


async def resets_in_a_frame(visit: Visit) -> None:
    """RST in the middle of a frame."""
    await visit.welcome(text("x" * 1000)[:500])
    await trio.sleep(visit.pace)
    reset(visit.stream)


async def ends_in_a_frame(visit: Visit) -> None:
    """FIN in the middle of a frame."""
    await visit.welcome(text("x" * 1000)[:500])


async def pings_all_the_time(visit: Visit) -> None:
    """Floods with WebSocket pings, and reads what comes back."""
    await visit.welcome()
    async with trio.open_nursery() as nursery:
        nursery.start_soon(visit.serve)
        for _ in range(20):
            await visit.say(frame(9, b"are you there") * 500)


def reads_nothing(data: bytes = b"") -> Script:
    """Reads nothing any more once the client writes, sends these bytes, and keeps the connection."""

    async def script(visit: Visit) -> None:
        await visit.welcome()
        await visit.sees_bytes()
        await visit.say(data)
        await hold_open(visit)

    return script


def reads_nothing_and_ends(data: bytes = b"", *, rudely: bool = False) -> Script:
    """Reads nothing any more once the client writes, sends these bytes, and sends FIN, or RST."""

    async def script(visit: Visit) -> None:
        await visit.welcome()
        await visit.sees_bytes()
        await visit.say(data)
        if rudely:
            reset(getattr(visit.stream, "transport_stream", visit.stream))
        else:
            visit.socket.shutdown(trio.socket.SHUT_WR)
            await hold_open(visit)

    return script


def is_stopped(*then: signal.Signals) -> Script:
    """The process in between is stopped once the client writes, and gets these signals a moment later."""

    async def script(visit: Visit) -> None:
        await visit.welcome()
        await visit.sees_bytes()
        assert visit.relay is not None
        await visit.relay.stop()
        await trio.sleep(visit.pace)
        for number in then:
            os.kill(visit.relay.pid, number)
        await (visit.serve() if signal.SIGCONT in then else hold_open(visit))

    return script


async def never_reads_auth(visit: Visit) -> None:
    """Accepts the upgrade, sends a ping, reads nothing any more."""
    await upgrade(visit.stream, frame(9, b"are you there"))
    await hold_open(visit)


def event(number: int, filling: str = "") -> bytes:
    """A small event of no known kind."""
    return text(json.dumps({"type": f"kind-{number}", "filling": filling}))


def long_event(size: int) -> bytes:
    """An event whose frame has just so many bytes of payload."""
    shell = json.dumps({"type": "long", "filling": ""})
    return text(json.dumps({"type": "long", "filling": "x" * (size - len(shell))}))


def fragmented() -> bytes:
    """An event in three fragments, with a ping between them."""
    payload = b'{"type": "fragmented"}'
    parts = payload[:5], payload[5:9], payload[9:]
    return frame(1, parts[0], fin=False) + frame(9) + frame(0, parts[1], fin=False) + frame(0, parts[2])


def closing(code: int) -> bytes:
    """A close frame with this code."""
    return frame(8, struct.pack("!H", code) + b"because")
