"""`cometconn.emulator.transport.asgi_app`."""

from __future__ import annotations

from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING

import httpx2
import pytest
import trio
from trio.testing import wait_all_tasks_blocked
from wsproto.events import AcceptConnection, BytesMessage, CloseConnection, Ping, Pong, RejectConnection

from cometconn.emulator import Emulator, Kind
from cometconn.emulator.limits import DEFAULT_LIMITS
from cometconn.emulator.transport import asgi_app

if TYPE_CHECKING:
    from tests.emulator.conftest import Dial, Join


async def test_rest_is_served_over_http(server: Emulator, http: httpx2.AsyncClient) -> None:
    """A whole login over HTTP: token, user, logout."""
    with trio.fail_after(10):
        made = await http.post("/users/zed-1/auth_tokens", headers={"apiKey": "KEY", "appId": "APP"}, json={})
        token = made.json()["data"]["authToken"]
        me = (await http.put("/me", headers={"authToken": token}, json={})).json()["data"]
        gone = await http.delete("/me", headers={"authToken": token})

    assert me["settings"]["CHAT_WSS_PORT"] == str(server.port)
    assert me["settings"]["CLIENT_API_HOST"] == f"127.0.0.1:{server.port}"
    assert gone.status_code == 200
    assert [entry.detail["status"] for entry in server.log.of(Kind.REST)] == [200, 200, 200]


async def test_errors_are_json_for_every_request(http: httpx2.AsyncClient) -> None:
    """An unknown path, an unknown method and a body that is not JSON all get CometChat's error JSON."""
    with trio.fail_after(10):
        unknown = await http.get("/no/where")
        odd = await http.request("BREW", "/me")
        bad = await http.post("/users/zed-1/auth_tokens", headers={"apiKey": "KEY"}, content=b"{")

    assert (unknown.status_code, unknown.json()["error"]["code"]) == (404, "ERR_API_NOT_FOUND")
    assert (odd.status_code, odd.json()["error"]["code"]) == (405, "ERR_METHOD_NOT_ALLOWED")
    assert (bad.status_code, bad.json()["error"]["code"]) == (400, "ERR_BAD_REQUEST")
    assert bad.headers["content-type"] == "application/json"


async def test_a_long_body_is_refused(server: Emulator, http: httpx2.AsyncClient) -> None:
    """Beyond the limit a body is answered with 413, and the server goes on."""
    with trio.fail_after(10):
        answer = await http.post("/messages", content=b"x" * (DEFAULT_LIMITS.body_size + 1))
        settings = await http.get("/settings")

    assert (answer.status_code, answer.json()["error"]["code"]) == (413, "ERR_PAYLOAD_TOO_LARGE")
    assert settings.status_code == 200
    assert [entry.detail["path"] for entry in server.log.of(Kind.REST)] == ["/v3.0/settings"]


async def test_rest_can_be_left_hanging(server: Emulator, http: httpx2.AsyncClient) -> None:
    """The request is in the log and gets no answer; others are answered once healed."""
    server.set(rest="hang")
    with trio.fail_after(10):
        async with trio.open_nursery() as nursery:

            async def request() -> None:
                await http.get("/me")

            nursery.start_soon(request)
            await server.log.wait_for(lambda entry: entry.kind is Kind.REST and entry.detail["status"] is None)
            server.heal()
            assert (await http.get("/settings")).status_code == 200
            nursery.cancel_scope.cancel()


async def test_rest_can_be_made_to_fail(server: Emulator, http: httpx2.AsyncClient) -> None:
    """503 comes with the Retry-After that was set; both end with the fault."""
    server.set(rest=503, retry_after=7)
    with trio.fail_after(10):
        failed = await http.get("/settings")
        server.heal()
        healed = await http.get("/settings")

    assert (failed.status_code, failed.headers["retry-after"]) == (503, "7")
    assert failed.json()["error"]["code"] == "ERR_INTERNAL_SERVER_ERROR"
    assert (healed.status_code, "retry-after" in healed.headers) == (200, False)


async def test_retry_after_may_be_a_date_by_the_servers_clock(server: Emulator, http: httpx2.AsyncClient) -> None:
    """It is `retry_after` seconds after the `Date` of the same answer, however wrong the server's clock is."""
    server.set_clock(ahead=-86_400)
    server.set(rest=503, retry_after=60, retry_after_as="date")
    with trio.fail_after(10):
        failed = await http.get("/settings")
    date, until = (parsedate_to_datetime(failed.headers[name]) for name in ("date", "retry-after"))
    assert (until - date).total_seconds() == 60


