"""`cometconn.emulator.server_controls`: each control by itself."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
import trio
from trio.testing import wait_all_tasks_blocked
from trio_websocket import ConnectionClosed
from wsproto.events import AcceptConnection, CloseConnection

from cometconn.emulator import Emulator, Faults, Kind, Levers, ServerControls
from cometconn.errors import SettingsError

if TYPE_CHECKING:
    import httpx2

    from .conftest import Dial, Join


def test_the_old_name_still_works() -> None:
    """Code that names `Levers` gets the same class."""
    assert Levers is ServerControls


async def test_the_addresses_agree(server: Emulator) -> None:
    """Address, endpoints and `repr` agree on the port."""
    assert server.url == f"http://127.0.0.1:{server.port}"
    assert server.endpoints.admin_url == server.endpoints.client_url == f"{server.url}/v3.0"
    assert server.endpoints.socket_url == f"ws://127.0.0.1:{server.port}/"
    assert repr(server) == f"<Emulator at {server.url}>"


async def test_pushed_frames_go_as_they_are(server: Emulator, join: Join) -> None:
    """Objects as JSON, texts as texts, to every socket of the user and to no other."""
    with trio.fail_after(10):
        async with join(server, "zed-1", "d1") as one, join(server, "zed-1", "d2") as two, join(server, "amy-2") as amy:
            assert server.push("zed-1", {"type": "odd", "n": 1}) == 2
            assert [await one.receive(), await two.receive()] == [{"type": "odd", "n": 1}] * 2
            server.push("zed-1", "no JSON")
            assert await one.websocket.get_message() == "no JSON"
            server.push("amy-2", "{}")
            assert await amy.receive() == {}


@pytest.mark.parametrize(
    "arguments",
    [{}, {"receiver": "amy-2", "group": "hikers"}, {"receiver": "nobody"}, {"group": "nowhere"}, {"group": ""}],
)
async def test_say_needs_a_receiver(server: Emulator, arguments: dict[str, Any]) -> None:
    """Exactly one receiver or group, which exists; the error has no name of a call, because HTTP returns it, too."""
    given = [repr(name) for name in arguments.values()]
    words = (
        f"There is no (user|group) {given[0]} that zed-1 reaches." if len(given) == 1 else "a receiver or a group, and"
    )
    with pytest.raises(SettingsError, match=words) as refused:
        server.say("zed-1", "hello", **arguments)
    assert "()" not in refused.value.message


async def test_messages_of_say_can_be_fetched(server: Emulator, http: httpx2.AsyncClient) -> None:
    """A message of `say()` is stored; changing what it returned does not change the stored one."""
    message = server.say("amy-2", "hello", receiver="zed-1")
    token = server.world.sessions.issue_token("zed-1")
    with trio.fail_after(10):
        fetched = (await http.get("/users/amy-2/messages", headers={"authToken": token})).json()["data"]
        message["data"]["text"] = "changed"
        again = (await http.get("/messages", headers={"authToken": token})).json()["data"]

    assert fetched == again
    assert fetched[0]["data"]["text"] == "hello"


async def test_unknown_users_are_named(server: Emulator) -> None:
    """Every control that takes a uid refuses an unknown one, and names the known ones."""
    controls = (
        lambda: server.push("nobody", {}),
        lambda: server.say("nobody", "hello", receiver="zed-1"),
        lambda: server.drop("nobody"),
        lambda: server.connections("nobody"),
    )
    for use in controls:
        with pytest.raises(SettingsError, match="'nobody'.*zed-1, amy-2, bob-3"):
            use()


async def test_pongs_can_be_turned_off(server: Emulator, join: Join) -> None:
    """An unanswered ping is in the log; the next one, once healed, is answered."""
    with trio.fail_after(10):
        async with join(server, "zed-1") as zed:
            server.set(pong=False)
            await zed.send({"action": "ping", "n": 1})
            await server.log.wait_for(lambda entry: entry.detail.get("frame") == {"action": "ping", "n": 1})
            server.set(pong=True)
            await zed.send({"action": "ping", "ack": "2"})
            assert await zed.receive() == {"action": "pong", "ack": "2"}


async def test_auth_can_be_refused(server: Emulator, dial: Dial) -> None:
    """The reply has the code 401, and the close code is the one that was set."""
    server.set(auth="refuse", auth_close=4999)
    with trio.fail_after(10):
        async with dial(server) as peer:
            await peer.request_upgrade(server)
            assert isinstance(await peer.receive(), AcceptConnection)
            jwt = server.world.sessions.jwt_for(server.world.sessions.issue_token("zed-1"))
            await peer.send_text(json.dumps({"type": "auth", "sender": "zed-1", "body": {"auth": jwt}}))
            assert (await peer.receive_text())["body"] == {"code": "401", "status": "ERROR"}
            assert await peer.receive_close() == 4999

    assert server.connections("zed-1") == 0


async def test_auth_can_be_left_unanswered(server: Emulator, dial: Dial) -> None:
    """The auth frame is not answered and messages do not arrive, but pushed frames and drops do."""
    server.set(auth="silent")
    with trio.fail_after(10):
        async with dial(server) as peer:
            await peer.request_upgrade(server)
            assert isinstance(await peer.receive(), AcceptConnection)
            jwt = server.world.sessions.jwt_for(server.world.sessions.issue_token("zed-1"))
            await peer.send_text(json.dumps({"type": "auth", "sender": "zed-1", "body": {"auth": jwt}}))
            await server.log.wait_for(lambda e: e.kind is Kind.AUTH and e.detail["outcome"] == "unanswered")
            server.say("amy-2", "unheard", receiver="zed-1")
            server.push("zed-1", {"pushed": True})
            assert await peer.receive_text() == {"pushed": True}
            assert server.connections("zed-1") == 0
            server.drop("zed-1", code=1011)
            assert await peer.receive_close() == 1011


async def test_a_drop_by_close(server: Emulator, join: Join) -> None:
    """The client gets what was queued, then the close frame with code and reason."""
    with trio.fail_after(10):
        async with join(server, "zed-1") as zed:
            server.push("zed-1", {"last": "words"})
            assert server.drop("zed-1", "close", code=1013, reason="later") == 1
            assert await zed.receive() == {"last": "words"}
            with pytest.raises(ConnectionClosed) as closed:
                await zed.receive()
        await server.wait_gone("zed-1")

    assert closed.value.reason is not None
    assert (closed.value.reason.code, closed.value.reason.reason) == (1013, "later")
    assert dict(server.log.of(Kind.GONE)[0].detail) == {"how": "close", "code": 1013}


async def test_a_drop_by_reset(server: Emulator, dial: Dial) -> None:
    """The client's read fails with a reset; the connection is gone when the call returns."""
    with trio.fail_after(10):
        async with dial(server) as peer:
            await peer.sign_in(server, "zed-1")
            server.drop("zed-1", "reset")
            assert server.connections("zed-1") == 0
            with pytest.raises(trio.BrokenResourceError):
                await peer.receive()

    assert [entry.detail["by"] for entry in server.log.of(Kind.RESET)] == ["server"]
    assert [entry.detail["how"] for entry in server.log.of(Kind.GONE)] == ["reset"]


