"""`cometconn.testing.fault_proxy`: each fault, as the two ends of a connection and as a client see it."""

from __future__ import annotations

import contextlib
import itertools
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

import pytest
import trio
import trio.lowlevel

import cometconn
from cometconn import AppSettings, Connected, MemoryStore, Timing, Waiting
from cometconn.emulator import open_emulator
from cometconn.errors import SettingsError
from cometconn.events import Gap, TextMessage
from cometconn.testing import FaultProxy, LineFaults, open_fault_proxy, random_faults

LONG = 20.0
UPGRADE = b"GET / HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\n\r\n"
QUICK = Timing(retry_base=0.02, retry_cap=0.1, stable_after=0.1, pong_timeout=0.5, keepalive_interval=0.2)


class Ends:
    """The client's end and the server's end of one connection through the proxy."""

    def __init__(self, proxy: FaultProxy, client: trio.SocketStream, server: trio.SocketStream) -> None:
        self.proxy = proxy
        self.client = client
        self.server = server

    async def read(self, count: int, *, at: str = "client") -> bytes:
        """Read *count* bytes at one end, or fewer if the stream ends."""
        stream, data = self.client if at == "client" else self.server, bytearray()
        while len(data) < count and (more := await stream.receive_some(count - len(data))):
            data += more
        return bytes(data)


@asynccontextmanager
async def ends(faults: LineFaults) -> AsyncGenerator[Ends, None]:
    """Open a connection with these faults, and read its upgrade request at the server's end."""
    accepted = trio.open_memory_channel[trio.SocketStream](1)

    async def accept(stream: trio.SocketStream) -> None:
        await accepted[0].send(stream)
        await trio.sleep_forever()

    async with trio.open_nursery() as nursery:
        listeners = await trio.open_tcp_listeners(0, host="127.0.0.1")
        nursery.start_soon(trio.serve_listeners, accept, listeners)
        port = listeners[0].socket.getsockname()[1]
        with trio.fail_after(LONG):
            async with open_fault_proxy(f"http://127.0.0.1:{port}", [faults]) as proxy:
                client = await trio.open_tcp_stream("127.0.0.1", proxy.port)
                await client.send_all(UPGRADE)
                line = Ends(proxy, client, await accepted[1].receive())
                async with client, line.server:
                    if faults.toward == "client":
                        assert await line.read(len(UPGRADE), at="server") == UPGRADE
                    yield line
        nursery.cancel_scope.cancel()


async def test_without_faults_nothing_is_changed() -> None:
    """Bytes arrive as they were sent in both directions, and so do the ends of both directions."""
    data = bytes(range(256)) * 4000
    async with ends(LineFaults()) as line:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(line.server.send_all, data)
            assert await line.read(len(data)) == data
        await line.client.send_all(b"up")
        assert await line.read(2, at="server") == b"up"
        await line.client.send_eof()
        assert await line.read(1, at="server") == b""
        await line.server.send_all(b"still")
        assert await line.read(5) == b"still"
        assert line.proxy.connections == 1


async def test_the_end_after_so_many_bytes_is_exact() -> None:
    """The client receives these bytes and then the end of the stream; the server sees that the client closed."""
    async with ends(LineFaults(end_after=1000)) as line:
        await line.server.send_all(bytes(5000))
        assert len(await line.read(5000)) == 1000
        assert await line.read(1, at="server") == b""


async def test_the_end_comes_with_its_byte() -> None:
    """The connection ends after that byte, without waiting for another one."""
    async with ends(LineFaults(end_after=1000)) as line:
        await line.server.send_all(bytes(1000))
        assert len(await line.read(1001)) == 1000


async def test_masked_frames_to_the_server_are_frames() -> None:
    """A client's frames have a mask of four bytes; the second of three is duplicated."""
    frames = [b"\x81\x81abcd" + bytes([number]) for number in range(3)]
    async with ends(LineFaults(duplicate_frames=frozenset({1}), toward="server")) as line:
        await line.client.send_all(b"".join(frames))
        want = UPGRADE + frames[0] + frames[1] * 2 + frames[2]
        assert await line.read(len(want), at="server") == want