async def test_date_can_be_left_out(server: Emulator, http: httpx2.AsyncClient, dial: Dial) -> None:
    """Neither answers of REST nor those to an upgrade have a `Date` then, and `heal()` brings it back."""
    server.set(date=False, upgrade=503)
    with trio.fail_after(10):
        without = await http.get("/settings")
        async with dial(server) as peer:
            await peer.request_upgrade(server)
            assert isinstance(await peer.receive(), RejectConnection)
        server.heal()
        healed = await http.get("/settings")
    assert "date" not in without.headers
    assert "date" not in peer.headers
    assert "date" in healed.headers


async def test_rest_can_be_made_slow(server: Emulator, http: httpx2.AsyncClient) -> None:
    """A request takes effect when it comes; its answer, an error too, leaves later, and others do not wait for it."""
    server.set(rest=503, rest_delay=3600)
    with trio.fail_after(10):
        async with trio.open_nursery() as nursery:
            nursery.start_soon(http.get, "/settings")
            await server.log.wait_for(lambda entry: entry.kind is Kind.REST and entry.detail["status"] == 503)
            server.set(rest_delay=0)
            assert (await http.get("/settings")).status_code == 503
            assert len(nursery.child_tasks) == 1
            nursery.cancel_scope.cancel()


async def test_a_client_may_disconnect_in_the_middle_of_its_request(
    server: Emulator, dial: Dial, http: httpx2.AsyncClient, caplog: pytest.LogCaptureFixture
) -> None:
    """Half a request is neither answered nor logged, and is no error."""
    with trio.fail_after(10):
        async with dial(server) as peer:
            await peer.stream.send_all(b"PUT /me HTTP/1.1\r\nhost: x\r\ncontent-length: 9\r\n\r\n{")
            await wait_all_tasks_blocked()
            await peer.stream.send_eof()
            while await peer.stream.receive_some():
                pass
        assert (await http.get("/settings")).status_code == 200

    assert [entry.detail["path"] for entry in server.log.of(Kind.REST)] == ["/v3.0/settings"]
    assert not caplog.records


async def test_a_conversation_is_paged_through(server: Emulator, http: httpx2.AsyncClient) -> None:
    """Following the cursor gives every message once, in order, and then an empty page."""
    for number in range(5):
        server.say("amy-2", f"text {number}", receiver="zed-1")
    token, query = server.world.sessions.issue_token("zed-1"), {"id": "0", "affix": "append", "per_page": "2"}
    pages: list[list[str]] = []
    with trio.fail_after(10):
        while not pages or pages[-1]:
            answer = await http.get("/users/amy-2/messages", params=query, headers={"authToken": token})
            pages.append([message["data"]["text"] for message in answer.json()["data"]])
            query |= {"id": answer.json()["meta"]["cursor"].get("id", "")}

    assert pages == [["text 0", "text 1"], ["text 2", "text 3"], ["text 4"], []]


async def test_two_users_talk(server: Emulator, http: httpx2.AsyncClient, join: Join) -> None:
    """A message that one posts arrives at the other, and not at the device that sent it."""
    token = server.world.sessions.issue_token("zed-1")
    with trio.fail_after(10):
        async with join(server, "zed-1", "d-z") as zed, join(server, "amy-2", "d-a") as amy:
            body = {"receiver": "amy-2", "receiverType": "user", "category": "message", "type": "text"}
            body_with_text = {**body, "data": {"text": "hello amy"}}
            answer = await http.post("/messages", headers={"authToken": token, "resource": "d-z"}, json=body_with_text)
            frame = await amy.receive()
            await zed.send({"action": "ping", "ack": "true"})
            next_frame = await zed.receive()

    assert frame["body"] == answer.json()["data"]
    assert frame["body"]["data"]["text"] == "hello amy"
    assert next_frame == {"action": "pong", "ack": "true"}


async def test_a_group_talks(server: Emulator, join: Join) -> None:
    """Messages and typing indicators in a group reach its members."""
    with trio.fail_after(10):
        async with join(server, "zed-1") as zed, join(server, "amy-2") as amy, join(server, "bob-3") as bob:
            await zed.send(
                {
                    "type": "typing_indicator",
                    "receiver": "hikers",
                    "receiverType": "group",
                    "body": {"action": "started"},
                }
            )
            typing = [await amy.receive(), await bob.receive()]
            message = server.say("zed-1", "off we go", group="hikers")
            frames = [await member.receive() for member in (zed, amy, bob)]

    assert [frame["body"]["action"] for frame in typing] == ["started", "started"]
    assert [frame["body"] for frame in frames] == [message] * 3


async def test_presence_goes_over_the_wire(server: Emulator, join: Join) -> None:
    """A client that subscribed to presence gets the frames when others come online and go offline."""
    with trio.fail_after(10):
        async with join(server, "zed-1", presenceSubscription="ALL_USERS") as zed:
            async with join(server, "amy-2"):
                came = await zed.receive()
            went = await zed.receive()

    assert [(frame["type"], frame["body"]["action"]) for frame in (came, went)] == [
        ("presence", "online"),
        ("presence", "offline"),
    ]


