"""One connection of a transcript, replayed to a client."""

from __future__ import annotations

import base64
import contextlib
import itertools
from collections.abc import Awaitable, Callable
from typing import Any, Final, TypeAlias

import attrs
import trio
import wsproto
from wsproto.events import (
    AcceptConnection,
    BytesMessage,
    CloseConnection,
    Event,
    RejectConnection,
    Request,
    TextMessage,
)

from cometconn._text.redaction import Redaction
from cometconn.emulator.jsontext import parse, render

from .memory_stream import MemorySocket
from .transcript import TranscriptLine

__all__ = ["ReplayedConnection", "comparable"]

Fail: TypeAlias = Callable[[str], Awaitable[Any]]

_VOLATILE: Final = frozenset(
    {"appInfo", "auth", "deviceId", "muid", "params", "platform", "resource", "sdk", "userAgent", "uts"}
)
"""The fields that describe the client, the current time or a secret, or are random. They differ in every run."""
_GONE: Final = (trio.BrokenResourceError, trio.ClosedResourceError, wsproto.utilities.LocalProtocolError)
_OVER: Final = frozenset({"client_close", "client_end", "lost"})
"""After one of these lines, the server's part of the connection is over for the client."""


def comparable(value: Any) -> Any:
    """Return a JSON value without the fields that differ between two runs of the same program."""
    if isinstance(value, dict):
        return {name: comparable(item) for name, item in sorted(value.items()) if name not in _VOLATILE}
    if isinstance(value, list):
        return [comparable(item) for item in value]
    return value


def _action(line: TranscriptLine) -> object:
    return line.detail.get("frame", {}).get("action")


def _content(line: TranscriptLine) -> Any:
    return (
        comparable(line.detail["frame"])
        if "frame" in line.detail
        else line.detail.get("text", line.detail.get("base64"))
    )


