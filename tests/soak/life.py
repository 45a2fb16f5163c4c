"""One program of the soak: random lifecycle calls, and what must be true of them at every moment."""

from __future__ import annotations

import math
import random
from collections import Counter
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack

import attrs
import trio

import cometconn
from cometconn import (
    AppSettings,
    AppState,
    CometChat,
    Connected,
    ConnectionState,
    Disconnected,
    Endpoints,
    MemoryStore,
    Reason,
    Timing,
)
from cometconn.environment import Request, Response, SystemEnvironment
from cometconn.errors import CometConnError
from cometconn.events import Event

__all__ = ["SLACK", "TIMING", "Calm", "Life", "Tally"]

SLACK = 15.0  # seconds beyond a bound: two hundred programs share one loop
TIMING = Timing(
    background_grace=1.5,
    keepalive_interval=2,
    pong_timeout=3,
    connect_timeout=5,
    request_timeout=5,
    close_timeout=1,
    retry_base=0.2,
    retry_cap=2,
    stable_after=1,
)


@attrs.define(eq=False)
class Tally:
    """What happened, for the progress bar, and what should not have."""

    counts: Counter[str] = attrs.field(factory=Counter)
    wrong: list[str] = attrs.field(factory=list)

    def count(self, what: str) -> None:
        """One more."""
        self.counts[what] += 1

    def check(self, truth: bool, otherwise: str) -> None:
        """Note what is wrong."""
        if not truth:
            self.wrong.append(f"{trio.current_time():.3f}: {otherwise}")


@attrs.define(eq=False)
class Calm:
    """The place where all lives meet, connected and quiet, so that they can be measured."""

    wanted: bool = False
    arrived: int = 0
    _over: trio.Event = attrs.field(factory=trio.Event)

    def begin(self) -> None:
        """Set `wanted`, so that all lives come to the calm."""
        self.wanted, self.arrived, self._over = True, 0, trio.Event()

    def end(self) -> None:
        """Let all lives go on."""
        self.wanted = False
        self._over.set()

    async def wait_over(self) -> None:
        """Be here until it is over."""
        self.arrived += 1
        await self._over.wait()


