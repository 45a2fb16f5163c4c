"""Records sessions on the server's side, in the form that `cometconn.testing.open_replay()` replays."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final

import attrs

from cometconn._text.redaction import Redaction

from .jsontext import parse

if TYPE_CHECKING:
    from collections.abc import Callable

    from cometconn._environment import Request, Response

__all__ = ["LINE_LIMIT", "TEXT_LIMIT", "Recording"]

LINE_LIMIT: Final = 50_000
"""After so many lines the recording is full: the lines after them would not fit together with those before a gap."""

TEXT_LIMIT: Final = 64 * 1024 * 1024
"""The same for the characters of all lines."""

_KEPT_HEADERS: Final = ("retry-after", "location", "content-type")


@attrs.frozen
class _Line:
    uid: str | None
    connection: int
    text: str


@attrs.define(eq=False)
class Recording:
    """What the clients of a server sent and received since it was made. Secrets are replaced by placeholders.

    Attributes:
        full: a limit was reached, and nothing is recorded any more.
    """

    _clock: Callable[[], float]
    full: bool = attrs.field(default=False, init=False)
    _began: float = attrs.field(init=False)
    _redaction: Redaction = attrs.field(factory=Redaction, init=False, repr=False)
    _lines: list[_Line] = attrs.field(factory=list, init=False, repr=False)
    _size: int = attrs.field(default=0, init=False)
    _requests: int = attrs.field(default=0, init=False)
    _users: dict[int, str | None] = attrs.field(factory=dict, init=False, repr=False)

    def __attrs_post_init__(self) -> None:
        """Begin."""
        self._began = self._clock()

    def __len__(self) -> int:
        return len(self._lines)

    # What the `World` reports

    def exchanged(self, request: Request, response: Response, uid: str | None, delay: float) -> None:
        """Record a REST request and its response, which is sent *delay* seconds later."""
        for name, value in request.headers.items():
            self._redaction.learn_header(name, value)
        self._requests += 1
        clean = self._redaction.clean_text
        number, path = self._requests, self._redaction.clean_target(request.url)
        self._add(
            "request",
            number,
            uid=uid,
            detail={"method": request.method, "path": path, "body": self._body(request.body or b"")},
        )
        headers = {name: clean(response.headers[name]) for name in _KEPT_HEADERS if name in response.headers}
        answer = {"status": response.status, "headers": headers, "body": self._body(response.body)}
        self._add("answer", number, uid=uid, detail=answer, delay=delay)

    def dialled(self, connection: int) -> None:
        """Record a new connection."""
        self._users[connection] = None
        for what in ("dial", "dialled"):
            self._add(what, connection)

    def upgraded(self, connection: int, status: int, retry_after: str | None = None) -> None:
        """Record how the upgrade was answered."""
        self._add("upgrade", connection, detail={"status": status, "retry_after": retry_after})

    def framed(self, connection: int, uid: str | None, by: str, text: str) -> None:
        """Record a text frame of the `client` or the `server`."""
        if connection in self._users:
            self._users[connection] = uid
        frame = parse(text)
        if frame is None:
            self._add(by, connection, detail={"text": self._redaction.clean_text(text)})
            return
        if frame.get("type") == "auth" and by == "client":
            self._redaction.learn("session", str(frame.get("deviceId", "")))
        self._add(by, connection, detail={"frame": self._redaction.clean(frame)})

    def closed(self, connection: int, by: str, code: int | None) -> None:
        """Record a close frame of the `client` or the `server`."""
        self._add(f"{by}_close", connection, detail={"code": code, "reason": ""})

    def ended(self, connection: int, by: str, how: str) -> None:
        """Record the end of the byte stream: `eof` or `reset`."""
        self._add(f"{by}_end", connection, detail={"how": how} if by == "server" else {})

    # For the reader

    def transcript(self, uid: str) -> str:
        """Return the lines of one user, as the file that `open_replay()` reads.

        A connection that was open before the recording began is left out, because a replay begins with the dial.
        """
        begin = {"at": 0.0, "what": "begin", "number": 0, "version": 1}
        numbers = {number for number, user in self._users.items() if user == uid}
        lines = (line.text for line in self._lines if line.uid == uid or line.connection in numbers)
        return "".join(f"{line}\n" for line in (json.dumps(begin, separators=(",", ":")), *lines))

    def _add(
        self, what: str, number: int, *, uid: str | None = None, detail: dict[str, Any] | None = None, delay: float = 0
    ) -> None:
        is_rest = what in {"request", "answer"}
        if self.full or not (is_rest or number in self._users):
            return
        line = {"at": round(self._clock() - self._began + delay, 6), "what": what, "number": number, **(detail or {})}
        text = json.dumps(line, separators=(",", ":"))
        self._size += len(text)
        self.full = len(self._lines) >= LINE_LIMIT or self._size > TEXT_LIMIT
        if not self.full:
            self._lines.append(_Line(uid, 0 if is_rest else number, text))

    def _body(self, body: bytes) -> Any:
        content = parse(body)
        if content is None:
            return self._redaction.clean_text(body.decode(errors="replace"))
        return self._redaction.clean(content)
