"""The controls of a server: send, set faults, drop connections; the same over sockets and in memory."""

from __future__ import annotations

import copy
import math
from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

import attrs
import trio

from cometconn._arguments import checked
from cometconn.errors import SettingsError

from .backend.realtime import relay
from .faults import (
    AuthFault,
    DownloadFault,
    Faults,
    Mode,
    RestFault,
    RetryAfterForm,
    UpgradeFault,
    UploadFault,
    check_close_code,
)
from .jsontext import Json, render
from .log import Kind, ServerLog
from .world.devices import Device
from .world.receipts import Mark

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from .backend.sans_io import World

__all__ = ["Drop", "ServerControls"]

Drop: TypeAlias = Literal["close", "reset", "silent"]

_NAMED = 20
"""An error names at most so many users."""

_RESTART = 1012
"""The close code of a server that restarts (IANA's registry of WebSocket close codes)."""


@checked
class ServerControls(ABC):
    """What a test can do to a server. `Emulator` and `cometconn.testing.MemoryServer` have these methods.

    All but the two `wait_` methods act at once and never block. They must be called from
    Trio's thread.

    Attributes:
        world: users, groups, tokens and messages, to read and to change.
    """

    world: World

    @property
    def log(self) -> ServerLog:
        """What the server received and did."""
        return self.world.log

    # Sending

    def push(self, uid: str, frame: Mapping[str, object] | str) -> int:
        """Send a frame, as it is, to every socket of this user; return the number of sockets.

        A text is sent unchanged, whether it is JSON or not. A socket is the user's from its
        auth frame on, accepted or not.
        """
        self.check_user(uid)
        text = frame if isinstance(frame, str) else render(dict(frame))
        devices = self.world.devices(uid)
        for device in devices:
            device.send(text)
        return len(devices)

    def say(self, sender: str, text: str, *, receiver: str | None = None, group: str | None = None) -> Json:
        """Send a text message from a user to another, or to a group, as if from another device of the sender.

        The message is stored and sent out like any other. Returns it as REST would.
        """
        name, receiver_type = self.check_addressee(sender, receiver, group)
        draft = {"receiver": name, "receiverType": receiver_type, "category": "message", "type": "text"}
        return copy.deepcopy(self.world.post(sender, {**draft, "data": {"text": text}}, device_id="emulator"))

    def start_typing(self, sender: str, *, receiver: str | None = None, group: str | None = None) -> None:
        """Send the typing indicator of a user to another user, or to a group."""
        self._type("started", sender, receiver, group)

    def end_typing(self, sender: str, *, receiver: str | None = None, group: str | None = None) -> None:
        """Send that a user has stopped typing."""
        self._type("ended", sender, receiver, group)

    def mark_as_delivered(self, uid: str, message_id: int) -> None:
        """Send and record the receipt of a user that a message, and those before it, were delivered to the user."""
        self._mark("delivered", uid, message_id)

    def mark_as_read(self, uid: str, message_id: int) -> None:
        """Send and record the receipt of a user that the user has read a message and those before it."""
        self._mark("read", uid, message_id)

    def _type(self, action: str, sender: str, receiver: str | None, group: str | None) -> None:
        name, receiver_type = self.check_addressee(sender, receiver, group)
        came = {"type": "typing_indicator", "receiver": name, "receiverType": receiver_type, "body": {"action": action}}
        relay(self.world, sender, came)

    def _mark(self, mark: Mark, uid: str, message_id: int) -> None:
        self.check_user(uid)
        message = self.world.messages.get(str(message_id))
        if message is None or uid not in self.world.concerned(message):
            error = f"{uid} has no message {message_id}."
            raise SettingsError(error)
        author, is_group = message["sender"], message["receiverType"] == "group"
        other = message["receiver"] if uid == author else author
        came = {
            "type": "receipts",
            "receiver": message["receiver"] if is_group else other,
            "receiverType": message["receiverType"],
            "messageSender": author,
            "body": {"action": mark, "messageId": str(message_id)},
        }
        relay(self.world, uid, came)

    def check_addressee(self, sender: str, receiver: str | None, group: str | None) -> tuple[str, str]:
        """Return the id and the kind of the receiver, or raise `SettingsError`."""
        if (receiver is None) == (group is None):
            message = "There must be a receiver or a group, and not both."
            raise SettingsError(message)
        receiver_type = "user" if group is None else "group"
        name = group or receiver or ""
        self.check_user(sender)
        if self.world.audience(sender, name, receiver_type) is None:
            message = f"There is no {receiver_type} {name!r} that {sender} reaches."
            raise SettingsError(message)
        return name, receiver_type

    # Faults

    def set(
        self,
        *,
        pong: bool | None = None,
        auth: AuthFault | None = None,
        auth_close: int | None = None,
        upgrade: UpgradeFault | None = None,
        rest: RestFault | None = None,
        rest_times: int | None = None,
        rest_limit: int | None = None,
        rest_window: float | None = None,
        rest_delay: float | None = None,
        retry_after: int | None = None,
        retry_after_as: RetryAfterForm | None = None,
        presigned: bool | None = None,
        upload: UploadFault | None = None,
        download: DownloadFault | None = None,
        secured_media: bool | None = None,
        date: bool | None = None,
        mode: Mode | None = None,
    ) -> None:
        """Change how the server behaves from now on; what is not named stays. See `Faults`.

        `retry_after=0` sends the header, too; `heal()` removes it. Setting one of the
        faults of `rest` also begins a new window of `rest_limit`, and the count of `rest_times`.
        """
        given: dict[str, Any] = {
            "pong": pong,
            "auth": auth,
            "auth_close": auth_close,
            "upgrade": upgrade,
            "rest": rest,
            "rest_times": rest_times,
            "rest_limit": rest_limit,
            "rest_window": rest_window,
            "rest_delay": rest_delay,
            "retry_after": retry_after,
            "retry_after_as": retry_after_as,
            "presigned": presigned,
            "upload": upload,
            "download": download,
            "secured_media": secured_media,
            "date": date,
            "mode": mode,
        }
        changes = {name: value for name, value in given.items() if value is not None}
        self.world.faults = attrs.evolve(self.world.faults, **changes)
        if any(name.startswith("rest") for name in changes):
            self.world.rest_meter.restart()
        self._note("set", **changes)

    def set_clock(self, ahead: float) -> None:
        """Set the server's clock *ahead* seconds ahead of this machine's, in messages and in the `Date` of answers."""
        self.world.clock_ahead = ahead
        self._note("set_clock", ahead=ahead)

    def heal(self) -> None:
        """End all faults: every one of `set()` goes back to its default, and connections are accepted."""
        self.world.faults = Faults()
        self.world.rest_meter.restart()
        self._note("heal")
        self.accept_connections()

    def drop(
        self,
        uid: str | None,
        how: Drop = "close",
        *,
        code: int = 1011,
        reason: str = "",
        connection: int | None = None,
    ) -> int:
        """End every socket of this user, or of all users, or one socket, and return their number.

        Args:
            uid: the user; `None` for all sockets, those that have not authenticated included.
            connection: only the socket with this number in the log.
            how: `close` sends a close frame behind what is queued, `reset` resets the TCP connection now,
                `silent` leaves a half-open connection: nothing is written any more, not even an answer
                to a close frame, and what the client sends is ignored.
            code: the code of the close frame.
            reason: the reason of the close frame; it is cut to 123 bytes.
        """
        if uid is not None:
            self.check_user(uid)
        check_close_code(code, "The close code")
        actions: dict[str, Callable[[Device], None]] = {
            "close": lambda device: device.close(code, reason),
            "reset": Device.reset,
            "silent": Device.silence,
        }
        if how not in actions:
            message = f"drop(how=) must be 'close', 'reset' or 'silent', not {how!r}."
            raise SettingsError(message)
        devices = [device for device in self.world.devices(uid) if connection in {None, device.number}]
        self._note("drop", uid=uid, connection=connection, how=how)
        for device in devices:
            actions[how](device)
        return len(devices)

    def restart(self) -> int:
        """Announce a restart: close every socket with code 1012, as a server does that stops. Returns their number.

        The server itself goes on; `refuse_connections(seconds)` makes it unreachable for a while.
        """
        return self.drop(None, code=_RESTART, reason="The server restarts.")

    @abstractmethod
    def refuse_connections(self, seconds: float = math.inf) -> None:
        """Refuse new connections for *seconds*, as a lost network does; by default until `accept_connections()` or `heal()`.

        Open connections stay. A further call counts from then on, also when it ends sooner.

        Raises:
            SettingsError: *seconds* is not above 0.
        """

    @abstractmethod
    def accept_connections(self) -> None:
        """Accept new connections again. Idempotent."""

    def expire_jwts(self) -> None:
        """Make every JWT invalid; `GET /me` and `PUT /me` return new ones. Open sockets stay."""
        self.world.sessions.expire_jwts()
        self._note("expire_jwts")

    def forget_tokens(self) -> None:
        """Make every auth token and every JWT invalid. Open sockets stay."""
        self.world.sessions.forget_all()
        self._note("forget_tokens")

    # Connections

    def connections(self, uid: str) -> int:
        """Count the user's authenticated sockets whose end the server has not seen, silent ones included."""
        self.check_user(uid)
        return self.world.connections(uid)

    async def wait_connected(self, uid: str) -> None:
        """Wait until the user has an authenticated socket. A checkpoint; bound it with `trio.fail_after`."""
        await trio.lowlevel.checkpoint()
        while not self.connections(uid):
            await self.log.wait_news()

    async def wait_gone(self, uid: str) -> None:
        """Wait until the user has no authenticated socket. A checkpoint; bound it with `trio.fail_after`."""
        await trio.lowlevel.checkpoint()
        while self.connections(uid):
            await self.log.wait_news()

    def check_user(self, uid: str) -> None:
        """Raise `SettingsError` if there is no such user."""
        if uid not in self.world.people:
            known, more = list(self.world.people)[:_NAMED], len(self.world.people) - _NAMED
            others = f" and {more} more" if more > 0 else ""
            message = f"There is no user {uid!r} in this server: there are {', '.join(known)}{others}."
            raise SettingsError(message)

    def _check_seconds(self, seconds: float) -> None:
        if not seconds > 0:
            message = f"refuse_connections(seconds=) must be above 0, not {seconds!r}."
            raise SettingsError(message)

    def _note_refusal(self, seconds: float) -> None:
        limit: dict[str, Any] = {} if seconds == math.inf else {"seconds": seconds}
        self._note("refuse_connections", **limit)

    def _note(self, what: str, *, uid: str | None = None, connection: int | None = None, **detail: Any) -> None:
        self.log.add(Kind.CONTROL, connection, uid, what=what, **detail)