async def test_bytes_to_the_server_are_counted_too() -> None:
    """With `toward="server"` the request itself may be cut."""
    async with ends(LineFaults(end_after=10, toward="server")) as line:
        assert await line.read(100, at="server") == UPGRADE[:10]


async def test_a_reset_is_a_reset_on_both_sides() -> None:
    """Both ends see an RST and not the end of the stream."""
    async with ends(LineFaults(end_after=3, end="reset")) as line:
        await line.server.send_all(b"abcdef")
        with pytest.raises(trio.BrokenResourceError):
            while await line.client.receive_some():
                pass
        with pytest.raises(trio.BrokenResourceError):
            await line.server.receive_some()


async def test_half_open_notifies_neither_side_until_one_closes() -> None:
    """Nothing is passed on; when the client closes, the server's end is reset, so that no connections accumulate."""
    async with ends(LineFaults()) as line:
        assert line.proxy.end("half-open") == 1
        await line.client.send_all(b"hello?")
        await line.server.send_all(b"hello?")
        for stream in (line.client, line.server):
            with trio.move_on_after(0.05) as waited:
                await stream.receive_some()
            assert waited.cancelled_caught
        await line.client.aclose()
        with pytest.raises(trio.BrokenResourceError):
            await line.server.receive_some()


async def test_the_reset_of_one_side_reaches_the_other() -> None:
    """If the server's side is reset, so is the client's."""
    async with ends(LineFaults()) as line:
        await line.client.send_all(b"unread")
        await line.read(1, at="server")
        line.server.socket.close()  # with unread bytes: RST
        with pytest.raises(trio.BrokenResourceError):
            await line.client.receive_some()


async def test_delay_and_rate_hold_bytes_back() -> None:
    """With 0.1 s of delay and 20,000 bytes a second, 4,000 bytes take at least 0.3 s and arrive in order."""
    data = bytes(range(200)) * 20
    async with ends(LineFaults(delay=0.1, jitter=0.01, rate=20_000)) as line:
        began = trio.current_time()
        await line.server.send_all(data)
        assert await line.read(len(data)) == data
        assert trio.current_time() - began >= 0.29


async def test_frames_vanish_or_come_twice_whole() -> None:
    """Of five frames the second is dropped and the fourth duplicated; a ping frame is not counted."""
    head = b"HTTP/1.1 101 Switching Protocols\r\n\r\n"
    frames = [b"\x81\x01" + bytes([65 + number]) for number in range(4)] + [b"\x81\x7e\x00\xc8" + b"E" * 200]
    async with ends(LineFaults(drop_frames=frozenset({1}), duplicate_frames=frozenset({3}))) as line:
        wire = head + frames[0] + b"\x89\x00" + b"".join(frames[1:])
        for byte in wire:
            await line.server.send_all(bytes([byte]))
        want = head + frames[0] + b"\x89\x00" + frames[2] + frames[3] * 2 + frames[4]
        assert await line.read(len(want)) == want
        assert [entry.what for entry in line.proxy.log if "frame" in entry.what][-2:] == [
            "dropped frame 1",
            "duplicated frame 3",
        ]


async def test_a_client_survives_what_the_proxy_does() -> None:
    """Refused, cut, reset, half-open: the client reconnects each time, and a gap marks the loss."""
    async with open_emulator() as server, open_fault_proxy(server.url) as proxy:
        settings = AppSettings(timing=QUICK, catch_up=True)
        with trio.fail_after(LONG):
            async with (
                cometconn.open_client("APP", settings, store=MemoryStore(), endpoints=proxy.endpoints) as chat,
                chat.events(TextMessage) as events,
            ):
                await chat.login(uid="zed-1", auth_key="KEY")
                await chat.connect()
                for how in ("close", "reset", "half-open"):
                    proxy.follow([LineFaults(refuse=True), LineFaults(end_after=20)])
                    async with chat.statuses() as statuses:
                        assert proxy.end(how) == 1
                        async for change in statuses:
                            if isinstance(change.current, Waiting):
                                break
                        async for change in statuses:
                            if isinstance(change.current, Connected):
                                break
                    assert isinstance(await anext(events), Gap)
                    server.say("amy-2", how, receiver="zed-1")
                    message = await anext(events)
                    assert isinstance(message, TextMessage)
                    assert message.text == how
        assert proxy.connections <= 1


