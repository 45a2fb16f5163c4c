"""Whatever text a server sends: no error, status, log line, trace or output has a secret or a control character of it."""

from __future__ import annotations

import json
import logging
import pathlib
import traceback
from collections.abc import Callable
from typing import Any

import pytest
import trio

import cometconn
from cometconn import AppSettings, MemoryStore
from cometconn.emulator import open_emulator
from cometconn.errors import CometConnError
from cometconn.events import TextMessage
from cometconn.instrumentation import LogHook, TraceFile
from tests.cli.child import run, running

from .hostile_server import (
    AUTH_KEY,
    AUTH_TOKEN,
    BEFORE,
    EARLY,
    EVENTS,
    JWT,
    NEW_JWT,
    SETTINGS,
    USER,
    WORDS,
    Everywhere,
    HostileServer,
    answer,
    assert_harmless,
    auth_reply,
    close_frame,
    error,
    hostile_server,
    text_frame,
)

Change = Callable[[HostileServer], object]


def rest(method: str, name: str, content: bytes) -> Change:
    """Return a change of the response to one request."""
    return lambda server: server.rest.update({(method, name): content})


def settings(**values: object) -> Change:
    """Return a change of the settings in the response to a login."""
    return rest("PUT", "me", answer(200, {"data": {**USER, "settings": {**SETTINGS, **values}}}))


def both(*changes: Change) -> Change:
    """Return all these changes together."""
    return lambda server: [change(server) for change in changes]


def say(**fields: Any) -> Change:
    """Return a change of what the server sends over the socket."""
    return lambda server: [setattr(server, name, value) for name, value in fields.items()]


LINE = WORDS.replace("\n", " ").replace("\r", " ")
BEFORE_LINE = BEFORE.replace("\n", " ").replace("\r", " ")
_REFUSED = auth_reply(WORDS, status=WORDS, message=WORDS)
PLACES: dict[str, Change] = {
    "error for the auth key": rest("POST", "auth_tokens", error(words=EARLY)),
    "error for the auth token": rest("PUT", "me", error()),
    "error without words": rest("PUT", "me", answer(400, {"error": {"code": BEFORE, "details": BEFORE}})),
    "error and data at once": rest("PUT", "me", error(data=USER)),
    "no JSON": rest("PUT", "me", b"HTTP/1.1 500 " + BEFORE_LINE.encode() + b"\r\nContent-Length: 0\r\n\r\n"),
    "no HTTP": rest("PUT", "me", BEFORE.encode() + b"\r\n\r\n"),
    "a header that is none": rest("PUT", "me", b"HTTP/1.1 200 OK\r\n" + BEFORE_LINE.encode() + b"\r\n\r\n"),
    "headers": rest("PUT", "me", answer(500, {}, f"X-Said: {AUTH_TOKEN} {AUTH_TOKEN}", f"Set-Cookie: {AUTH_TOKEN}")),
    "an unknown encoding": rest("PUT", "me", answer(200, {}, f"Content-Encoding: {AUTH_TOKEN}")),
    "a redirect": rest(
        "PUT", "me", answer(302, {}, f"Location: https://{AUTH_TOKEN.replace('/', '.')}.example/{AUTH_TOKEN}")
    ),
    "a redirect to the token": rest("PUT", "me", answer(302, {}, f"Location: https://{AUTH_TOKEN}")),
    "a uid": rest("PUT", "me", answer(200, {"data": {**USER, "uid": WORDS, "settings": SETTINGS}})),
    "a uid that is the token": rest("PUT", "me", answer(200, {"data": {**USER, "uid": JWT, "settings": SETTINGS}})),
    "a token that is none": rest("PUT", "me", answer(200, {"data": {**USER, "jwt": WORDS, "settings": SETTINGS}})),
    "a host": settings(CHAT_HOST=WORDS),
    "a host that is the token": settings(CHAT_HOST=AUTH_TOKEN.replace("/", ".").replace("_", "-")),
    "a host of a million letters": settings(CHAT_HOST="x" * 1_000_000),
    "a port": settings(CHAT_WSS_PORT=WORDS),
    "a REST host": settings(CLIENT_API_HOST=WORDS),
    "a REST version": settings(CLIENT_API_HOST="rest.example", CHAT_API_VERSION=WORDS),
    "the refusal of the upgrade": say(upgrade=f"HTTP/1.1 403 {LINE}\r\nX-Said: {LINE}\r\n\r\n{LINE}".encode()),
    "an upgrade that is no HTTP": say(upgrade=f"{LINE}\r\n\r\n".encode()),
    "an upgrade that is none": say(
        upgrade=f"HTTP/1.1 101 {LINE}\r\nUpgrade: {AUTH_TOKEN}\r\nConnection: {JWT}\r\n{LINE}\r\n\r\n".encode()
    ),
    "a protocol that was not requested": say(
        upgrade=f"HTTP/1.1 101 x\r\nUpgrade: websocket\r\nConnection: upgrade\r\nSec-WebSocket-Protocol: {JWT}\r\n\r\n".encode()
    ),
    "the auth code": both(say(auth=[_REFUSED]), rest("GET", "me", error(data={**USER, "jwt": NEW_JWT}))),
    "the auth code, twice": say(auth=[_REFUSED]),
    "the error of a renewal": both(
        say(auth=[auth_reply("401")]),
        rest("GET", "me", answer(401, {"error": {"code": "X", "message": f"{NEW_JWT} {WORDS}", "jwt": NEW_JWT}})),
    ),
    "the reason of a close": say(after=close_frame(1001, WORDS)),
    "the reason of a close before the answer": say(auth=[close_frame(4001, JWT + WORDS)]),
    "half a token in the reason of a close": say(after=close_frame(1011, JWT[5:50])),
    "a broken frame": say(after=b"\xff" + WORDS.encode()),
    "a text that is no UTF-8": say(after=text_frame(b"\xff" + WORDS.encode()[:90])),
    "messages": say(after=b"".join(map(text_frame, EVENTS))),
    "the answer to a message": rest("POST", "messages", error(403)),
    "a message that is none": rest("POST", "messages", answer(200, {"data": {"id": WORDS, "sender": WORDS}})),
    "the answer to a logout": rest("DELETE", "me", error(403)),
}


