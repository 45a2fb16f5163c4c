"""The program of a simulation: one process with a client, whose every call and status is checked."""

from __future__ import annotations

import contextvars
from typing import TYPE_CHECKING

import attrs
import trio

import cometconn
from cometconn import AppState, Connected, Connecting, Disconnected, Reason, Waiting
from cometconn.environment import Response
from cometconn.errors import ApiError, CometConnError, NotLoggedInError, StoreError
from cometconn.events import TextMessage
from cometconn.stores import FileStore
from cometconn.testing import MemorySocket
from cometconn.testing.memory_server import respond

from .reader import Reader

if TYPE_CHECKING:
    import random
    from collections.abc import Awaitable, Callable

    from cometconn import AppSettings, CometChat, Status, StatusChange
    from cometconn.environment import Request
    from cometconn.testing import MemoryServer

    from .disk import DiskProcess
    from .messages import Messages
    from .trace import Trace

__all__ = ["POSITION_FILE", "SILENCE", "UID", "Program", "World"]

UID = "zed-1"
SESSION_FILE = "/state/app.json"
POSITION_FILE = f"{SESSION_FILE}.position"
EPSILON = 1e-6
SILENCE = 20.0  # seconds until a silent connection is lost: the keepalive interval and the pong timeout

_GRACE, _CLOSE, _CONNECT, _REQUEST, _PONG, _STORE = 30.0, 2.0, 10.0, 10.0, 5.0, 2.0
_CAP, _RESTART, _STABLE = 30.0, 8.0, 10.0
_SLEEP_SEEN = 20.0  # seconds after which a client has noticed that the computer slept
_FILES = 0.1  # seconds that the calls of a healthy disk take together at most
BOUNDS = {
    "connect": 2 * _CONNECT + 2 * _REQUEST + _STORE,  # with a renewal, and with a new login for an unknown token
    "disconnect": _CLOSE,
    "fetch_history": 30.0 + 4 * _REQUEST,  # a page is tried again for 30 s, and once more with a new token
    "login": 2 * _REQUEST + 2 * _STORE,
    "logout": _REQUEST + _CLOSE + _STORE,
    "ping": _PONG,
    "send_text": 4 * _REQUEST,  # with a new token
}
"""The most seconds that a call may take, from the contract."""

_FOLLOWS: dict[type, tuple[type, ...]] = {
    Disconnected: (Connecting, Disconnected),
    Connecting: (Connected, Waiting, Disconnected),
    Waiting: (Connecting, Disconnected),
    Connected: (Waiting, Disconnected),
}


@attrs.define(eq=False)
class World:
    """What all processes share.

    Attributes:
        server: the server.
        trace: what was seen.
        messages: judges them.
        fail: is called with what is wrong.
        draw: decides which requests fail, and the jitter.
        rest_failures: the share of requests that fail or are late.
        sends: the texts that the program sent, and what came of each: `True` if it was sent, `False` if not, `None`
            if that is uncertain.
        saved_user: the next process must find a saved user.
    """

    server: MemoryServer
    trace: Trace
    messages: Messages
    fail: Callable[[str], object]
    draw: random.Random
    rest_failures: float = 0.0
    sends: dict[str, bool | None] = attrs.field(factory=dict)
    saved_user: bool = False

    def say(self, sender: str, to_group: bool, number: int) -> None:
        """Send messages to the user, or to the group."""
        for _ in range(number):
            where = {"group": "team"} if to_group else {"receiver": UID}
            sent = self.server.say(sender, f"text {len(self.messages.sent)}", **where)
            self.messages.was_sent(int(sent["id"]))


