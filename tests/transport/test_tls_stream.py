"""Our TLS stream: the same bytes and the same ends as Trio's, no wait where none is needed, nothing lost by a cancel."""

from __future__ import annotations

import contextlib
import pathlib
import random
import shutil
import socket
import ssl
import subprocess
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from functools import partial

import pytest
import trio
from trio.testing import memory_stream_pair, wait_all_tasks_blocked

from cometconn._transport.tls_stream import TlsSessions, TlsStream
from tests.conformance.authority import Authority

from .tls_server import TlsServer

SLACK = 20.0
HOST = "chat.test"
VERSIONS = [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3]
AUTHORITY = Authority()

Make = Callable[[trio.abc.Stream, ssl.SSLContext], "TlsStream | trio.SSLStream[trio.abc.Stream]"]


def contexts(version: ssl.TLSVersion = ssl.TLSVersion.TLSv1_3) -> tuple[ssl.SSLContext, ssl.SSLContext]:
    """The client's and the server's, which can only agree on *version*."""
    client, server = AUTHORITY.client(), AUTHORITY.server(None)
    client.minimum_version = client.maximum_version = version
    return client, server


def ours(stream: trio.abc.Stream, context: ssl.SSLContext) -> TlsStream:
    """The stream under test."""
    return TlsStream(stream, context, HOST)


def trios(stream: trio.abc.Stream, context: ssl.SSLContext) -> trio.SSLStream[trio.abc.Stream]:
    """Its twin."""
    return trio.SSLStream(stream, context, server_hostname=HOST, https_compatible=True)


@asynccontextmanager
async def connected(
    version: ssl.TLSVersion = ssl.TLSVersion.TLSv1_3, make: Make = ours, *, sockets: bool = False
) -> AsyncGenerator[tuple[TlsStream, TlsServer, trio.abc.Stream], None]:
    """A client after its handshake, the server, and the server's end of the stream below."""
    client_context, server_context = contexts(version)
    below, other = map(trio.SocketStream, trio.socket.socketpair()) if sockets else memory_stream_pair()
    server, client = TlsServer(server_context), make(below, client_context)
    with trio.fail_after(SLACK):
        async with other, client:
            async with trio.open_nursery() as nursery:
                nursery.start_soon(server.shake_hands, other)
                await client.do_handshake()
            yield client, server, other  # type: ignore[misc] - the twin has the same methods


async def take(stream: trio.abc.Stream, chances: random.Random | None = None) -> tuple[bytes, str]:
    """Read to the end, with limits at random; return all bytes and what the end was."""
    taken, cause = b"", None
    try:
        while data := await stream.receive_some(chances and chances.choice([700, 5000, 16384, 70_000, None])):
            taken += data
    except trio.BrokenResourceError as error:
        cause = error.__cause__
    assert cause is None or isinstance(cause, ssl.SSLError)
    return taken, "broken" if cause else "ended"


async def outcome(make: Make, version: ssl.TLSVersion, seed: int) -> tuple[bytes, str]:
    """Let a client of this kind read what a server sends that *seed* determines, cut anywhere."""
    chances = random.Random(seed)
    async with connected(version, make) as (client, server, other), trio.open_nursery() as nursery:
        wire = b"".join(
            server.encrypted(chances.randbytes(chances.choice([1, 100, 5000, 16384, 16385, 50_000])))
            for _ in range(chances.randrange(5))
        )
        ends = [b"", server.close_notify(), chances.randbytes(3), b"\x17\x03\x03\x00\x20" + chances.randbytes(32)]
        wire += chances.choice(ends)
        if chances.random() < 0.2:
            wire = wire[: chances.randrange(len(wire) + 1)]
        cuts = sorted(chances.randrange(len(wire) + 1) for _ in range(chances.randrange(12)))

        async def send() -> None:
            for start, end in zip([0, *cuts], [*cuts, len(wire)], strict=True):
                if start < end:
                    await other.send_all(wire[start:end])
                for _ in range(chances.randrange(4)):
                    await trio.lowlevel.checkpoint()
            await other.send_eof()  # type: ignore[attr-defined] - both ends are staples

        nursery.start_soon(send)
        taken, end = await take(client, random.Random(seed))
    return taken, end


