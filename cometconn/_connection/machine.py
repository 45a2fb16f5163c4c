"""The `Machine`, which alone holds the connection's state.

Tasks and calls report everything that happens by a synchronous call. Each call first does `tick()`, so that a deadline
that has passed takes effect before anything else. The state, the lease, the outcome of waiting calls and the status
change in one step without an await, so that no task sees only some of the changes. Tasks then act as the state requires.
A call of the application that waits for an outcome acts first, and returns the wait as an async function: so it takes
effect at the call, also where another task waits, as in `cometconn.aio`.
"""

from __future__ import annotations

import math
from contextlib import contextmanager
from functools import partial
from typing import TYPE_CHECKING

import attrs
import trio

from cometconn._lifecycle.heartbeat import Heartbeat
from cometconn._lifecycle.reducer import (
    NO_DETAILS,
    InputDetails,
    Lifecycle,
    after_sleep,
    begin,
    due,
    link_endings,
    reduce,
)
from cometconn._lifecycle.states import Input, Mode, Refusal, State
from cometconn._lot import Lot
from cometconn._network.loop_watch import blocked_time, blocked_words
from cometconn._streams.statuses import StatusFeed
from cometconn._text.foreign_text import KnownSecrets
from cometconn.errors import PongTimeoutError
from cometconn.status import AppState, Reason

from .closing_handshake import ClosingHandshake
from .connect_waiters import ConnectWaiter, finish_waiters
from .disconnection import Disconnection
from .failures import Failure, attempt_error, lost_error, outside_error, refusal_error, timeout_error, to_failure
from .link import Link, LinkState
from .sleep_detector import SleepDetector

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterator

    from cometconn._telemetry.step_observer import StepObserver
    from cometconn.errors import CometConnError
    from cometconn.settings import Timing
    from cometconn.status import Status

    from .link import PingWaiter
    from .outage_log import OutageLog

__all__ = ["Machine"]

_UNANSWERED_BEFORE_RENEWAL = 3
"""After so many attempts in a row whose auth frame was followed by a close or by silence, the token is renewed."""
_CLOSING_STEP = "closing the connection before it"
_LONGEST_WAIT = 16.0
"""Seconds between two readings of the clocks, at most, to notice that the machine slept. Each keepalive ping, every 15 s,
reads them too, so an idle connection wakes up for nothing else."""


