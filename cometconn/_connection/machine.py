"""The one holder of the connection's state.

Everything that happens is told to it by a synchronous call; every call first does
`tick()`, so a deadline that has passed counts before anything else does. What an input
changes, the lease it ends, the callers it answers and the status it publishes are one
step without an await: no task ever sees half of it. Tasks then make the world agree.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import attrs
import trio

from cometconn._lifecycle.heartbeat import Heartbeat
from cometconn._lifecycle.reducer import InputDetails, Lifecycle, after_sleep, begin, due, ends_link, reduce
from cometconn._lifecycle.states import WANTED, Input, Mode, Refusal, State
from cometconn._lot import Lot
from cometconn._streams.statuses import StatusFeed
from cometconn._text.foreign_text import KnownSecrets
from cometconn.errors import PongTimeoutError
from cometconn.status import AppState, Reason

from .closing_handshake import ClosingHandshake
from .connect_waiters import ConnectWaiter, ConnectWaiters
from .disconnection import Disconnection
from .failures import Failure, attempt_error, failure, lost_error, refusal_error, timeout_error
from .link import Link

if TYPE_CHECKING:
    from collections.abc import Callable

    from cometconn._telemetry.step_observer import StepObserver
    from cometconn.errors import CometConnError
    from cometconn.settings import Timing
    from cometconn.status import Status

    from .link import PingWaiter

__all__ = ["Machine"]

_UNANSWERED_BEFORE_RENEWAL = (
    3  # attempts in a row that end between the auth frame and its answer, by a close or by silence
)
_GOODBYE = "closing the connection before it"
_NOTHING = InputDetails()
_LOOK = 16.0  # seconds between two looks at the clocks; each keepalive ping is one, so that none comes between two
_NAP = 1.0  # seconds between the two clocks, from one look to the next, that count as sleep


@attrs.define(eq=False)
class Machine:
    """Holds a `Lifecycle`, the link that belongs to it, and everybody who waits for either.

    Args:
        mode: auto or manual.
        timing: the durations.
        random: a number from 0 to 1, for jitter.
        room: what the receive loop parks in; unparked when a link ends.
        boot_time: seconds on a clock that goes on while the machine sleeps.
        on_resumed: is told how many seconds the machine slept.
        secrets: what no error may repeat.
        observer: is told every step; `None` when nobody wants to know.
        on_token_judged: is told when the server has accepted the token, and when it has refused it for good.
    """

    _mode: Mode
    _timing: Timing
    _random: Callable[[], float] = attrs.field(repr=False)
    _room: Lot = attrs.field(repr=False)
    _boot_time: Callable[[], float] = attrs.field(default=trio.current_time, repr=False)
    _on_resumed: Callable[[float], object] = attrs.field(default=lambda _: None, repr=False)
    _secrets: KnownSecrets = attrs.field(factory=KnownSecrets, repr=False)
    observer: StepObserver | None = attrs.field(default=None, repr=False)
    _on_token_judged: Callable[[Input], object] = attrs.field(default=lambda _: None, repr=False)
    _lag: float = attrs.field(init=False, repr=False)
    _life: Lifecycle = attrs.field(init=False)
    _due: tuple[Lifecycle | None, float, Input] = attrs.field(default=(None, 0, Input.RETRY_DUE), init=False)
    _link: Link | None = attrs.field(default=None, init=False)
    _latest: Link | None = attrs.field(default=None, init=False, repr=False)
    attempts: int = attrs.field(default=0, init=False)
    connections: int = attrs.field(default=0, init=False)
    frames_sent: int = attrs.field(default=0, init=False)
    epoch: int = attrs.field(default=0, init=False)  # counts the attempts, so that one can be told from the next
    _unanswered: int = attrs.field(default=0, init=False)
    _absence: Disconnection | None = attrs.field(default=None, init=False, repr=False)
    _closing_handshake: ClosingHandshake | None = attrs.field(default=None, init=False, repr=False)
    _callers: ConnectWaiters = attrs.field(factory=ConnectWaiters, init=False, repr=False)
    _changed: Lot = attrs.field(factory=Lot, init=False, repr=False)
    statuses: StatusFeed = attrs.field(factory=StatusFeed, init=False, repr=False)

    def __attrs_post_init__(self) -> None:
        """Begin the life of the connection."""
        now = trio.current_time()
        self._life = begin(self._mode, self._timing, now)
        self._lag = self._boot_time() - now

    # Looking.

    @property
    def status(self) -> Status:
        """The status now: a deadline that has passed counts."""
        self.tick()
        return self._life.status

    @property
    def app_state(self) -> AppState:
        """Where the app is."""
        return self._life.app

    @property
    def state(self) -> State:
        """The state as of the last input. Call `tick()` first after an await."""
        return self._life.state

    @property
    def next_tick(self) -> float:
        """When to tick at the latest. Now and then without a cause: no timer tells that the machine slept."""
        silent_at = self._link.heartbeat.silent_at if self._link else math.inf
        return min(due(self._life)[0], silent_at, trio.current_time() + _LOOK)

    async def wait_changed(self) -> None:
        """Wait for the next input, or until `next_tick`; then tick."""
        with trio.move_on_at(self.next_tick):
            await self._changed.park()
        self.tick()

    # Time.

    @trio.lowlevel.enable_ki_protection
    def tick(self) -> float:
        """Let everything happen that time alone decides, up to now: not silence, which needs a read. Return now."""
        now = trio.current_time()
        lag = self._boot_time() - now
        slept, self._lag = lag - self._lag, lag
        if slept >= _NAP:
            self._catch_up_on_sleep(slept, now)
        while self._tick_once(now):
            pass
        if slept >= _NAP and self._life.state is State.WAITING:
            self._apply(Input.RETRY_NOW, now)
        return now

    def _catch_up_on_sleep(self, slept: float, now: float) -> None:
        """The machine slept, as its two clocks tell: everything but Trio's clock is that much later."""
        self._life = after_sleep(self._life, slept)
        if self._link is not None:
            self._link.lease.deadline = self._life.lease_deadline
            self._link.heartbeat.woke(now)
            self._link.set_alarm(self.next_tick)
        self._on_resumed(slept)
        if self.observer is not None:
            self.observer.slept(slept, self._life)

    def _tick_once(self, now: float) -> bool:
        if self._life is not self._due[0]:  # it changes seldom, and every read of the socket ticks
            self._due = (self._life, *due(self._life))
        _, moment, on = self._due
        if moment > now:
            return False
        if on is Input.ATTEMPT_FAILED:
            slow = timeout_error(self._link.step if self._link else _GOODBYE, self._timing.connect_timeout)
            self._fail_link(Failure(slow), now)
        else:
            self._apply(on, now)
        return True

    # What the application does.

    @trio.lowlevel.enable_ki_protection
    def tell(self, on: Input, cause: CometConnError | None = None) -> None:
        """Take an input that comes with nothing else but a *cause*: login, logout, app state, `retry_now()`, the end."""
        self._apply(on, self.tick(), InputDetails(cause=cause))
        if on is Input.CLIENT_LEFT:
            self.statuses.close()

    @trio.lowlevel.enable_ki_protection
    async def connect(self, *, patient: bool) -> None:
        """Ask for the connection and wait for the outcome."""
        now = self.tick()
        if (refusal := self._apply(Input.CONNECT_CALLED, now, InputDetails(patient=patient))) is not None:
            raise refusal
        if self._life.state is State.CONNECTED:
            await trio.lowlevel.checkpoint()
            return
        caller = self._callers.admit(patient=patient)
        try:
            await caller.answered.wait()
        finally:
            self._caller_leaves(caller)
        if caller.error is not None:
            raise caller.error

    def _caller_leaves(self, caller: ConnectWaiter) -> None:
        if caller.answered.is_set():
            return
        now = self.tick()
        if self._callers.leave(caller):
            self._apply(Input.CALLER_LEFT, now, InputDetails(patient=caller.patient))

    def disconnect(self) -> None:
        """End the wish."""
        self.tell(Input.DISCONNECT_CALLED)

    @property
    def unclosed_link(self) -> Link | None:
        """The link whose socket is open or being closed."""
        return self._latest

    @trio.lowlevel.enable_ki_protection
    def ping(self, text: str) -> tuple[Link, PingWaiter]:
        """Queue a ping frame and extend the lease."""
        now = self.tick()
        if (refusal := self._apply(Input.PING_CALLED, now)) is not None:
            raise refusal
        link = self.connected_link("ping()")
        return link, link.ping(text, now)

    def connected_link(self, call: str) -> Link:
        """Return the link of the connection; `NotConnectedError` naming *call* when there is none."""
        self.tick()
        if self._link is None or self._life.state is not State.CONNECTED:
            raise refusal_error(Refusal.NOT_CONNECTED, call)
        return self._link

    # What the tasks of a link saw.

    def open_link(self, *, second: bool = False, dials: bool = True) -> Link:
        """Begin a link for the attempt under way. *second*: the token was refused once already."""
        assert self._life.state is State.CONNECTING, "links are opened for an attempt"
        assert self._link is None, "one link at a time"
        self.attempts += dials
        heartbeat = Heartbeat(self._timing.keepalive_interval, self._timing.pong_timeout)
        ends = self._life.attempt_ends
        self._link = self._latest = link = Link(self.attempts, heartbeat, ends, second, self._room, self.observer)
        link.lease.deadline = self._life.lease_deadline
        return link

    def drop_link(self, link: Link) -> None:
        """End *link* without a word about the state: the attempt goes on with another."""
        if self._link is link:
            self._link = None
            link.end(None, None)

    def authenticated(self, link: Link) -> Disconnection | None:
        """Take the server's yes. Return the absence that it ends, if there was one."""
        now = self.tick()
        if self._link is not link or self._life.state is not State.CONNECTING:
            return None
        link.accepted(now, self._random())
        self._unanswered = 0
        self.connections += 1
        self._apply(Input.AUTHENTICATED, now)
        link.set_alarm(self.next_tick)
        absence, self._absence = self._absence, None
        return absence

    def refused(self, link: Link, error: CometConnError) -> None:
        """Take the server's no to our token."""
        now = self.tick()
        if self._link is link:
            self._fail_link(Failure(error, refused=True), now)

    def lost(self, link: Link, error: Exception) -> None:
        """Take the end of a socket, or of the attempt at one."""
        now = self.tick()
        if self._link is link:
            self._fail_link(failure(error, self._secrets), now)

    def renewal_refused(self, link: Link, error: Exception) -> None:
        """Take the final no: the token is refused and cannot be renewed."""
        now = self.tick()
        if self._link is link:
            self._apply(Input.TOKEN_REFUSED, now, InputDetails(cause=attempt_error(error)))

    def heard(self, link: Link) -> None:
        """Note that bytes came."""
        self.tick()
        if self._link is link and link.heartbeat.heard():
            link.set_alarm(self.next_tick)  # or it would ring when the silence would have been too long

    def judge_silence(self, link: Link, read_at: float) -> None:
        """Take it that a read of *link* which was under way at *read_at* has found nothing since."""
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

    def end_closing_handshake(self, link: Link) -> None:
        """Note that the socket of *link* is closed."""
        self._closing_handshake = None
        link.note_closed()
        if self._latest is link:
            self._latest = None
        self._changed.unpark_all()

    def _fail_link(self, news: Failure, now: float) -> None:
        link = self._link
        with_ = InputDetails(retry_after=news.retry_after, restarting=news.restarting, jitter=self._random())
        if self._life.state is State.CONNECTED:
            back = self._life.app is AppState.BACKGROUND
            cause = lost_error(Reason.LOST_IN_BACKGROUND if back else None, news.error)
            self._apply(Input.LINK_LOST, now, attrs.evolve(with_, cause=cause))
            return
        unanswered = link is not None and link.auth_sent and not news.refused
        self._unanswered = self._unanswered + 1 if unanswered else 0
        doubtful = unanswered and self._unanswered % _UNANSWERED_BEFORE_RENEWAL == 0
        if link is not None and (news.refused or doubtful) and not link.second:
            link.wants_renewal = True
            self.drop_link(link)
            self._apply(Input.RENEWAL_BEGAN, now)  # at once: it has a budget of its own, and this one may be used up
        elif news.refused:
            self._apply(Input.TOKEN_REFUSED, now, attrs.evolve(with_, cause=attempt_error(news.error)))
        else:
            self._apply(Input.ATTEMPT_FAILED, now, attrs.evolve(with_, cause=attempt_error(news.error)))

    # The step.

    def _apply(self, on: Input, now: float, with_: InputDetails = _NOTHING) -> CometConnError | None:
        before = self._life
        if self._link is not None and ends_link(before, on):
            self._link.close_nowait()
        self._life = after = reduce(before, on, now, with_)
        if after.refusal is not None:
            return refusal_error(after.refusal, on.value)
        if after.state is State.CONNECTING and before.state is not State.CONNECTING:
            self.epoch += 1
        self._settle_link(with_)  # first: a link that is not authenticated yet says its goodbye here
        self._settle_absence(before, on, now, with_)
        self._settle_callers(on, with_)
        self._settle_closing_handshake()
        if on is Input.AUTHENTICATED or on is Input.TOKEN_REFUSED:
            self._on_token_judged(on)
        if after.status is not before.status:
            self.statuses.publish(before.status, after.status)
        if self.observer is not None:
            self.observer.stepped(before, on, after, with_)
        self._changed.unpark_all()
        return None

    def _settle_absence(self, before: Lifecycle, on: Input, now: float, with_: InputDetails) -> None:
        if before.state is State.CONNECTED and self._life.state is not State.CONNECTED:
            self._absence = Disconnection(now, with_.cause or lost_error(self._life.state.reason))
        if on is Input.LOGGED_OUT:
            self._absence = None
            self._unanswered = 0  # the next token is another one

    def _settle_link(self, with_: InputDetails) -> None:
        link, state = self._link, self._life.state
        if link is None:
            return
        if state is State.CONNECTED or state is State.CONNECTING:
            link.lease.deadline = self._life.lease_deadline
        else:
            self._link = None
            cause = with_.cause.__cause__ if with_.cause else None
            link.end(state.reason, cause)

    def _settle_callers(self, on: Input, with_: InputDetails) -> None:
        state = self._life.state
        if state is State.CONNECTED:
            self._callers.succeed()
        elif on is Input.ATTEMPT_FAILED:
            self._callers.attempt_failed(Reason.CONNECT_FAILED, with_.cause)
        if state not in WANTED and state.reason is not None:
            self._callers.fail(state.reason, with_.cause)

    def _settle_closing_handshake(self) -> None:
        if self._closing_handshake is None:
            return
        if self._life.state is State.CONNECTING:
            self._closing_handshake.cut()
        elif self._life.state is State.WAITING:
            self._closing_handshake.end_by(self._life.retry_at)
