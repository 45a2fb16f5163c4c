"""Connecting, events and reconnecting, over real sockets against the emulator."""

from __future__ import annotations

import os
import pathlib
import select
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Any

import attrs
import pytest
import trio

import cometconn
from cometconn import (
    AppSettings,
    CometChat,
    Connected,
    Connecting,
    Disconnected,
    FileStore,
    MemoryStore,
    Reason,
    Status,
    Timing,
    Waiting,
)
from cometconn.emulator import Emulator, Kind, open_emulator
from cometconn.errors import ApiError, ConnectError, SettingsError, StoreError
from cometconn.events import (
    Gap,
    MessageEdited,
    MessagesDelivered,
    MessagesRead,
    ReactionAdded,
    TextMessage,
    TransientMessage,
    TypingEnded,
    TypingStarted,
    UnknownEvent,
    UserOnline,
)
from cometconn.testing import assert_no_leaks
from tests.transport.raw_server import close, raw_server, read_frames, text, upgrade

from .faces import face as face
from .faces import open_client, with_both_clients

SLACK = 15.0  # seconds that a slow machine may add to a bound
QUICK = Timing(background_grace=0.3, retry_base=0.05, close_timeout=0.5)


@asynccontextmanager
async def chat_to(
    server: Emulator, uid: str | None = "zed-1", *, store: Any = None, **settings: Any
) -> AsyncGenerator[CometChat, None]:
    """Open a client of *server*, logged in as *uid* unless that is `None`."""
    settings.setdefault("timing", QUICK)
    async with open_client(
        "APP", AppSettings(**settings), store=store or MemoryStore(), endpoints=server.endpoints
    ) as chat:
        if uid is not None:
            await chat.login(uid=uid, auth_key="KEY")
        yield chat


@pytest.fixture
def chat_settings() -> AppSettings:
    """Settings with short delays between attempts."""
    return AppSettings(timing=QUICK)


@with_both_clients
async def test_two_users_talk() -> None:
    """Messages, typing, receipts, transient messages and unknown frames arrive in order, each as an event of its own class."""
    with trio.fail_after(20):
        async with (
            assert_no_leaks(),
            open_emulator() as server,
            chat_to(server) as zed,
            chat_to(server, "amy-2") as amy,
        ):
            await zed.connect()
            await amy.connect()
            async with zed.events() as to_zed, amy.events() as to_amy:
                server.say("amy-2", "hello", receiver="zed-1")
                message = await anext(to_zed)
                assert isinstance(message, TextMessage)
                assert (message.text, message.sender.uid) == ("hello", "amy-2")
                assert isinstance(await anext(to_amy), TextMessage)  # sent by no device of hers: both get it
                await zed.start_typing("amy-2")
                await zed.mark_as_read(message)
                await zed.send_transient("amy-2", {"k": 1})
                assert isinstance(await anext(to_amy), TypingStarted)
                assert isinstance(await anext(to_amy), MessagesDelivered)
                assert isinstance(await anext(to_amy), MessagesRead)
                assert isinstance(await anext(to_amy), TransientMessage)
                async with zed.typing("amy-2"):
                    reply = await zed.reply(message, "hi", thread=True)
                    edited = await zed.edit(reply, "hi!")
                    await zed.react(message, "👍")
                assert (edited.text, edited.parent_message_id) == ("hi!", message.id)
                came = [await anext(to_amy) for _ in range(5)]
                assert [type(event) for event in came] == [
                    TypingStarted,
                    TextMessage,
                    MessageEdited,
                    ReactionAdded,
                    TypingEnded,
                ]
                server.push("zed-1", {"type": "novelty", "body": {}})
                assert isinstance(await anext(to_zed), UnknownEvent)
                server.say("amy-2", "to all", group="hikers")
                group = await anext(to_zed)
                assert isinstance(group, TextMessage)
                assert group.text == "to all"


async def test_presence_follows_the_subscription() -> None:
    """With ALL_USERS the client receives `UserOnline` when another user connects."""
    with trio.fail_after(20):
        async with (
            open_emulator() as server,
            chat_to(server, subscription_type=cometconn.SubscriptionType.ALL_USERS) as zed,
        ):
            await zed.connect()
            async with zed.events(UserOnline) as online, chat_to(server, "amy-2") as amy:
                await amy.connect()
                event = await anext(online)
                assert isinstance(event, UserOnline)
                assert event.user.uid == "amy-2"


@pytest.mark.parametrize("how", ["close", "reset"])
async def test_the_socket_is_lost_and_comes_back(emulator: Emulator, chat: CometChat, how: Any) -> None:
    """After a loss the client reconnects without a call, and the stream contains a Gap."""
    with trio.fail_after(20):
        async with chat.events() as events:
            emulator.drop("zed-1", how)
            gap = await anext(events)
            assert isinstance(gap, Gap)
            assert isinstance(chat.status, Connected)
            assert gap.until >= gap.since