async def test_a_drop_into_silence(server: Emulator, dial: Dial) -> None:
    """There is no pong, no message and no answer to a close frame; the close frame is in the log, and TCP stays."""
    with trio.fail_after(10):
        async with dial(server) as peer:
            await peer.sign_in(server, "zed-1")
            server.drop("zed-1", "silent")
            await peer.send_text('{"action":"ping"}')
            server.say("amy-2", "unheard", receiver="zed-1")
            await peer.send(CloseConnection(1000))
            await server.log.wait_for(lambda entry: entry.kind is Kind.CLOSE_IN)
            await wait_all_tasks_blocked()
            assert server.connections("zed-1") == 1
            await peer.stream.send_eof()
            assert await peer.stream.receive_some() == b""
        await server.wait_gone("zed-1")

    assert not server.log.of(Kind.CLOSE_OUT)
    assert [entry.detail["frame"]["type"] for entry in server.log.of(Kind.FRAME_IN)] == ["auth"]
    assert dict(server.log.of(Kind.GONE)[0].detail) == {"how": "close", "code": 1000}


@pytest.mark.parametrize(("arguments", "name"), [({"how": "slam"}, "how"), ({"code": 1006}, "code")])
async def test_invalid_arguments_of_drop_are_refused(server: Emulator, arguments: dict[str, Any], name: str) -> None:
    """An unknown *how* and a code that may not be sent are refused, and no socket is dropped."""
    with pytest.raises(SettingsError, match=name):
        server.drop("zed-1", **arguments)

    assert not server.log.of(Kind.CONTROL)


async def test_faults_add_up_until_healed(server: Emulator) -> None:
    """Faults that are not named stay; an invalid value changes nothing; `heal()` resets all."""
    server.set(pong=False, upgrade=503)
    server.set(retry_after=0)
    with pytest.raises(SettingsError):
        server.set(rest=200)
    assert server.world.faults == Faults(pong=False, upgrade=503, retry_after=0)

    server.heal()

    assert server.world.faults == Faults()
    whats = [entry.detail["what"] for entry in server.log.of(Kind.CONTROL)]
    assert whats == ["set", "set", "heal", "accept_connections"]


async def test_expired_jwts_are_refused_until_renewed(server: Emulator, http: httpx2.AsyncClient, dial: Dial) -> None:
    """The old JWT is refused on the socket; `GET /me` returns one that is accepted. The open socket stays."""
    token = server.world.sessions.issue_token("zed-1")

    async def try_in() -> str:
        async with dial(server) as peer:
            await peer.request_upgrade(server)
            assert isinstance(await peer.receive(), AcceptConnection)
            await peer.send_text(json.dumps({"type": "auth", "sender": "zed-1", "body": {"auth": jwt}}))
            code: str = (await peer.receive_text())["body"]["code"]
            return code

    with trio.fail_after(10):
        jwt = (await http.get("/me", headers={"authToken": token})).json()["data"]["jwt"]
        assert await try_in() == "200"
        server.expire_jwts()
        assert await try_in() == "401"
        jwt = (await http.get("/me", headers={"authToken": token})).json()["data"]["jwt"]
        assert await try_in() == "200"


async def test_forgotten_tokens_are_invalid(server: Emulator, http: httpx2.AsyncClient) -> None:
    """REST answers with the code that logs clients out."""
    token = server.world.sessions.issue_token("zed-1")
    server.forget_tokens()
    with trio.fail_after(10):
        answer = await http.get("/me", headers={"authToken": token})

    assert (answer.status_code, answer.json()["error"]["code"]) == (401, "AUTH_ERR_AUTH_TOKEN_NOT_FOUND")


async def test_waiting_for_a_user(server: Emulator, join: Join) -> None:
    """`wait_connected` and `wait_gone` return when the user is, or is no longer, connected; at once if so already."""
    with trio.fail_after(10):
        async with trio.open_nursery() as nursery:
            nursery.start_soon(server.wait_connected, "zed-1")
            await wait_all_tasks_blocked()
            async with join(server, "zed-1"):
                assert server.connections("zed-1") == 1
                await server.wait_connected("zed-1")
                nursery.start_soon(server.wait_gone, "zed-1")
                await wait_all_tasks_blocked()
        await server.wait_gone("zed-1")
        await server.wait_gone("amy-2")
