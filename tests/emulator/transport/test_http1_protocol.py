"""`cometconn.emulator.transport.http1_protocol`: hostile requests over real sockets get an error, and the server stays."""

from __future__ import annotations

import os
import random
from typing import TYPE_CHECKING

import pytest
import trio

from cometconn.emulator import Emulator, open_emulator
from cometconn.emulator.transport.http1_protocol import origin_form

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterable

HOST = b"Host: 127.0.0.1\r\n"
UPGRADE = b"Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
KEY = b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
CHUNKED = b"Transfer-Encoding: chunked\r\n"


def get(target: bytes = b"/v3.0/settings", *fields: bytes, version: bytes = b"1.1", method: bytes = b"GET") -> bytes:
    """Return a request without a body. *fields* replace the field `Host`."""
    return b"%s %s HTTP/%s\r\n%s\r\n" % (method, target, version, b"".join(fields or (HOST,)))


def post(fields: bytes, body: bytes, target: bytes = b"/v3.0/me") -> bytes:
    """Return a request with a body."""
    return b"POST %s HTTP/1.1\r\n%s%s\r\n%s" % (target, HOST, fields, body)


def upgrade(target: bytes = b"/", fields: bytes = b"", *, host: bytes = HOST, key: bytes = KEY) -> bytes:
    """Return the request of a WebSocket handshake."""
    return b"GET %s HTTP/1.1\r\n%s%s%s%s\r\n" % (target, host, UPGRADE, key, fields)


