"""A server that repeats all secrets, and sends control characters, in every place where it can send text."""

from __future__ import annotations

import json
import struct
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from typing import Any

import attrs
import trio

from cometconn.environment import SystemEnvironment
from tests.transport.raw_server import raw_server, switching

__all__ = ["AUTH_KEY", "AUTH_TOKEN", "JWT", "NEW_JWT", "WORDS", "HostileServer", "assert_harmless", "hostile_server"]

AUTH_KEY = "app-key/0f1e2d3c4b5a69788796a5b4c3d2e1f0"
AUTH_TOKEN = "auth-of-zed/1_00112233445566778899aabbccddeeff"
JWT = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJ6ZWQifQ/0123456789abcdef"
NEW_JWT = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJuZXcifQ/fedcba9876543210"
SECRETS = (AUTH_KEY, AUTH_TOKEN, JWT, NEW_JWT)
RAW = "\x1b[2J\x1b]0;title\x07\nforged line\r\x08\x9b31m\x85\x7f\u202eesrever\u2028\u2066"
EARLY = f"{AUTH_KEY} {RAW}"  # before there is a token
BEFORE = f"{AUTH_TOKEN} {json.dumps(AUTH_TOKEN).replace('/', chr(92) + '/')} {AUTH_TOKEN[:30]} {EARLY}"  # before there is a JWT
WORDS = " ".join((AUTH_TOKEN, JWT, json.dumps(JWT).replace("/", "\\/"), AUTH_KEY, AUTH_TOKEN[:30], RAW))
_OBEYED = frozenset("\x1b\x07\x08\r\x9b\x85\x7f\u202e\u2028\u2066")


def assert_harmless(where: str, text: str) -> None:
    """Assert that *text* contains no secret or long part of one, in any form, and no control characters."""
    for secret in SECRETS:
        for form in (secret, secret.replace("/", "\\/"), secret.replace("/", "%2F"), secret[:24], secret[-24:]):
            assert form not in text, f"{where} shows a secret"
    assert not _OBEYED & set(text), f"{where} shows {sorted(map(ascii, _OBEYED & set(text)))}"
    assert "\nforged line" not in text, f"{where} shows a forged line"


def error(status: int = 401, words: str = WORDS, data: Any = None) -> bytes:
    """Return an error in CometChat's format, hostile in every field."""
    details = {"devMessage": words, words: [words], "authToken": "of another user", "jwt": JWT}
    body = {"error": {"code": words, "message": words, "devMessage": words, "details": details}}
    return answer(status, body if data is None else {**body, "data": data})


def answer(status: int, body: Any, *headers: str) -> bytes:
    """Return an HTTP response."""
    content = json.dumps(body).encode()
    lines = (f"HTTP/1.1 {status} Whatever", f"Content-Length: {len(content)}", "Connection: close", *headers)
    return "\r\n".join((*lines, "", "")).encode("utf-8") + content


def text_frame(value: Any) -> bytes:
    """Return a text frame of a server."""
    payload = value if isinstance(value, bytes) else json.dumps(value).encode()
    size = bytes((len(payload),)) if len(payload) < 126 else b"\x7e" + struct.pack(">H", len(payload))
    return b"\x81" + size + payload


def close_frame(code: int, reason: str) -> bytes:
    """Return a close frame, whose reason is cut to the length that RFC 6455 allows."""
    words = reason.encode()[:123].decode(errors="ignore").encode()
    return bytes((0x88, 2 + len(words))) + struct.pack(">H", code) + words


def auth_reply(code: object = "200", **fields: object) -> bytes:
    """Return the reply to the auth frame."""
    return text_frame({"type": "auth", "body": {"code": code, **fields}})


USER = {"uid": "zed-1", "name": WORDS, "authToken": AUTH_TOKEN, "jwt": JWT, "metadata": {"x": WORDS}}
SETTINGS = {"CHAT_HOST": "chat.example", "CHAT_WSS_PORT": "443"}


