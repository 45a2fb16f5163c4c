"""Ctrl-C at every step of every call raises a bare KeyboardInterrupt, whatever the call was doing."""

from __future__ import annotations

import os
import socket
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any

import attrs
import pytest
import trio
from trio.testing import MockClock

import cometconn
from cometconn import AppSettings, Endpoints, FileStore, MemoryStore
from cometconn.events import TextMessage
from cometconn.testing import MemoryServer, open_memory_server

from .striking import AtCall, AtStep, Strike, sweep

if TYPE_CHECKING:
    import pathlib
    from collections.abc import Awaitable, Callable

    from cometconn import CometChat

# All calls of Python functions take minutes: this is a sample, unless the environment sets every=1.
EVERY = int(os.environ.get("COMETCONN_TEST_STRIKE_EVERY", "41"))


async def _login(chat: CometChat) -> None:
    await chat.login(uid="zed-1", auth_key="KEY")


async def _online(chat: CometChat) -> None:
    await _login(chat)
    await chat.connect()


async def _nothing(chat: CometChat) -> None:
    pass


async def _read(chat: CometChat) -> None:
    async with chat.events() as events:
        await chat.send_text("zed-1", "hello")
        with trio.move_on_after(1):
            async for _ in events:
                pass


async def _batch(chat: CometChat) -> None:
    async with chat.events() as events:
        with trio.move_on_after(1):
            while await events.batch():
                pass


async def _statuses(chat: CometChat) -> None:
    async with chat.statuses() as statuses:
        await chat.disconnect()
        await anext(statuses)
        await anext(statuses)


async def _keep_alive(chat: CometChat) -> None:
    with trio.move_on_after(25):
        await chat.keep_alive(10)


async def _wait_closed(chat: CometChat) -> None:
    chat.enter_background()
    await chat.wait_closed()


async def _throttled(chat: CometChat) -> None:
    await _online(chat)
    identity = chat._core.identity
    session = identity.logged_in("the test")
    identity.session = attrs.evolve(session, settings={**session.settings, "MODE": "NO_TRANSIENT"})


def _message() -> TextMessage:
    sender, receiver = cometconn.User("amy-2"), cometconn.User("zed-1")
    return TextMessage(id=1, category="message", sender=sender, receiver=receiver, text="x")


CALLS: dict[str, tuple[Callable[[CometChat], Awaitable[object]], Callable[[CometChat], Awaitable[object]]]] = {
    "login": (_nothing, _login),
    "login of another user": (_online, lambda chat: chat.login(uid="amy-2", auth_key="KEY")),
    "logout": (_online, lambda chat: chat.logout()),
    "connect": (_login, lambda chat: chat.connect()),
    "connect(retry=True)": (_login, lambda chat: chat.connect(retry=True)),
    "disconnect": (_online, lambda chat: chat.disconnect()),
    "ping": (_online, lambda chat: chat.ping()),
    "keep_alive": (_online, _keep_alive),
    "wait_closed": (_online, _wait_closed),
    "events": (_online, _read),
    "batch": (_online, _batch),
    "statuses": (_online, _statuses),
    "send_text": (_login, lambda chat: chat.send_text("amy-2", "hello")),
    "send_custom": (_login, lambda chat: chat.send_custom("amy-2", {"a": 1}, type="t")),
    "start_typing": (_online, lambda chat: chat.start_typing("amy-2")),
    "end_typing": (_online, lambda chat: chat.end_typing("amy-2")),
    "mark_as_read": (_online, lambda chat: chat.mark_as_read(_message())),
    "mark_as_delivered": (_online, lambda chat: chat.mark_as_delivered(_message())),
    "send_transient": (_online, lambda chat: chat.send_transient("amy-2", {"a": 1})),
    "send_transient, held back": (_throttled, lambda chat: chat.send_transient("amy-2", {"a": 1})),
}


@pytest.fixture(scope="module", autouse=True)
def warm() -> None:
    """Build decoders and import modules, which the first use does: an interrupt meanwhile has a test of its own."""

    async def once() -> None:
        async with open_memory_server() as server, _client(server) as chat:
            await _online(chat)
            await chat.send_text("amy-2", "hello")
            await _read(chat)

    trio.run(once, clock=_clock())


def _clock() -> MockClock:
    return MockClock(autojump_threshold=0)


def _client(server: MemoryServer, store: Any = None) -> Any:
    return cometconn.open_client(
        "APP",
        AppSettings(catch_up=True),
        store=MemoryStore() if store is None else store,
        endpoints=server.endpoints,
        environment=server,
    )


