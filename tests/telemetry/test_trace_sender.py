"""`cometconn._telemetry.trace_sender`: details reach the emulator over a real socket, and the client does not notice."""

from __future__ import annotations

import logging
import ssl
from typing import TYPE_CHECKING

import pytest
import trio

import cometconn
from cometconn import AppSettings, Endpoints, MemoryStore
from cometconn._telemetry import trace_sender
from cometconn.emulator import Emulator, Entry, Kind, open_emulator
from cometconn.instrumentation import ConsoleHook, PingSent, console_hook
from tests.hostile_server import (
    AUTH_KEY,
    WORDS,
    Everywhere,
    HostileServer,
    assert_harmless,
    close_frame,
    hostile_server,
)
from tests.instrumentation.examples import example
from tests.transport.raw_server import raw_server

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from contextlib import AbstractAsyncContextManager

    from cometconn import CometChat


@pytest.fixture
async def server() -> AsyncIterator[Emulator]:
    """Run an emulator with the control API."""
    async with open_emulator(control=True) as emulator:
        yield emulator


def open_client(endpoints: Endpoints, *hooks: ConsoleHook) -> AbstractAsyncContextManager[CometChat]:
    """Open a client with these hooks."""
    return cometconn.open_client("APP", AppSettings(), store=MemoryStore(), endpoints=endpoints, hooks=hooks)


async def connect(chat: CometChat, uid: str = "zed-1") -> None:
    """Log in and connect."""
    await chat.login(uid=uid, auth_key="KEY")
    await chat.connect()


def traces(server: Emulator, **wanted: object) -> list[Entry]:
    """Return the entries of clients' details that have these values."""
    return [
        entry
        for entry in server.log.of(Kind.TRACE)
        if all(entry.detail.get(name) == value for name, value in wanted.items())
    ]


async def detail(server: Emulator, name: str, since: int = 0) -> Entry:
    """Wait for a detail of this name."""
    return await server.log.wait_for(
        lambda entry: entry.kind is Kind.TRACE and entry.detail["detail"] == name, since=since
    )


async def test_both_ends_of_a_connection_have_its_number(server: Emulator) -> None:
    """Of each of several connections the client's details and the server's entries belong together, in time as well."""
    hook = console_hook(server.url)
    with trio.fail_after(20):
        async with open_client(server.endpoints, hook) as chat, open_client(server.endpoints, hook) as other:
            await connect(chat)
            await connect(other, "amy-2")
            await chat.ping()
            server.drop("zed-1")
            lost = await detail(server, "ConnectionLost")
            await chat.disconnect()
            await chat.connect()
        closed = traces(server, client=lost.detail["client"])[-1]

    assert lost.connection == 1
    assert (closed.connection, closed.detail["generation"]) == (3, 2)
    assert {entry.connection for entry in traces(server, detail="Dialled")} == {1, 2, 3}
    (upgrade,) = server.log.of(Kind.UPGRADE, connection=1)
    (upgraded,) = (entry for entry in traces(server, detail="Upgraded") if entry.connection == 1)
    assert abs(upgraded.detail["happened"] - upgrade.at) < 5
    assert upgraded.detail["words"].startswith("upgraded to WebSocket")
    assert (hook.waiting, hook.dropped, hook.sent) == (0, 0, len(traces(server)))
    assert len({(entry.detail["source"], entry.detail["client"]) for entry in traces(server)}) == 2


async def test_over_tls_the_ends_are_related_as_well() -> None:
    """With the server's certificate; the port is that of the socket below TLS."""
    with trio.fail_after(20):
        async with open_emulator(control=True, tls=True) as server:
            assert server.certificate is not None
            trusted = ssl.create_default_context(cafile=str(server.certificate.ca_file))
            hooks = [console_hook(server.url, ssl_context=trusted)]
            async with cometconn.open_client(
                "APP",
                AppSettings(),
                store=MemoryStore(),
                endpoints=server.endpoints,
                hooks=hooks,
                ssl_context=trusted,
            ) as chat:
                await connect(chat)
            assert [entry.connection for entry in traces(server, detail="Dialled")] == [1]