@attrs.define(eq=False)
class Program:
    """One process. It is the client's environment, so every dial and request passes here."""

    world: World
    settings: AppSettings
    disk: DiskProcess
    nursery: trio.Nursery
    chat: CometChat | None = None
    reader: Reader = attrs.field(init=False)
    ended: trio.Event = attrs.field(factory=trio.Event)
    judged: trio.Event = attrs.field(factory=trio.Event)  # its files were checked after its end
    left_by: str | None = None
    calls: dict[int, trio.CancelScope] = attrs.field(factory=dict)
    sleeps: int = 0
    _sockets: list[MemorySocket] = attrs.field(factory=list)
    _dialling: bool = False
    _leave: trio.Event = attrs.field(factory=trio.Event)
    _scope: trio.CancelScope = attrs.field(factory=trio.CancelScope)
    _number: int = 0
    manual: bool = attrs.field(init=False)
    _context: contextvars.Context = attrs.field(init=False)
    _status: Status | None = None
    _life: float = 0.0  # the last sign of life in the background
    _slept: float = 0.0  # since then
    _background_since: float = float("inf")
    _last_lease_end: tuple[float, float] = (0.0, 0.0)  # of the lease before a `connect()` in the background
    _dead: tuple[Status, float] | None = None  # the status and the time when the server was first seen to be silent
    _logging: int = 0  # calls of login() and logout() under way
    _resting: str = ""  # what forbids a connection until the program wishes for one, if anything does
    _wished: float = -float("inf")  # the last connect() or login()
    _retried: float = -float("inf")  # the last retry_now()
    _slept_at: dict[float, float] = attrs.field(factory=dict)  # when the computer slept, and how long
    _shortcut: float = -float("inf")  # the last wait that was cut short, but not by connect()
    _refusals: tuple[Status | None, int] = (None, 0)  # an attempt, and how often its token was refused

    def __attrs_post_init__(self) -> None:
        """Note the mode, and make the reader."""
        self.reader = Reader(self.world.messages, self.world.trace, self.disk)
        self.manual = not self.settings.auto_establish_socket_connection

    # The environment of the client.

    async def dial(self, url: str) -> trio.abc.Stream:
        """Dial the server."""
        if self.disk.dead:
            await trio.sleep_forever()
        chat = self.chat
        self.check(not self._dialling and not self.open_sockets, "a second socket is dialled")
        self.check(not self._resting, f"a socket is dialled after {self._resting}")
        if chat is not None:
            self.check(isinstance(chat.status, Connecting), f"a socket is dialled while {chat.status}")
            in_background = chat.app_state is AppState.BACKGROUND
            self.check(self.manual or not in_background, "a socket is dialled in the background (auto)")
            late = in_background and trio.current_time() >= self._deadline
            self.check(not late, "a socket is dialled after the end of the lease")
        self._dialling = True
        try:
            stream = await self.world.server.dial(url)
        finally:
            self._dialling = False
        assert isinstance(stream, MemorySocket)
        self._sockets = [stream]
        return stream

    async def request(self, request: Request) -> Response:
        """Make a request, which may be late or fail."""
        world, draw = self.world, self.world.draw
        if self.disk.dead:
            await trio.sleep_forever()
        if world.server.dialling == "refuse":
            raise ConnectionRefusedError
        if world.server.dialling == "hang":
            await trio.sleep_forever()
        if draw.random() >= world.rest_failures:
            await trio.sleep(draw.choice([0.0, draw.uniform(0, 0.2)]))
            return await respond(world.server.world, request)
        kind = draw.choice(["before", "late", "after", "status", "no JSON", "empty"])
        world.trace.add(f"request {kind}")
        await trio.sleep(draw.uniform(0, 12))
        if kind == "before":
            raise ConnectionResetError
        if kind in {"status", "no JSON", "empty"}:
            status = draw.choice([429, 500, 502, 503]) if kind == "status" else draw.choice([200, 500])
            return Response(status, {}, b"" if kind == "empty" else b"<html>")
        response = await respond(world.server.world, request)
        if kind == "after":
            raise ConnectionResetError
        return response

    def boot_time(self) -> float:
        """Return the seconds on the clock that goes on while the computer sleeps."""
        return self.world.server.boot_time()

    def random(self) -> float:
        """Draw the jitter."""
        return self.world.draw.random()

    @property
    def open_sockets(self) -> int:
        """How many sockets the client has not closed."""
        return sum(not socket.closed for socket in self._sockets)

    @property
    def _deadline(self) -> float:
        return self._life + _GRACE

    @property
    def _lease_end(self) -> tuple[float, float]:
        """The earliest and the latest end: how much of a sleep counts is not known."""
        return self._deadline - self._slept, self._deadline

    def check(self, truth: bool, otherwise: str) -> None:
        """Report *otherwise* unless *truth*, if the process is alive."""
        if not truth and not self.disk.dead:
            self.world.fail(otherwise)

    def token_refused(self) -> None:
        """Note that the server has refused the token of an auth frame."""
        attempt = None if self.chat is None else self.chat.status
        self._refusals = attempt, self._refusals[1] + 1 if self._refusals[0] == attempt else 1

    # The process.

    async def run(self) -> None:
        """Open the client, and run until it is left or killed. A disk that is full or hangs may prevent that for a while."""
        self.disk.enter()
        self._context = contextvars.copy_context()
        try:
            with self._scope:
                while not self._leave.is_set() and not await self._run_once():
                    await trio.sleep(1)
        finally:
            self.chat = None
            self.ended.set()
        self.check(not self.open_sockets, "the client was left, and its socket is open")
        await trio.sleep(max(0.0, self.disk.disk.last_trouble() + 1 - trio.current_time()))  # a last write ends late
        self.check(not self.disk.descriptors, f"the client was left, and {len(self.disk.descriptors)} files are open")
        self.judged.set()

    async def _run_once(self) -> bool:
        try:
            client = cometconn.open_client(
                "APP",
                self.settings,
                store=FileStore(SESSION_FILE),
                endpoints=self.world.server.endpoints,
                environment=self,
            )
            async with client as chat:
                async with trio.open_nursery() as nursery:
                    self.nursery = nursery
                    await nursery.start(self._watch_statuses, chat)
                    self.chat = chat
                    self.world.trace.add(f"open {chat.status}")
                    is_logged_in = chat.get_logged_in_user() is not None
                    self.check(
                        is_logged_in or not self.world.saved_user, "a killed process was logged in; the next is not"
                    )
                    self.world.saved_user = False
                    nursery.start_soon(self.reader.run, chat)
                    await self._leave.wait()
                    self.chat = None
                    nursery.cancel_scope.cancel(reason="the program leaves the client")
                    ending = trio.current_time()
                began = trio.current_time()
                self.check(
                    began <= ending + _STORE + EPSILON, f"calls went on for {began - ending:.6f} s after a cancel"
                )
            took = trio.current_time() - began
            self.check(took <= _CLOSE + EPSILON, f"leaving took {took:.6f} s")
        except StoreError as error:
            self.world.trace.add(f"open {error.code}")
            settled = self.disk.disk.last_trouble() + 8  # the trouble may have begun while the client was opened
            self.check(trio.current_time() < settled, f"open_client() raised {error!r} with a healthy disk")
            return False
        return True

    def leave(self) -> None:
        """Leave the client."""
        self._leave.set()

    def kill(self) -> None:
        """End the process by force: its sockets are closed by the operating system, and its tasks have no effect any more."""
        self.world.saved_user = (
            self.chat is not None and self.chat.get_logged_in_user() is not None and not self._logging
        )
        self.disk.kill()
        self.chat = None
        for socket in self._sockets:
            socket.reset()
        self._scope.cancel(reason="the process is killed")

    # Statuses.

    async def _watch_statuses(
        self, chat: CometChat, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED
    ) -> None:
        async with chat.statuses() as changes:
            task_status.started()
            async for change in changes:
                if not self.disk.dead:
                    self._judge_status(change)

    def _judge_status(self, change: StatusChange) -> None:
        before, now = self._status, change.current
        self._status = now
        self.world.trace.add(f"status {now}")
        if before is None:
            return
        self.check(change.skipped > 0 or change.previous == before, f"{change.previous} after {before}")
        self.check(change.skipped > 0 or isinstance(now, _FOLLOWS[type(before)]), f"{now} after {before}")
        if change.skipped == 0:
            self._judge_attempt(before, now)
        if isinstance(now, Waiting):
            retried = change.skipped == 0 and isinstance(before, Connected) and now.at > self._background_since
            self.check(not retried, f"{now} after a loss in the background")
            twice = self._refusals[0] == before and self._refusals[1] > 1
            self.check(not (twice and "refused" in str(now.cause)), f"a token is tried again that was refused: {now}")
            window = max(30.0, 8.0, self.world.server.world.faults.retry_after or 0, 60.0)
            self.check(now.at <= now.retry_at <= now.at + window + EPSILON, f"the retry of {now} is too late")
        if isinstance(now, Disconnected) and now.reason is Reason.AUTHENTICATION_FAILED and now.at > self._wished:
            self._resting = "a token was refused twice"
        if isinstance(now, Disconnected) and now.reason is Reason.BACKGROUND_TIMEOUT:
            self.check(self.manual, "BACKGROUND_TIMEOUT in auto mode")
            ends = (self._lease_end, self._last_lease_end)
            exact = any(earliest - EPSILON <= now.at <= latest + EPSILON for earliest, latest in ends)
            self.check(exact, f"BACKGROUND_TIMEOUT at {now.at:.6f}, expected within one of {ends}")

    def _judge_attempt(self, before: Status, now: Status) -> None:
        """Check the number of the attempt, and that a wait is cut short only for a reason, and not too often."""
        if isinstance(now, Disconnected):
            return
        expected = 1
        if isinstance(before, Connected):
            was_stable = now.at - before.at >= _STABLE
            expected = 1 if was_stable else before.attempt + 1
        elif not isinstance(before, Disconnected):
            expected = before.attempt + isinstance(now, Waiting)
        self.check(now.attempt == expected, f"{now} after {before}, expected attempt {expected}")
        if isinstance(now, Waiting):
            self.check(
                now.retry_at >= now.at + _retry_after(now) - EPSILON, f"{now} is earlier than the server asked for"
            )
        if isinstance(now, Waiting) and isinstance(before, Connected):
            window = max(_RESTART, min(_CAP, 2.0**now.attempt))
            self.check(now.retry_at <= now.at + window + EPSILON, f"the retry of {now} after a loss is too late")
        waited = now.at - before.at + self._slept_since(before.at)
        if isinstance(before, Waiting) and waited < before.retry_at - before.at - EPSILON and now.at != self._wished:
            if now.at > max(self._slept_at, default=-float("inf")) + _SLEEP_SEEN:
                self.check(now.at == self._retried, f"{now}, although {before} ends later")
                pause = now.at - self._shortcut + self._slept_since(self._shortcut)
                self.check(pause >= 1 - EPSILON, f"{now} cuts {before} short {pause:.3f} s after another shortcut")
                self.check(waited >= _retry_after(before) - EPSILON, f"{now}, although the server asked for {before}")
            self._shortcut = now.at

    def _slept_since(self, time: float) -> float:
        """Return how many seconds the computer slept since *time*: they count in a wait, and Trio's clock stood still."""
        return sum(seconds for at, seconds in self._slept_at.items() if at >= time)

    def look(self) -> None:
        """Check what must be true at every moment."""
        if self.chat is not None:
            self._look_for_silence(self.chat.status)
        if self.chat is None or self.chat.app_state is AppState.FOREGROUND:
            return
        now = trio.current_time()
        if not self.manual:
            self.check(isinstance(self.chat.status, Disconnected), f"{self.chat.status} in the background (auto)")
        elif now >= self._deadline:
            self.check(isinstance(self.chat.status, Disconnected), f"{self.chat.status} after the end of the lease")
        if now > self._deadline + _CLOSE + EPSILON:
            self.check(not self.open_sockets, "a socket is open long after the end of the lease")

    def _look_for_silence(self, status: Status) -> None:
        """A connection over which nothing comes any more is lost within the keepalive interval and the pong timeout."""
        devices = self.world.server.world.devices(UID, authenticated=True)
        if not isinstance(status, Connected) or any(not device.silent for device in devices):
            self._dead = None
        elif self._dead is None or self._dead[0] != status:
            self._dead = status, trio.current_time()
        else:
            # After a sleep of the computer no answer is overdue, and the client asks again.
            silent = trio.current_time() - max(self._dead[1], self.reader.quick_since, *self._slept_at)
            self.check(silent <= SILENCE + EPSILON, f"{status}, although the server has been silent for {silent:.3f} s")

    def computer_slept(self, seconds: float) -> None:
        """Note that a deadline may come earlier on Trio's clock."""
        self._slept += seconds
        self._slept_at[trio.current_time()] = self._slept_since(trio.current_time()) + seconds
        self.sleeps += self.chat is not None

    def _sign_of_life(self) -> None:
        if self.chat is not None and self.chat.app_state is AppState.BACKGROUND:
            now = trio.current_time()
            if now >= self._lease_end[0]:  # that lease is over, and its status is only seen after this call
                self._last_lease_end = self._lease_end
            self._life, self._slept = now, 0.0

    def _wish(self) -> None:
        self._resting, self._wished = "", trio.current_time()

    # Calls.

    def begin(self, name: str, call: Callable[[CometChat], Awaitable[object]], patience: float | None = None) -> None:
        """Make a call in a task of its own, and cancel it after *patience* seconds."""
        if self.chat is not None:
            if name == "logout":
                self.sleeps = 0  # a `Resumed` that was in no hand yet is forgotten with the user
            self._number += 1
            self.calls[self._number] = scope = trio.CancelScope()
            self._in_process(self.nursery.start_soon, self._await, self._number, scope, name, call, self.chat, patience)

    def _in_process(self, function: Callable[..., object], *arguments: object) -> None:
        """Call a function whose tasks belong to the process."""
        self._context.run(function, *arguments)

    async def attempt(self, name: str, call: Callable[[CometChat], Awaitable[object]]) -> bool:
        """Make a call, and return whether it succeeded."""
        if self.chat is None:
            return False
        result: list[bool] = []

        async def attempt(chat: CometChat) -> None:
            await call(chat)
            result.append(True)

        self.begin(name, attempt)
        number = self._number
        while number in self.calls:
            await trio.sleep(0.1)
        return bool(result)

    async def _await(
        self,
        number: int,
        scope: trio.CancelScope,
        name: str,
        call: Callable[[CometChat], Awaitable[object]],
        chat: CometChat,
        patience: float | None,
    ) -> None:
        began, troubled = trio.current_time(), self.disk.disk.last_trouble() > trio.current_time() - 8
        result = "cancelled"
        try:
            with scope:
                if patience is not None:
                    scope.deadline = began + patience
                try:
                    await call(chat)
                    result = "ok"
                except CometConnError as error:
                    result = f"{type(error).__name__} {error.code}"
        finally:
            del self.calls[number]
        if self.disk.dead:
            return
        took = trio.current_time() - began
        self.world.trace.add(f"{name} {number} {result}")
        troubled = troubled or self.disk.disk.last_trouble() > began
        bound = BOUNDS.get(name, float("inf")) + _FILES + (2 * _STORE if troubled else 0)
        self.check(took <= bound, f"{name}() took {took:.3f} s")

    async def login(self, chat: CometChat) -> None:
        """Log in."""
        self._wish()
        self._logging += 1
        try:
            await chat.login(uid=UID, auth_key="KEY")
        finally:
            self._logging -= 1

    async def logout(self, chat: CometChat) -> None:
        """Log out."""
        if chat.get_logged_in_user() is not None:
            self.world.messages.logged_out()
        self._logging += 1
        try:
            await chat.logout()
        finally:
            self._logging -= 1

    async def connect(self, chat: CometChat, *, retry: bool = False) -> None:
        """Connect."""
        self._wish()
        self._sign_of_life()
        await chat.connect(retry=retry)

    async def disconnect(self, chat: CometChat) -> None:
        """Disconnect."""
        if chat.get_logged_in_user() is not None:
            self._resting = "disconnect()"
        await chat.disconnect()

    async def ping(self, chat: CometChat) -> None:
        """Ping."""
        if isinstance(chat.status, Connected):
            self._sign_of_life()
        await chat.ping()

    async def keep_alive(self, chat: CometChat) -> None:
        """Ping again and again."""
        while True:
            await self.ping(chat)
            await trio.sleep(20)

    async def send_text(self, chat: CometChat) -> None:
        """Send a message, and note whether it was sent."""
        sends = self.world.sends
        text = f"mine {len(sends)}"
        sends[text] = None
        try:
            sent = await chat.send_text("amy-2", text)
        except NotLoggedInError:
            sends[text] = False
            raise
        except ApiError as error:
            if error.status is not None and 400 <= error.status < 500:
                sends[text] = False
            raise
        self.check(isinstance(sent, TextMessage) and sent.text == text, f"send_text() returned {sent}")
        sends[text] = True

    def enter_background(self) -> None:
        """Enter the background."""
        if self.chat is None:
            return
        if self.chat.app_state is AppState.FOREGROUND:
            self._life, self._slept = trio.current_time(), 0.0
            self._background_since = trio.current_time()
        self._in_process(self.chat.enter_background)
        self.look()

    def enter_foreground(self) -> None:
        """Return to the foreground."""
        if self.chat is not None:
            self._background_since = float("inf")
            self._in_process(self.chat.enter_foreground)

    def retry_now(self) -> None:
        """Report that the network is back."""
        if self.chat is not None:
            self._retried = trio.current_time()
            self._in_process(self.chat.retry_now)


def _retry_after(status: Waiting) -> float:
    """Return how many seconds the server asked for when it refused the last attempt."""
    cause = None if status.cause is None else status.cause.__cause__
    return getattr(cause, "retry_after", None) or 0.0
