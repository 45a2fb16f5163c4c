"""Clients of the emulator: a well-behaved WebSocket client, and one that is driven frame by frame."""

from __future__ import annotations

import json
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any, Protocol

import attrs
import httpx2
import pytest
import trio
from trio_websocket import wrap_client_stream
from wsproto import ConnectionType, WSConnection
from wsproto.events import (
    AcceptConnection,
    CloseConnection,
    Event,
    RejectConnection,
    TextMessage,
)
from wsproto.events import Request as Upgrade

from cometconn.emulator import Device, Emulator, World, open_emulator
from cometconn.environment import Request

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, AsyncIterator
    from contextlib import AbstractAsyncContextManager

    from trio_websocket import WebSocketConnection


@pytest.fixture
async def server() -> AsyncIterator[Emulator]:
    """Run an emulator with three users, all of them members of the group `hikers`."""
    async with open_emulator(users=("zed-1", "amy-2", "bob-3")) as emulator:
        yield emulator


@pytest.fixture
async def http(server: Emulator) -> AsyncIterator[httpx2.AsyncClient]:
    """Return an HTTP client of the emulator."""
    async with httpx2.AsyncClient(base_url=f"{server.url}/v3.0", timeout=5) as client:
        yield client


def auth_frame(server: Emulator, uid: str, device: str, **body: Any) -> str:
    """Make the first frame of a client, with a JWT that is valid unless *body* names another."""
    sessions = server.world.sessions
    jwt = sessions.jwt_for(sessions.issue_token(uid))
    frame = {"appId": "APP", "deviceId": device, "type": "auth", "sender": uid, "body": {"auth": jwt, **body}}
    return json.dumps(frame)


@attrs.frozen
class ConnectedUser:
    """A connected user: sends and receives frames as objects."""

    websocket: WebSocketConnection

    async def send(self, frame: dict[str, Any] | str) -> None:
        """Send a frame."""
        await self.websocket.send_message(frame if isinstance(frame, str) else json.dumps(frame))

    async def receive(self) -> dict[str, Any]:
        """Wait for the next frame."""
        frame: dict[str, Any] = json.loads(await self.websocket.get_message())
        return frame


class Join(Protocol):
    """Connects and authenticates a user."""

    def __call__(
        self, server: Emulator, uid: str, device: str = "", **body: object
    ) -> AbstractAsyncContextManager[ConnectedUser]:
        """Connect. *body* is added to the body of the auth frame."""


@pytest.fixture
def join() -> Join:
    """Return a function that connects a well-behaved client."""

    @asynccontextmanager
    async def joined(
        server: Emulator, uid: str, device: str = "", **body: object
    ) -> AsyncGenerator[ConnectedUser, None]:
        # Closed here: trio-websocket leaves the stream open when the server sent the first close frame.
        stream = await trio.open_tcp_stream("127.0.0.1", server.port)
        async with stream, trio.open_nursery() as nursery:
            websocket = await wrap_client_stream(nursery, stream, f"127.0.0.1:{server.port}", "/")
            async with websocket:
                user = ConnectedUser(websocket)
                await user.send(auth_frame(server, uid, device or f"device-of-{uid}", **body))
                reply = await user.receive()
                assert reply["type"] == "auth"
                assert reply["body"] == {"code": "200", "status": "OK"}
                yield user

    return joined


