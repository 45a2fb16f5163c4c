"""The server's side of a test, as a script: expect what the client does, send events, drop and refuse connections."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

import attrs
import trio

from cometconn._arguments import checked
from cometconn.emulator.log import Entry, Kind
from cometconn.errors import SettingsError
from cometconn.events import Event

from .event_frames import to_frame

if TYPE_CHECKING:
    from cometconn.emulator.server_controls import Drop, ServerControls

__all__ = ["ServerScript"]

_BY_CLIENT: Final = (Kind.REST, Kind.CONNECT, Kind.FRAME_IN, Kind.CLOSE_IN, Kind.EOF, Kind.RESET)
_VERSION: Final = "/v3.0"
_MOST_LISTED = 20  # an error message lists so many of the client's other actions
_LONGEST = 300  # characters of each in the list


@checked
@attrs.define(eq=False)
class ServerScript:
    """The server's side of a session with one user. `MemoryServer.script()` makes it; for an `Emulator`, construct it.

    It is for Trio only. A test in asyncio calls the methods of its `cometconn.aio.emulator.Emulator` (`say`, `set`, `drop`),
    and waits with `emulator.log.wait_for()`.

    It reads from the server's log what the user's client does, beginning when the script was made. Each `expect()`
    continues after the entry that the last one found. Entries in between, such as keepalive pings and receipts, are
    skipped.

    Attributes:
        server: the server: a `MemoryServer` or an `Emulator`.
        uid: the user. What a client does before it has authenticated counts as this user's, too.
        patience: the bound of each wait, in seconds on Trio's clock. In virtual time it takes no real time.
    """

    server: ServerControls
    uid: str
    patience: float = attrs.field(default=60.0, kw_only=True)
    _position: int = attrs.field(init=False)

    def __attrs_post_init__(self) -> None:
        """Begin at the end of the server's log. Raises `SettingsError` if the server has no such user, or outside of Trio."""
        if not trio.lowlevel.in_trio_task():
            message = (
                "ServerScript needs Trio. In asyncio, call the methods of the Emulator (say, set, drop), and wait with"
                " emulator.log.wait_for()."
            )
            raise SettingsError(message, code="NO_TRIO")
        self.server.connections(self.uid)  # raises it, and names the users that there are
        self._position = self.server.log.position

    async def expect(self, what: str, matching: Mapping[str, Any] | None = None) -> dict[str, Any]:
        """Wait until the user's client does *what*, and return the content.

        Args:
            what: a REST request (`"POST /messages"`); a frame by its `type` or `action` (`"auth"`, `"ping"`,
                `"typing_indicator"`, ...; `"text"` for one that is not a JSON object); `"connect"` (a request for the
                WebSocket upgrade), `"close"` (a close frame), `"eof"` or `"reset"`.
            matching: what the content must contain, at any depth; it may contain more. The content of a request is its
                body, that of a frame is the frame, and that of a close frame is `{"code": 1000}`. Secrets are masked.

        Returns:
            The content: the body, the frame, or the details in the server's log.

        Raises:
            AssertionError: the client did not do it within `patience`; the message lists what it did instead.

        Nothing is consumed, so several scripts see the same actions. If cancelled, the script keeps its place.
        """
        begin = self._position

        def fits(entry: Entry) -> bool:
            """Return whether this is the expected entry."""
            return self._concerns(entry) and _name(entry) == what and _contains(_content(entry), matching or {})

        with trio.move_on_after(self.patience):
            found = await self.server.log.wait_for(fits, since=begin)
            self._position = found.number + 1
            return dict(_content(found))
        wanted = f"{what!r} with {_short(matching)}" if matching else repr(what)
        message = f"{self.uid} was to do {wanted}, and did not within {self.patience:g} s. {self._instead(begin)}"
        raise AssertionError(message)

    async def expect_quiet(self, seconds: float) -> None:
        """Wait, and require that the user's client does nothing but send keepalive pings.

        Args:
            seconds: how long, on Trio's clock.

        Raises:
            AssertionError: the client did something else; the message lists what.
        """
        begin = self._position
        await trio.sleep(seconds)
        self._position = self.server.log.position
        if any(self._concerns(entry) and _name(entry) != "ping" for entry in self._since(begin)):
            message = f"{self.uid} was to be quiet for {seconds:g} s, and was not. {self._instead(begin)}"
            raise AssertionError(message)

    async def say(self, *news: Event | Mapping[str, Any] | str) -> None:
        """Send *news* to the user, one after the other, and return when all tasks are blocked.

        Args:
            news: events, which are converted to frames by `to_frame()`; frames; and texts, which are sent as they are.
                Messages need new ids, because a client drops messages that it has seen. `server.say()` assigns ids.

        Raises:
            AssertionError: the user is not connected within `patience`.
            SettingsError: a server sends no such event.
        """
        from trio.testing import wait_all_tasks_blocked  # noqa: PLC0415 - it imports pytest if that is installed

        frames = [to_frame(item) if isinstance(item, Event) else item for item in news]
        with trio.move_on_after(self.patience) as scope:
            await self.server.wait_connected(self.uid)
        if scope.cancelled_caught:
            message = f"{self.uid} was to be sent something, but did not connect within {self.patience:g} s."
            raise AssertionError(message)
        for frame in frames:
            self.server.push(self.uid, frame)
        await wait_all_tasks_blocked()

    def drop(self, code: int = 1011, reason: str = "", *, how: Drop = "close") -> None:
        """End the user's connection at once.

        Args:
            code: the code of the close frame.
            reason: the reason of the close frame.
            how: `close` (a close frame), `reset` (a TCP RST), or `silent` (half-open: the client is not notified).

        Raises:
            AssertionError: the user is not connected.
        """
        if not self.server.drop(self.uid, how, code=code, reason=reason):
            message = f"{self.uid} was to be dropped, but is not connected."
            raise AssertionError(message)

    def refuse(self, status: int | None = None, *, retry_after: int | None = None) -> None:
        """Refuse new connections from now on, until `accept()`. Open connections stay open. Acts at once.

        Args:
            status: refuse WebSocket upgrades with this HTTP status, and serve REST requests. Without it, all
                connections are refused, including those for REST.
            retry_after: the `Retry-After` header that is sent with the status, in seconds.
        """
        if status is None:
            self.server.refuse_connections()
        else:
            self.server.set(upgrade=status, retry_after=retry_after)

    def refuse_token(self) -> None:
        """Refuse the token of every auth frame from now on, until `accept()`. Acts at once."""
        self.server.set(auth="refuse")

    def accept(self) -> None:
        """Accept connections and tokens again, and end all other faults. Acts at once."""
        self.server.heal()

    def _concerns(self, entry: Entry) -> bool:
        by_server = entry.kind is Kind.RESET and entry.detail["by"] == "server"
        return entry.kind in _BY_CLIENT and entry.uid in {None, self.uid} and not by_server

    def _since(self, begin: int) -> list[Entry]:
        return [entry for entry in self.server.log if entry.number >= begin]

    def _instead(self, begin: int) -> str:
        came = [entry for entry in self._since(begin) if self._concerns(entry)]
        if not came:
            return "Nothing came at all."
        lines = [f"  {entry.at:9.3f} s  {_name(entry)} {_short(_content(entry))}" for entry in came[-_MOST_LISTED:]]
        return "\n".join(["What came instead:", *lines])