async def test_refused_connections_are_refused_by_the_system() -> None:
    """While the proxy refuses connections none is accepted; afterwards they are, on the same port."""
    async with open_emulator() as server, open_fault_proxy(server.url) as proxy:
        proxy.refuse_connections()
        with pytest.raises(OSError, match="refused|connect"):
            await trio.open_tcp_stream("127.0.0.1", proxy.port)
        proxy.accept_connections()
        await (await trio.open_tcp_stream("127.0.0.1", proxy.port)).aclose()


async def test_an_unreachable_server_closes_the_line() -> None:
    """The client's connection is closed at once, and the log contains the reason."""
    with trio.fail_after(LONG):
        async with open_fault_proxy("http://127.0.0.1:1") as proxy:
            stream = await trio.open_tcp_stream("127.0.0.1", proxy.port)
            await stream.send_all(UPGRADE)
            assert await stream.receive_some() == b""
            await stream.aclose()
            assert proxy.log[-1].what == "the server cannot be reached"


async def test_leaving_closes_everything() -> None:
    """After the block the client's connection has ended, and the port is free."""
    with trio.fail_after(LONG):
        async with open_emulator() as server:
            async with open_fault_proxy(server.url) as proxy:
                stream = await trio.open_tcp_stream("127.0.0.1", proxy.port)
                await stream.send_all(UPGRADE)
                while not proxy.connections:
                    await trio.lowlevel.checkpoint()
            with pytest.raises(OSError, match="refused|connect"):
                await trio.open_tcp_stream("127.0.0.1", proxy.port)
            with contextlib.suppress(trio.BrokenResourceError):
                assert await stream.receive_some() == b""
            await stream.aclose()


async def test_the_log_contains_actions_and_no_secret() -> None:
    """It contains connections with their faults and byte counts, but not the tokens that were passed on."""
    async with open_emulator() as server, open_fault_proxy(server.url, [LineFaults(delay=0.001)]) as proxy:
        with trio.fail_after(LONG):
            async with cometconn.open_client(
                "APP", AppSettings(), store=MemoryStore(), endpoints=proxy.endpoints
            ) as chat:
                await chat.login(uid="zed-1", auth_key="KEY")
                await chat.connect()
        words = "\n".join(f"{entry.line} {entry.what}" for entry in proxy.log)
        assert "WebSocket: LineFaults(delay=0.001" in words
        assert "REST: LineFaults" in words
        assert "KEY" not in words
        assert "token" not in words
        assert "jwt" not in words


async def test_an_exception_of_the_block_is_not_changed() -> None:
    """It is not wrapped in a group by the proxy's nursery."""
    with pytest.raises(ZeroDivisionError):
        async with open_fault_proxy("http://127.0.0.1:1"):
            raise ZeroDivisionError


@pytest.mark.parametrize("target", ["127.0.0.1", "http://127.0.0.1", "http://:9000"])
async def test_a_target_without_host_and_port_is_refused(target: str) -> None:
    """The message shows what was given."""
    with pytest.raises(SettingsError, match="must be a URL with a host and a port"):
        async with open_fault_proxy(target):
            pass


@pytest.mark.parametrize(
    "wrong",
    [{"delay": -1}, {"rate": 0}, {"end_after": -1}, {"end": "bang"}, {"toward": "moon"}, {"jitter": float("nan")}],
)
def test_invalid_faults_are_refused(wrong: dict[str, object]) -> None:
    """The constructor raises, and not only the connection."""
    with pytest.raises(SettingsError):
        LineFaults(**wrong)  # type: ignore[arg-type]


def test_the_same_seed_draws_the_same_faults() -> None:
    """The same seed repeats a run, another one does not; the reply to the auth frame is never dropped."""
    first, again, other = (list(itertools.islice(random_faults(seed, lossy=True), 50)) for seed in (1, 1, 2))
    assert first == again != other
    assert all(0 not in faults.drop_frames for faults in first)
    assert {faults.end for faults in first if faults.end_after is not None} == {"close", "reset", "half-open"}
