"""Scripts of the server's side: they wait for what is expected, and list what the client did instead."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator

import pytest
import trio
import trio.testing
import wsproto

import cometconn
import cometconn.aio.emulator
from cometconn import AppSettings, CometChat, Connected, Disconnected, MemoryStore, Reason, Waiting
from cometconn.emulator import open_emulator
from cometconn.errors import SettingsError
from cometconn.events import Gap, Resumed, TextMessage, TypingStarted, UnreadableFrame, User
from cometconn.testing import MemoryServer, ServerScript, assert_no_leaks


@pytest.fixture
async def server(memory_server: MemoryServer) -> AsyncGenerator[MemoryServer, None]:
    """A server in virtual time, whose clients leave nothing behind."""
    async with assert_no_leaks():
        yield memory_server


@pytest.fixture
async def chat(server: MemoryServer) -> AsyncGenerator[CometChat, None]:
    """A client without a logged-in user."""
    async with cometconn.open_client(
        "APP", AppSettings(), store=MemoryStore(), endpoints=server.endpoints, environment=server
    ) as chat:
        yield chat


async def log_in(chat: CometChat) -> None:
    """Log zed-1 in, and wait for the socket."""
    await chat.login(uid="zed-1", auth_key="KEY")
    await chat.connect()


async def test_a_script_follows_a_session(server: MemoryServer, chat: CometChat) -> None:
    """Requests, frames and closes are expected in their order; everything in between is skipped."""
    script = server.script()
    async with trio.open_nursery() as nursery, chat.events() as events:
        nursery.start_soon(log_in, chat)
        await script.expect("POST /users/zed-1/auth_tokens", {"platform": "PYTHON"})
        await script.expect("PUT /me")
        await script.expect("connect")
        auth = await script.expect("auth", {"sender": "zed-1"})
        assert auth["body"]["auth"] == "***"
        await script.say(
            TypingStarted(sender=User("amy-2"), receiver=User("zed-1")),
            {"type": "message", "body": {"id": 7, "sender": "amy-2", "category": "message", "type": "text"}},
            "this is not JSON",
        )
        kinds = [type(await anext(events)) for _ in range(3)]
        assert kinds == [TypingStarted, TextMessage, UnreadableFrame]
        nursery.start_soon(chat.send_text, "amy-2", "hello")
        said = await script.expect("POST /messages", {"data": {"text": "hello"}})
        assert said["receiver"] == "amy-2"
        await script.expect("ping")
        script.drop(1012)
        await script.expect("connect")
        await script.expect("auth")
        assert isinstance(await anext(events), Gap)
        nursery.start_soon(chat.disconnect)
        assert await script.expect("close", {"code": 1000}) == {"code": 1000}


async def test_refused_and_accepted_again(server: MemoryServer, chat: CometChat) -> None:
    """Without a status all connections are refused; with one, only upgrades are; tokens can be refused, too."""
    script = server.script("zed-1")
    await log_in(chat)
    script.refuse()
    script.drop(how="reset")
    await trio.sleep(100)
    assert isinstance(chat.status, Waiting | cometconn.Connecting)
    script.accept()
    await chat.connect()
    script = server.script("zed-1")  # a new script begins here
    script.refuse(503, retry_after=40)
    script.drop()
    await script.expect("connect")
    await script.expect_quiet(39)
    script.accept()
    await script.expect("connect")
    await chat.connect()
    script.refuse_token()
    script.drop(how="reset")
    await script.expect("GET /me")
    await script.expect("auth")
    await trio.testing.wait_all_tasks_blocked()
    assert isinstance(chat.status, Disconnected)
    assert chat.status.reason is Reason.AUTHENTICATION_FAILED


async def test_an_expectation_that_is_not_met_lists_what_came(server: MemoryServer, chat: CometChat) -> None:
    """The error has times and contents, and the script keeps its place."""
    script = server.script()
    await log_in(chat)
    began = trio.current_time()
    with pytest.raises(AssertionError) as caught:
        await script.expect("PUT /me", {"platform": "PARROT"})
    told = str(caught.value)
    assert trio.current_time() - began == 60
    assert told.startswith('zed-1 was to do \'PUT /me\' with {"platform": "PARROT"}, and did not within 60 s.')
    assert 'PUT /me {"platform": "PYTHON"' in told
    assert "15.000 s  ping" in told
    await script.expect("PUT /me")
    await trio.sleep(1)  # away from the ping that is due at 60 s
    script = ServerScript(server, "zed-1", patience=1)
    with pytest.raises(AssertionError, match=r"'typing_indicator', and did not within 1 s. Nothing came at all"):
        await script.expect("typing_indicator")


async def test_a_user_that_the_server_does_not_have(server: MemoryServer) -> None:
    """A script for it would wait in vain, so it is refused when it is made."""
    with pytest.raises(SettingsError, match=r"There is no user 'amy' in this server: there are zed-1, amy-2\."):
        server.script("amy")


def test_a_script_in_asyncio() -> None:
    """It is refused when it is made, and the error names what there is in asyncio."""

    async def main() -> None:
        async with cometconn.aio.emulator.open_emulator() as emulator:
            with pytest.raises(SettingsError, match=r"ServerScript needs Trio\. .* emulator\.log\.wait_for") as caught:
                ServerScript(emulator, "zed-1")
        assert caught.value.code == "NO_TRIO"

    asyncio.run(main())


async def test_the_endpoints_need_the_server(server: MemoryServer) -> None:
    """Without the server as `environment` the client would dial a name that does not exist, so it is refused."""
    with pytest.raises(
        SettingsError, match=r"belong to a server in memory: pass it to open_client\(environment=\.\.\.\)"
    ):
        async with cometconn.open_client("APP", store=MemoryStore(), endpoints=server.endpoints):
            raise AssertionError


async def test_quiet_means_no_more_than_pings(server: MemoryServer, chat: CometChat) -> None:
    """A client that sends only keepalive pings is quiet; one that sends another frame is not."""
    await log_in(chat)
    script = server.script()
    await script.expect_quiet(100)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(chat.start_typing, "amy-2")
        with pytest.raises(AssertionError, match=r"(?s)to be quiet for 10 s, and was not.*typing_indicator"):
            await script.expect_quiet(10)
    await script.expect_quiet(1)


async def test_a_user_who_is_not_connected_cannot_be_sent_anything(server: MemoryServer, chat: CometChat) -> None:
    """Nor dropped; and an event that a server never sends is refused."""
    script = server.script("amy-2")
    with pytest.raises(AssertionError, match="did not connect within 60 s"):
        await script.say({"type": "novelty"})
    with pytest.raises(AssertionError, match="is not connected"):
        script.drop()
    with pytest.raises(SettingsError, match="Resumed"):
        await script.say(Resumed(1.0))


async def test_a_script_ignores_other_users(server: MemoryServer, chat: CometChat) -> None:
    """It sees only what its own user's client does."""
    script = server.script("amy-2")
    await log_in(chat)
    await chat.start_typing("amy-2")
    script.patience = 1
    with pytest.raises(AssertionError):
        await script.expect("typing_indicator")
    assert await server.script("zed-1").expect_quiet(0) is None


