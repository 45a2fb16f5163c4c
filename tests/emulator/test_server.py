"""`cometconn.emulator.server`."""

from __future__ import annotations

import json
import math
import socket
from contextlib import AsyncExitStack
from typing import TYPE_CHECKING

import httpx2
import hypercorn.config
import pytest
import trio
from trio.testing import wait_all_tasks_blocked
from trio_websocket import ConnectionClosed

from cometconn.emulator import Kind, open_emulator
from cometconn.emulator import server as server_module
from cometconn.emulator.transport import asgi_app
from cometconn.errors import SettingsError

if TYPE_CHECKING:
    from cometconn.emulator import Emulator

    from .conftest import Dial, Join


async def test_the_defaults() -> None:
    """Two users, one group of both, an app and a key, on loopback."""
    with trio.fail_after(10):
        async with open_emulator() as server:
            assert list(server.world.people) == ["zed-1", "amy-2"]
            assert list(server.world.groups["hikers"].members) == ["zed-1", "amy-2"]
            assert (server.world.app_id, server.world.auth_key, server.world.host) == ("APP", "KEY", "127.0.0.1")


async def test_names_are_as_given() -> None:
    """App, key, users, groups, host and port can be set."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]

    with trio.fail_after(10):
        async with open_emulator(
            app_id="A", auth_key="K", users=["u"], groups={"g": ["u"]}, host="localhost", port=port
        ) as server:
            assert (server.port, server.world.app_id, server.world.auth_key) == (port, "A", "K")
            assert list(server.world.groups) == ["g"]


@pytest.mark.parametrize("host", ["0.0.0.0", "192.0.2.7", "::"])
async def test_other_hosts_than_loopback_are_refused(host: str) -> None:
    """There is no encryption, so other hosts need `allow_remote`."""
    with pytest.raises(SettingsError, match="allow_remote"):
        async with open_emulator(host=host):
            pass  # pragma: no cover - must not be reached


async def test_a_host_must_be_an_address() -> None:
    """Names are not looked up."""
    with pytest.raises(SettingsError, match="IP address"):
        async with open_emulator(host="chat.example"):
            pass  # pragma: no cover - must not be reached


async def test_other_hosts_are_served_on_request() -> None:
    """With `allow_remote` the server listens on the wildcard address, and a client accepts its endpoints."""
    with trio.fail_after(10):
        async with open_emulator(host="0.0.0.0", allow_remote=True) as server:
            assert server.endpoints.allow_insecure
            await (await trio.open_tcp_stream("127.0.0.1", server.port)).aclose()


async def test_another_address_can_be_advertised() -> None:
    """The settings have the public address; `url` and `endpoints` have the emulator's own."""
    with trio.fail_after(10):
        async with open_emulator(public="localhost:9443") as server, httpx2.AsyncClient(base_url=server.url) as http:
            settings = (await http.get("/settings")).json()["data"]
            assert (settings["CHAT_HOST"], settings["CHAT_WSS_PORT"]) == ("localhost", "9443")
            assert settings["CLIENT_API_HOST"] == "localhost:9443"
            assert server.url == f"http://127.0.0.1:{server.port}"
            assert server.endpoints.socket_url == f"ws://127.0.0.1:{server.port}/"
    with pytest.raises(SettingsError, match="public address"):
        async with open_emulator(public="localhost"):
            pass  # pragma: no cover - must not be reached


async def test_a_port_in_use_is_one_clear_error(server: Emulator) -> None:
    """It is an `OSError` and no exception group."""
    with pytest.raises(OSError, match=f"cannot listen on 127.0.0.1, port {server.port}"):
        async with open_emulator(port=server.port):
            pass  # pragma: no cover - must not be reached


async def test_the_blocks_own_error_comes_out_unwrapped() -> None:
    """The block's error is the object that was raised, not wrapped in a group and without a context."""
    error = ValueError("mine")
    with trio.fail_after(10), pytest.raises(ValueError, match="mine") as caught:
        async with open_emulator():
            raise error

    assert caught.value is error
    assert caught.value.__context__ is None


async def test_the_blocks_own_group_comes_out_as_it_was() -> None:
    """A group raised in the block is neither wrapped nor unwrapped."""
    group = ExceptionGroup("mine", [ValueError(1), KeyError(2)])
    with trio.fail_after(10), pytest.RaisesGroup(ValueError, KeyError) as caught:
        async with open_emulator():
            raise group

    assert caught.value is group


