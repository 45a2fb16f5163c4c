"""`open_replay()`: an `Environment` that replays the server's side of a recorded session."""

from __future__ import annotations

import re
from collections import deque
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any, Final, NoReturn, final

import attrs
import trio

from cometconn._arguments import checked, made_by
from cometconn._groups import open_nursery, protected
from cometconn._network.urls import MEMORY_HOST
from cometconn._text.redaction import Redaction
from cometconn.emulator.jsontext import parse, render
from cometconn.environment import Response
from cometconn.settings import Endpoints

from .memory_stream import memory_socket_pair
from .replayed_connection import ReplayedConnection, comparable
from .transcript import TranscriptLine, read_transcript

if TYPE_CHECKING:
    import os
    from collections.abc import AsyncGenerator

    from cometconn.environment import Request

__all__ = ["Replay", "ReplayError", "open_replay"]

_ORIGIN: Final = re.compile(r"^https?://[^/]*")
_VERSION: Final = re.compile(r"^/v[0-9]+(\.[0-9]+)*(?=/)")
_TIMES: Final = re.compile(r"(?<=[?&])(sentAt|updatedAt)=[^&]*")
"""The query parameters that contain the current time, which differs in every run."""


class ReplayError(AssertionError):
    """The client did something that is not in the transcript. The message shows both."""


@attrs.define(eq=False)
class _Exchange:
    """A REST request of the transcript, and its response or failure; `None` if there was neither."""

    request: TranscriptLine
    outcome: TranscriptLine | None = None
    asked: bool = False

    @property
    def key(self) -> tuple[object, ...]:
        detail = self.request.detail
        return _key(detail["method"], detail["path"], detail["body"])


@protected
@asynccontextmanager
@trio.lowlevel.enable_ki_protection
async def open_replay(path: str | os.PathLike[str]) -> AsyncGenerator[Replay, None]:
    """Replay the server's side of a transcript for the duration of the block.

    Pass what this yields to `open_client()` as the `environment`, and its `endpoints` as the `endpoints`.

    The client must do what it did when `record()` wrote the transcript: the same requests (with any key, token or
    `muid`), and on each connection the same frames in the same order, except for keepalive pings. A response takes as
    long as it took. A frame of the server is sent at its recorded time, counted from the dial, but never before the client has
    sent the frames that preceded it. With a `trio.testing.MockClock` a day is replayed without waiting. A client may
    stop early or close a connection early: see `Replay.unplayed`.

    Args:
        path: the transcript.

    Raises:
        ReplayError: the client made a request, sent a frame or dialled a connection that the transcript does not have.
            The block is cancelled at once, because it might wait for a response that never comes, and the error is
            raised where the block ends.
        SettingsError: the file is not a transcript.
        OSError: it cannot be read.

    When the block is left, every connection is closed.
    """
    lines = read_transcript(path)
    replay: Replay | None = None
    try:
        async with open_nursery() as nursery:
            replay = Replay(lines, nursery)
            yield replay
            nursery.cancel_scope.cancel(reason="the replay was left")
    except Exception as error:
        if replay is not None and replay.mismatch is not None:
            raise ReplayError(replay.mismatch) from error
        raise
    if replay.mismatch is not None:
        raise ReplayError(replay.mismatch)