async def test_what_the_client_breaks_is_seen(server: MemoryServer, chat: CometChat) -> None:
    """The end of its stream is seen, and so is a text that is not a JSON object."""
    script = server.script()
    stream = await server.dial("ws://127.0.0.1/")
    await stream.aclose()
    # No upgrade was requested, so the log has no connection that could be expected.
    script.patience = 1
    with pytest.raises(AssertionError, match="Nothing came at all"):
        await script.expect("eof")
    await log_in(chat)
    (device,) = server.world.devices("zed-1")
    server.world.received(device, "no JSON")
    assert await script.expect("text") == {"text": "no JSON"}
    server.world.wire(device, cometconn.emulator.Kind.EOF)
    await script.expect("eof")


async def test_over_real_sockets() -> None:
    """The same script works with an emulator."""
    with trio.fail_after(20):
        async with (
            open_emulator() as server,
            cometconn.open_client("APP", AppSettings(), store=MemoryStore(), endpoints=server.endpoints) as chat,
        ):
            script = ServerScript(server, "zed-1", patience=10)
            await log_in(chat)
            assert isinstance(chat.status, Connected)
            await script.expect("auth")
            await script.say({"type": "novelty"})
            script.drop()
            await script.expect("connect")


def test_the_controls_are_those_of_the_emulator() -> None:
    """Both servers have all of them, so what is documented of one holds for both."""
    controls = {name for name in dir(cometconn.emulator.ServerControls) if not name.startswith("_")}
    assert {"say", "push", "set", "heal", "drop", "refuse_connections", "wait_connected", "log"} <= controls
    for kind in (MemoryServer, cometconn.emulator.Emulator):
        assert issubclass(kind, cometconn.emulator.ServerControls)


async def test_network_controls_in_memory(server: MemoryServer, chat: CometChat) -> None:
    """`refuse_connections()` affects REST and dials, and is recorded in the log as by the emulator."""
    server.refuse_connections()
    with pytest.raises(cometconn.errors.ApiError, match="refuses connections"):
        await chat.login(uid="zed-1", auth_key="KEY")
    server.accept_connections()
    await log_in(chat)
    noted = [entry.detail["what"] for entry in server.log.of(cometconn.emulator.Kind.CONTROL)]
    assert noted == ["refuse_connections", "accept_connections"]


async def test_close_frames_that_cross_end_the_connection(server: MemoryServer) -> None:
    """A connection is over for the server even if its own close frame is not written whole when the client's comes."""
    server.capacity = 2  # a close frame with a code has four bytes
    stream = await server.dial(server.endpoints.socket_url)
    client = wsproto.WSConnection(wsproto.ConnectionType.CLIENT)
    await stream.send_all(client.send(wsproto.events.Request(host="server", target="/")))
    while not list(client.events()):
        client.receive_data(await stream.receive_some())
    await trio.testing.wait_all_tasks_blocked()  # until the server, too, has done with the opening handshake
    assert server.drop(None) == 1
    await trio.testing.wait_all_tasks_blocked()
    await stream.send_all(client.send(wsproto.events.CloseConnection(code=1000)))
    await trio.sleep(5)
    assert server.world.devices() == ()
    await stream.aclose()


async def test_a_refusal_of_connections_ends_by_itself(server: MemoryServer, chat: CometChat) -> None:
    """After the seconds that were given, to the moment; a time that is not above 0 is refused."""
    for seconds in (0, -1, float("nan")):
        with pytest.raises(SettingsError, match="above 0"):
            server.refuse_connections(seconds)
    await log_in(chat)
    server.refuse_connections(30)
    assert server.restart() == 1
    await trio.sleep(29.9)
    assert server.connections("zed-1") == 0
    await trio.sleep(60)
    assert server.connections("zed-1") == 1
    assert server.dialling == "accept"
    server.refuse_connections(5)
    await trio.sleep(60)
    server.dialling = "refuse"
    server.drop("zed-1")
    await trio.sleep(600)
    assert server.connections("zed-1") == 0, "one that a test sets has no end"