async def test_cancelling_the_block_ends_the_server() -> None:
    """The cancellation passes, and the port is free."""
    with trio.fail_after(10):
        with trio.CancelScope() as scope:
            async with open_emulator() as server:
                scope.cancel()
                await trio.sleep_forever()
        assert scope.cancelled_caught
        with pytest.raises(OSError, match=r"."):
            await trio.open_tcp_stream("127.0.0.1", server.port)


async def test_leaving_sends_close_frames(join: Join, monkeypatch: pytest.MonkeyPatch) -> None:
    """Connected clients get close code 1001, and the block ends when they have answered."""
    monkeypatch.setattr(server_module, "_CLOSE_TIMEOUT", math.inf)
    codes = []

    async def stay(server: Emulator, uid: str) -> None:
        async with join(server, uid) as user:
            with pytest.raises(ConnectionClosed) as closed:
                await user.receive()
        codes.append(closed.value.reason.code if closed.value.reason else None)

    with trio.fail_after(10):
        async with trio.open_nursery() as nursery:  # outside: the clients outlive the server
            async with open_emulator() as server:
                for uid in server.world.people:
                    nursery.start_soon(stay, server, uid)
                    await server.wait_connected(uid)

    assert codes == [1001, 1001]
    assert [(entry.detail["how"], entry.detail["code"]) for entry in server.log.of(Kind.GONE)] == [("close", 1001)] * 2


async def test_leaving_does_not_wait_for_idle_http_connections(monkeypatch: pytest.MonkeyPatch) -> None:
    """A keep-alive connection needs no close frame: the time for close frames is not spent on it."""
    monkeypatch.setattr(server_module, "_CLOSE_TIMEOUT", math.inf)
    monkeypatch.setattr(hypercorn.config.Config, "keep_alive_timeout", math.inf)  # it is 5 seconds
    with trio.fail_after(20):
        async with AsyncExitStack() as stack:
            async with open_emulator() as server:
                client = await stack.enter_async_context(httpx2.AsyncClient(timeout=20))
                assert (await client.get(f"{server.url}/settings")).status_code == 200


async def test_leaving_ends_connections_in_every_state(dial: Dial, monkeypatch: pytest.MonkeyPatch) -> None:
    """All end with the time for close frames: idle, half a request, hanging, silent, unanswered, stuck, not reading."""
    monkeypatch.setattr(server_module, "_CLOSE_TIMEOUT", 0.05)
    monkeypatch.setattr(asgi_app, "CLOSE_TIMEOUT", math.inf)
    with trio.fail_after(10):
        async with AsyncExitStack() as stack:
            async with open_emulator() as server:
                peers = [await stack.enter_async_context(dial(server)) for _ in range(8)]
                idle, half, rest, hang, silent, unanswered, stuck, unread = peers
                await idle.stream.send_all(b"")
                await half.stream.send_all(b"POST /me HTTP/1.1\r\nhost: x\r\ncontent-length: 9\r\n\r\n{")
                for peer in (silent, stuck, unread):
                    await peer.sign_in(server, "zed-1")
                    server.drop("zed-1", "silent") if peer is silent else None
                server.set(auth="silent", rest="hang", upgrade="hang")
                await rest.stream.send_all(b"GET /me HTTP/1.1\r\nhost: x\r\n\r\n")
                await hang.request_upgrade(server)
                await server.log.wait_for(lambda e: e.kind is Kind.CONNECT and e.connection == 4)
                server.set(upgrade="accept")
                await unanswered.request_upgrade(server)
                await unanswered.receive()
                await unanswered.send_text(json.dumps({"type": "auth", "sender": "amy-2", "body": {}}))
                server.push("zed-1", "x" * 20_000_000)
                await wait_all_tasks_blocked()

    connected = [entry.connection for entry in server.log.of(Kind.CONNECT)]
    assert sorted(entry.connection or 0 for entry in server.log.of(Kind.GONE)) == connected == [1, 2, 3, 4, 5]


async def test_leaving_while_connections_are_refused() -> None:
    """A server whose listener is closed ends as any other."""
    with trio.fail_after(10):
        async with open_emulator() as server:
            server.refuse_connections()
            await wait_all_tasks_blocked()


async def test_servers_do_not_know_each_other(join: Join) -> None:
    """Two servers at once have their own ports, users and logs."""
    with trio.fail_after(10):
        async with open_emulator(users=["zed-1"]) as one, open_emulator(users=["amy-2"]) as two:
            async with join(one, "zed-1"):
                pass
            assert one.port != two.port
            assert not two.log.of(Kind.CONNECT)
