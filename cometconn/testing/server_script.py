"""The server's part in a test, in the order in which a reader follows it: expect, say, drop, refuse."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

import attrs
import trio

from cometconn.emulator.log import Entry, Kind
from cometconn.events import Event

from .event_frames import to_frame

if TYPE_CHECKING:
    from cometconn.emulator.server_controls import Drop, ServerControls

__all__ = ["ServerScript"]

_BY_CLIENT: Final = (Kind.REST, Kind.CONNECT, Kind.FRAME_IN, Kind.CLOSE_IN, Kind.EOF, Kind.RESET)
_VERSION: Final = "/v3.0"
_TOLD = 20  # a failure shows so many of the things that came instead
_SHOWN = 300  # characters of each


@attrs.define(eq=False)
class ServerScript:
    """The server's part in a play with one user. `MemoryServer.script()` makes it; for an emulator, build it.

    What the user's client does is read from the server's log, from the moment on at which the script
    was made, and each `expect()` goes on behind what the last one found. What stands between
    (keepalive pings, receipts) is passed over.

    Attributes:
        server: the server: a `MemoryServer`, or an `Emulator`.
        uid: the user. What a client does before it has said who it is counts as this user's, too.
        patience: how long, in seconds on Trio's clock, a wait may last. Virtual time makes it an instant.
    """

    server: ServerControls
    uid: str
    patience: float = attrs.field(default=60.0, kw_only=True)
    _position: int = attrs.field(init=False)

    def __attrs_post_init__(self) -> None:
        """What happened before is over."""
        self._position = self.server.log.position

    async def expect(self, what: str, matching: Mapping[str, Any] | None = None) -> dict[str, Any]:
        """Wait until the user's client does this, and return what it said.

        Args:
            what: a REST request (`"POST /messages"`), a frame by its `type` or `action` (`"auth"`, `"ping"`,
                `"typing_indicator"`, ...; `"text"` for one that is no JSON object), or `"connect"` (the WebSocket
                upgrade is asked for), `"close"` (a close frame), `"eof"`, `"reset"`.
            matching: what must be in it, at any depth; it may hold more. Of a request it is the body, of a
                frame the frame, of a close frame `{"code": 1000}`. Secrets are hidden in it.

        Returns:
            The body, the frame, or what the server's log has on the rest.

        Raises:
            AssertionError: it did not come within `patience`; the message lists what came instead.

        Nothing is consumed: two scripts see the same. If cancelled, the script stays where it was.
        """
        begin = self._position

        def fits(entry: Entry) -> bool:
            """Tell whether this is it."""
            return self._concerns(entry) and _name(entry) == what and _holds(_said(entry), matching or {})

        with trio.move_on_after(self.patience):
            found = await self.server.log.wait_for(fits, since=begin)
            self._position = found.number + 1
            return dict(_said(found))
        wanted = f"{what!r} with {_short(matching)}" if matching else repr(what)
        message = f"{self.uid} was to do {wanted}, and did not within {self.patience:g} s. {self._instead(begin)}"
        raise AssertionError(message)

    async def expect_quiet(self, seconds: float) -> None:
        """Let time pass, in which the user's client must do nothing but send keepalive pings.

        Args:
            seconds: how long, on Trio's clock.

        Raises:
            AssertionError: it did something; the message lists what.
        """
        begin = self._position
        await trio.sleep(seconds)
        self._position = self.server.log.position
        if any(self._concerns(entry) and _name(entry) != "ping" for entry in self._since(begin)):
            message = f"{self.uid} was to be quiet for {seconds:g} s, and was not. {self._instead(begin)}"
            raise AssertionError(message)

    async def say(self, *news: Event | Mapping[str, Any] | str) -> None:
        """Send these to the user, one after the other, and return when everybody has done what they could.

        Args:
            news: events, as the server would send them (`to_frame()`); frames; texts, sent as they are. Messages need
                ids that were not there before: a client drops what it has seen. `server.say()` numbers them.

        Raises:
            AssertionError: the user has no connection within `patience`.
            SettingsError: one of them is an event that no server sends.
        """
        from trio.testing import wait_all_tasks_blocked  # noqa: PLC0415 - it loads pytest, where that is installed

        frames = [to_frame(item) if isinstance(item, Event) else item for item in news]
        with trio.move_on_after(self.patience) as scope:
            await self.server.wait_connected(self.uid)
        if scope.cancelled_caught:
            message = f"{self.uid} was to be told something, but did not connect within {self.patience:g} s."
            raise AssertionError(message)
        for frame in frames:
            self.server.push(self.uid, frame)
        await wait_all_tasks_blocked()

    def drop(self, code: int = 1011, reason: str = "", *, how: Drop = "close") -> None:
        """End the user's connection; it is an error if there is none. Acts at once.

        Args:
            code: of the close frame.
            reason: of the close frame.
            how: `close`, `reset` (TCP breaks), or `silent` (half-open: nobody is told).

        Raises:
            AssertionError: the user is not connected.
        """
        if not self.server.drop(self.uid, how, code=code, reason=reason):
            message = f"{self.uid} was to be dropped, but is not connected."
            raise AssertionError(message)

    def refuse(self, status: int | None = None, *, retry_after: int | None = None) -> None:
        """Refuse whoever comes from now on, until `accept()`. Open connections stay. Acts at once.

        Args:
            status: answer WebSocket upgrades with this HTTP status; REST is still answered. Without it
                nobody gets through, REST included.
            retry_after: the `Retry-After` header beside the status, in seconds.
        """
        if status is None:
            self.server.refuse_connections()
        else:
            self.server.set(upgrade=status, retry_after=retry_after)

    def refuse_token(self) -> None:
        """Answer every auth frame from now on as if its token were worth nothing, until `accept()`. Acts at once."""
        self.server.set(auth="refuse")

    def accept(self) -> None:
        """Behave well again. Acts at once."""
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
        lines = [f"  {entry.at:9.3f} s  {_name(entry)} {_short(_said(entry))}" for entry in came[-_TOLD:]]
        return "\n".join(["What came instead:", *lines])


def _name(entry: Entry) -> str:
    """Name what a client did as `expect()` does."""
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


def _said(entry: Entry) -> Mapping[str, Any]:
    match entry.kind:
        case Kind.REST:
            body: Mapping[str, Any] = entry.detail["body"]
            return body
        case Kind.FRAME_IN:
            frame: Mapping[str, Any] = entry.detail.get("frame", entry.detail)
            return frame
        case _:
            return entry.detail


def _holds(whole: Any, part: Any) -> bool:
    """Tell whether *part* is in *whole*: every key of a mapping, at any depth; all else must be equal."""
    if isinstance(part, Mapping):
        return isinstance(whole, Mapping) and all(key in whole and _holds(whole[key], part[key]) for key in part)
    return bool(whole == part)


def _short(value: Mapping[str, Any] | None) -> str:
    text = json.dumps(dict(value or {}), default=repr, ensure_ascii=False)
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}..."