@attrs.define(eq=False)
class ReplayedConnection:
    """The lines of one connection, and how many of them were replayed.

    Keepalive pings and pongs are replayed separately: the n-th ping is answered as the n-th was, and pings after the
    last recorded one are answered at once, unless the recorded server had stopped answering.

    Attributes:
        lines: all lines of the connection; the first is the dial.
        redaction: removes the secrets from what the client sends, before it is compared.
        fail: ends the replay with the given reason.
    """

    lines: list[TranscriptLine]
    redaction: Redaction
    fail: Fail
    _opening: dict[str, TranscriptLine] = attrs.field(init=False)
    _rest: list[TranscriptLine] = attrs.field(init=False)
    _pings: list[TranscriptLine] = attrs.field(init=False)
    _pongs: list[TranscriptLine] = attrs.field(init=False)
    _began: float | None = attrs.field(default=None, init=False)
    _played: int = attrs.field(default=0, init=False)
    _received: int = attrs.field(default=0, init=False)
    _pinged: int = attrs.field(default=0, init=False)
    _new_frame: trio.lowlevel.ParkingLot = attrs.field(factory=trio.lowlevel.ParkingLot, init=False)
    _writing: trio.Lock = attrs.field(factory=trio.Lock, init=False)
    _ws: wsproto.WSConnection = attrs.field(init=False)
    _session: str = attrs.field(default="", init=False)
    _opened: trio.Event = attrs.field(factory=trio.Event, init=False)

    def __attrs_post_init__(self) -> None:
        """Separate the lines of the opening, of pings and of pongs from the rest."""
        opening = ("dial", "dialled", "undialled", "upgrade")
        self._opening = {line.what: line for line in self.lines if line.what in opening}
        self._pings = [line for line in self.lines if line.what == "client" and _action(line) == "ping"]
        self._pongs = [line for line in self.lines if line.what == "server" and _action(line) == "pong"]
        apart = {id(line) for line in (*self._opening.values(), *self._pings, *self._pongs)}
        self._rest = [line for line in self.lines if id(line) not in apart]
        self._ws = wsproto.WSConnection(wsproto.ConnectionType.SERVER)

    @property
    def unplayed(self) -> list[TranscriptLine]:
        """The lines that were not reached, except for those of the connection's end."""
        if self._began is None:
            return self.lines[:1]
        return list(itertools.takewhile(lambda line: line.what not in _OVER, self._rest[self._played :]))

    async def dialled(self) -> None:
        """Wait as long as the dial took, and raise its error if it failed."""
        self._began = trio.current_time()
        await self._wait_for("dialled" if "dialled" in self._opening else "undialled")
        if "undialled" in self._opening:
            raise OSError(self._opening["undialled"].detail["error"])

    async def _wait_for(self, what: str) -> None:
        """Wait for the time of a line of the opening; without such a line, sleep until cancelled."""
        line = self._opening.get(what)
        if line is None:
            await trio.sleep_forever()
        else:
            await self._wait_until(line)

    async def _wait_until(self, line: TranscriptLine) -> None:
        assert self._began is not None, "dialled() comes first"
        await trio.sleep_until(self._began + line.at - self.lines[0].at)

    # The server's end.

    async def play(self, stream: MemorySocket) -> None:
        """Replay the connection on *stream*, the server's end, until the client has closed its end."""
        try:
            async with trio.open_nursery() as nursery:
                nursery.start_soon(self._send_lines, stream)
                await self._receive(stream, nursery)
                nursery.cancel_scope.cancel(reason="the connection is over")
        finally:
            await trio.aclose_forcefully(
                stream
            )  # also if the replay is cancelled: the client then sees the end at once

    async def _receive(self, stream: MemorySocket, nursery: trio.Nursery) -> None:
        """Handle what the client sends, until it closes its end."""
        with contextlib.suppress(trio.BrokenResourceError, trio.ClosedResourceError):
            while data := await stream.receive_some():
                self._ws.receive_data(data)
                for event in self._ws.events():
                    await self._take(event, stream, nursery)

    async def _take(self, event: Event, stream: MemorySocket, nursery: trio.Nursery) -> None:
        match event:
            case Request():
                await self._upgrade(stream)
            case TextMessage(data=text):
                await self._receive_text(text, stream, nursery)
            case CloseConnection():
                if self._ws.state is wsproto.connection.ConnectionState.REMOTE_CLOSING:
                    await self._send(stream, event.response())
                await stream.send_eof()
            case _:
                pass  # a client of ours sends nothing else

    async def _upgrade(self, stream: MemorySocket) -> None:
        await self._wait_for("upgrade")
        detail = self._opening["upgrade"].detail
        status, delay = int(detail["status"]), detail.get("retry_after")
        if status == 101:  # noqa: PLR2004 - HTTP's
            await self._send(stream, AcceptConnection())
            self._opened.set()
        else:
            headers = [] if delay is None else [(b"retry-after", str(delay).encode())]
            await self._send(stream, RejectConnection(status_code=status, headers=headers))
            await stream.send_eof()

    async def _receive_text(self, text: str, stream: MemorySocket, nursery: trio.Nursery) -> None:
        """Compare a frame of the client with the recorded one."""
        frame = parse(text)
        if frame is not None and frame.get("action") == "ping":
            nursery.start_soon(self._answer_ping, self._pinged, stream)
            self._pinged += 1
            return
        if frame is not None and frame.get("type") == "auth":
            self._session = str(frame.get("deviceId"))
        recorded = [line for line in self._rest if line.what == "client"]
        expected = recorded[self._received] if self._received < len(recorded) else None
        content = self.redaction.clean_text(text) if frame is None else comparable(self.redaction.clean(frame))
        if expected is None or render(_content(expected)) != render(content):
            has = "no more from the client" if expected is None else str(expected)
            await self.fail(
                f"The client sends on connection {self.lines[0].number}\n  {content}\nand the transcript has\n  {has}"
            )
        self._received += 1
        self._new_frame.unpark_all()

    async def _answer_ping(self, number: int, stream: MemorySocket) -> None:
        if number < len(self._pings):
            if number >= len(self._pongs):
                return
            await trio.sleep(max(0.0, self._pongs[number].at - self._pings[number].at))
        elif len(self._pongs) < len(self._pings):
            return
        await self._send(stream, TextMessage(data='{"action":"pong"}'))

    async def _send_lines(self, stream: MemorySocket) -> None:
        """Send what the server sent, each at its time, and after the client's frames that preceded it."""
        await self._opened.wait()
        awaited = 0
        for line in self._rest:
            if line.what in _OVER:
                return
            if line.what == "client":
                awaited += 1
                while self._received < awaited:
                    await self._new_frame.park()
            else:
                await self._wait_until(line)
                await self._send_line(line, stream)
            self._played += 1

    async def _send_line(self, line: TranscriptLine, stream: MemorySocket) -> None:
        match line.what:
            case "server" if "base64" in line.detail:
                await self._send(stream, BytesMessage(data=base64.b64decode(line.detail["base64"])))
            case "server":
                text = render(line.detail["frame"]) if "frame" in line.detail else str(line.detail["text"])
                await self._send(stream, TextMessage(data=self._as_now(text)))
            case "server_close":
                code = line.detail["code"]
                await self._send(
                    stream, CloseConnection(code=1000 if code is None else code, reason=line.detail["reason"])
                )
            case "server_end" if line.detail["how"] == "reset":
                stream.reset()
            case _:
                await stream.send_eof()

    def _as_now(self, text: str) -> str:
        """Replace the recorded session id by that of this run, by which the client recognises echoes of its own messages."""
        frames = (line.detail.get("frame", {}) for line in self._rest if line.what == "client")
        recorded = next((frame["deviceId"] for frame in frames if frame.get("deviceId")), self._session)
        return text.replace(f'"{recorded}"', f'"{self._session}"')

    async def _send(self, stream: MemorySocket, event: Event) -> None:
        async with self._writing:
            # If the client is gone, _receive() sees that, too.
            with contextlib.suppress(*_GONE):
                await stream.send_all(self._ws.send(event))