async def test_the_deadline_of_the_lease_is_sent(server: Emulator) -> None:
    """In the background it has the seconds that are left, from which anything can count down."""
    settings = AppSettings(auto_establish_socket_connection=False)
    with trio.fail_after(20):
        async with cometconn.open_client(
            "APP", settings, store=MemoryStore(), endpoints=server.endpoints, hooks=[console_hook(server.url)]
        ) as chat:
            await connect(chat)
            chat.enter_background()
            moved = await detail(server, "DeadlineMoved")
    assert moved.connection == 1
    assert moved.detail["fields"]["left"] == pytest.approx(30, abs=1)


async def test_10_000_details_arrive_once_and_in_order(server: Emulator) -> None:
    """None is dropped, the client answers meanwhile, and leaving it waits for the last ones."""
    hook = console_hook(server.url)
    with trio.fail_after(60):
        async with open_client(server.endpoints, hook) as chat:
            await connect(chat)
            for generation in range(9_950):  # the buffer has room for 50 of the client's own
                hook(example(PingSent, generation=generation, connection_id="X-1"))
            assert await chat.ping() < 1
            await server.log.wait_for(lambda entry: entry.kind is Kind.TRACE and entry.detail["generation"] == 9_949)
    assert [entry.detail["generation"] for entry in traces(server, client="X-1")] == list(range(9_950))
    assert (hook.sent, hook.waiting, hook.dropped) == (len(traces(server)), 0, 0)


async def test_a_server_that_is_away_is_tried_again(server: Emulator, caplog: pytest.LogCaptureFixture) -> None:
    """The client works meanwhile; one WARNING is all, and when the server is back the details follow, each once."""
    hook = console_hook(server.url)
    with trio.fail_after(20):
        async with open_client(server.endpoints, hook) as chat:
            await connect(chat)
            await detail(server, "Authenticated")
            server.refuse_connections()
            await chat.ping()
            while not caplog.records:
                await trio.sleep(0.01)
            assert await chat.ping() < 5
            position = server.log.position
            server.accept_connections()
            await detail(server, "PongReceived", position)
    (warning,) = (record for record in caplog.records if record.levelno >= logging.WARNING)
    assert "cannot be reached" in warning.getMessage()
    assert len(traces(server)) == hook.sent
    assert (len(traces(server, detail="PingSent")), hook.dropped) == (2, 0)


async def test_a_client_is_left_while_the_server_is_gone(server: Emulator) -> None:
    """Leaving takes as long as always, and what was not sent still waits in the hook."""
    hook = console_hook(server.url)
    other = console_hook("http://127.0.0.1:1")
    with trio.fail_after(20):
        async with open_client(server.endpoints, hook, other) as chat:
            await connect(chat)
            await detail(server, "Authenticated")
            began = trio.current_time()
        assert trio.current_time() - began < 1.5
    assert other.sent == 0
    assert other.waiting == hook.sent


async def test_a_cancelled_client_sends_its_last_details(server: Emulator) -> None:
    """The cancellation ends the client, and the details of that end reach the server all the same."""
    hook = console_hook(server.url)
    with trio.fail_after(20):
        with trio.CancelScope() as scope:
            async with open_client(server.endpoints, hook) as chat:
                await connect(chat)
                scope.cancel()
                await trio.sleep_forever()
        assert scope.cancelled_caught
    assert traces(server)[-1].detail["detail"] == "SocketClosed"
    assert hook.waiting == 0


async def test_a_server_that_does_not_answer_costs_half_a_second(monkeypatch: pytest.MonkeyPatch) -> None:
    """The client is left after that time, although the request still waits."""
    monkeypatch.setattr(trace_sender, "ATTEMPT_TIMEOUT", 60.0)

    async def silent(stream: trio.SocketStream) -> None:
        async for _ in stream:
            pass

    async with raw_server(silent) as url, open_emulator() as emulator:
        hook = console_hook(url.replace("ws:", "http:"))
        with trio.fail_after(20):
            async with open_client(emulator.endpoints, hook) as chat:
                await connect(chat)
                began = trio.current_time()
            assert trio.current_time() - began < 10
    assert (hook.sent, hook.dropped) == (0, 0)
    assert hook.waiting