def _name(entry: Entry) -> str:
    """Return the name by which `expect()` knows what a client did."""
    match entry.kind:
        case Kind.REST:
            return f"{entry.detail['method']} {entry.detail['path'].removeprefix(_VERSION)}"
        case Kind.FRAME_IN:
            frame = entry.detail.get("frame")
            return "text" if frame is None else str(frame.get("action") or frame.get("type"))
        case Kind.CLOSE_IN:
            return "close"
        case kind:
            return str(kind.value)


def _content(entry: Entry) -> Mapping[str, Any]:
    match entry.kind:
        case Kind.REST:
            body: Mapping[str, Any] = entry.detail["body"]
            return body
        case Kind.FRAME_IN:
            frame: Mapping[str, Any] = entry.detail.get("frame", entry.detail)
            return frame
        case _:
            return entry.detail


def _contains(whole: Any, part: Any) -> bool:
    """Return whether *whole* has every key of *part*, at any depth; values that are not mappings must be equal."""
    if isinstance(part, Mapping):
        return isinstance(whole, Mapping) and all(key in whole and _contains(whole[key], part[key]) for key in part)
    return bool(whole == part)


def _short(value: Mapping[str, Any] | None) -> str:
    text = json.dumps(dict(value or {}), default=repr, ensure_ascii=False)
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}..."
