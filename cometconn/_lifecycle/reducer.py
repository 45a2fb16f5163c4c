"""One step of a connection's life: from a `Lifecycle` and an input to the next `Lifecycle`."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, TypeAlias

import attrs

from cometconn.status import AppState, Connected, Connecting, Disconnected, Status, Waiting

from .backoff import RETRY_AFTER_LIMIT, may_cut_short, retry_delay
from .lease import lease_deadline
from .states import HEADING, Input, Mode, Refusal, State, Wish
from .table import Situation, find_row

if TYPE_CHECKING:
    from cometconn.errors import CometConnError
    from cometconn.settings import Timing

    from .table import Row

__all__ = ["InputDetails", "Lifecycle", "after_sleep", "begin", "due", "ends_link", "reduce"]


@attrs.frozen
class InputDetails:
    """What comes along with an input.

    Attributes:
        cause: the error behind it.
        retry_after: a delay the server asked for, in seconds.
        restarting: the server announced a restart.
        jitter: a random number from 0 to 1.
        patient: the `connect()` in question stays through failed attempts.
    """

    cause: CometConnError | None = None
    retry_after: float = 0.0
    restarting: bool = False
    jitter: float = 0.0
    patient: bool = False


_PLAIN = InputDetails()
_KEEPS_LINK = frozenset({None, State.CONNECTED, State.CONNECTING})  # of a row: where it leads, `None` is nowhere
_Changes: TypeAlias = "dict[str, Any]"  # fields of a `Lifecycle`


@attrs.frozen
class Lifecycle:
    """Everything about a connection that decides what happens next.

    Attributes:
        timing: the durations.
        mode, app, state: see `states`.
        status: the same for the public, with times and causes.
        stands: the wish has been connected once, or the mode is auto.
        patient, impatient: how many callers wait in `connect()`, with and without `retry`.
        last_life: the last sign of life of the app.
        attempt: the number of the attempt under way, made, or to be made.
        retries: how many retries were set since the backoff started over.
        attempt_ends: when the attempt under way has failed.
        retry_at: when the next attempt is due.
        not_before: until when the server asked us to stay away.
        last_shortcut: when a wait was last cut short.
        refusal: why the input was refused, if it was.
    """

    timing: Timing
    mode: Mode
    status: Status
    app: AppState = AppState.FOREGROUND
    state: State = State.NOT_LOGGED_IN
    stands: bool = False
    patient: int = 0
    impatient: int = 0
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
        """What holds the lease up."""
        if self.patient or self.impatient:
            return Wish.AWAITED
        return Wish.STANDS if self.stands else Wish.NONE

    @property
    def lease_deadline(self) -> float:
        """When the lease is over, if there is one."""
        return lease_deadline(self.mode, self.app, self.last_life, self.timing.background_grace)


def begin(mode: Mode, timing: Timing, now: float) -> Lifecycle:
    """Return the first `Lifecycle` of a client: in the foreground, nobody logged in."""
    state = State.NOT_LOGGED_IN
    return Lifecycle(timing=timing, mode=mode, status=_status_of_rest(state, None, now), state=state)


def due(life: Lifecycle) -> tuple[float, Input]:
    """Return what time alone will decide next, and when (`inf`: nothing).

    At one and the same instant the end of the lease counts before the end of the attempt.
    """
    # Asked at every tick, so without sets and sorting.
    moment, on = math.inf, Input.RETRY_DUE
    if life.state is State.WAITING:
        moment = life.retry_at
    elif life.state is State.CONNECTING:
        moment, on = life.attempt_ends, Input.ATTEMPT_FAILED
    elif life.state is not State.CONNECTED:
        return moment, on
    over = life.lease_deadline
    return (over, Input.DEADLINE_REACHED) if over <= moment else (moment, on)


def reduce(life: Lifecycle, on: Input, now: float, with_: InputDetails = _PLAIN) -> Lifecycle:
    """Return the `Lifecycle` after *on* at *now*. Nothing else is read or written.

    Raises:
        IllegalInputError: *on* cannot happen in this state; a mistake in cometconn.
    """
    if on is Input.RETRY_NOW and life.state is State.WAITING:
        if not may_cut_short(now, not_before=life.not_before, last_shortcut=life.last_shortcut):
            return attrs.evolve(life, refusal=None)
        life = attrs.evolve(life, last_shortcut=now)
    life = _release_callers(life, on, with_)
    row = _row(life, on)
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
        changes |= _ENTER.get(row.to, _rest)(life, row.to, now, with_)
    return _admit_caller(attrs.evolve(life, **changes), on, with_)


def ends_link(life: Lifecycle, on: Input) -> bool:
    """Tell whether *on* ends a connection that is whole: before `reduce()`, for its close frame cannot wait.

    The loss of one does not count: then the status changes first (contract, section 10).
    """
    if life.state is not State.CONNECTED or on is Input.LINK_LOST:
        return False
    return _row(life, on).to not in _KEEPS_LINK


def _row(life: Lifecycle, on: Input) -> Row:
    return find_row(on, Situation(life.mode, life.app, life.state, life.wish))


def after_sleep(life: Lifecycle, slept: float) -> Lifecycle:
    """Return *life* with everything *slept* seconds further in the past: the clock stood still, time did not.

    The attempt under way keeps its end: what it waits for stood still with us.
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


def _release_callers(life: Lifecycle, on: Input, with_: InputDetails) -> Lifecycle:
    # Before the row is chosen: only who still waits afterwards holds the wish up.
    if on is Input.ATTEMPT_FAILED:
        return attrs.evolve(life, impatient=0)
    if on is Input.CALLER_LEFT and with_.patient:
        return attrs.evolve(life, patient=life.patient - 1)
    if on is Input.CALLER_LEFT:
        return attrs.evolve(life, impatient=life.impatient - 1)
    return life


def _admit_caller(life: Lifecycle, on: Input, with_: InputDetails) -> Lifecycle:
    if on is not Input.CONNECT_CALLED or life.state not in HEADING:
        return life
    if with_.patient:
        return attrs.evolve(life, patient=life.patient + 1)
    return attrs.evolve(life, impatient=life.impatient + 1)


def _rest(_: Lifecycle, to: State, now: float, with_: InputDetails) -> _Changes:
    return {
        "state": to,
        "status": _status_of_rest(to, with_.cause, now),
        "stands": False,
        "patient": 0,
        "impatient": 0,
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


def _wait(life: Lifecycle, to: State, now: float, with_: InputDetails) -> _Changes:
    timing = life.timing
    stable = life.state is State.CONNECTED and now - life.status.at >= timing.stable_after
    attempt, retries = (0, 0) if stable else (life.attempt, life.retries)
    delay = retry_delay(
        retries,
        with_.jitter,
        base=timing.retry_base,
        cap=timing.retry_cap,
        restarting=with_.restarting,
        retry_after=with_.retry_after,
    )
    return {
        "state": to,
        "status": Waiting(attempt + 1, now + delay, cause=with_.cause, at=now),
        "attempt": attempt + 1,
        "retries": retries + 1,
        "attempt_ends": math.inf,
        "retry_at": now + delay,
        "not_before": now + min(with_.retry_after, RETRY_AFTER_LIMIT),
    }


def _connected(life: Lifecycle, to: State, now: float, _: InputDetails) -> _Changes:
    return {
        "state": to,
        "status": Connected(life.attempt, at=now),
        "stands": True,
        "patient": 0,
        "impatient": 0,
        "attempt_ends": math.inf,
    }


_ENTER = {State.CONNECTING: _connect, State.WAITING: _wait, State.CONNECTED: _connected}