@attrs.define(eq=False)
class RawPeer:
    """A client that does nothing by itself: it answers no close frame and reads nothing ahead.

    Attributes:
        stream: the TCP stream.
        status: how the upgrade was answered, once it was.
        headers: of that answer.
    """

    stream: trio.SocketStream
    status: int | None = None
    headers: dict[str, str] = attrs.field(factory=dict)
    _wire: WSConnection = attrs.field(factory=lambda: WSConnection(ConnectionType.CLIENT))

    async def request_upgrade(self, server: Emulator) -> None:
        """Request the upgrade."""
        await self.stream.send_all(self._wire.send(Upgrade(host=f"127.0.0.1:{server.port}", target="/")))

    async def send(self, event: Event) -> None:
        """Write one WebSocket event."""
        await self.stream.send_all(self._wire.send(event))

    async def send_text(self, text: str) -> None:
        """Write a text frame."""
        await self.send(TextMessage(text))

    async def receive(self) -> Event | None:
        """Read the next event; `None` at the end of the stream."""
        while True:
            for event in self._wire.events():
                if isinstance(event, AcceptConnection):
                    self.status = 101
                elif isinstance(event, RejectConnection):
                    self.status = event.status_code
                    self.headers = {name.decode(): value.decode() for name, value in event.headers}
                return event
            data = await self.stream.receive_some()
            if not data:
                return None
            self._wire.receive_data(data)

    async def receive_text(self) -> dict[str, Any]:
        """Read the next event, which must be a text frame."""
        event = await self.receive()
        assert isinstance(event, TextMessage), event
        frame: dict[str, Any] = json.loads(event.data)
        return frame

    async def receive_close(self) -> int:
        """Read the next event, which must be a close frame; return its code."""
        event = await self.receive()
        assert isinstance(event, CloseConnection), event
        return event.code

    async def sign_in(self, server: Emulator, uid: str) -> None:
        """Upgrade and authenticate."""
        await self.request_upgrade(server)
        assert isinstance(await self.receive(), AcceptConnection)
        await self.send_text(auth_frame(server, uid, f"raw-{uid}"))
        assert (await self.receive_text())["body"]["code"] == "200"


class Dial(Protocol):
    """Opens a TCP connection to the emulator."""

    def __call__(self, server: Emulator) -> AbstractAsyncContextManager[RawPeer]:
        """Connect, and send nothing yet."""


@pytest.fixture
def dial() -> Dial:
    """Return a function that connects a client that is driven frame by frame."""

    @asynccontextmanager
    async def dialled(server: Emulator) -> AsyncGenerator[RawPeer, None]:
        stream = await trio.open_tcp_stream("127.0.0.1", server.port)
        async with stream:
            yield RawPeer(stream)

    return dialled


@attrs.define(eq=False)
class RecordingLine:
    """Takes the place of the byte stream below a WebSocket, and records what was done to it."""

    calls: list[str] = attrs.field(factory=list)

    def reset(self) -> None:
        """Record it."""
        self.calls.append("reset")

    def silence(self) -> None:
        """Record it."""
        self.calls.append("silence")


@attrs.define(eq=False)
class Backend:
    """A `World` whose clocks stand still, and short ways to use it."""

    world: World
    clock: list[int]

    def request(self, method: str, path: str, body: object = None, **headers: str) -> tuple[int, Any]:
        """Make a REST request; return status and JSON."""
        raw = body if isinstance(body, bytes) or body is None else json.dumps(body).encode()
        response = self.world.answer(Request(method, f"http://127.0.0.1:1{path}", headers, raw))
        return response.status, json.loads(response.body)

    def token(self, uid: str) -> str:
        """Log a user in; return the auth token."""
        return self.world.sessions.issue_token(uid)

    def device(self, uid: str | None = None, device_id: str = "", **body: object) -> Device:
        """Connect a device, and authenticate it as *uid* unless that is `None`."""
        device = Device(RecordingLine())
        self.world.accepted(device)
        if uid is not None:
            jwt = self.world.sessions.jwt_for(self.token(uid))
            frame = {
                "type": "auth",
                "appId": "APP",
                "sender": uid,
                "deviceId": device_id,
                "body": {"auth": jwt, **body},
            }
            self.world.received(device, json.dumps(frame))
            assert self.outbox(device)[0]["body"]["code"] == "200"
        return device

    def outbox(self, device: Device) -> list[Any]:
        """Take what waits to be written to a device: frames as objects, other orders as they are."""
        taken = []
        while device._outbox:
            order = device._outbox.popleft()
            text = getattr(order, "text", None)
            taken.append(order if text is None else json.loads(text))
        return taken


@pytest.fixture
def backend() -> Backend:
    """Return a `World` with three users, two of them in the group `hikers`. Its wall clock is `clock[0]`."""
    clock = [1_800_000_000]
    world = World(
        users=("zed-1", "amy-2", "bob-3"),
        groups={"hikers": ("zed-1", "amy-2")},
        port=4321,
        clock=lambda: 7.5,
        wall_clock=lambda: clock[0] + 0.25,
    )
    return Backend(world, clock)
