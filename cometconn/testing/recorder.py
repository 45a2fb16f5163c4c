"""`record()`: an `Environment` that writes down what goes over the wire, and takes the secrets out."""

from __future__ import annotations

import base64
import itertools
import urllib.parse
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final, final

import trio

from cometconn.emulator.jsontext import parse
from cometconn.environment import SystemEnvironment

from .redaction import Redaction
from .transcript import TranscriptFile
from .wire_reader import Close, Head, Lost, WireReader

if TYPE_CHECKING:
    import os
    import ssl
    from collections.abc import Iterator, Mapping

    from cometconn.environment import Environment, Request, Response

    from .wire_reader import Said

__all__ = ["Recorder", "record"]

_KEPT_HEADERS: Final = ("retry-after", "location", "content-type")


@contextmanager
def record(
    path: str | os.PathLike[str],
    environment: Environment | None = None,
    *,
    ssl_context: ssl.SSLContext | None = None,
    proxy: str | None = None,
    headers: Mapping[str, str] | None = None,
) -> Iterator[Recorder]:
    """Record a session: give what this yields to `open_client(environment=...)`. `open_replay()` plays it.

    Every REST exchange and every message of the WebSocket, in both directions, becomes one line of JSON, with the time
    at which it passed, written at once. Auth keys, auth tokens, JWTs, file access tokens (`fat`) and the like are replaced
    by placeholders that are the same for the same secret (`jwt-1`); headers are left out, but for a few of the answer's.
    What people wrote is in it: treat the file, which only its owner can read, as you treat the messages.

    Args:
        path: the file; an old one is overwritten.
        environment: what to wrap: a `MemoryServer`, or your own; by default the network.
        ssl_context: of the network, as for `open_client()`, which leaves it to the environment.
        proxy: the same.
        headers: the same, for REST; give them to `open_client()`, too, for the upgrade.

    Raises:
        SettingsError: an argument makes no sense.
        OSError: the file cannot be made; or, on leaving, it could not be written to its end. A full disk ends
            the recording, not the session.

    To be entered in a Trio task. Nothing is kept in memory but the message that passes (at most 16 MiB in each direction)
    and the last 1,000 secrets.
    """
    if environment is None:
        environment = SystemEnvironment(ssl_context=ssl_context, proxy=proxy, headers=headers)
    file = TranscriptFile.create(path)
    try:
        yield Recorder(environment, file)
    finally:
        file.close()


@final
class Recorder:
    """An `Environment` that passes everything on, and writes it down. `record()` makes it; do not build it yourself."""

    def __init__(self, environment: Environment, file: TranscriptFile) -> None:
        self._environment = environment
        self._file = file
        self._redaction = Redaction()
        self._requests = itertools.count(1)
        self._connections = itertools.count(1)

    async def dial(self, url: str) -> trio.abc.Stream:
        """Open a byte stream, as the environment does, and read along."""
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
        """Make one REST request, as the environment does, and note both sides of it."""
        number = next(self._requests)
        for name, value in request.headers.items():
            self._redaction.learn_header(name, value)
        self._file.write(
            "request", number, method=request.method, path=self._path(request.url), body=self._body(request.body or b"")
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
        """As the environment."""
        return self._environment.boot_time()

    def random(self) -> float:
        """As the environment; noted, because the times of retries follow from it."""
        value = self._environment.random()
        self._file.write("random", value=value)
        return value

    def _path(self, url: str) -> str:
        parts = urllib.parse.urlsplit(url)
        query = urllib.parse.parse_qsl(parts.query, keep_blank_values=True)
        path = self._redaction.clean_text(parts.path)
        clean = [(name, self._redaction.named(name, value)) for name, value in query]
        return f"{path}?{urllib.parse.urlencode(clean)}" if clean else path

    def _body(self, body: bytes) -> Any:
        """The body as JSON, or as the text that it is."""
        content = parse(body)
        return self._redaction.clean_text(body.decode(errors="replace")) if content is None else self._clean(content)

    def _clean(self, content: Any) -> Any:
        return self._redaction.clean(content)

    def _note(self, number: int, by: str, said: Said) -> None:
        """Write down what one side said."""
        match said:
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
            case Lost():
                self._file.write("lost", number, by=by)
            case _:
                pass  # the head of the request: `dial` says as much


class _RecordedStream(trio.abc.Stream):
    """Passes bytes on, and reads along."""

    def __init__(self, stream: trio.abc.Stream, recorder: Recorder, number: int) -> None:
        self._stream = stream
        self._recorder = recorder
        self._number = number
        self._up, self._down = WireReader(), WireReader()
        self._over = False

    async def send_all(self, data: bytes | bytearray | memoryview) -> None:
        # Noted before it is sent: behind it, the answer might be noted first.
        for said in self._up.read(bytes(data)):
            self._recorder._note(self._number, "client", said)  # noqa: SLF001 - its other half
        await self._stream.send_all(data)

    async def wait_send_all_might_not_block(self) -> None:
        await self._stream.wait_send_all_might_not_block()

    async def receive_some(self, max_bytes: int | None = None) -> bytes | bytearray:
        try:
            data = await self._stream.receive_some(max_bytes)
        except trio.BrokenResourceError:
            self._end("server_end", how="reset")
            raise
        for said in self._down.read(data):
            self._recorder._note(self._number, "server", said)  # noqa: SLF001 - the same
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
