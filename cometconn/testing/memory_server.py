"""The emulator's world behind memory streams: a complete CometChat server in virtual time."""

from __future__ import annotations

import math
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

import attrs
import trio
import wsproto
from wsproto.events import (
    AcceptConnection,
    BytesMessage,
    CloseConnection,
    Event,
    Ping,
    Pong,
    RejectConnection,
    TextMessage,
)
from wsproto.events import (
    Request as UpgradeRequest,
)

from cometconn._arguments import checked, made_by
from cometconn._groups import open_nursery, protected
from cometconn._network.urls import MEMORY_HOST
from cometconn.emulator import Close, Device, Kind, ServerControls, World
from cometconn.environment import StreamedResponse
from cometconn.settings import Endpoints

from .memory_stream import MemorySocket, memory_socket_pair
from .server_script import ServerScript

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

    from cometconn.environment import BodyStream, Request, Response

__all__ = ["MemoryServer", "open_memory_server", "respond"]

_CUT = "the memory server reset the connection"

Dialling: TypeAlias = Literal["accept", "refuse", "hang"]


class _Connection:
    """One accepted connection: passes frames between a memory socket and the world."""

    def __init__(self, server: MemoryServer, stream: MemorySocket) -> None:
        self._server = server
        self._world = server.world
        self._stream = stream
        self._device = Device(line=self, limit=server.world.limits.waiting_frames)
        self._ws = wsproto.WSConnection(wsproto.ConnectionType.SERVER)
        self._text = ""

    # Called by the world.

    def reset(self) -> None:
        """Break the connection."""
        self._stream.reset()
        self._world.wire(self._device, Kind.RESET, by="server")

    def silence(self) -> None:
        """Do nothing: `_read_once()` ignores what a silent device sends."""

    # The tasks.

    async def run(self) -> None:
        """Serve until either side has closed the connection."""
        async with trio.open_nursery() as nursery:
            nursery.start_soon(self._write_orders)
            while await self._read_once():
                pass
            nursery.cancel_scope.cancel(reason="the connection is over")
        if self._device.number:  # a close frame of the server that crossed the client's may not be written whole
            self._world.closed(self._device, "eof")
        await trio.aclose_forcefully(self._stream)

    async def _read_once(self) -> bool:
        await self._server.wait_reading()
        try:
            data = await self._stream.receive_some()
        except trio.BrokenResourceError:
            self._world.wire(self._device, Kind.RESET, by="client")
            return False
        if not data:
            self._world.wire(self._device, Kind.EOF)
            return False
        if self._device.silent:
            return True
        try:
            self._ws.receive_data(data)
            for event in self._ws.events():
                if not await self._take(event):
                    return False
        except (trio.BrokenResourceError, trio.ClosedResourceError):
            self._world.wire(self._device, Kind.RESET, by="client")
            return False
        return True

    async def _take(self, event: Event) -> bool:
        if isinstance(event, UpgradeRequest):
            return await self._upgrade(event)
        if isinstance(event, TextMessage):
            self._text += event.data
            if event.message_finished:
                text, self._text = self._text, ""
                self._world.received(self._device, text)
        elif isinstance(event, Ping):
            await self._stream.send_all(self._ws.send(event.response()))
        elif isinstance(event, CloseConnection):
            return await self._closed(event)
        else:
            assert isinstance(event, BytesMessage | Pong), event  # CometChat's protocol uses neither
        return True

    async def _upgrade(self, event: UpgradeRequest) -> bool:
        self._device.path = event.target
        self._world.asked(self._device)
        answer = self._world.faults.upgrade
        if answer == "hang":
            return True
        if isinstance(answer, int):
            fault = {**self._world.faults.headers(self._world.now()), **self._world.date()}
            headers = [(name.encode(), value.encode()) for name, value in fault.items()]
            await self._stream.send_all(self._ws.send(RejectConnection(status_code=answer, headers=headers)))
            self._world.refused(self._device, answer)
            return False
        date = [(name.encode(), value.encode()) for name, value in self._world.date().items()]
        await self._stream.send_all(self._ws.send(AcceptConnection(extra_headers=date)))
        self._world.accepted(self._device)
        return True

    async def _closed(self, event: CloseConnection) -> bool:
        self._world.wire(self._device, Kind.CLOSE_IN, code=event.code)
        if self._server.ignore_close:
            return True
        if self._ws.state is wsproto.connection.ConnectionState.REMOTE_CLOSING:  # the server has not sent a close yet
            await self._stream.send_all(self._ws.send(event.response()))
            self._world.wire(self._device, Kind.CLOSE_OUT, code=event.code)
        return False

    async def _write_orders(self) -> None:
        while True:
            order = await self._device.next_order()
            try:
                if isinstance(order, Close):
                    await self._stream.send_all(self._ws.send(CloseConnection(code=order.code, reason=order.reason)))
                    self._world.wire(self._device, Kind.CLOSE_OUT, code=order.code)
                    return
                await self._stream.send_all(self._ws.send(TextMessage(data=order.text)))
                self._world.sent(self._device, order.text)
            except (trio.BrokenResourceError, trio.ClosedResourceError, wsproto.utilities.LocalProtocolError):
                return