@pytest.mark.parametrize("version", VERSIONS)
async def test_it_reads_what_trios_stream_reads(version: ssl.TLSVersion) -> None:
    """Records cut anywhere, several in a read, TLS's own end, none, an end within a record, and bytes that are no TLS."""
    ends = set()
    for seed in range(15):
        mine = await outcome(ours, version, seed)
        assert mine == await outcome(trios, version, seed), f"seed {seed}"
        ends.add(mine[1])
    assert ends == {"ended", "broken"}


async def test_what_came_before_a_failure_is_returned_first() -> None:
    """And then the failure, again and again; nothing can be sent any more."""
    async with connected() as (client, server, other):
        await other.send_all(server.encrypted(b"hello") + b"\x17\x03\x03\x00\x20" + bytes(32))
        assert await client.receive_some() == b"hello"
        for _ in range(2):
            with pytest.raises(trio.BrokenResourceError) as caught:
                await client.receive_some()
            assert isinstance(caught.value.__cause__, ssl.SSLError)
        with pytest.raises(trio.BrokenResourceError):
            await client.send_all(b"more")
        assert client.write_nowait(b"more") == 0


@pytest.mark.parametrize("sockets", [False, True])
async def test_a_read_returns_all_that_has_come(*, sockets: bool) -> None:
    """Many records in one call, as far as the limit goes; and what is beyond it without another wait."""
    async with connected(sockets=sockets) as (client, server, other):
        data = random.Random(1).randbytes(50_000)
        async with trio.open_nursery() as nursery:
            nursery.start_soon(other.send_all, server.encrypted(data[:25_000]) + server.encrypted(data[25_000:]))
            await wait_all_tasks_blocked()
            taken = await client.receive_some(40_000)
        assert 16_384 < len(taken) <= 40_000
        with trio.CancelScope() as scope:
            scope.cancel()
            await client.receive_some()
        assert scope.cancelled_caught
        for limit in (1, 9, None):
            taken += await client.receive_some(limit)
        while len(taken) < len(data):
            taken += await client.receive_some()
        assert taken == data


async def test_a_limit_must_be_positive() -> None:
    """As with Trio's streams."""
    async with connected() as (client, _, _):
        with pytest.raises(ValueError, match="at least 1"):
            await client.receive_some(0)


@pytest.mark.parametrize("sockets", [False, True])
@pytest.mark.parametrize("version", VERSIONS)
async def test_what_is_sent_arrives(version: ssl.TLSVersion, *, sockets: bool) -> None:
    """A megabyte, in both directions at the same time."""
    data = random.Random(2).randbytes(1024 * 1024)
    async with connected(version, sockets=sockets) as (client, server, other), trio.open_nursery() as nursery:
        received = bytearray()

        async def echo() -> None:
            while len(received) < len(data):
                part = server.decrypted(await other.receive_some(65536))
                received.extend(part)
                if part:
                    await other.send_all(server.encrypted(part))

        nursery.start_soon(echo)
        nursery.start_soon(client.send_all, data)
        taken = b""
        while len(taken) < len(data):
            taken += await client.receive_some()
        assert taken == received == data


async def test_a_cancelled_read_loses_nothing() -> None:
    """Cancelled after every number of steps, between pieces that are cut anywhere."""
    chances = random.Random(3)
    data = chances.randbytes(200_000)
    async with connected() as (client, server, other), trio.open_nursery() as nursery:
        wire, taken, cancelled = server.encrypted(data), b"", 0

        async def send() -> None:
            at = 0
            while at < len(wire):
                size = chances.choice([1, 100, 3000, 20_000])
                await other.send_all(wire[at : at + size])
                at += size
                await trio.lowlevel.checkpoint()

        async def cancel_later(scope: trio.CancelScope) -> None:
            for _ in range(chances.randrange(6)):
                await trio.lowlevel.checkpoint()
            scope.cancel()

        nursery.start_soon(send)
        while len(taken) < len(data):
            with trio.CancelScope() as scope:
                nursery.start_soon(cancel_later, scope)
                taken += await client.receive_some(chances.choice([1000, None]))
            cancelled += scope.cancelled_caught
        assert taken == data
        assert cancelled > 10