@with_both_clients
async def test_connection_refused_and_accepted_again() -> None:
    """While connections are refused the client retries; once they are accepted again, `connect(retry=True)` returns."""
    with trio.fail_after(20):
        async with open_emulator() as server, chat_to(server) as chat:
            await chat.connect()
            server.refuse_connections()
            server.drop("zed-1", "reset")
            async with chat.statuses() as statuses:
                async for change in statuses:
                    if isinstance(change.current, Waiting) and change.current.attempt > 2:
                        break
            server.accept_connections()
            await chat.connect(retry=True)


async def test_enter_background_writes_the_close_frame_before_it_returns() -> None:
    """When enter_background() returns, the close frame is in the server's socket, before any other task has run."""
    server_streams: list[trio.SocketStream] = []
    frames_after_close: list[tuple[int, bytes]] = []

    async def script(stream: trio.SocketStream) -> None:
        await upgrade(stream)
        await stream.receive_some(65536)
        await stream.send_all(text('{"type": "auth", "body": {"code": "200", "status": "OK"}}'))
        server_streams.append(stream)
        await may_reply.wait()
        await stream.send_all(close(1000))
        await read_frames(stream, frames_after_close)

    may_reply = trio.Event()
    with trio.fail_after(20):
        async with (
            assert_no_leaks(),
            open_emulator() as rest,
            raw_server(script) as url,
            cometconn.open_client(
                "APP", AppSettings(), store=MemoryStore(), endpoints=attrs.evolve(rest.endpoints, socket_url=url)
            ) as chat,
        ):
            await chat.login(uid="zed-1", auth_key="KEY")
            await chat.connect()
            chat.enter_background()
            assert select.select([server_streams[0].socket.fileno()], [], [], SLACK)[0]
            assert os.read(server_streams[0].socket.fileno(), 99)[:2] == b"\x88\x82"
            may_reply.set()
            with trio.fail_after(QUICK.close_timeout):
                await chat.wait_closed()
    assert not frames_after_close


@with_both_clients
async def test_background_and_back_with_a_file(tmp_path: pathlib.Path) -> None:
    """Pings keep a client in manual mode connected in the background; without them it ends with BACKGROUND_TIMEOUT.

    A new client with the same file connects without a REST request, and a second one at the same time is refused.
    """
    path = tmp_path / "state" / "session.json"
    with trio.fail_after(20):
        async with open_emulator() as server:
            async with chat_to(server, store=FileStore(path), auto_establish_socket_connection=False) as chat:
                await chat.connect()
                chat.enter_background()
                for _ in range(3):
                    await trio.sleep(0.2)
                    await chat.ping()
                async with chat.statuses() as statuses:
                    async for change in statuses:
                        if isinstance(change.current, Disconnected):
                            assert change.current.reason is Reason.BACKGROUND_TIMEOUT
                            break
                await server.wait_gone("zed-1")
            assert path.stat().st_mode & 0o777 == 0o600
            requests = len(server.log.of(Kind.REST))
            async with chat_to(server, None, store=FileStore(path)) as chat:
                await chat.connect()
                user = chat.get_logged_in_user()
                assert user is not None
                assert user.uid == "zed-1"
                with pytest.raises(StoreError, match="in use"):
                    async with chat_to(server, None, store=FileStore(path)):
                        pass
            assert len(server.log.of(Kind.REST)) == requests


@with_both_clients
async def test_leaving_is_bounded_when_the_server_is_silent() -> None:
    """With a half-open connection, disconnect() and leaving the client each take at most close_timeout."""
    with trio.fail_after(20):
        async with open_emulator() as server, chat_to(server) as chat:
            await chat.connect()
            server.drop("zed-1", "silent")
            with trio.fail_after(QUICK.close_timeout + SLACK):
                await chat.disconnect()
            await chat.connect()
            server.drop("zed-1", "silent")
            left = trio.current_time()
        assert trio.current_time() - left < QUICK.close_timeout + SLACK


@with_both_clients
async def test_login_errors() -> None:
    """An error has the server's code and not the auth key; a login without credentials raises SettingsError."""
    with trio.fail_after(20):
        async with open_emulator() as server, chat_to(server, None) as chat:
            with pytest.raises(ApiError) as caught:
                await chat.login(uid="zed-1", auth_key="WRONG-KEY")
            assert caught.value.code == "AUTH_ERR_INVALID_API_KEY"
            assert "WRONG-KEY" not in str(caught.value)
            with pytest.raises(ApiError) as caught:
                await chat.login(uid="nobody", auth_key="KEY")
            assert caught.value.code == "ERR_UID_NOT_FOUND"
            with pytest.raises(SettingsError):
                await chat.login(uid="zed-1")