def message(text: str = WORDS, number: object = 1, uid: str = "amy-2") -> dict[str, Any]:
    """Return the body of a text message."""
    sender = {"entity": {"uid": uid, "name": WORDS, "metadata": {"token": "of another", "x": WORDS}}}
    entities = {"sender": sender, "receiver": {"entity": {"uid": "zed-1", "name": WORDS}}}
    data = {"text": text, "entities": entities, "metadata": {"auth_token": "of another", WORDS: WORDS}}
    ends = {"sender": uid, "receiver": "zed-1", "receiverType": "user"}
    kind = {"category": "message", "type": "text", "muid": WORDS, "conversationId": WORDS, "sentAt": 1_800_000_000}
    return {"id": number, **ends, **kind, "data": data}


EVENTS = (
    {"type": "message", "body": message()},
    {"type": "message", "body": message(uid=WORDS, number=2)},
    {"type": "message", "body": message(number=WORDS)},  # unreadable
    {"type": WORDS, "body": {"jwt": JWT, "said": WORDS}},  # unknown
    f'{{"type": "{WORDS}"'.encode(),  # no JSON
)


@attrs.define
class HostileServer:
    """The server's responses, which a test replaces.

    Attributes:
        url: its URL.
        rest: the responses to REST requests, by the method and the end of the path.
        upgrade: the response to the WebSocket upgrade; `None` for the correct one.
        auth: the replies to the auth frames in turn; the last one is repeated.
        after: what is sent after an auth reply with code 200.
        asked: the requests that were made.
    """

    url: str = ""
    rest: dict[tuple[str, str], bytes] = attrs.field(factory=dict)
    upgrade: bytes | None = None
    auth: list[bytes] = attrs.field(factory=lambda: [auth_reply()])
    after: bytes = b""
    asked: list[str] = attrs.field(factory=list)

    async def serve(self, stream: trio.SocketStream) -> None:
        """Serve one REST request, or one WebSocket."""
        head = b""
        while b"\r\n\r\n" not in head:
            data = await stream.receive_some(65536)
            if not data:
                return
            head += data
        method, target = head.split(b" ", 2)[:2]
        if b"upgrade: websocket" in head.lower():
            await self._socket(stream, head)
            return
        name = (method.decode(), target.decode().partition("?")[0].rpartition("/")[2])
        self.asked.append(" ".join(name))
        await stream.send_all(self.rest[name])
        with trio.move_on_after(1):
            while await stream.receive_some():
                pass

    async def _socket(self, stream: trio.SocketStream, head: bytes) -> None:
        await stream.send_all(switching(head) if self.upgrade is None else self.upgrade)
        if self.upgrade is not None:
            return
        await stream.receive_some(65536)  # the auth frame
        reply = self.auth.pop(0) if len(self.auth) > 1 else self.auth[0]
        await stream.send_all(reply + (self.after if b'"200"' in reply else b""))
        while data := await stream.receive_some(65536):
            if data[0] == 0x88:
                await stream.send_all(close_frame(1000, ""))
                return


class Everywhere(SystemEnvironment):
    """An environment in which every URL leads to one loopback port, without TLS."""

    def __init__(self, port: int) -> None:
        super().__init__(proxy="")
        self._port = port

    async def dial(self, url: str) -> trio.SocketStream:
        """Connect, unless the URL is too long for a name lookup."""
        if len(url) > 300:
            message = f"no such host: {url}"
            raise OSError(message)
        return await trio.open_tcp_stream("127.0.0.1", self._port)

    def boot_time(self) -> float:
        """Return Trio's time."""
        return trio.current_time()

    def random(self) -> float:
        """Return the middle of the range: no jitter."""
        return 0.5


@asynccontextmanager
async def hostile_server(
    change: Callable[[HostileServer], object] = lambda _: None,
) -> AsyncGenerator[HostileServer, None]:
    """Run the server on loopback; *change* makes one of its responses hostile."""
    server = HostileServer(
        rest={
            ("POST", "auth_tokens"): answer(200, {"data": {"uid": "zed-1", "authToken": AUTH_TOKEN}}),
            ("PUT", "me"): answer(200, {"data": {**USER, "settings": SETTINGS}}),
            ("GET", "me"): answer(200, {"data": {**USER, "jwt": NEW_JWT}}),
            ("DELETE", "me"): answer(200, {"data": {"success": True}}),
            ("POST", "messages"): answer(200, {"data": message()}),
        }
    )
    change(server)
    async with raw_server(server.serve) as url:
        server.url = url.replace("ws:", "http:").rstrip("/")
        yield server