async def test_a_cancelled_send_tears_no_record() -> None:
    """What the socket did not take goes before what is sent next."""
    async with connected(sockets=True) as (client, server, other), trio.open_nursery() as nursery:
        data = random.Random(4).randbytes(8 * 1024 * 1024)
        with trio.CancelScope() as scope:
            nursery.start_soon(client.send_all, b"")  # nothing is under way yet, so this changes nothing
            await wait_all_tasks_blocked()
            scope.cancel()
            await client.send_all(data)
        assert scope.cancelled_caught
        assert not client.unsent, "cancelled before the first byte"
        with trio.CancelScope() as scope:
            async with trio.open_nursery() as inner:
                inner.start_soon(client.send_all, data)
                await wait_all_tasks_blocked()
                scope.cancel()
        assert client.unsent
        assert client.write_nowait(b"x") == 0
        nursery.start_soon(client.send_all, b"behind")
        received = b""
        while len(received) < len(data) + 6:
            received += server.decrypted(await other.receive_some(1024 * 1024))
        assert received == data + b"behind"
        await wait_all_tasks_blocked()
        assert not client.unsent


async def test_over_another_stream_a_cut_record_is_the_end() -> None:
    """How much of it has left is not known."""
    async with connected() as (client, _, _):
        with trio.CancelScope() as scope:
            async with trio.open_nursery() as nursery:
                stop = trio.Event()

                async def send_hook() -> None:
                    stop.set()
                    await trio.sleep_forever()

                client.transport_stream.send_stream.send_all_hook = send_hook  # type: ignore[attr-defined]
                nursery.start_soon(client.send_all, b"hello")
                await stop.wait()
                scope.cancel()
        with pytest.raises(trio.BrokenResourceError):
            await client.send_all(b"more")
        assert not client.unsent


async def test_a_short_write_needs_no_wait() -> None:
    """A full socket leaves what is encrypted for later; behind it nothing more is taken."""
    async with connected(sockets=True) as (client, server, other):
        assert client.write_nowait(b"hello") == 5
        assert server.decrypted(await other.receive_some(65536)) == b"hello"
        sent = b""
        while not client.unsent:
            part = bytes([len(sent) % 251]) * 60_000
            assert client.write_nowait(part) == len(part)
            sent += part
        assert client.write_nowait(b"more") == 0
        async with trio.open_nursery() as nursery:
            nursery.start_soon(client.send_all, b"")
            received = b""
            while len(received) < len(sent):
                received += server.decrypted(await other.receive_some(1024 * 1024))
        assert received == sent
        assert not client.unsent
        assert client.write_nowait(b"more") == 4


async def test_only_a_socket_takes_a_short_write() -> None:
    """Other streams can only be waited for; and a closed one takes nothing."""
    async with connected() as (client, _, _):
        assert client.write_nowait(b"hello") == 0
        await client.aclose()
    async with connected(sockets=True) as (client, _, _):
        await client.aclose()
        assert client.write_nowait(b"hello") == 0
        with pytest.raises(trio.ClosedResourceError):
            await client.send_all(b"hello")
        with pytest.raises(trio.ClosedResourceError):
            await client.receive_some()


async def test_a_broken_socket_is_found_out() -> None:
    """By the next send and the next read."""
    async with connected(sockets=True) as (client, _, other):
        await other.aclose()
        assert client.write_nowait(b"hello") == 5
        with pytest.raises(trio.BrokenResourceError):
            await client.send_all(b"")
        await client.aclose()


@pytest.mark.parametrize("sockets", [False, True])
async def test_closing_wakes_a_reader(*, sockets: bool) -> None:
    """As with Trio's streams."""
    async with connected(sockets=sockets) as (client, _, _), trio.open_nursery() as nursery:

        async def read() -> None:
            with pytest.raises(trio.ClosedResourceError):
                await client.receive_some()

        nursery.start_soon(read)
        await wait_all_tasks_blocked()
        await client.aclose()