async def test_an_unreachable_server_is_one_clear_error() -> None:
    """If no server listens, the error of login() has the address, and connect() with a saved session raises ConnectError."""
    with trio.fail_after(20):
        async with open_emulator() as server:
            endpoints = server.endpoints
            store = MemoryStore()
            async with chat_to(server, store=store, auto_establish_socket_connection=False):
                pass
        async with cometconn.open_client(
            "APP", AppSettings(auto_establish_socket_connection=False), store=store, endpoints=endpoints
        ) as chat:
            with pytest.raises(ConnectError, match="cannot be reached"):
                await chat.connect()
            with pytest.raises(ApiError, match="127.0.0.1") as caught:
                await chat.login(uid="amy-2", auth_key="KEY")
            assert caught.value.status is None


@with_both_clients
async def test_exception_in_the_block_propagates_unchanged() -> None:
    """An exception raised in the block propagates without an exception group, and the connection is closed."""
    with trio.fail_after(20):
        async with open_emulator() as server:
            with pytest.raises(KeyError, match="mine"):
                async with chat_to(server) as chat:
                    await chat.connect()
                    raise KeyError("mine")
            await server.wait_gone("zed-1")


@with_both_clients
async def test_cancelled_client_sends_a_close_frame() -> None:
    """When the client's scope is cancelled, the socket is closed with code 1000."""
    with trio.fail_after(20):
        async with open_emulator() as server:
            with trio.CancelScope() as scope:
                async with chat_to(server) as chat:
                    await chat.connect()
                    scope.cancel()
                    await trio.sleep_forever()
            closed = await server.log.wait_for(lambda entry: entry.kind is Kind.CLOSE_IN)
            assert closed.detail["code"] == 1000


async def test_app_state_set_from_another_thread(emulator: Emulator, chat: CometChat) -> None:
    """When `trio.from_thread.run_sync(chat.enter_background)` returns in a GUI's thread, the status is already the new one."""

    def gui() -> list[Status]:
        trio.from_thread.run_sync(chat.enter_background)
        away = trio.from_thread.run_sync(lambda: chat.status)
        trio.from_thread.run_sync(chat.enter_foreground)
        return [away, trio.from_thread.run_sync(lambda: chat.status)]

    with trio.fail_after(20):
        away, back = await trio.to_thread.run_sync(gui)
        assert isinstance(away, Disconnected)
        assert away.reason is Reason.IN_BACKGROUND
        assert isinstance(back, Connecting | Connected)
        await emulator.wait_connected("zed-1")


@with_both_clients
async def test_renewal_honours_retry_after() -> None:
    """The server refuses the JWT and responds to GET /me with 429 and Retry-After: 120: the next attempt starts 120 s later."""
    with trio.fail_after(20):
        async with open_emulator() as server:
            server.set(auth="refuse")
            async with chat_to(server) as chat, chat.statuses() as statuses:
                server.set(rest=429, retry_after=120)
                async for change in statuses:
                    if isinstance(change.current, Waiting):
                        assert 119 < change.current.retry_at - change.current.at <= 120
                        break
                server.heal()
                await chat.connect()


@with_both_clients
async def test_a_saved_token_that_the_server_no_longer_accepts_is_replaced() -> None:
    """After login() with the auth key, the client replaces the unknown token and connects; no status is Disconnected."""
    store = MemoryStore()
    with trio.fail_after(20):
        async with open_emulator() as server:
            async with chat_to(server, store=store):
                pass
            server.forget_tokens()
            async with chat_to(server, store=store) as chat, chat.statuses() as statuses:
                await chat.connect(retry=True)
                async for change in statuses:
                    assert not isinstance(change.current, Disconnected)
                    if isinstance(change.current, Connected):
                        break
                await chat.send_text("amy-2", "hi")


async def test_a_saved_session_with_an_impossible_host_starts() -> None:
    """With no usable host in the saved settings, which a login would refuse, the client opens, and connect() raises ConnectError."""
    store = MemoryStore()
    with trio.fail_after(20):
        async with open_emulator() as server:
            async with chat_to(server, store=store) as chat:
                session = chat._login.identity.session
                assert session is not None
            settings = {"CHAT_HOST": "127.0.0.1:99999", "CHAT_WSS_PORT": [], "CLIENT_API_HOST": "127.0.0.1:99999"}
            await store.save(
                attrs.evolve(store._saved["APP"], origin=None, session=attrs.evolve(session, settings=settings))
            )
            for _ in range(2):
                async with cometconn.open_client(
                    "APP", AppSettings(region="us", timing=QUICK), store=store, proxy=""
                ) as chat:
                    with pytest.raises(ConnectError, match="CHAT_HOST"):
                        await chat.connect()