async def test_a_batch_that_the_server_refuses_is_dropped(caplog: pytest.LogCaptureFixture) -> None:
    """It is not sent again, and the next one is sent."""
    statuses = iter((b"400 Bad", b"200 OK"))
    bodies = list[bytes]()

    async def answer(stream: trio.SocketStream) -> None:
        bodies.append(await read_body(stream))
        await stream.send_all(b"HTTP/1.1 %s\r\nContent-Length: 0\r\nConnection: close\r\n\r\n" % next(statuses))

    async with raw_server(answer) as url, open_emulator() as emulator:
        hook = console_hook(url.replace("ws:", "http:"))
        with trio.fail_after(20):
            async with open_client(emulator.endpoints, hook):
                while not hook.dropped:
                    await trio.sleep(0.01)
    first, second = (body.splitlines() for body in bodies)
    assert b"ClientOpened" in first[0]
    assert b"DetailsDropped" in second[0]
    assert (hook.dropped, hook.sent, hook.waiting) == (len(first), len(second) - 1, 0)
    assert "refused details of a client: HTTP status 400" in caplog.text


async def test_a_server_without_controls_is_tried_later_and_not_while_leaving(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """One WARNING is all, however often it refuses; and leaving the client makes no further attempt."""
    monkeypatch.setattr(trace_sender, "FIRST_DELAY", 0.001)
    monkeypatch.setattr(trace_sender, "LONGEST_DELAY", 0.002)
    requests = 0

    async def refuse(stream: trio.SocketStream) -> None:
        nonlocal requests
        await read_body(stream)
        requests += 1
        if requests == 3:
            monkeypatch.setattr(trace_sender, "LONGEST_DELAY", 60.0)
            monkeypatch.setattr(trace_sender, "FIRST_DELAY", 60.0)
        await stream.send_all(b"HTTP/1.1 404 No\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")

    async with raw_server(refuse) as url, open_emulator() as emulator:
        hook = console_hook(url.replace("ws:", "http:"))
        with trio.fail_after(20):
            async with open_client(emulator.endpoints, hook):
                while requests < 3:
                    await trio.sleep(0.001)
                await trio.testing.wait_all_tasks_blocked(0.01)
                before = requests
    assert requests == before
    assert (hook.sent, hook.dropped) == (0, 0)
    assert len([record for record in caplog.records if record.levelno >= logging.WARNING]) == 1


async def test_a_full_batch_does_not_wait_for_more(server: Emulator, monkeypatch: pytest.MonkeyPatch) -> None:
    """Only fewer details than a batch holds are gathered for a moment."""
    monkeypatch.setattr(trace_sender, "GATHER", 60.0)
    hook = console_hook(server.url)
    for _ in range(200):
        hook(example(PingSent))
    with trio.fail_after(20):
        async with open_client(server.endpoints, hook):
            while hook.sent < 200:
                await trio.sleep(0.01)


async def read_body(stream: trio.SocketStream) -> bytes:
    """Return the body of a request that has a `Content-Length`."""
    data = b""
    while True:
        data += await stream.receive_some()
        head, end, body = data.partition(b"\r\n\r\n")
        length = next((line for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:")), b":0")
        if end and len(body) >= int(length.partition(b":")[2]):
            return body


async def test_no_secret_leaves_the_client(server: Emulator) -> None:
    """A server repeats all secrets in its close frame: the detail has the cause of the loss, and masked."""

    def change(hostile: HostileServer) -> None:
        hostile.after = close_frame(1001, WORDS)

    with trio.fail_after(20):
        async with hostile_server(change) as hostile:
            environment = Everywhere(int(hostile.url.rpartition(":")[2]))
            hooks = [console_hook(server.url)]
            async with cometconn.open_client(
                "APP", AppSettings(region="us"), store=MemoryStore(), environment=environment, hooks=hooks
            ) as chat:
                await chat.login(uid="zed-1", auth_key=AUTH_KEY)
                lost = await detail(server, "ConnectionLost")
    assert "closed with code 1001 ('*** " in lost.detail["words"]
    for entry in traces(server):
        assert_harmless("the console", str(dict(entry.detail)))