@pytest.mark.parametrize("version", VERSIONS)
async def test_closing_sends_tls_own_end(version: ssl.TLSVersion) -> None:
    """So that the server knows that nothing was cut; without waiting for the server's."""
    async with connected(version, sockets=True) as (client, server, other):
        await other.send_all(server.encrypted(b"hello"))
        assert await client.receive_some() == b"hello"  # a socket with something unread is reset when it is closed
        await client.aclose()
        data = b""
        while part := await other.receive_some(65536):
            data += part
        assert server.decrypted(data) == b""
        server.ssl_object.unwrap()  # raises SSLWantReadError if the client's end has not come


@pytest.mark.parametrize("version", VERSIONS)
async def test_a_session_is_resumed(version: ssl.TLSVersion) -> None:
    """With the same setting and host; the application's setting stays as it is."""
    client_context, server_context = contexts(version)
    options, sessions = client_context.options, TlsSessions()

    async def reused(context: ssl.SSLContext) -> bool | None:
        below, other = memory_stream_pair()
        client, server = TlsStream(below, context, HOST, sessions), TlsServer(server_context)
        async with trio.open_nursery() as nursery:
            nursery.start_soon(server.shake_hands, other)
            await client.do_handshake()
        await other.send_all(server.encrypted(b"hello"))
        assert await client.receive_some() == b"hello"
        await client.aclose()
        return client.ssl_object.session_reused

    with trio.fail_after(SLACK):
        assert [await reused(client_context) for _ in range(3)] == [False, True, True]
        assert not await reused(contexts(version)[0])
    assert client_context.options == options


async def test_a_handshake_that_fails_leaves_no_session() -> None:
    """And the server gets the alert with the reason."""
    client_context, server_context = ssl.create_default_context(), contexts()[1]
    below, other = map(trio.SocketStream, trio.socket.socketpair())
    sessions = TlsSessions()
    client, server = TlsStream(below, client_context, HOST, sessions), TlsServer(server_context)
    seen: list[ssl.SSLError] = []

    async def serve() -> None:
        try:
            await server.shake_hands(other)
            server.decrypted(await other.receive_some(65536))
        except ssl.SSLError as error:
            seen.append(error)

    with trio.fail_after(SLACK):
        async with other, trio.open_nursery() as nursery:
            nursery.start_soon(serve)
            with pytest.raises(ssl.SSLCertVerificationError):
                await client.do_handshake()
            await client.aclose()
    assert "UNKNOWN_CA" in str(seen[0])
    assert not sessions


async def test_an_end_within_the_handshake() -> None:
    """It is an error of TLS, and no wait for ever."""
    below, other = memory_stream_pair()
    client = ours(below, contexts()[0])
    with trio.fail_after(SLACK):
        async with trio.open_nursery() as nursery:

            async def leave() -> None:
                await other.receive_some(65536)
                await other.aclose()

            nursery.start_soon(leave)
            with pytest.raises(ssl.SSLError):
                await client.do_handshake()


async def test_tls_inside_tls() -> None:
    """As through an `https` proxy: ours over Trio's."""
    client_context, server_context = contexts()
    below, other = map(trio.SocketStream, trio.socket.socketpair())
    outer_client, outer_server = (
        trios(below, client_context),
        trio.SSLStream(other, server_context, server_side=True, https_compatible=True),
    )
    client, server = ours(outer_client, client_context), TlsServer(server_context)
    data = random.Random(5).randbytes(100_000)

    async def serve() -> None:
        await server.shake_hands(outer_server)
        received = b""
        while len(received) < len(data):
            received += server.decrypted(await outer_server.receive_some(65536))
        await outer_server.send_all(server.encrypted(received))
        await outer_server.send_all(server.close_notify())

    with trio.fail_after(SLACK):
        async with other, trio.open_nursery() as nursery:
            nursery.start_soon(serve)
            await client.do_handshake()
            await client.send_all(data)
            assert await take(client) == (data, "ended")
        await client.aclose()


