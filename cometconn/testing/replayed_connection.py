"""One recorded connection, played to a client."""

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

from cometconn.emulator.jsontext import parse, render

from .memory_stream import MemorySocket
from .redaction import Redaction
from .transcript import TranscriptLine

__all__ = ["ReplayedConnection", "comparable"]

Fail: TypeAlias = Callable[[str], Awaitable[Any]]

_PASSING: Final = frozenset(
    {"appInfo", "auth", "deviceId", "params", "platform", "resource", "sdk", "userAgent", "uts"}
)
"""What a client says of itself and of the present time: another one in every run, or a placeholder."""
_GONE: Final = (trio.BrokenResourceError, trio.ClosedResourceError, wsproto.utilities.LocalProtocolError)
_OVER: Final = frozenset({"client_close", "client_end", "lost"})
"""Behind these, what the server did was no longer for the client."""


def comparable(value: Any) -> Any:
    """Return JSON without what differs between two runs of the same program."""
    if isinstance(value, dict):
        return {name: comparable(item) for name, item in sorted(value.items()) if name not in _PASSING}
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
    """The lines of one connection, and how far they were played.

    Keepalive pings and their pongs stand apart: the n-th ping is answered as the n-th was, and those behind the end of the
    transcript at once, unless it ends with a server that no longer answered.

    Attributes:
        lines: all of them, the dial first.
        redaction: what the client says is compared without its secrets.
        fail: ends the play, with the reason.
    """

    lines: list[TranscriptLine]
    redaction: Redaction
    fail: Fail
    _opening: dict[str, TranscriptLine] = attrs.field(init=False)
    _play: list[TranscriptLine] = attrs.field(init=False)
    _pings: list[TranscriptLine] = attrs.field(init=False)
    _pongs: list[TranscriptLine] = attrs.field(init=False)
    _began: float | None = attrs.field(default=None, init=False)
    _played: int = attrs.field(default=0, init=False)
    _heard: int = attrs.field(default=0, init=False)
    _pinged: int = attrs.field(default=0, init=False)
    _news: trio.lowlevel.ParkingLot = attrs.field(factory=trio.lowlevel.ParkingLot, init=False)
    _writing: trio.Lock = attrs.field(factory=trio.Lock, init=False)
    _ws: wsproto.WSConnection = attrs.field(init=False)
    _session: str = attrs.field(default="", init=False)
    _opened: trio.Event = attrs.field(factory=trio.Event, init=False)

    def __attrs_post_init__(self) -> None:
        """Sort the lines."""
        opening = ("dial", "dialled", "undialled", "upgrade")
        self._opening = {line.what: line for line in self.lines if line.what in opening}
        self._pings = [line for line in self.lines if line.what == "client" and _action(line) == "ping"]
        self._pongs = [line for line in self.lines if line.what == "server" and _action(line) == "pong"]
        apart = {id(line) for line in (*self._opening.values(), *self._pings, *self._pongs)}
        self._play = [line for line in self.lines if id(line) not in apart]
        self._ws = wsproto.WSConnection(wsproto.ConnectionType.SERVER)

    @property
    def unplayed(self) -> list[TranscriptLine]:
        """What was not come to; how the client ended it does not count."""
        if self._began is None:
            return self.lines[:1]
        return list(itertools.takewhile(lambda line: line.what not in _OVER, self._play[self._played :]))

    async def dialled(self) -> None:
        """Take as long as the dial took, and fail if it failed."""
        self._began = trio.current_time()
        await self._wait_for("dialled" if "dialled" in self._opening else "undialled")
        if "undialled" in self._opening:
            raise OSError(self._opening["undialled"].detail["error"])

    async def _wait_for(self, what: str) -> None:
        """Wait for the time of a line of the opening, for ever if there is none."""
        line = self._opening.get(what)
        if line is None:
            await trio.sleep_forever()
        else:
            await self._wait_until(line)

    async def _wait_until(self, line: TranscriptLine) -> None:
        assert self._began is not None, "it was dialled"
        await trio.sleep_until(self._began + line.at - self.lines[0].at)

    # The server's end.

    async def play(self, stream: MemorySocket) -> None:
        """Play it on the server's end of *stream*."""
        try:
            async with trio.open_nursery() as nursery:
                nursery.start_soon(self._speak, stream)
                await self._listen(stream, nursery)
                nursery.cancel_scope.cancel(reason="the connection is over")
        finally:
            await trio.aclose_forcefully(
                stream
            )  # when the play ends early, too: the client need not wait for a goodbye

    async def _listen(self, stream: MemorySocket, nursery: trio.Nursery) -> None:
        """Take what the client says, until it has closed its end."""
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
                await self._hear(text, stream, nursery)
            case CloseConnection():
                if self._ws.state is wsproto.connection.ConnectionState.REMOTE_CLOSING:
                    await self._send(stream, event.response())
                await stream.send_eof()
            case _:
                pass  # nothing else comes from a client of ours

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

    async def _hear(self, text: str, stream: MemorySocket, nursery: trio.Nursery) -> None:
        """Compare what the client says with what it said."""
        frame = parse(text)
        if frame is not None and frame.get("action") == "ping":
            nursery.start_soon(self._answer_ping, self._pinged, stream)
            self._pinged += 1
            return
        if frame is not None and frame.get("type") == "auth":
            self._session = str(frame.get("deviceId"))
        said = [line for line in self._play if line.what == "client"]
        expected = said[self._heard] if self._heard < len(said) else None
        content = self.redaction.clean_text(text) if frame is None else comparable(self.redaction.clean(frame))
        if expected is None or render(_content(expected)) != render(content):
            has = "no more from the client" if expected is None else str(expected)
            await self.fail(
                f"The client says on connection {self.lines[0].number}\n  {content}\nand the transcript has\n  {has}"
            )
        self._heard += 1
        self._news.unpark_all()

    async def _answer_ping(self, number: int, stream: MemorySocket) -> None:
        if number < len(self._pings):
            if number >= len(self._pongs):
                return
            await trio.sleep(max(0.0, self._pongs[number].at - self._pings[number].at))
        elif len(self._pongs) < len(self._pings):
            return
        await self._send(stream, TextMessage(data='{"action":"pong"}'))

    async def _speak(self, stream: MemorySocket) -> None:
        """Say what the server said, each at its time, and behind what the client had said by then."""
        await self._opened.wait()
        awaited = 0
        for line in self._play:
            if line.what in _OVER:
                return
            if line.what == "client":
                awaited += 1
                while self._heard < awaited:
                    await self._news.park()
            else:
                await self._wait_until(line)
                await self._say(line, stream)
            self._played += 1

    async def _say(self, line: TranscriptLine, stream: MemorySocket) -> None:
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
        """Put this run's session id in the place of the recorded one: by it a client knows its own echoes."""
        said = (line.detail.get("frame", {}) for line in self._play if line.what == "client")
        recorded = next((frame["deviceId"] for frame in said if frame.get("deviceId")), self._session)
        return text.replace(f'"{recorded}"', f'"{self._session}"')

    async def _send(self, stream: MemorySocket, event: Event) -> None:
        async with self._writing:
            # Otherwise the client is gone: the reader sees it, too.
            with contextlib.suppress(*_GONE):
                await stream.send_all(self._ws.send(event))
