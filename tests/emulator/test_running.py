"""A running emulator and its faults, as a plain WebSocket client sees them."""

from __future__ import annotations

import contextlib
import json
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Any

import pytest
import trio
import trio_websocket

from cometconn.emulator import Emulator, Kind, open_emulator
from cometconn.errors import CometConnError

UPGRADE = (
    b"GET / HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n"
)


@asynccontextmanager
async def socket_of(server: Emulator, uid: str = "zed-1", *, first: str | None = None) -> AsyncGenerator[Any, None]:
    """A WebSocket that has sent its auth frame, over a stream that is closed at the end."""
    jwt = server.world.sessions.jwt_for(server.world.sessions.issue_token(uid))
    async with await trio.open_tcp_stream("127.0.0.1", server.port) as stream, trio.open_nursery() as nursery:
        socket = await trio_websocket.wrap_client_stream(nursery, stream, "127.0.0.1", "/")
        frame = {"type": "auth", "appId": "APP", "deviceId": f"dev-{uid}", "sender": uid, "body": {"auth": jwt}}
        await socket.send_message(first or json.dumps(frame))
        yield socket
        nursery.cancel_scope.cancel()


async def read(socket: Any) -> dict[str, Any]:
    """The next frame."""
    return dict(json.loads(await socket.get_message()))


async def test_auth_ping_and_relay() -> None:
    """A good frame is accepted, a ping answered, typing relayed to the other user only."""
    with trio.fail_after(10):
        async with open_emulator() as server, socket_of(server) as zed, socket_of(server, "amy-2") as amy:
            assert (await read(zed))["body"]["code"] == "200"
            assert (await read(amy))["body"]["code"] == "200"
            await server.wait_connected("amy-2")
            await zed.send_message('{"action": "ping"}')
            assert (await read(zed))["action"] == "pong"
            typing = {
                "type": "typing_indicator",
                "receiver": "amy-2",
                "receiverType": "user",
                "body": {"action": "started"},
            }
            for nonsense in (
                "x",
                "[]",
                '{"type": "novelty"}',
                json.dumps({**typing, "receiver": "nobody"}),
                json.dumps({**typing, "body": 3}),
            ):
                await zed.send_message(nonsense)
            await zed.send_message(json.dumps(typing))
            got = await read(amy)
            assert (got["type"], got["sender"]) == ("typing_indicator", "zed-1")
            assert len(server.log.of(Kind.IGNORED)) == 5


async def test_frames_before_auth_are_ignored_and_bad_tokens_refused() -> None:
    """Frames before auth are ignored, and a bad JWT is answered with a refusal and a close frame."""
    with trio.fail_after(10):
        async with open_emulator() as server:
            async with socket_of(server, first='{"type": "typing_indicator"}') as socket:
                await socket.send_message('{"type": "auth", "appId": "APP", "sender": "zed-1", "body": {"auth": "x"}}')
                assert (await read(socket))["body"]["code"] == "401"
                with pytest.raises(trio_websocket.ConnectionClosed) as caught:
                    await socket.get_message()
                assert caught.value.reason.code == 4401


async def test_faults_and_healing() -> None:
    """Pong off, upgrades refused with Retry-After, REST failing; heal() ends them all."""
    with trio.fail_after(10):
        async with open_emulator() as server:
            server.set(upgrade=503, retry_after=7)
            async with await trio.open_tcp_stream("127.0.0.1", server.port) as stream:
                await stream.send_all(UPGRADE)
                answer = bytes(await stream.receive_some(65536))
            assert answer.startswith(b"HTTP/1.1 503")
            assert b"retry-after: 7" in answer.lower()
            server.heal()
            async with socket_of(server) as zed:
                assert (await read(zed))["type"] == "auth"
                server.set(pong=False)
                await zed.send_message('{"action": "ping"}')
                server.push("zed-1", {"type": "after"})
                assert (await read(zed))["type"] == "after"


@pytest.mark.parametrize("fault", ["hang", "silent", "reset", "open"])
async def test_leaving_with_connections_in_every_state(fault: str) -> None:
    """The emulator ends cleanly, and within the test's limit, whatever state a connection is in."""
    with trio.fail_after(10):
        async with trio.open_nursery() as nursery:
            async with open_emulator() as server:
                if fault == "hang":
                    server.set(upgrade="hang")
                    stream = await trio.open_tcp_stream("127.0.0.1", server.port)
                    await stream.send_all(UPGRADE)
                    await server.log.wait_for(lambda entry: entry.kind is Kind.CONNECT)
                else:
                    ready = trio.Event()

                    async def client() -> None:
                        async with socket_of(server) as zed:
                            await read(zed)
                            ready.set()
                            with contextlib.suppress(trio_websocket.ConnectionClosed):
                                await zed.get_message()

                    nursery.start_soon(client)
                    await ready.wait()
                    if fault != "open":
                        server.drop("zed-1", fault)  # type: ignore[arg-type]
            nursery.cancel_scope.cancel()
        if fault == "hang":
            await stream.aclose()


async def test_wrong_use_raises_clear_errors() -> None:
    """Unknown users, hosts other than this machine and a port in use are clear errors."""
    with trio.fail_after(10):
        async with open_emulator() as server:
            for wrong in (
                lambda: server.push("nobody", {}),
                lambda: server.say("nobody", "x", receiver="zed-1"),
                lambda: server.say("zed-1", "x"),
                lambda: server.drop("zed-1", "explode"),  # type: ignore[arg-type]
                lambda: server.set(upgrade="maybe"),  # type: ignore[arg-type]
            ):
                with pytest.raises(CometConnError):
                    wrong()
            with pytest.raises((OSError, CometConnError), match=str(server.port)):
                async with open_emulator(port=server.port):
                    pass
            assert str(server.port) in repr(server)
        for host in ("0.0.0.0", "example.com"):
            with pytest.raises(CometConnError, match=host):
                async with open_emulator(host=host):
                    pass


async def test_the_users_own_error_comes_out() -> None:
    """An error of the block comes out of open_emulator() unwrapped."""
    with trio.fail_after(10), pytest.raises(KeyError, match="mine"):
        async with open_emulator():
            raise KeyError("mine")
