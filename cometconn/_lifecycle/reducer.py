"""One step of a connection's life: from a `Lifecycle` and an input to the next `Lifecycle`."""

from __future__ import annotations

import functools
import math
import operator
from typing import TYPE_CHECKING, Any, Final, TypeAlias

import attrs

from cometconn.status import AppState, Connected, Connecting, Disconnected, Status, Waiting

from .backoff import RETRY_AFTER_LIMIT, may_cut_short, retry_delay
from .lease import lease_deadline
from .states import HEADING, Input, Mode, Refusal, State, Wish
from .table import Situation, find_row, rows_in

if TYPE_CHECKING:
    from cometconn.errors import CometConnError
    from cometconn.settings import Timing

    from .states import Waiter

__all__ = ["NO_DETAILS", "InputDetails", "Lifecycle", "after_sleep", "begin", "due", "link_endings", "reduce"]


@attrs.frozen
class InputDetails:
    """What comes with an input.

    Attributes:
        cause: the error behind it.
        retry_after: the delay that the server asked for, in seconds; 0 for none.
        restarting: the server announced a restart.
        jitter: a random number from 0 to 1.
        waiter: the call of `connect()` that begins to wait, or was cancelled.
    """

    cause: CometConnError | None = None
    retry_after: float = 0.0
    restarting: bool = False
    jitter: float = 0.0
    waiter: Waiter | None = None


NO_DETAILS = InputDetails()
"""For an input with which nothing comes."""

_KEEPS_LINK = frozenset({None, State.CONNECTED, State.CONNECTING})  # where a row leads; `None` is nowhere
_Changes: TypeAlias = "dict[str, Any]"  # fields of a `Lifecycle`


@attrs.frozen
class Lifecycle:
    """Everything about a connection that decides what happens next.

    Attributes:
        timing: the durations.
        mode, app, state: see `states`.
        status: the same for the application, with times and causes.
        stands: the wish has been connected once, or the mode is auto.
        waiting: the calls of `connect()` that wait, in the order in which they were made.
        last_life: the last sign of life of the app.
        attempt: the number of the attempt that is under way, has succeeded, or comes next; 0 if none is wanted.
        retries: how many retries were set since the backoff started over.
        attempt_ends: when the attempt under way has failed.
        retry_at: when the next attempt is due.
        not_before: when the delay that the server asked for ends.
        last_shortcut: when a wait was last cut short.
        refusal: why the input was refused, if it was.
    """

    timing: Timing
    mode: Mode
    status: Status
    app: AppState = AppState.FOREGROUND
    state: State = State.NOT_LOGGED_IN
    stands: bool = False
    waiting: tuple[Waiter, ...] = ()
    last_life: float = -math.inf
    attempt: int = 0
    retries: int = 0
    attempt_ends: float = math.inf
    retry_at: float = math.inf
    not_before: float = -math.inf
    last_shortcut: float = -math.inf
    refusal: Refusal | None = None

    @property
    def wish(self) -> Wish:
        """Why there is a lease, in manual mode."""
        if self.waiting:
            return Wish.AWAITED
        return Wish.STANDS if self.stands else Wish.NONE

    @property
    def lease_deadline(self) -> float:
        """When the lease ends, if there is one."""
        return lease_deadline(self.mode, self.app, self.last_life, self.timing.background_grace)


_FIELDS: Final = tuple(field.name for field in attrs.fields(Lifecycle))
_values: Final = operator.attrgetter(*_FIELDS)


def begin(mode: Mode, timing: Timing, now: float) -> Lifecycle:
    """Return the first `Lifecycle` of a client: in the foreground, with no user logged in."""
    state = State.NOT_LOGGED_IN
    return Lifecycle(timing=timing, mode=mode, status=_status_of_rest(state, None, now), state=state)


def due(life: Lifecycle) -> tuple[float, Input]:
    """Return when time alone causes the next input, and which (`inf`: never).

    If the end of the lease and that of the attempt fall on the same instant, the lease counts.
    """
    moment, on = math.inf, Input.RETRY_DUE
    if life.state is State.WAITING:
        moment = life.retry_at
    elif life.state is State.CONNECTING:
        moment, on = life.attempt_ends, Input.ATTEMPT_FAILED
    elif life.state is not State.CONNECTED:
        return moment, on
    over = life.lease_deadline
    return (over, Input.DEADLINE_REACHED) if over <= moment else (moment, on)