def _striking_in(name: str) -> Callable[[Strike], Awaitable[None]]:
    prepare, call = CALLS[name]

    async def program(strike: Strike) -> None:
        async with open_memory_server(users=("zed-1", "amy-2")) as server, _client(server) as chat:
            await prepare(chat)
            strike.begin()
            await call(chat)
            strike.end()
            await trio.lowlevel.checkpoint()

    return program


@pytest.mark.parametrize("name", CALLS)
def test_at_every_step_of_a_call(name: str, record_property: Any) -> None:
    """After SIGINT between any two steps of Trio's tasks, the call raises KeyboardInterrupt, and nothing stays open."""
    record_property("steps", struck := sweep(_striking_in(name), AtStep, clock=_clock))
    assert struck > 0


@pytest.mark.parametrize("name", CALLS)
def test_inside_the_functions_of_a_call(name: str, record_property: Any) -> None:
    """After SIGINT in any function that the call runs, in any task, it raises KeyboardInterrupt, and nothing stays open."""
    record_property("steps", struck := sweep(_striking_in(name), AtCall, every=EVERY, clock=_clock))
    assert struck > 0


@pytest.mark.parametrize(("counting", "every"), [(AtStep, 1), (AtCall, EVERY)])
@pytest.mark.parametrize("connected", [False, True])
@pytest.mark.parametrize("where", ["entering", "leaving"])
def test_entering_and_leaving_the_client(
    where: str, counting: Callable[[int], Strike], every: int, *, connected: bool, record_property: Any
) -> None:
    """After SIGINT while the client is entered or left, the store can be opened at once, and holds the session."""

    async def program(strike: Strike) -> None:
        store = MemoryStore()
        async with open_memory_server() as server:
            async with _client(server, store) as chat:
                await _login(chat)
            try:
                if where == "entering":
                    strike.begin()
                async with _client(server, store) as chat:
                    if connected:
                        await chat.connect()
                    if where == "entering":
                        strike.end()
                    else:
                        strike.begin()
                strike.end()
            finally:
                strike.end()
                assert store._app_id is None
                assert store._saved["APP"].session is not None

    record_property("steps", struck := sweep(program, counting, every=every, clock=_clock))
    assert struck > 0


REST: dict[str, Callable[[CometChat], Awaitable[object]]] = {
    "login": _login,
    "send_text": lambda chat: chat.send_text("amy-2", "hello"),
    "logout": lambda chat: chat.logout(),
}
HOSTS = {
    "silent": ("http://{host}", None),
    "TLS": ("https://{host}", None),
    "HTTP proxy": ("https://cometchat.example", "http://{host}"),
    "SOCKS proxy": ("https://cometchat.example", "socks5h://{host}"),
}


@pytest.mark.parametrize("name", REST)
@pytest.mark.parametrize("host", [*HOSTS, "unreachable"])
def test_rest_at_every_step_when_the_host_does_not_answer(
    name: str, host: str, tmp_path: pathlib.Path, record_property: Any
) -> None:
    """Over real sockets an interrupted call ends at once, no socket is open, and the session file is whole and unlocked."""
    url, proxy = HOSTS.get(host, HOSTS["silent"])
    path = tmp_path / "session.json"
    with (
        socket.create_server(("127.0.0.1", 0), backlog=0 if host == "unreachable" else 128) as silent,
        ExitStack() as held,
    ):
        address = f"127.0.0.1:{silent.getsockname()[1]}"
        if host == "unreachable":  # its backlog is full: the system answers no SYN
            for _ in range(3):
                held.enter_context(client := socket.socket()).setblocking(False)
                client.connect_ex(silent.getsockname())
        there = Endpoints.at(url.format(host=address))
        led = "" if proxy is None else proxy.format(host=address)

        async def program(strike: Strike) -> None:
            trio.lowlevel.spawn_system_task(strike.strike_when_quiet)
            if name != "login":
                await _save_session(path)
            settings = AppSettings(auto_establish_socket_connection=False)
            async with cometconn.open_client(
                "APP", settings, store=FileStore(path), endpoints=there, proxy=led
            ) as chat:
                strike.begin()
                await REST[name](chat)

        record_property("steps", struck := sweep(program, AtStep))
        assert struck > 1
        trio.run(_reopen, path)


async def _save_session(path: pathlib.Path) -> None:
    """Save a session that does not name its servers, so that it is used with others."""
    async with open_memory_server() as server, _client(server, FileStore(path)) as chat:
        await _login(chat)
    store = FileStore(path)
    await store.save(attrs.evolve(await store.load("APP"), origin=None))
    await store.aclose()


async def _reopen(path: pathlib.Path) -> None:
    store = FileStore(path)
    await store.load("APP")
    await store.aclose()