class _Lines(logging.Handler):
    """Collects the records of all loggers, with their tracebacks."""

    def __init__(self) -> None:
        super().__init__(level=0)
        self.lines: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        """Keep the formatted record."""
        self.lines.append(f"{record.name}: {logging.Formatter().format(record)}")


def _see(where: str, caught: BaseException | None) -> None:
    """Assert that *caught* is harmless: its message, repr, code, details and traceback."""
    if caught is None:
        return
    assert_harmless(where, f"{caught} {caught!r} {getattr(caught, 'code', '')}")
    assert len(str(caught)) < 1500
    assert_harmless(f"{where}, details", json.dumps(getattr(caught, "details", None), ensure_ascii=False))
    for text in traceback.format_exception(caught):
        assert_harmless(f"{where}, traceback", text.replace("\nforged", "forged") if "File" in text else text)


async def _session(server: HostileServer, trace: TraceFile) -> None:
    """Log in, connect, send and log out, and check everything that the client shows."""
    environment = Everywhere(int(server.url.rpartition(":")[2]))
    quick = AppSettings(region="us")
    async with (
        cometconn.open_client(
            "APP", quick, store=MemoryStore(), environment=environment, hooks=[trace, LogHook()]
        ) as chat,
        chat.statuses() as statuses,
    ):
        for call in (
            lambda: chat.login(uid="zed-1", auth_key=AUTH_KEY),
            chat.connect,
            lambda: chat.send_text("amy-2", "hello"),
            chat.logout,
        ):
            try:
                await call()
            except (CometConnError, OSError) as caught:
                _see("an error", caught)
            assert_harmless("repr(chat)", repr(chat))
            assert_harmless("repr(chat.status)", repr(chat.status))
            await trio.sleep(0.02)
            assert_harmless("repr(chat)", repr(chat))
        with trio.move_on_after(0):
            async for change in statuses:
                assert_harmless("a status", repr(change))
                _see("the cause of a status", getattr(change.current, "cause", None))