def _without_end(server: MemoryServer, _: object, dialling: Dialling) -> Dialling:
    """Forget when an earlier refusal was to end."""
    server._refuses_until = math.inf  # noqa: SLF001 - a function of the class
    return dialling


@made_by("open_memory_server()")
@checked
@attrs.define(eq=False)
class MemoryServer(ServerControls):
    """A CometChat server without a network, and the `Environment` that connects to it.

    It runs in Trio's thread and uses no time of its own, so times in a test with a mock clock are exact. Made by
    `open_memory_server()`. It has the controls of `cometconn.emulator.Emulator` (`say`, `push`,
    `set`, `drop`, ...), and a few of its own.

    Attributes:
        world: the users, groups, messages, devices, faults and the log.
        dialling: whether a dial succeeds, is refused, or hangs.
        ignore_close: whether the server sends no reply to close frames.
        jitter: the value that `random()` returns: 0.5 unless a test changes it.
        slept: the seconds that are added to the boot clock: how long the computer has slept.
        capacity: how many bytes a socket buffers in each direction, for sockets that are opened from now on.
        dials: when each dial began, on Trio's clock.
    """

    world: World
    _nursery: trio.Nursery = attrs.field(repr=False)
    dialling: Dialling = attrs.field(default="accept", init=False, on_setattr=_without_end)
    ignore_close: bool = attrs.field(default=False, init=False)
    jitter: float = attrs.field(default=0.5, init=False)
    slept: float = attrs.field(default=0.0, init=False)
    capacity: int = attrs.field(default=64 * 1024, init=False)
    dials: list[float] = attrs.field(factory=list, init=False, repr=False)
    _refuses_until: float = attrs.field(default=math.inf, init=False, repr=False)
    _reading: bool = attrs.field(default=True, init=False)
    _read_again: trio.lowlevel.ParkingLot = attrs.field(factory=trio.lowlevel.ParkingLot, init=False, repr=False)

    @property
    def endpoints(self) -> Endpoints:
        """The endpoints for `open_client(endpoints=...)`, which needs the server as its `environment`, too."""
        return Endpoints(
            admin_url=f"http://{MEMORY_HOST}/v3.0",
            client_url=f"http://{MEMORY_HOST}/v3.0",
            socket_url=f"ws://{MEMORY_HOST}/",
            allow_insecure=True,
        )

    def script(self, uid: str = "zed-1") -> ServerScript:
        """Return a script for the server's side of a session with this user, from now on.

        Raises:
            SettingsError: the server has no such user.
        """
        return ServerScript(self, uid)

    def refuse_connections(self, seconds: float = math.inf) -> None:
        """Refuse dials and REST requests for *seconds*; by default until `accept_connections()` or `heal()`.

        Open connections stay open. A further call counts from then on, also when it ends sooner.

        Raises:
            SettingsError: *seconds* is not above 0.
        """
        self._check_seconds(seconds)
        self.dialling = "refuse"
        self._refuses_until = trio.current_time() + seconds
        self._note_refusal(seconds)

    def accept_connections(self) -> None:
        """Accept dials and REST requests again. Idempotent."""
        self.dialling = "accept"
        self._note("accept_connections")

    def stop_reading(self) -> None:
        """Stop reading from all clients until `read_again()`. Their writes block when the buffers are full."""
        self._reading = False

    def read_again(self) -> None:
        """Read from the clients again."""
        self._reading = True
        self._read_again.unpark_all()

    async def wait_reading(self) -> None:
        """Wait until the server reads. For its own connections only."""
        while not self._reading:
            await self._read_again.park()

    def _refuses(self) -> bool:
        if self.dialling == "refuse" and trio.current_time() >= self._refuses_until:
            self.dialling = "accept"
        return self.dialling == "refuse"

    # The Environment.

    async def dial(self, url: str) -> trio.abc.Stream:
        """Connect to the server, whatever *url* is."""
        del url
        await trio.lowlevel.checkpoint()
        self.dials.append(trio.current_time())
        if self.dialling == "hang":
            await trio.sleep_forever()
        if self._refuses():
            message = "the memory server refuses connections"
            raise ConnectionRefusedError(message)
        ours, theirs = memory_socket_pair(self.capacity)
        self._nursery.start_soon(_Connection(self, theirs).run)
        return ours

    async def request(self, request: Request) -> Response:
        """Return the response to a REST request."""
        await trio.lowlevel.checkpoint()
        if self._refuses():
            message = "the memory server refuses connections"
            raise ConnectionRefusedError(message)
        if self.dialling == "hang":
            await trio.sleep_forever()
        return await respond(self.world, request)

    def open_response(
        self, request: Request, body: BodyStream | None = None
    ) -> AbstractAsyncContextManager[StreamedResponse]:
        """Send or receive a file. Both are in memory as a whole here."""
        return _streamed(self, request, body)

    def boot_time(self) -> float:
        """Return Trio's time plus `slept`."""
        return trio.current_time() + self.slept

    def random(self) -> float:
        """Return `jitter`."""
        return self.jitter