def reduce(life: Lifecycle, on: Input, now: float, details: InputDetails = NO_DETAILS) -> Lifecycle:
    """Return the `Lifecycle` after *on* at *now*. Pure: nothing else is read or written.

    Raises:
        IllegalInputError: *on* cannot happen in this state: a mistake in cometconn.
    """
    if on is Input.RETRY_NOW and life.state is State.WAITING:
        if not may_cut_short(now, not_before=life.not_before, last_shortcut=life.last_shortcut):
            return attrs.evolve(life, refusal=None)
        life = attrs.evolve(life, last_shortcut=now)
    life = _release(life, on, details)
    row = find_row(on, _situation(life))
    if row.refusal is not None:
        return attrs.evolve(life, refusal=row.refusal)
    changes: _Changes = {"refusal": None}
    if life.state is not State.CLIENT_CLOSED:
        changes["app"] = _app_after(life.app, on)
    if row.life:
        changes["last_life"] = now
    if on is Input.RENEWAL_BEGAN:
        changes["attempt_ends"] = now + life.timing.connect_timeout
    if row.to is not None:
        changes |= _ENTER.get(row.to, _rest)(life, row.to, now, details)
    if on is Input.CONNECT_CALLED and details.waiter is not None and changes.get("state", life.state) in HEADING:
        changes["waiting"] = (*changes.get("waiting", life.waiting), details.waiter)
    # This takes a quarter of the time of `attrs.evolve()`.
    return Lifecycle(**{**dict(zip(_FIELDS, _values(life), strict=True)), **changes})


def link_endings(life: Lifecycle) -> frozenset[Input]:
    """Return the inputs that end a connection that still works, so that its close frame can be written before `reduce()`.

    A lost connection does not count: its status changes first (contract, section 10).
    """
    return _endings(_situation(life)) if life.state is State.CONNECTED else frozenset()


@functools.cache
def _endings(situation: Situation) -> frozenset[Input]:
    rows = rows_in(situation)
    return frozenset(row.on for row in rows if row.to not in _KEEPS_LINK and row.on is not Input.LINK_LOST)


def _situation(life: Lifecycle) -> Situation:
    return Situation(life.mode, life.app, life.state, life.wish)


def after_sleep(life: Lifecycle, slept: float) -> Lifecycle:
    """Return *life* with its times moved *slept* seconds into the past, because Trio's clock stood still meanwhile.

    The attempt under way keeps its end: it could make no progress either.
    """
    return attrs.evolve(
        life,
        last_life=life.last_life - slept,
        retry_at=life.retry_at - slept,
        not_before=life.not_before - slept,
        last_shortcut=life.last_shortcut - slept,
        refusal=None,
    )


def _app_after(app: AppState, on: Input) -> AppState:
    if on is Input.ENTERED_BACKGROUND:
        return AppState.BACKGROUND
    return AppState.FOREGROUND if on is Input.ENTERED_FOREGROUND else app


def _release(life: Lifecycle, on: Input, details: InputDetails) -> Lifecycle:
    # Before the row is chosen, because it depends on the calls that still wait afterwards.
    if on is Input.ATTEMPT_FAILED:
        return attrs.evolve(life, waiting=tuple(waiter for waiter in life.waiting if waiter.patient))
    if on is Input.CALLER_LEFT:
        return attrs.evolve(life, waiting=tuple(waiter for waiter in life.waiting if waiter is not details.waiter))
    return life


def _rest(_: Lifecycle, to: State, now: float, details: InputDetails) -> _Changes:
    return {
        "state": to,
        "status": _status_of_rest(to, details.cause, now),
        "stands": False,
        "waiting": (),
        "attempt": 0,
        "retries": 0,
        "attempt_ends": math.inf,
        "retry_at": math.inf,
        "not_before": -math.inf,
    }


def _status_of_rest(state: State, cause: CometConnError | None, now: float) -> Disconnected:
    reason = state.reason
    assert reason is not None, "only disconnected states rest"
    return Disconnected(reason, cause=cause, at=now)


def _connect(life: Lifecycle, to: State, now: float, _: InputDetails) -> _Changes:
    attempt = life.attempt if life.state is State.WAITING else 1
    return {
        "state": to,
        "status": Connecting(attempt, at=now),
        "stands": life.stands or life.mode is Mode.AUTO,
        "attempt": attempt,
        "attempt_ends": now + life.timing.connect_timeout,
        "retry_at": math.inf,
        "not_before": -math.inf,
    }


def _wait(life: Lifecycle, to: State, now: float, details: InputDetails) -> _Changes:
    timing = life.timing
    stable = life.state is State.CONNECTED and now - life.status.at >= timing.stable_after
    attempt, retries = (0, 0) if stable else (life.attempt, life.retries)
    delay = retry_delay(
        retries,
        details.jitter,
        base=timing.retry_base,
        cap=timing.retry_cap,
        restarting=details.restarting,
        retry_after=details.retry_after,
    )
    return {
        "state": to,
        "status": Waiting(attempt + 1, now + delay, cause=details.cause, at=now),
        "attempt": attempt + 1,
        "retries": retries + 1,
        "attempt_ends": math.inf,
        "retry_at": now + delay,
        "not_before": now + min(details.retry_after, RETRY_AFTER_LIMIT),
    }


def _connected(life: Lifecycle, to: State, now: float, _: InputDetails) -> _Changes:
    return {
        "state": to,
        "status": Connected(life.attempt, at=now),
        "stands": True,
        "waiting": (),
        "attempt_ends": math.inf,
    }


_ENTER = {State.CONNECTING: _connect, State.WAITING: _wait, State.CONNECTED: _connected}