@attrs.define(eq=False)
class Life:
    """A user's program. It is its own environment: every dial comes by here."""

    uid: str
    manual: bool
    endpoints: Endpoints
    draw: random.Random
    tally: Tally
    calm: Calm
    chat: CometChat | None = None
    stop: bool = False
    _store: MemoryStore = attrs.field(factory=MemoryStore)
    _system: SystemEnvironment = attrs.field(factory=lambda: SystemEnvironment(proxy=""))
    _socket: trio.SocketStream | None = None
    _dialling: bool = False
    _resting: bool = False
    _logging_in: int = 0
    _lease_until: float = math.inf

    # The environment.

    async def dial(self, url: str) -> trio.abc.Stream:
        """Dial; by then the last socket is closed, and a new one is wanted."""
        chat = self.chat
        assert chat is not None
        self.tally.check(not self._dialling and not self.socket_open, f"{self.uid}: a second socket")
        self.tally.check(not self._resting or self._logging_in > 0, f"{self.uid}: dials after disconnect()")
        self.tally.check(chat.status.state is ConnectionState.CONNECTING, f"{self.uid}: dials while {chat.status}")
        self.tally.check(
            self.manual or chat.app_state is AppState.FOREGROUND, f"{self.uid}: dials in the background (auto)"
        )
        self.tally.count("dials")
        self._dialling = True
        try:
            stream = await self._system.dial(url)
        finally:
            self._dialling = False
        assert isinstance(stream, trio.SocketStream)
        self._socket = stream
        return stream

    async def request(self, request: Request) -> Response:
        """Ask."""
        return await self._system.request(request)

    def boot_time(self) -> float:
        """Return the time."""
        return self._system.boot_time()

    def random(self) -> float:
        """Draw."""
        return self.draw.random()

    @property
    def socket_open(self) -> bool:
        """There is a socket that is not closed on our side."""
        return self._socket is not None and self._socket.socket.fileno() >= 0

    # The life.

    async def run(self) -> None:
        """Live, be closed, and be opened again, until stopped."""
        while not self.stop:
            async with trio.open_nursery() as nursery:
                async with AsyncExitStack() as stack:
                    settings = AppSettings(
                        auto_establish_socket_connection=not self.manual, catch_up=not self.manual, timing=TIMING
                    )
                    self.chat = chat = await stack.enter_async_context(
                        cometconn.open_client(
                            "APP", settings, store=self._store, endpoints=self.endpoints, environment=self
                        )
                    )
                    self._resting, self._lease_until = False, math.inf
                    await nursery.start(self._watch_statuses, chat)
                    events = await stack.enter_async_context(chat.events(overflow="drop_oldest"))
                    nursery.start_soon(self._read, events)
                    await self._act_until_closed(chat)
                    before_leaving = trio.current_time()
                bound = TIMING.close_timeout + SLACK
                self.tally.check(trio.current_time() - before_leaving < bound, f"{self.uid}: leaving took too long")
                self.tally.check(not self.socket_open, f"{self.uid}: left, and the socket is open")
                self.tally.count("lives")

    async def _act_until_closed(self, chat: CometChat) -> None:
        async with trio.open_nursery() as nursery:
            while not self.stop and self.draw.random() > 0.01:
                if self.calm.wanted:
                    await self._be_calm(chat)
                name, act = self.draw.choice(_ACTS)
                self.tally.count(name)
                if self.draw.random() < 0.3:
                    nursery.start_soon(self._attempt, name, act, chat)
                else:
                    await self._attempt(name, act, chat)
                await trio.sleep(self.draw.expovariate(4))
            nursery.cancel_scope.cancel(reason="the program is closed")

    async def _attempt(self, name: str, act: Callable[[Life, CometChat], Awaitable[object]], chat: CometChat) -> None:
        """Do it, now and then with little patience; it ends within its bound."""
        patience = self.draw.uniform(0, 0.5) if self.draw.random() < 0.2 else math.inf
        bound = 2 * TIMING.connect_timeout + SLACK
        began = trio.current_time()
        with trio.move_on_after(min(patience, bound)):
            try:
                await act(self, chat)
            except CometConnError:
                self.tally.count("errors")
        self.tally.check(trio.current_time() - began < bound, f"{self.uid}: {name} took too long")

    async def _be_calm(self, chat: CometChat) -> None:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(self._stay_connected, chat)
            await self.calm.wait_over()
            nursery.cancel_scope.cancel(reason="the calm is over")

    async def _stay_connected(self, chat: CometChat) -> None:
        """Be in the foreground, logged in and connected, whatever comes from acts that were begun before the calm.

        The server forgets tokens: it keeps a thousand only.
        """
        while True:
            self._lease_until, self._resting = math.inf, False
            chat.enter_foreground()
            try:
                if chat.get_logged_in_user() is None:
                    await chat.login(uid=self.uid, auth_key="KEY")
                if not isinstance(chat.status, Connected):
                    self._resting = False  # a disconnect() may have come in the meantime
                    await chat.connect(retry=True)
            except CometConnError:
                self.tally.count("errors")
            await trio.sleep(0.1)

    async def _read(self, events: cometconn.EventStream) -> None:
        async for event in events:
            assert isinstance(event, Event)
            self.tally.count("events")

    async def _watch_statuses(
        self, chat: CometChat, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED
    ) -> None:
        """The statuses are one path; a lease in the background ends at its deadline and not before."""
        async with chat.statuses() as changes:
            task_status.started()
            last = None
            async for change in changes:
                if last is not None and not change.skipped:
                    self.tally.check(change.previous == last, f"{self.uid}: {change.previous} after {last}")
                last = change.current
                if isinstance(last, Disconnected) and last.reason is Reason.BACKGROUND_TIMEOUT:
                    self.tally.count("leases run out")
                    self.tally.check(self.manual, f"{self.uid}: BACKGROUND_TIMEOUT in auto mode")
        self.tally.check(last == chat.status, f"{self.uid}: the last status told is {last}, not {chat.status}")

    def look(self) -> None:
        """From outside, at any moment: no lease outlives its deadline by more than the close budget."""
        late = trio.current_time() - self._lease_until - TIMING.close_timeout
        if late >= SLACK and self.socket_open:
            seen = self.chat and (self.chat.app_state, self.chat.status)
            words = f"a socket {late:.1f} s after its lease: {seen}"
            self.tally.check(False, f"{self.uid}: {words}")
            self._lease_until = math.inf  # reported only once

    # What a program does.

    async def enter_background(self, chat: CometChat) -> None:
        """The user looks elsewhere."""
        if chat.app_state is AppState.FOREGROUND and self.manual:
            self._lease_until = trio.current_time() + TIMING.background_grace
        chat.enter_background()
        if not self.manual:
            self.tally.check(
                chat.status.state is ConnectionState.DISCONNECTED, f"{self.uid}: {chat.status} in the background (auto)"
            )

    async def enter_foreground(self, chat: CometChat) -> None:
        """The user is back."""
        self._lease_until = math.inf
        chat.enter_foreground()

    async def connect(self, chat: CometChat) -> None:
        """Connect, once."""
        self._resting = False
        self._sign_of_life(chat)
        await chat.connect()

    async def disconnect(self, chat: CometChat) -> None:
        """Disconnect: from the call on nothing is dialled."""
        self._resting = chat.get_logged_in_user() is not None
        await chat.disconnect()

    async def ping(self, chat: CometChat) -> None:
        """Ping."""
        self._sign_of_life(chat)
        await chat.ping()

    async def keep_alive(self, chat: CometChat) -> None:
        """Keep it alive for a while."""
        with trio.move_on_after(self.draw.uniform(0, 3)):
            while True:
                await self.ping(chat)
                await trio.sleep(0.5)

    async def login(self, chat: CometChat) -> None:
        """Log in. For the user already logged in, a `disconnect()` is lifted at the call; otherwise at the end of the login."""
        self._sign_of_life(chat)
        if chat.get_logged_in_user() is not None:
            self._resting = False
        self._logging_in += 1
        try:
            await chat.login(uid=self.uid, auth_key="KEY")
            self._resting = False
        finally:
            self._logging_in -= 1

    async def logout(self, chat: CometChat) -> None:
        """Log out, seldom."""
        if self.draw.random() < 0.1:
            await chat.logout()

    async def type(self, chat: CometChat) -> None:
        """Send a message."""
        await chat.start_typing("user-0")

    async def retry_now(self, chat: CometChat) -> None:
        """The network is back."""
        chat.retry_now()

    async def statistics(self, chat: CometChat) -> None:
        """Look at the bounds."""
        for stream in chat.statistics().streams:
            self.tally.check(stream.events <= stream.max_events, f"{self.uid}: {stream}")

    def _sign_of_life(self, chat: CometChat) -> None:
        if chat.app_state is AppState.BACKGROUND:
            self._lease_until = trio.current_time() + TIMING.background_grace


_ACTS: list[tuple[str, Callable[[Life, CometChat], Awaitable[object]]]] = [
    (method.__name__, method)
    for method, weight in {
        Life.enter_background: 2,
        Life.enter_foreground: 4,
        Life.connect: 4,
        Life.disconnect: 1,
        Life.ping: 3,
        Life.keep_alive: 1,
        Life.login: 2,
        Life.logout: 1,
        Life.type: 3,
        Life.retry_now: 2,
        Life.statistics: 1,
    }.items()
    for _ in range(weight)
]