@attrs.define(eq=False)
class Machine:
    """Holds the `Lifecycle`, and the link that belongs to it.

    Args:
        mode: auto or manual.
        timing: the durations.
        random: returns a number from 0 to 1, for jitter.
        room: the receive loop parks here while a stream is full; unparked when a link ends.
        boot_time: reads a clock that goes on while the machine sleeps, in seconds.
        on_resumed: is called with how many seconds the machine slept.
        secrets: the secrets that are masked in errors.
        observer: is called for every step; `None` without hooks.
        on_token_judged: is called when the server has accepted the token, and when it has refused it for good.
        outages: logs failed attempts.
    """

    _mode: Mode
    _timing: Timing
    _random: Callable[[], float] = attrs.field(repr=False)
    _room: Lot = attrs.field(repr=False)
    _boot_time: Callable[[], float] = attrs.field(default=trio.current_time, repr=False)
    _on_resumed: Callable[[float], object] = attrs.field(default=lambda _: None, repr=False)
    _secrets: KnownSecrets = attrs.field(factory=KnownSecrets, repr=False)
    observer: StepObserver | None = attrs.field(default=None, repr=False)
    _on_token_judged: Callable[[Input, CometConnError | None], object] = attrs.field(
        default=lambda _, __: None, repr=False
    )
    _outages: OutageLog | None = attrs.field(default=None, repr=False)
    _sleep: SleepDetector = attrs.field(init=False, repr=False)
    _life: Lifecycle = attrs.field(init=False)
    _endings: frozenset[Input] = attrs.field(default=frozenset(), init=False, repr=False)  # `link_endings()` of it
    _due: tuple[Lifecycle | None, float, Input] = attrs.field(default=(None, 0, Input.RETRY_DUE), init=False)
    _link: Link | None = attrs.field(default=None, init=False)
    _latest: Link | None = attrs.field(default=None, init=False, repr=False)
    attempts: int = attrs.field(default=0, init=False)
    connections: int = attrs.field(default=0, init=False)
    frames_sent: int = attrs.field(default=0, init=False)
    epoch: int = attrs.field(default=0, init=False)  # the number of attempts, to distinguish one from the next
    _unanswered: int = attrs.field(default=0, init=False)
    _blocked_before: float = attrs.field(default=0.0, init=False, repr=False)  # seconds until the attempt began
    _disconnection: Disconnection | None = attrs.field(default=None, init=False, repr=False)
    _closing_handshake: ClosingHandshake | None = attrs.field(default=None, init=False, repr=False)
    _changed: Lot = attrs.field(factory=Lot, init=False, repr=False)
    statuses: StatusFeed = attrs.field(factory=StatusFeed, init=False, repr=False)

    def __attrs_post_init__(self) -> None:
        """Begin in the foreground, with no user logged in."""
        now = trio.current_time()
        self._life = begin(self._mode, self._timing, now)
        self._sleep = SleepDetector(self._boot_time)
        self._sleep.slept(now)

    # The state.

    @property
    def status(self) -> Status:
        """The status now. A deadline that has passed counts."""
        self.tick()
        return self._life.status

    @property
    def app_state(self) -> AppState:
        """Foreground or background."""
        return self._life.app

    @property
    def state(self) -> State:
        """The state as of the last input. Call `tick()` first after an await."""
        return self._life.state

    @property
    def next_tick(self) -> float:
        """When to tick at the latest: at least every 16 s, because no timer reports that the machine slept."""
        silent_at = self._link.heartbeat.silent_at if self._link else math.inf
        return min(due(self._life)[0], silent_at, trio.current_time() + _LONGEST_WAIT)

    async def wait_changed(self) -> None:
        """Wait for the next input, or until `next_tick`; then tick."""
        with trio.move_on_at(self.next_tick):
            await self._changed.park()
        self.tick()

    async def wait_left(self) -> None:
        """Wait until the client is left."""
        while self._life.state is not State.CLIENT_CLOSED:
            await self._changed.park()

    # Time.

    @trio.lowlevel.enable_ki_protection
    def tick(self) -> float:
        """Do everything that is due by now, and return now, on Trio's clock.

        Silence of the server is not judged here: that needs a read of the socket first. Nothing is due once the client
        was left; then the clock is not read, because under asyncio there may be no Trio run any more.
        """
        if self._life.state is State.CLIENT_CLOSED:
            return self._life.status.at
        try:
            now = trio.current_time()
        except RuntimeError:
            raise outside_error() from None
        if slept := self._sleep.slept(now):
            self._resume(slept, now)
        if self._life is not self._due[0] or self._due[1] <= now:
            while self._tick_once(now):
                pass
        if slept and self._life.state is State.WAITING:
            self._step(Input.RETRY_NOW, now)
        return now

    def _resume(self, slept: float, now: float) -> None:
        """The machine slept: every time that was set before is so many seconds closer."""
        self._life = after_sleep(self._life, slept)
        if self._link is not None:
            self._link.lease.deadline = self._life.lease_deadline
            self._link.heartbeat.machine_slept(now)
            self._link.set_alarm(self.next_tick)
        self._on_resumed(slept)
        if self.observer is not None:
            self.observer.slept(slept, self._life)

    def _tick_once(self, now: float) -> bool:
        if self._life is not self._due[0]:  # computed once for each state: every read of the socket ticks
            self._due = (self._life, *due(self._life))
        _, moment, on = self._due
        if moment > now:
            return False
        if on is Input.ATTEMPT_FAILED:
            step = self._link.step if self._link else _CLOSING_STEP
            slow = timeout_error(step, self._timing.connect_timeout, blocked_words(self._blocked_before))
            self._fail_link(Failure(slow), now)
        else:
            self._step(on, now)
        return True

    # Calls of the application.

    @trio.lowlevel.enable_ki_protection
    def apply(self, on: Input, cause: CometConnError | None = None) -> None:
        """Apply an input without details but a *cause*: login, logout, the app state, `retry_now()`, the end.

        Once the client was left, nothing has an effect.
        """
        if self._life.state is State.CLIENT_CLOSED:
            return
        self._step(on, self.tick(), NO_DETAILS if cause is None else InputDetails(cause=cause))
        if on is Input.CLIENT_LEFT:
            self.statuses.close()

    @trio.lowlevel.enable_ki_protection
    def connect(self, *, patient: bool) -> Callable[[], Awaitable[None]]:
        """Wish for a connection, and return the wait for the outcome. *patient*: keep waiting when an attempt fails."""
        now = self.tick()
        waiter = ConnectWaiter(patient)
        if (refusal := self._step(Input.CONNECT_CALLED, now, InputDetails(waiter=waiter))) is not None:
            raise refusal
        if self._life.state is State.CONNECTED:
            return trio.lowlevel.checkpoint
        return partial(self._wait_connected, waiter)

    @trio.lowlevel.enable_ki_protection
    async def _wait_connected(self, waiter: ConnectWaiter) -> None:
        try:
            await waiter.done.wait()
        finally:
            if not waiter.done.is_set():
                now = self.tick()
                if waiter in self._life.waiting:  # the tick may have ended the wait
                    self._step(Input.CALLER_LEFT, now, InputDetails(waiter=waiter))
        if waiter.error is not None:
            raise waiter.error

    def disconnect(self) -> Callable[[], Awaitable[None]]:
        """End the wish for a connection, and return the wait until the socket is closed."""
        self.apply(Input.DISCONNECT_CALLED)
        return self.closing()

    def closing(self) -> Callable[[], Awaitable[None]]:
        """Return the wait until the socket is closed that is open or being closed now."""
        return trio.lowlevel.checkpoint if self._latest is None else self._latest.wait_closed

    @property
    def unclosed_link(self) -> Link | None:
        """The link whose socket is open or being closed."""
        return self._latest

    @trio.lowlevel.enable_ki_protection
    def ping(self, text: str) -> tuple[Link, PingWaiter]:
        """Queue a ping frame and extend the lease."""
        now = self.tick()
        if (refusal := self._step(Input.PING_CALLED, now)) is not None:
            raise refusal
        link = self.connected_link("ping()")
        return link, link.ping(text, now)

    def connected_link(self, call: str) -> Link:
        """Return the link of the connection; `NotConnectedError` naming *call* when there is none."""
        self.tick()
        if self._link is None or self._life.state is not State.CONNECTED:
            raise refusal_error(Refusal.NOT_CONNECTED, call, left=self._life.state is State.CLIENT_CLOSED)
        return self._link

    # Calls of the tasks of a link.

    def open_link(self, lease: trio.CancelScope, *, second: bool = False, has_socket: bool = True) -> Link:
        """Begin a link for the attempt under way.

        Args:
            lease: the scope in which everything runs that makes or uses its socket.
            second: the token was refused once already.
            has_socket: whether a socket is dialled; `False` for the renewal of a token.
        """
        assert self._life.state is State.CONNECTING, "links are opened for an attempt"
        assert self._link is None, "one link at a time"
        self.attempts += has_socket
        self._link = self._latest = Link(
            number=self.attempts,
            heartbeat=Heartbeat(self._timing.keepalive_interval, self._timing.pong_timeout),
            lease=lease,
            attempt_ends=self._life.attempt_ends,
            second=second,
            room=self._room,
            observer=self.observer,
        )
        self._settle_link(NO_DETAILS)
        return self._link

    @contextmanager
    def attempt_paused(self, link: Link) -> Iterator[None]:
        """Let the time limit of the attempt stand still during this block."""
        left = link.attempt_ends - self.tick()
        self._set_attempt_end(link, math.inf)
        try:
            yield
        finally:
            self._set_attempt_end(link, self.tick() + left)

    def _set_attempt_end(self, link: Link, moment: float) -> None:
        link.attempt_ends = moment
        if self._link is link:
            self._life = attrs.evolve(self._life, attempt_ends=moment)

    def drop_link(self, link: Link) -> None:
        """End *link* and leave the state as it is: the attempt goes on with another link."""
        if self._link is link:
            self._link = None
            link.end(None, None)

    def authenticated(self, link: Link) -> Disconnection | None:
        """The server has accepted the auth frame. Return the disconnection that this ends, if there was one."""
        now = self.tick()
        if self._link is not link or self._life.state is not State.CONNECTING:
            return None
        link.accepted(now, self._random())
        self._unanswered = 0
        self.connections += 1
        self._step(Input.AUTHENTICATED, now)
        link.set_alarm(self.next_tick)
        disconnection, self._disconnection = self._disconnection, None
        return disconnection

    def forget_disconnection(self) -> None:
        """The next connection ends no disconnection: it is another user's, or the user has called `logout()`."""
        self._disconnection = None

    def refused(self, link: Link, error: CometConnError) -> None:
        """The server has refused the token."""
        now = self.tick()
        if self._link is link:
            self._fail_link(Failure(error, refused=True), now)

    def lost(self, link: Link, error: Exception) -> None:
        """The socket of *link* was lost, or the attempt to open it has failed."""
        now = self.tick()
        if self._link is link:
            self._fail_link(to_failure(error, self._secrets), now)

    def renewal_refused(self, link: Link, error: Exception) -> None:
        """The token is refused, and so was its renewal."""
        now = self.tick()
        if self._link is link:
            self._step(Input.TOKEN_REFUSED, now, InputDetails(cause=attempt_error(error)))

    def received(self, link: Link) -> None:
        """Bytes came over *link*."""
        self.tick()
        if self._link is link and link.heartbeat.received():
            link.set_alarm(self.next_tick)  # it was set for the end of the silence that would have meant loss

    def judge_silence(self, link: Link, read_at: float) -> None:
        """Judge whether *link* is lost: a read that was under way at *read_at* has found nothing since."""
        now = self.tick()
        if self._link is link and self._life.state is State.CONNECTED and link.heartbeat.is_silent(read_at):
            silence = PongTimeoutError(f"Not one byte came within {self._timing.pong_timeout:g} s of a ping.")
            self._fail_link(Failure(silence), now)

    def begin_closing_handshake(self, scope: trio.CancelScope) -> ClosingHandshake:
        """Let *scope* bound a closing handshake, and cut it as soon as a new connection is wanted."""
        self._closing_handshake = handshake = ClosingHandshake(scope)
        handshake.end_by(trio.current_time() + self._timing.close_timeout)
        self._settle_closing_handshake()
        return handshake

    def link_closed(self, link: Link) -> None:
        """Note that *link* has no socket any more: it is closed, or none was dialled."""
        self.drop_link(link)  # done before, unless it served a renewal or one of its tasks has failed
        self._closing_handshake = None
        link.note_closed()
        if self._latest is link:
            self._latest = None
        self._changed.unpark_all()

    def _fail_link(self, failure: Failure, now: float) -> None:
        link = self._link
        details = InputDetails(retry_after=failure.retry_after, restarting=failure.restarting, jitter=self._random())
        if self._life.state is State.CONNECTED:
            back = self._life.app is AppState.BACKGROUND
            cause = lost_error(Reason.LOST_IN_BACKGROUND if back else None, failure.error)
            self._step(Input.LINK_LOST, now, attrs.evolve(details, cause=cause))
            return
        unanswered = link is not None and link.state is LinkState.AUTHENTICATING and not failure.refused
        self._unanswered = self._unanswered + 1 if unanswered else 0
        doubtful = unanswered and self._unanswered % _UNANSWERED_BEFORE_RENEWAL == 0
        if link is not None and (failure.refused or doubtful) and not link.second:
            self.drop_link(link)
            self._step(
                Input.RENEWAL_BEGAN, now
            )  # now, because it sets a new time limit, and the old one may be used up
        else:
            on = Input.TOKEN_REFUSED if failure.refused else Input.ATTEMPT_FAILED
            self._step(on, now, attrs.evolve(details, cause=attempt_error(failure.error)))

    # The step.

    def _step(self, on: Input, now: float, details: InputDetails = NO_DETAILS) -> CometConnError | None:
        """Go on to the state after *on*. Return the error of the call if it is refused; then nothing has changed."""
        before = self._life
        # The close frame leaves before the new state is computed: about 0.3 ms after `enter_background()`, not 0.4 ms.
        if on in self._endings and self._link is not None:
            self._link.close_nowait()
        self._life = after = reduce(before, on, now, details)
        self._endings = link_endings(after)
        if after.refusal is not None:
            return refusal_error(after.refusal, on.value, left=self._life.state is State.CLIENT_CLOSED)
        if after.state is State.CONNECTING:
            self.epoch += before.state is not State.CONNECTING
            if after.attempt_ends != before.attempt_ends:
                self._blocked_before = blocked_time()
        self._settle_link(details)  # first: the close frame of a link that is not authenticated yet is written here
        self._note_disconnection(before, on, now, details)
        if before.waiting and on is not Input.CALLER_LEFT:
            finish_waiters(before, after, details.cause)
        self._settle_closing_handshake()
        if on is Input.AUTHENTICATED or on is Input.TOKEN_REFUSED:
            self._on_token_judged(on, details.cause)
        if after.status is not before.status:
            self.statuses.publish(before.status, after.status)
        if self.observer is not None:
            self.observer.stepped(before, on, after, details)
        self._changed.unpark_all()
        if self._outages is not None:
            self._outages.stepped(before, on, after, details.cause, now)
        return None

    def _note_disconnection(self, before: Lifecycle, on: Input, now: float, details: InputDetails) -> None:
        if before.state is State.CONNECTED and self._life.state is not State.CONNECTED:
            self._disconnection = Disconnection(now, details.cause or lost_error(self._life.state.reason))
        if on is Input.LOGGED_OUT:
            self._unanswered = 0  # the next token is another one

    def _settle_link(self, details: InputDetails) -> None:
        link, state = self._link, self._life.state
        if link is None:
            return
        if state is State.CONNECTED or state is State.CONNECTING:
            if link.lease.deadline != self._life.lease_deadline:  # to set it costs ten times as much as to look
                link.lease.deadline = self._life.lease_deadline
        else:
            self._link = None
            cause = details.cause.__cause__ if details.cause else None
            link.end(state.reason, cause)

    def _settle_closing_handshake(self) -> None:
        if self._closing_handshake is None:
            return
        if self._life.state is State.CONNECTING:
            self._closing_handshake.cut()
        elif self._life.state is State.WAITING:
            self._closing_handshake.end_by(self._life.retry_at)
