"""A TCP proxy in front of a server, which adds the network faults that a test needs."""

from __future__ import annotations

import random
import urllib.parse
from collections import deque
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, final

import attrs
import trio

from cometconn._arguments import checked, made_by
from cometconn._groups import open_nursery, protected
from cometconn.emulator.transport.listener import Listener, listen
from cometconn.errors import SettingsError
from cometconn.settings import Endpoints

from .faulty_line import FaultyLine
from .line_faults import LineFaults

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Iterable, Iterator

    from .line_faults import End

__all__ = ["FaultProxy", "ProxyEntry", "open_fault_proxy"]

_LOG_LIMIT = 10_000
_HEAD = 16 * 1024  # the most bytes of a request's head


@attrs.frozen
class ProxyEntry:
    """One action of the proxy.

    Attributes:
        at: when, on Trio's clock, in seconds.
        line: the number of the connection, from 1; 0 if it concerns none.
        what: a description, which never contains transferred data.
    """

    at: float
    line: int
    what: str


@final
@made_by("open_fault_proxy()")
@checked
class FaultProxy:
    """A running proxy. `open_fault_proxy()` makes it; do not build it yourself.

    All its methods act at once and never block. Call them from Trio's thread.

    Attributes:
        url: the URL on which it listens, `http://127.0.0.1:PORT`.
        endpoints: the endpoints for `open_client(endpoints=...)`.
        rest: the faults of new REST connections.
        log: its last 10,000 actions.
    """

    def __init__(self, target: tuple[str, int], listener: Listener, rest: LineFaults, seed: int) -> None:
        self._target = target
        self._listener = listener
        self._seed = seed
        self._count = 0
        self._lines: set[FaultyLine] = set()
        self._plan: Iterator[LineFaults] = iter(())
        host, port = listener.address
        self.url: str = f"http://{host}:{port}"
        self.endpoints: Endpoints = Endpoints.at(self.url)
        self.rest: LineFaults = rest
        self.log: deque[ProxyEntry] = deque(maxlen=_LOG_LIMIT)

    def __repr__(self) -> str:
        return f"<FaultProxy at {self.url}, {self.connections} WebSockets>"

    @property
    def port(self) -> int:
        """The port, also after `refuse_connections()`."""
        return self._listener.address[1]

    @property
    def connections(self) -> int:
        """The number of WebSockets that go through it now."""
        return sum(line.websocket for line in self._lines)

    def follow(self, plan: Iterable[LineFaults]) -> None:
        """Apply the faults of *plan* to the next WebSockets, one each. Those after its end have no faults."""
        self._plan = iter(plan)

    def end(self, how: End = "close") -> int:
        """End every WebSocket now, and return how many there were. *how*: see `LineFaults.end`."""
        ended = [line for line in self._lines if line.websocket]
        for line in ended:
            line.end(how)
        return len(ended)

    def refuse_connections(self) -> None:
        """Let the operating system refuse new connections. Open connections stay open. Idempotent."""
        self._listener.refuse_connections()
        self._note(0, "refusing connections")

    def accept_connections(self) -> None:
        """Listen again, on the same port. Idempotent. Raises `OSError` if another program has taken the port."""
        self._listener.accept_connections()
        self._note(0, "accepting connections")

    async def _serve(self) -> None:
        async with trio.open_nursery() as nursery:
            while True:
                client = await self._listener.accept()
                self._count += 1
                nursery.start_soon(self._serve_one, self._count, client)

    async def _serve_one(self, number: int, client: trio.SocketStream) -> None:
        async with client:
            first = await _read_head(client)
            if not first:
                return
            websocket = b"upgrade: websocket" in first.lower()
            faults = next(self._plan, LineFaults()) if websocket else self.rest
            self._note(number, f"{'WebSocket' if websocket else 'REST'}: {faults}")
            if faults.refuse:
                return  # leaving the block closes the connection
            try:
                server = await trio.open_tcp_stream(*self._target)
            except OSError:
                self._note(number, "the server cannot be reached")
                return
            async with server:
                draw = random.Random(f"{self._seed}/{number}")  # noqa: S311 - faults, not secrets
                line = FaultyLine(number, client, server, faults, websocket, self._note, draw)
                self._lines.add(line)
                try:
                    await line.run(first)
                finally:
                    self._lines.discard(line)
                    self._note(number, f"over; {line.passed['server']} bytes up, {line.passed['client']} down")

    def _note(self, line: int, what: str) -> None:
        self.log.append(ProxyEntry(trio.current_time(), line, what))


@protected
@asynccontextmanager
@trio.lowlevel.enable_ki_protection
async def open_fault_proxy(
    target: str,
    plan: Iterable[LineFaults] = (),
    *,
    rest: LineFaults = LineFaults(),  # noqa: B008 - frozen
    seed: int = 0,
    port: int = 0,
) -> AsyncGenerator[FaultProxy, None]:
    """Run a proxy on this computer in front of a server, over real sockets.

    Each WebSocket through it has the next faults of *plan*, and none after the plan's end. `random_faults(seed)` is a
    plan without end. The methods of the proxy end, refuse and accept connections at any time::

        async with open_emulator() as server, open_fault_proxy(server.url) as proxy:
            async with cometconn.open_client("APP", AppSettings(), endpoints=proxy.endpoints) as chat:
                await chat.login(uid="amy-2", auth_key="KEY")
                await chat.connect()
                proxy.end("half-open")

    Args:
        target: the URL of the server, such as `emulator.url`. Only its host and port are used.
        plan: the faults of the WebSockets, in the order in which they are opened.
        rest: the faults of REST connections.
        seed: the seed of the jitter; the same seed and connections give the same delays.
        port: the port on 127.0.0.1; 0 lets the operating system choose.

    Raises:
        SettingsError: *target* has no host or no port.
        OSError: the port is in use.

    When the block is left, every connection through it is closed at once.
    """
    parts = urllib.parse.urlsplit(target)
    if parts.hostname is None or parts.port is None:
        message = f"open_fault_proxy(): target must be a URL with a host and a port, not {target!r}."
        raise SettingsError(message)
    listener = Listener(listen("127.0.0.1", port))
    proxy = FaultProxy((parts.hostname, parts.port), listener, rest, seed)
    proxy.follow(plan)
    try:
        async with open_nursery() as nursery:
            nursery.start_soon(proxy._serve, name="cometconn.testing.fault_proxy")  # noqa: SLF001 - its own maker
            yield proxy
            nursery.cancel_scope.cancel(reason="the fault proxy is left")
    finally:
        listener.refuse_connections()


async def _read_head(client: trio.SocketStream) -> bytes:
    """Read until the head of the first request is complete, which shows whether it is an upgrade or REST."""
    head = bytearray()
    while b"\r\n\r\n" not in head and len(head) < _HEAD:
        try:
            data = await client.receive_some(_HEAD)
        except trio.BrokenResourceError:
            return b""
        if not data:
            return b""
        head += data
    return bytes(head)