@pytest.mark.parametrize("place", PLACES)
async def test_no_secret_or_control_character_of_a_server_is_shown(place: str, tmp_path: pathlib.Path) -> None:
    """Not in an error, its code, its details, its traceback, a status, a repr, a log line at any level, or a trace."""
    lines, root = _Lines(), logging.getLogger()
    level = root.level
    root.addHandler(lines)
    root.setLevel(logging.DEBUG)
    try:
        with trio.fail_after(30), TraceFile(tmp_path / "trace") as trace:
            async with hostile_server(PLACES[place]) as server:
                await _session(server, trace)
    finally:
        root.removeHandler(lines)
        root.setLevel(level)
    assert len(lines.lines) > 3
    for line in lines.lines:
        assert_harmless(f"a log line of {line.partition(':')[0]}", line)
    assert_harmless("a trace", (tmp_path / "trace").read_text())


def _environ(server: HostileServer, tmp_path: pathlib.Path) -> dict[str, str]:
    return {
        "COMETCONN_APP_ID": "APP",
        "COMETCONN_ENDPOINT": server.url,
        "COMETCONN_AUTH_KEY": AUTH_KEY,
        "COMETCONN_UID": "zed-1",
        "XDG_STATE_HOME": str(tmp_path),
        "HOME": str(tmp_path),
    }


_SHOWN = [
    ("error for the auth token", ("doctor",)),
    ("the refusal of the upgrade", ("doctor", "--json")),
    ("the auth code", ("doctor",)),
    ("the reason of a close before the answer", ("doctor", "--json")),
    ("a uid that is the token", ("doctor",)),
    ("messages", ("send", "amy-2", "hello")),
    ("the answer to a message", ("send", "amy-2", "hello")),
]


@pytest.mark.parametrize(("place", "words"), _SHOWN, ids=str)
async def test_no_command_shows_a_secret_or_control_character_of_a_server(
    place: str, words: tuple[str, ...], tmp_path: pathlib.Path
) -> None:
    """Standard output and standard error have neither; JSON on standard output is valid."""
    async with hostile_server(PLACES[place]) as server:
        done = await run(*words, **_environ(server, tmp_path))
    for where, output in (("standard output", done.stdout), ("standard error", done.stderr)):
        assert_harmless(where, output.decode())
    assert b"Traceback" not in done.stderr
    assert done.stdout or done.stderr
    if "--json" in words or place == "messages":
        json.loads(done.stdout)


async def test_listen_shows_complete_and_harmless_messages(tmp_path: pathlib.Path) -> None:
    """Each event is one line of JSON, in which secrets are masked by value and by name and control characters escaped."""
    async with hostile_server(PLACES["messages"]) as server:
        async with running("listen", **_environ(server, tmp_path)) as child:
            shown = [await child.line() for _ in EVENTS]
        assert_harmless("standard error of listen", child.errors.decode())
    read = [json.loads(line) for line in shown]
    for line in shown:
        assert_harmless("standard output of listen", line)
        assert "of another" not in line
    assert [event["event"] for event in read] == [
        "TextMessage",
        "TextMessage",
        "UnreadableFrame",
        "UnknownEvent",
        "UnreadableFrame",
    ]
    assert read[0]["text"].endswith(
        "\x1b[2J\x1b]0;title\x07\nforged line\r\x08\x9b31m\x85\x7f\u202eesrever\u2028\u2066"
    )
    assert read[0]["metadata"]["auth_token"] == "***"


async def test_two_clients_of_one_process_share_no_user() -> None:
    """Each has its own object for the sender of the same message, and its metadata cannot be changed."""
    with trio.fail_after(20):
        async with open_emulator() as server:
            senders = []
            for _ in range(2):
                async with (
                    cometconn.open_client(
                        "APP", AppSettings(), store=MemoryStore(), endpoints=server.endpoints
                    ) as chat,
                    chat.events(TextMessage) as events,
                ):
                    await chat.login(uid="zed-1", auth_key="KEY")
                    await chat.connect()
                    server.say("amy-2", "hello", receiver="zed-1")
                    async for event in events:
                        senders.append(event.sender)
                        break
    one, other = senders
    assert one == other
    assert one is not other
    with pytest.raises(TypeError, match="cannot be changed"):
        one.metadata["x"] = 1