STATUSES: dict[str, tuple[bytes, int]] = {
    "a whole URL as the target": (get(b"http://127.0.0.1:1/v3.0/settings"), 200),
    "a whole URL without a path": (get(b"http://127.0.0.1"), 200),
    "a whole URL that is none": (get(b"http://[/v3.0/settings"), 400),
    "another scheme": (get(b"ftp://127.0.0.1/"), 400),
    "two slashes": (get(b"//"), 404),
    "two slashes and a bracket": (get(b"//[/control/log"), 404),
    "a relative target": (get(b"v3.0/settings"), 400),
    "a question mark": (get(b"?"), 400),
    "a fragment": (get(b"/v3.0/settings#x"), 400),
    "a NUL": (get(b"/\0"), 400),
    "bytes beyond ASCII": (get(b"/\xc3\xa9"), 400),
    "invalid escapes": (get(b"/%zz%ff%00[?%ff=%zz&&=&a=["), 404),
    "a star for the server": (get(b"*", method=b"OPTIONS"), 405),
    "a star for nothing": (get(b"*"), 400),
    "a target for proxies": (get(b"127.0.0.1:443", method=b"CONNECT"), 400),
    "a very long target": (get(b"/" + b"a" * 100_000), 431),
    "an unknown method": (get(method=b"BREW"), 405),
    "an invalid method": (get(method=b"G{}T"), 400),
    "no method": (b"\r\n\r\n\r\n", 400),
    "no version": (b"GET /\r\n\r\n", 400),
    "HTTP/1.0": (get(version=b"1.0"), 200),
    "HTTP/2.0": (get(version=b"2.0"), 505),
    "the preface of HTTP/2": (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + b"\xff" * 100, 505),
    "an offer of HTTP/2": (get(b"/v3.0/settings", HOST, b"Upgrade: h2c\r\nHTTP2-Settings: !\r\n"), 200),
    "TLS": (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(100), 400),
    "no host": (get(b"/", b"X: y\r\n"), 400),
    "two hosts": (get(b"/", HOST, HOST), 400),
    "an empty host": (get(b"/", b"Host: \r\n"), 400),
    "half a host": (get(b"/", b"Host: [\r\n"), 400),
    "half a host for the controls": (get(b"/control/log", b"Host: [\r\n"), 400),
    "half a host for a WebSocket": (upgrade(host=b"Host: [\r\n"), 400),
    "a port that cannot be": (get(b"/", b"Host: a:65536\r\n"), 400),
    "a host in IPv6": (get(b"/v3.0/settings", b"Host: [::1]:9000\r\n"), 200),
    "a host with a path": (get(b"/", b"Host: a/b\r\n"), 400),
    "a host of bytes": (get(b"/", b"Host: \xff\r\n"), 400),
    "a field of bytes": (get(b"/v3.0/me", HOST, b"authToken: \xff\r\nappId: \xfe\r\n"), 404),
    "a field with a NUL": (get(b"/", HOST, b"X: a\0b\r\n"), 400),
    "a field without a colon": (get(b"/", HOST, b"X\r\n"), 400),
    "a very long field": (get(b"/", HOST, b"X: %s\r\n" % (b"a" * 100_000)), 431),
    "very many fields": (get(b"/v3.0/settings", HOST, b"X: a\r\n" * 10_000), 200),
    "a negative length": (post(b"Content-Length: -1\r\n", b""), 400),
    "a length in letters": (post(b"Content-Length: x\r\n", b""), 400),
    "a length of 5,000 digits": (post(b"Content-Length: %s\r\n" % (b"9" * 5_000), b""), 400),
    "two lengths": (post(b"Content-Length: 1\r\nContent-Length: 2\r\n", b"ab"), 400),
    "a length and chunks": (post(b"Content-Length: 3\r\n" + CHUNKED, b"0\r\n\r\n"), 405),
    "a chunk in letters": (post(CHUNKED, b"ZZ\r\n"), 400),
    "a negative chunk": (post(CHUNKED, b"-5\r\n"), 400),
    "an endless chunk": (post(CHUNKED, b"f" * 30 + b"\r\n"), 400),
    "a chunk that is too short": (post(CHUNKED, b"3\r\nabcdef\r\n0\r\n\r\n"), 400),
    "an unknown encoding": (post(b"Transfer-Encoding: gzip\r\n", b""), 501),
    "an odd expectation": (post(b"Expect: coffee\r\nContent-Length: 2\r\n", b"{}"), 405),
    "an odd form": (post(b'Content-Type: multipart/form-data; boundary="\xff\r\nContent-Length: 3\r\n', b"abc"), 405),
    "a page of another host": (get(b"/control/log", HOST, b"Origin: http://[\r\n"), 403),
    "an odd preflight": (
        get(b"/v3.0/me", HOST, b"Origin: \xff\r\nAccess-Control-Request-Method: \xff\r\n", method=b"OPTIONS"),
        400,
    ),
    "a number of 5,000 digits": (get(b"/control/log?since=" + b"9" * 5_000), 400),
    "deep JSON": (post(b"Content-Length: 99999\r\n", b"[" * 99_999, b"/control/set"), 400),
    "a handshake": (upgrade(b"//[%ff"), 101),
    "a handshake without a key": (upgrade(key=b""), 400),
    "a key of bytes": (upgrade(key=b"Sec-WebSocket-Key: \xff\r\n"), 400),
    "a subprotocol of bytes": (upgrade(fields=b"Sec-WebSocket-Protocol: \xff,,\r\n"), 400),
    "an extension of bytes": (upgrade(fields=b"Sec-WebSocket-Extensions: permessage-deflate; x=\xff\r\n"), 400),
    "an odd extension": (
        upgrade(fields=b"Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits=99\r\n"),
        101,
    ),
    "frames before the answer": (upgrade() + b"\xff" * 5, 400),
    "another upgrade": (get(b"/v3.0/settings", HOST, b"Upgrade: frob\r\nConnection: Upgrade\r\n"), 200),
    "several requests": (get() * 20, 200),
}
"""Requests, each with the status of the answer."""

HANDSHAKES = {request for request, _ in STATUSES.values() if UPGRADE in request}
REQUESTS = int(os.environ.get("COMETCONN_HTTP_REQUESTS", "100"))  # `nox -s fuzz` makes more


@pytest.fixture
async def controlled() -> AsyncIterator[Emulator]:
    """Run an emulator with the control API."""
    async with open_emulator(control=True) as emulator:
        yield emulator


async def exchange(server: Emulator, sent: bytes, *, waiting: bool = False) -> bytes:
    """Send bytes and, unless *waiting*, the end of the stream; return the first line of the answer, or nothing."""
    answer = b""
    try:
        with trio.fail_after(20):
            async with await trio.open_tcp_stream("127.0.0.1", server.port) as stream:
                await stream.send_all(sent)
                if not waiting:
                    await stream.send_eof()
                while b"\r\n\r\n" not in answer and (read := await stream.receive_some()):
                    answer += read
    except trio.BrokenResourceError:
        pass  # the server closed the connection with a part of the request unread
    return answer.partition(b"\r\n")[0]