async def test_the_clients_close_code_is_in_the_log(server: Emulator, dial: Dial) -> None:
    """The client's close frame is answered with its own code and ends the connection, once."""
    with trio.fail_after(10):
        async with dial(server) as peer:
            await peer.sign_in(server, "zed-1")
            await peer.send(CloseConnection(4321, "enough"))
            assert await peer.receive_close() == 4321
            assert await peer.receive() is None
        await server.wait_gone("zed-1")

    kinds = [entry.kind for entry in server.log.of(Kind.CLOSE_IN, Kind.CLOSE_OUT, Kind.EOF, Kind.GONE)]
    assert kinds == [Kind.CLOSE_IN, Kind.CLOSE_OUT, Kind.GONE]
    assert dict(server.log.of(Kind.GONE)[0].detail) == {"how": "close", "code": 4321}


async def test_a_client_that_vanishes_is_gone_too(server: Emulator, dial: Dial) -> None:
    """TCP closed without a close frame ends the connection as an EOF."""
    with trio.fail_after(10):
        async with dial(server) as peer:
            await peer.sign_in(server, "zed-1")
        await server.wait_gone("zed-1")

    assert [entry.detail["how"] for entry in server.log.of(Kind.GONE)] == ["eof"]


async def test_an_unanswered_close_frame_ends_the_connection(
    server: Emulator, dial: Dial, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A client that does not answer the server's close frame loses its TCP connection."""
    monkeypatch.setattr(asgi_app, "CLOSE_TIMEOUT", 0.01)
    with trio.fail_after(10):
        async with dial(server) as peer:
            await peer.sign_in(server, "zed-1")
            server.drop("zed-1", code=1001)
            assert await peer.receive_close() == 1001
            assert await peer.receive() is None
        await server.wait_gone("zed-1")

    assert [entry.detail["how"] for entry in server.log.of(Kind.GONE)] == ["cut"]


async def test_a_silenced_connection_stays_after_the_close_frame(
    server: Emulator, dial: Dial, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A connection that was silenced while it waited for the answer to its close frame stays half-open."""
    monkeypatch.setattr(asgi_app, "CLOSE_TIMEOUT", 0.3)
    with trio.fail_after(10):
        async with dial(server) as peer:
            await peer.sign_in(server, "zed-1")
            server.drop("zed-1", code=1001)
            assert await peer.receive_close() == 1001
            server.drop("zed-1", "silent")
            await wait_all_tasks_blocked(cushion=0.4)  # longer than the time for the answer
            assert server.connections("zed-1") == 1
        await server.wait_gone("zed-1")

    assert [entry.detail["how"] for entry in server.log.of(Kind.GONE)] == ["eof"]


async def test_an_upgrade_can_be_refused(server: Emulator, dial: Dial) -> None:
    """The answer has the status and the Retry-After that were set, and the connection ends."""
    server.set(upgrade=503, retry_after=12)
    with trio.fail_after(10):
        async with dial(server) as peer:
            await peer.request_upgrade(server)
            assert isinstance(await peer.receive(), RejectConnection)

    assert (peer.status, peer.headers["retry-after"]) == (503, "12")
    assert [entry.detail["status"] for entry in server.log.of(Kind.UPGRADE)] == [503]
    assert [entry.detail["how"] for entry in server.log.of(Kind.GONE)] == ["refused"]


async def test_an_upgrade_can_be_left_hanging(server: Emulator, dial: Dial) -> None:
    """It is in the log, gets no answer, and ends when the client disconnects."""
    server.set(upgrade="hang")
    with trio.fail_after(10):
        async with dial(server) as peer:
            await peer.request_upgrade(server)
            await server.log.wait_for(lambda entry: entry.kind is Kind.CONNECT)
            server.heal()
            await wait_all_tasks_blocked()
            assert not server.log.of(Kind.UPGRADE)
            await peer.stream.send_eof()
            assert await peer.stream.receive_some() == b""

    assert [entry.detail["how"] for entry in server.log.of(Kind.GONE)] == ["eof"]


async def test_a_hanging_upgrade_is_dropped_with_all_others(server: Emulator, dial: Dial) -> None:
    """`drop(None)` also ends a connection that never became a WebSocket."""
    server.set(upgrade="hang")
    with trio.fail_after(10):
        async with dial(server) as peer:
            await peer.request_upgrade(server)
            await server.log.wait_for(lambda entry: entry.kind is Kind.CONNECT)
            assert server.drop(None) == 1
            with pytest.raises(trio.BrokenResourceError):
                await peer.receive()

    assert [entry.detail["how"] for entry in server.log.of(Kind.GONE)] == ["reset"]


async def test_binary_frames_are_ignored(server: Emulator, dial: Dial) -> None:
    """The protocol has text frames only; a binary one changes nothing. WebSocket pings are answered."""
    with trio.fail_after(10):
        async with dial(server) as peer:
            await peer.sign_in(server, "zed-1")
            await peer.send(BytesMessage(b"\x00"))
            await peer.send(Ping(b"x"))
            assert isinstance(await peer.receive(), Pong)
            await peer.send_text('{"action":"ping"}')
            assert await peer.receive_text() == {"action": "pong"}

    assert [entry.detail["why"] for entry in server.log.of(Kind.IGNORED)] == ["not a text frame"]


async def test_a_frame_too_long_is_closed_with_1009(server: Emulator, dial: Dial) -> None:
    """The close code is that of a message that is too big."""
    with trio.fail_after(10):
        async with dial(server) as peer:
            await peer.sign_in(server, "zed-1")
            await peer.send_text("x" * 70_000)
            assert await peer.receive_close() == 1009
        await server.wait_gone("zed-1")

    assert [entry.detail["code"] for entry in server.log.of(Kind.CLOSE_OUT)] == [1009]


async def test_garbage_ends_one_connection_only(server: Emulator, dial: Dial, join: Join) -> None:
    """Bytes that are neither HTTP nor WebSocket end their own connection and leave the others alone."""
    with trio.fail_after(10):
        async with join(server, "amy-2") as amy:
            for garbage in (
                b"\x16\x03\x01\x00\r\n\r\n",
                b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
                b"GET / HTTP/1.1\r\n\r\n",
            ):
                async with dial(server) as peer:
                    await peer.stream.send_all(garbage)
                    await peer.stream.send_eof()
                    while await peer.stream.receive_some():
                        pass
            async with dial(server) as peer:
                await peer.request_upgrade(server)
                assert isinstance(await peer.receive(), AcceptConnection)
                await peer.stream.send_all(b"\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff")
                while await peer.stream.receive_some():
                    pass
            await amy.send({"action": "ping"})
            assert await amy.receive() == {"action": "pong"}


async def test_a_client_that_never_reads_is_reset(server: Emulator, dial: Dial) -> None:
    """When too many frames wait, the connection is reset, even while a write is stuck."""
    with trio.fail_after(10):
        async with dial(server) as peer:
            await peer.sign_in(server, "zed-1")
            (device,) = server.world.devices("zed-1")
            device.limit = 64
            server.push("zed-1", "x" * 20_000_000)
            await wait_all_tasks_blocked()
            for _ in range(65):
                server.push("zed-1", "{}")
            assert server.connections("zed-1") == 0

    assert [entry.detail["how"] for entry in server.log.of(Kind.GONE)] == ["reset"]


async def test_rest_can_be_cut_after_its_effect(server: Emulator, http: httpx2.AsyncClient) -> None:
    """The connection is reset instead of an answer, and the message is there."""
    headers = {"authToken": server.world.sessions.issue_token("zed-1")}
    body = {"receiver": "amy-2", "receiverType": "user", "category": "message", "type": "text", "data": {"text": "x"}}
    server.set(rest="cut", rest_times=1)
    with trio.fail_after(10):
        with pytest.raises((httpx2.ReadError, httpx2.RemoteProtocolError)):
            await http.post("/messages", headers=headers, json=body)
        messages = (await http.get("/messages", headers=headers)).json()["data"]
    assert len(messages) == 1


async def test_a_bad_form_over_http_is_refused(server: Emulator, http: httpx2.AsyncClient) -> None:
    """Without a boundary, without an end, or cut by the client: nothing is kept, and the server goes on."""
    bad = [
        ("multipart/form-data", b"--B--"),
        (
            "multipart/form-data; boundary=B",
            b'--B\r\nContent-Disposition: form-data; name="f"; filename="f"\r\n\r\nbytes of a file',
        ),
    ]
    with trio.fail_after(10):
        for content_type, content in bad:
            answer = await http.post("/messages", headers={"content-type": content_type}, content=content)
            assert (answer.status_code, answer.json()["error"]["code"]) == (400, "ERR_BAD_REQUEST")
        stream = await trio.open_tcp_stream("127.0.0.1", server.port)
        head = b"POST /messages HTTP/1.1\r\nHost: a\r\nContent-Type: multipart/form-data; boundary=B\r\nContent-Length: 999\r\n\r\n"
        await stream.send_all(head + bad[1][1])
        while not server.world.files.used:
            await trio.sleep(0.01)
        await stream.aclose()
        while server.world.files.used:
            await trio.sleep(0.01)
        assert (await http.get("/settings")).status_code == 200