@asynccontextmanager
async def _streamed(
    server: MemoryServer, request: Request, body: BodyStream | None
) -> AsyncGenerator[StreamedResponse, None]:
    if body is not None:
        request = attrs.evolve(request, body=b"".join([piece async for piece in body.pieces()]))
    response = await server.request(request)
    headers = {**response.headers, "content-length": str(len(response.body))}
    yield StreamedResponse(response.status, headers, _Pieces([response.body]))


@attrs.frozen
class _Pieces:
    left: list[bytes]

    def __aiter__(self) -> _Pieces:
        return self

    async def __anext__(self) -> bytes:
        await trio.lowlevel.checkpoint()
        if not self.left:
            raise StopAsyncIteration
        return self.left.pop()


async def respond(world: World, request: Request) -> Response:
    """Return the response to a REST request, late or never if a fault of *world* demands that."""
    if world.hangs(request):
        await trio.sleep_forever()
    if world.cuts_upload(request):
        raise ConnectionResetError(_CUT)
    response = world.answer(request)
    await trio.sleep(world.faults.rest_delay)
    if world.cuts(request) or world.cuts_download(request):
        raise ConnectionResetError(_CUT)
    return response


@protected
@asynccontextmanager
@trio.lowlevel.enable_ki_protection
async def open_memory_server(**world: Any) -> AsyncGenerator[MemoryServer, None]:
    """Open a server in memory for the duration of the block. *world*: the arguments of `World`.

    Pass it to a client: `open_client(environment=server, endpoints=server.endpoints)`.
    """
    async with open_nursery() as nursery:
        server = MemoryServer(World(**world), nursery)
        server.world.base_url = f"http://{MEMORY_HOST}"
        try:
            yield server
        finally:
            server.world.files.close()
        nursery.cancel_scope.cancel(reason="the memory server was closed")