async def answers(server: Emulator, requests: Iterable[bytes]) -> list[bytes]:
    """Make these requests, at most 20 at a time; return the first lines of their answers."""
    sent = list(requests)
    lines = [b""] * len(sent)
    limit = trio.CapacityLimiter(20)

    async def one(number: int) -> None:
        async with limit:
            # The server takes the end of the stream for the end of a WebSocket, and does not answer the handshake.
            lines[number] = await exchange(server, sent[number], waiting=sent[number] in HANDSHAKES)

    async with trio.open_nursery() as nursery:
        for number in range(len(sent)):
            nursery.start_soon(one, number)
    return lines


async def test_each_request_gets_its_status(controlled: Emulator, caplog: pytest.LogCaptureFixture) -> None:
    """The table of statuses holds, and nothing is logged: the server has not failed anywhere."""
    lines = await answers(controlled, (request for request, _ in STATUSES.values()))

    found = {name: line.split(b" ")[1:2] for name, line in zip(STATUSES, lines, strict=True)}
    assert found == {name: [b"%d" % status] for name, (_, status) in STATUSES.items()}
    assert not caplog.records


def mutated(choose: random.Random) -> bytes:
    """Return a request of the table with up to three pieces changed."""
    sent = bytearray(choose.choice(list(STATUSES.values()))[0][:400])
    for _ in range(choose.randint(1, 3)):
        at = choose.randrange(len(sent) + 1)
        piece = choose.choice((b"", b"\0", b"\r\n", b" ", b":", b"[", b"//", b"\xff", b"9" * 30, choose.randbytes(3)))
        sent[at : at + choose.randint(0, 8)] = piece
    return bytes(sent)


async def test_random_requests_leave_the_server_alone(controlled: Emulator, caplog: pytest.LogCaptureFixture) -> None:
    """Whatever is changed in a request, it is answered or its connection is closed, and never with 500."""
    choose = random.Random(20)
    sent = [mutated(choose) for _ in range(REQUESTS)]

    lines = await answers(controlled, sent)

    failed = [(line, request) for line, request in zip(lines, sent, strict=True) if line.startswith(b"HTTP/1.1 500")]
    assert not failed
    assert not caplog.records, "the server failed"
    assert sum(line.startswith(b"HTTP/1.1 ") for line in lines) > len(lines) * 0.8
    assert await exchange(controlled, get()) == b"HTTP/1.1 200 "


async def test_frames_between_handshake_and_answer_end_the_connection(
    controlled: Emulator, caplog: pytest.LogCaptureFixture
) -> None:
    """The server waits before it answers the handshake; the frame that comes meanwhile is no frame yet."""
    controlled.set(upgrade="hang")
    with trio.fail_after(5):
        async with await trio.open_tcp_stream("127.0.0.1", controlled.port) as stream:
            await stream.send_all(upgrade())
            await controlled.log.wait_for(lambda entry: entry.kind.value == "connect")
            await stream.send_all(b"\x81\x00")
            assert await stream.receive_some() == b""
        await controlled.log.wait_for(lambda entry: entry.kind.value == "gone")
    assert not caplog.records


async def test_a_connection_ends_with_the_client_s_side_of_it(controlled: Emulator) -> None:
    """At once, and not when its idle time of 5 s is over."""
    async with await trio.open_tcp_stream("127.0.0.1", controlled.port) as stream:
        await stream.send_eof()
        with trio.fail_after(4):
            assert await stream.receive_some() == b""


@pytest.mark.parametrize(
    ("target", "form"),
    [
        (b"/a?b", b"/a?b"),
        (b"HTTPS://a.example:1/b?c", b"/b?c"),
        (b"http://[::1]", b"/"),
        (b"*", b"/"),
        (b"http://", None),
        (b"http:/a", None),
        (b"http://a b/", None),
        (b"", None),
    ],
)
def test_targets_become_paths(target: bytes, form: bytes | None) -> None:
    """A target is a path, a whole URL, or the star; anything else is refused."""
    assert origin_form(target) == form
