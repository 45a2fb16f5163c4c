"""`record()`: an `Environment` that writes a transcript of what it sends and receives, without the secrets."""

from __future__ import annotations

import base64
import itertools
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final, final

import trio

from cometconn._arguments import checked, made_by
from cometconn._text.redaction import Redaction
from cometconn.emulator.jsontext import parse
from cometconn.environment import SystemEnvironment

from .transcript import TranscriptFile
from .wire_reader import Close, Head, Undecodable, WireReader

if TYPE_CHECKING:
    import os
    import ssl
    from collections.abc import Iterator, Mapping

    from cometconn.environment import Environment, Request, Response

    from .wire_reader import WireItem

__all__ = ["Recorder", "record"]

_KEPT_HEADERS: Final = ("retry-after", "location", "content-type")


@checked
@contextmanager
def record(
    path: str | os.PathLike[str],
    environment: Environment | None = None,
    *,
    ssl_context: ssl.SSLContext | None = None,
    proxy: str | None = None,
    headers: Mapping[str, str] | None = None,
) -> Iterator[Recorder]:
    """Record a session: pass what this yields to `open_client(environment=...)`. `open_replay()` replays it.

    Each REST request, each response and each message of the WebSocket, in both directions, is written at once as one
    line of JSON with its time. Auth keys, auth tokens, JWTs, file access tokens (`fat`) and similar secrets are
    replaced by placeholders such as `jwt-1`, which are the same for the same secret. Headers are omitted, except for a
    few of the response. The file contains the texts of messages; only its owner can read it.

    Args:
        path: the file; an existing one is overwritten.
        environment: the environment to wrap: a `MemoryServer`, or your own; by default the network.
        ssl_context: for the default environment, as for `open_client()`, which does not use it with another one.
        proxy: for the default environment, likewise.
        headers: for the default environment's REST requests; pass them to `open_client()`, too, for the upgrade.

    Raises:
        SettingsError: an argument is invalid.
        OSError: the file cannot be created; or, when the block is left, a write to it had failed. A full disk ends the
            recording and not the session.

    Enter it in a Trio task. In memory are at most one message (of at most 16 MiB) for each direction of each
    connection, and the last 1,000 secrets.
    """
    if environment is None:
        environment = SystemEnvironment(ssl_context=ssl_context, proxy=proxy, headers=headers)
    file = TranscriptFile.create(path)
    try:
        yield Recorder(environment, file)
    finally:
        file.close()


@final
@made_by("record()")
@checked
class Recorder:
    """An `Environment` that passes everything on and records it. `record()` makes it; do not build it yourself."""

    def __init__(self, environment: Environment, file: TranscriptFile) -> None:
        self._environment = environment
        self._file = file
        self._redaction = Redaction()
        self._requests = itertools.count(1)
        self._connections = itertools.count(1)

    async def dial(self, url: str) -> trio.abc.Stream:
        """Open a byte stream as the wrapped environment does, and record what it carries."""
        number = next(self._connections)
        self._file.write("dial", number)
        try:
            stream = await self._environment.dial(url)
        except (OSError, trio.BrokenResourceError) as error:
            self._file.write("undialled", number, error=self._redaction.clean_text(str(error)))
            raise
        self._file.write("dialled", number)
        return _RecordedStream(stream, self, number)

    async def request(self, request: Request) -> Response:
        """Make one REST request as the wrapped environment does, and record request and response."""
        number = next(self._requests)
        for name, value in request.headers.items():
            self._redaction.learn_header(name, value)
        self._file.write(
            "request",
            number,
            method=request.method,
            path=self._redaction.clean_target(request.url),
            body=self._body(request.body or b""),
        )
        try:
            response = await self._environment.request(request)
        except OSError as error:
            self._file.write("failure", number, error=self._redaction.clean_text(str(error)))
            raise
        clean = self._redaction.clean_text
        headers = {name: clean(response.headers[name]) for name in _KEPT_HEADERS if name in response.headers}
        self._file.write("answer", number, status=response.status, headers=headers, body=self._body(response.body))
        return response

    def boot_time(self) -> float:
        """Return the boot time of the wrapped environment."""
        return self._environment.boot_time()

    def random(self) -> float:
        """Return a random number of the wrapped environment. It is recorded, because delays of retries depend on it."""
        value = self._environment.random()
        self._file.write("random", value=value)
        return value

    def _body(self, body: bytes) -> Any:
        """Return a body as JSON, or as text if it is not a JSON object."""
        content = parse(body)
        return self._redaction.clean_text(body.decode(errors="replace")) if content is None else self._clean(content)

    def _clean(self, content: Any) -> Any:
        return self._redaction.clean(content)

    def _record(self, number: int, by: str, item: WireItem) -> None:
        """Write what one side sent."""
        match item:
            case str() as text:
                frame = parse(text)
                if frame is None:
                    self._file.write(by, number, text=self._redaction.clean_text(text))
                    return
                if frame.get("type") == "auth" and by == "client":
                    self._redaction.learn("session", str(frame.get("deviceId", "")))
                self._file.write(by, number, frame=self._clean(frame))
            case bytes() as data:
                self._file.write(by, number, base64=base64.b64encode(data).decode())
            case Close(code=code, reason=reason):
                self._file.write(f"{by}_close", number, code=code, reason=self._redaction.clean_text(reason))
            case Head(status=int() as status, retry_after=delay):
                self._file.write("upgrade", number, status=status, retry_after=delay)
            case Undecodable():
                self._file.write("lost", number, by=by)
            case _:
                pass  # the head of the upgrade request, which `dial` stands for


class _RecordedStream(trio.abc.Stream):
    """Passes bytes on, and records what they contain."""

    def __init__(self, stream: trio.abc.Stream, recorder: Recorder, number: int) -> None:
        self._stream = stream
        self._recorder = recorder
        self._number = number
        self._up, self._down = WireReader(), WireReader()
        self._over = False

    async def send_all(self, data: bytes | bytearray | memoryview) -> None:
        # Recorded before it is sent, because otherwise the reply might be recorded first.
        for item in self._up.read(bytes(data)):
            self._recorder._record(self._number, "client", item)  # noqa: SLF001 - this class is part of Recorder
        await self._stream.send_all(data)

    async def wait_send_all_might_not_block(self) -> None:
        await self._stream.wait_send_all_might_not_block()

    async def receive_some(self, max_bytes: int | None = None) -> bytes | bytearray:
        try:
            data = await self._stream.receive_some(max_bytes)
        except trio.BrokenResourceError:
            self._end("server_end", how="reset")
            raise
        for item in self._down.read(data):
            self._recorder._record(self._number, "server", item)  # noqa: SLF001 - the same
        if not data:
            self._end("server_end", how="eof")
        return data

    async def aclose(self) -> None:
        self._end("client_end")
        await self._stream.aclose()

    def _end(self, what: str, **detail: str) -> None:
        if not self._over:
            self._over = True
            self._recorder._file.write(what, self._number, **detail)  # noqa: SLF001 - the same
