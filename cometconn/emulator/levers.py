"""What makes a server say things and misbehave: the same levers over sockets and in memory."""

from __future__ import annotations

import copy
from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

import attrs
import trio

from cometconn.errors import SettingsError

from .devices import Device
from .faults import AuthFault, Faults, Mode, RestFault, RetryAfterForm, UpgradeFault, check_close_code
from .jsontext import Json, render
from .log import Kind, ServerLog

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from .world import World

__all__ = ["Drop", "Levers"]

Drop: TypeAlias = Literal["close", "reset", "silent"]


class Levers(ABC):
    """What a test does to a server. `Emulator` and `cometconn.testing.MemoryServer` have these.

    All but the two `wait_` methods act at once and never block; they are to be called
    from Trio's thread.

    Attributes:
        world: users, groups, tokens and messages, to look at and to change.
    """

    world: World

    @property
    def log(self) -> ServerLog:
        """What the server saw and did."""
        return self.world.log

    # Saying things

    def push(self, uid: str, frame: Mapping[str, object] | str) -> int:
        """Send a frame, as it is, to every socket of this user; give the number of sockets.

        A text is sent as it is, too, JSON or not. Sockets count from their auth frame on,
        whatever was answered to it.
        """
        self._check_user(uid)
        text = frame if isinstance(frame, str) else render(dict(frame))
        devices = self.world.devices(uid)
        for device in devices:
            device.send(text)
        return len(devices)

    def say(self, sender: str, text: str, *, receiver: str | None = None, group: str | None = None) -> Json:
        """Let a user say something to another, or in a group, as if from a device elsewhere.

        The message is stored and pushed like any other. Gives the message as REST would.
        """
        if (receiver is None) == (group is None):
            message = "say() needs a receiver or a group, and not both."
            raise SettingsError(message)
        receiver_type = "user" if group is None else "group"
        name = group or receiver or ""
        self._check_user(sender)
        if self.world.audience(sender, name, receiver_type) is None:
            message = f"say(): {sender} reaches no {receiver_type} called {name!r}."
            raise SettingsError(message)
        draft = {"receiver": name, "receiverType": receiver_type, "category": "message", "type": "text"}
        return copy.deepcopy(self.world.post(sender, {**draft, "data": {"text": text}}, device_id="emulator"))

    # Misbehaving

    def set(
        self,
        *,
        pong: bool | None = None,
        auth: AuthFault | None = None,
        auth_close: int | None = None,
        upgrade: UpgradeFault | None = None,
        rest: RestFault | None = None,
        rest_delay: float | None = None,
        retry_after: int | None = None,
        retry_after_as: RetryAfterForm | None = None,
        date: bool | None = None,
        mode: Mode | None = None,
    ) -> None:
        """Change how the server behaves from now on; what is not named stays. See `Faults`.

        `retry_after=0` is a header like any other; `heal()` takes it away.
        """
        given: dict[str, Any] = {
            "pong": pong,
            "auth": auth,
            "auth_close": auth_close,
            "upgrade": upgrade,
            "rest": rest,
            "rest_delay": rest_delay,
            "retry_after": retry_after,
            "retry_after_as": retry_after_as,
            "date": date,
            "mode": mode,
        }
        changes = {name: value for name, value in given.items() if value is not None}
        self.world.faults = attrs.evolve(self.world.faults, **changes)
        self._note("set", **changes)

    def set_clock(self, ahead: float) -> None:
        """Let the server's clock be so many seconds ahead of this machine's: in messages and in the `Date` of answers."""
        self.world.clock_ahead = ahead
        self._note("set_clock", ahead=ahead)

    def heal(self) -> None:
        """Behave well again: every fault of `set()` back to its default, and connections accepted."""
        self.world.faults = Faults()
        self._note("heal")
        self.accept_connections()

    def drop(self, uid: str | None, how: Drop = "close", *, code: int = 1011, reason: str = "") -> int:
        """End every socket of this user, or of everybody (`None`), and give their number.

        Args:
            uid: whose; with `None` also those that have not authenticated.
            how: `close` sends a close frame behind what is queued, `reset` breaks TCP now,
                `silent` leaves a half-open connection: nothing is written any more, not even
                an answer to a close frame, and nothing read counts.
            code: of the close frame.
            reason: of the close frame; longer than 123 bytes is cut.
        """
        if uid is not None:
            self._check_user(uid)
        check_close_code(code, "drop(code=)")
        deeds: dict[str, Callable[[Device], None]] = {
            "close": lambda device: device.close(code, reason),
            "reset": Device.reset,
            "silent": Device.silence,
        }
        if how not in deeds:
            message = f"drop(how=) must be 'close', 'reset' or 'silent', not {how!r}."
            raise SettingsError(message)
        devices = self.world.devices(uid)
        self._note("drop", uid=uid, how=how)
        for device in devices:
            deeds[how](device)
        return len(devices)

    @abstractmethod
    def refuse_connections(self) -> None:
        """Lose the network for newcomers: connecting is refused. Open connections stay. Idempotent."""

    @abstractmethod
    def accept_connections(self) -> None:
        """Be there for newcomers again. Idempotent."""

    def expire_jwts(self) -> None:
        """Refuse every JWT handed out so far; `GET /me` and `PUT /me` give new ones. Open sockets stay."""
        self.world.sessions.expire_jwts()
        self._note("expire_jwts")

    def forget_tokens(self) -> None:
        """Know no auth token any more, and no JWT. Open sockets stay."""
        self.world.sessions.forget_all()
        self._note("forget_tokens")

    # Looking

    def connections(self, uid: str) -> int:
        """Count the user's authenticated sockets whose end the server has not seen, silent ones included."""
        self._check_user(uid)
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

    def _check_user(self, uid: str) -> None:
        if uid not in self.world.people:
            message = f"There is no user {uid!r} in this server: there are {', '.join(self.world.people)}."
            raise SettingsError(message)

    def _note(self, what: str, *, uid: str | None = None, **detail: Any) -> None:
        self.log.add(Kind.CONTROL, None, uid, what=what, **detail)