@final
@made_by("open_replay()")
@checked
class Replay:
    """The server's side of a transcript: an `Environment`. `open_replay()` makes it; do not build it yourself.

    Attributes:
        endpoints: what to give to `open_client(endpoints=...)`.
        mismatch: a description of the first thing that the client did and the transcript does not have; `None` before.
    """

    def __init__(self, lines: tuple[TranscriptLine, ...], nursery: trio.Nursery) -> None:
        self._nursery = nursery
        self._exchanges = [_Exchange(line) for line in lines if line.what == "request"]
        by_number = {exchange.request.number: exchange for exchange in self._exchanges}
        for line in lines:
            if line.what in {"answer", "failure"} and line.number in by_number:
                by_number[line.number].outcome = line
        self._redaction = Redaction()
        dials = [line.number for line in lines if line.what == "dial"]
        rest = {"request", "answer", "failure"}
        self._connections = [
            ReplayedConnection(
                [line for line in lines if line.number == number and line.what not in rest], self._redaction, self._fail
            )
            for number in dials
        ]
        self._waiting = deque(self._connections)
        self._random = deque(float(line.detail["value"]) for line in lines if line.what == "random")
        base = _base([str(exchange.request.detail["path"]) for exchange in self._exchanges])
        self.endpoints: Endpoints = Endpoints(
            admin_url=f"http://{MEMORY_HOST}{base}",
            client_url=f"http://{MEMORY_HOST}{base}",
            socket_url=f"ws://{MEMORY_HOST}/",
            allow_insecure=True,
        )
        self.mismatch: str | None = None

    @property
    def unplayed(self) -> tuple[TranscriptLine, ...]:
        """The lines that the client has not reached: requests, dials, and the lines of connections."""
        asked = [exchange.request for exchange in self._exchanges if not exchange.asked]
        return (*asked, *(line for connection in self._connections for line in connection.unplayed))

    # The Environment.

    async def dial(self, url: str) -> trio.abc.Stream:
        """Open the next connection of the transcript, whatever *url* is, or fail as it failed."""
        del url
        await trio.lowlevel.checkpoint()
        if not self._waiting:
            await self._fail(f"The client dials once more; the transcript has {len(self._connections)} connection(s).")
        connection = self._waiting.popleft()
        await connection.dialled()
        ours, theirs = memory_socket_pair()
        self._nursery.start_soon(connection.play, theirs, name="cometconn.testing.replay")
        return ours

    async def request(self, request: Request) -> Response:
        """Return the recorded response, after the time that it took."""
        await trio.lowlevel.checkpoint()
        for name, value in request.headers.items():
            if name.lower() == "apikey":  # the only secret that the client does not have from the transcript
                self._redaction.learn_header(name, value)
        content = parse(request.body or b"")
        body: Any = (request.body or b"").decode(errors="replace") if content is None else content
        body, path = self._redaction.clean(body), self._redaction.clean_text(_ORIGIN.sub("", request.url))
        key = _key(request.method, path, body)
        left = [exchange for exchange in self._exchanges if not exchange.asked]
        exchange = next((exchange for exchange in left if exchange.key == key), None)
        if exchange is None:
            has = "\n".join(f"  {one.request}" for one in left[:5]) or "  nothing"
            asked = TranscriptLine(0, "request", 0, {"method": request.method, "path": path, "body": comparable(body)})
            await self._fail(f"The client asks\n  {asked}\nand the transcript has, of what is left,\n{has}")
        exchange.asked = True
        if exchange.outcome is None:
            await trio.sleep_forever()
        outcome = exchange.outcome
        assert outcome is not None, "without an outcome the task sleeps above"
        await trio.sleep(max(0.0, outcome.at - exchange.request.at))
        if outcome.what == "failure":
            raise ConnectionError(outcome.detail["error"])
        answer = outcome.detail["body"]
        text = answer if isinstance(answer, str) else render(answer)
        return Response(int(outcome.detail["status"]), dict(outcome.detail["headers"]), text.encode())

    def boot_time(self) -> float:
        """Return Trio's time: a transcript does not contain when the computer slept."""
        return trio.current_time()

    def random(self) -> float:
        """Return the recorded random numbers in turn, and 0.5 after the last one."""
        return self._random.popleft() if self._random else 0.5

    async def _fail(self, mismatch: str) -> NoReturn:
        """Cancel the block, whose context manager then raises `ReplayError`."""
        self.mismatch = self.mismatch or mismatch
        self._nursery.cancel_scope.cancel(reason="the client did what the transcript does not have")
        await trio.sleep_forever()


def _key(method: object, path: object, body: object) -> tuple[object, ...]:
    """Return what equal requests have in common: everything but host, version, times and the description of the device."""
    plain = _TIMES.sub(r"\1=", _VERSION.sub("", str(path)))
    return (method, plain, render(comparable(body)))


def _base(paths: list[str]) -> str:
    """Return the base path of the recorded REST calls."""
    found = next((path for path in paths if path.endswith("/me") or "/users/" in path), "/v3.0/me")
    return found.partition("/users/")[0].removesuffix("/me")