class Relay:
    """Passes bytes on in one direction."""

    def __init__(self) -> None:
        self.flows = trio.Event()
        self.flows.set()
        self.passed = trio.Event()

    async def run(self, source: trio.SocketStream, target: trio.SocketStream) -> None:
        """Pass on what comes, while it may flow, until either side ends."""
        with contextlib.suppress(trio.ClosedResourceError, trio.BrokenResourceError):
            async for data in source:
                self.passed.set()  # not later: by then a test may wait for the next data
                await self.flows.wait()
                await target.send_all(data)


class OpenSsl:
    """`openssl s_server`, which obeys letters: it can do what Python's `ssl` cannot."""

    def __init__(self, process: trio.Process) -> None:
        self._process = process
        self.up, self.down = Relay(), Relay()

    async def type(self, line: str) -> None:
        """Type a line, which the program obeys or sends, and wait until a record of it has left."""
        assert self._process.stdin is not None
        self.down.passed = trio.Event()
        await self._process.stdin.send_all(f"{line}\n".encode())
        await self.down.passed.wait()  # the program drops a line that comes together with a command


@asynccontextmanager
async def openssl(folder: pathlib.Path, version: ssl.TLSVersion) -> AsyncGenerator[tuple[TlsStream, OpenSsl], None]:
    """Connect to one, through a relay."""
    if shutil.which("openssl") is None:
        pytest.skip("the openssl command is not installed")
    AUTHORITY.server_file(folder / "server.pem")
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    command = ["openssl", "s_server", "-accept", f"127.0.0.1:{port}", "-cert", str(folder / "server.pem")]
    below, other = map(trio.SocketStream, trio.socket.socketpair())
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL, "check": False}
    with trio.fail_after(SLACK):
        async with trio.open_nursery() as nursery, other:
            program = OpenSsl(await nursery.start(partial(trio.run_process, command, **pipes)))
            async with await dialled(port) as server, ours(below, contexts(version)[0]) as client:
                nursery.start_soon(program.up.run, other, server)
                nursery.start_soon(program.down.run, server, other)
                await client.do_handshake()
                await program.type("hello")  # session tickets come first
                taken = b""
                while not taken.endswith(b"\n"):
                    taken += await client.receive_some()
                yield client, program
            nursery.cancel_scope.cancel()


async def dialled(port: int) -> trio.SocketStream:
    """Connect to a server that may not listen yet. The caller bounds the time."""
    while True:
        try:
            return await trio.open_tcp_stream("127.0.0.1", port)
        except OSError:
            await trio.sleep(0.01)


async def test_a_key_update_is_replied_to(tmp_path: pathlib.Path) -> None:
    """And what follows is read and sent with the new keys (RFC 8446, section 4.6.3)."""
    async with openssl(tmp_path, ssl.TLSVersion.TLSv1_3) as (client, server):
        for number in range(3):
            await server.type("K")
            await server.type(f"after {number}")
            taken = b""
            while not taken.endswith(b"\n"):
                taken += await client.receive_some()
            assert taken == f"after {number}\n".encode()
            await client.send_all(f"reply {number}".encode())
        assert not client.unsent


async def test_replies_are_bounded() -> None:
    """OpenSSL replies to some records while it reads. A server that reads none of them fills no memory."""
    async with connected(sockets=True) as (client, server, other):
        while not client.unsent:
            client.write_nowait(bytes(60_000))
        for expected in (b"first", b"second"):
            client.ssl_object.write(bytes(40_000))  # in the place of replies
            await other.send_all(server.encrypted(expected))
            assert await client.receive_some() == expected
        with pytest.raises(trio.BrokenResourceError) as caught:
            await client.receive_some()
        assert "does not read" in str(caught.value.__cause__)


async def test_a_renegotiation_is_refused(tmp_path: pathlib.Path) -> None:
    """This server then ends the connection; another might go on."""
    async with openssl(tmp_path, ssl.TLSVersion.TLSv1_2) as (client, server):
        await server.type("r")
        with pytest.raises(trio.BrokenResourceError) as caught:
            await client.receive_some()
        assert "HANDSHAKE_FAILURE" in str(caught.value.__cause__)
