"""Every reachable state of a connection's life under every input, and the invariants in each.

A breadth-first search over the pure reducer. Time is a lattice of whole seconds and short durations, so a
state is the `Lifecycle` with its times counted from now and cut off where older makes no difference; each
input is tried at once, and with the clock moved on to before, at and behind whatever is due. What the
contract requires of the past (the last sign of life, whether attempts are barred) is kept beside it, by the search's own
account: `Account` imports nothing of the reducer's arithmetic.

    python -m tests.properties.search
"""

from __future__ import annotations

import math
from collections import deque
from typing import TYPE_CHECKING, TypeAlias

import attrs

from cometconn import AppState, Connected, Connecting, Disconnected, Reason, Timing, Waiting
from cometconn._lifecycle.reducer import InputDetails, Lifecycle, begin, due, reduce
from cometconn._lifecycle.states import IllegalInputError, Input, Mode, State

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

__all__ = ["BrokenInvariantError", "Search", "Seen"]

Reducer: TypeAlias = "Callable[[Lifecycle, Input, float, InputDetails], Lifecycle]"

TIMING = Timing(background_grace=3, connect_timeout=2, retry_base=1, retry_cap=2, stable_after=2)
_STEPS = (0, 1, 2, 5)  # seconds: at once, a bit later, ..., behind everything that may be due
_MOST_RETRIES = 2  # from here on the window is the cap

_WANTED = frozenset({State.CONNECTING, State.WAITING, State.CONNECTED})
_BY_TIME = frozenset({Input.DEADLINE_REACHED, Input.RETRY_DUE})
_SHAPES = {State.CONNECTING: Connecting, State.WAITING: Waiting, State.CONNECTED: Connected}


@attrs.frozen
class _Call:
    """A call of `connect()` that waits."""

    patient: bool


_CALLS = (_Call(patient=True), _Call(patient=False))  # one of each kind: several are the same but for their number


class BrokenInvariantError(AssertionError):
    """An invariant does not hold; the message names it and the way there."""


@attrs.frozen
class Account:
    """What happened so far, as far as the contract needs it.

    Attributes:
        life: the last sign of life in the background, counted from now; `-inf` for none.
        barred: no attempt may begin before `connect()` (in auto mode also `login()`).
    """

    life: float = -math.inf
    barred: bool = False


@attrs.frozen
class Seen:
    """A state of the search: the reducer's and the account, at time 0."""

    life: Lifecycle
    account: Account


@attrs.define
class Search:
    """The search in one mode.

    Attributes:
        mode: auto or manual.
        step: the reducer; a test gives a broken one.
        states, edges: how many there are, once `run()` is through.
        refused: how many of the edges were illegal inputs, which must change nothing.
    """

    mode: Mode
    step: Reducer = reduce
    states: int = attrs.field(default=0, init=False)
    edges: int = attrs.field(default=0, init=False)
    refused: int = attrs.field(default=0, init=False)
    _from: dict[Seen, tuple[Seen, str] | None] = attrs.field(factory=dict, init=False, repr=False)

    def run(self) -> None:
        """Visit everything. Raises `BrokenInvariantError` with the shortest way to what is broken."""
        first = Seen(_normal(begin(self.mode, TIMING, 0.0), 0.0), Account())
        self._from[first] = None
        ahead = deque([first])
        while ahead:
            here = ahead.popleft()
            for label, there in self._neighbours(here):
                self.edges += 1
                if there not in self._from:
                    self._from[there] = (here, label)
                    ahead.append(there)
        self.states = len(self._from)

    def _neighbours(self, here: Seen) -> Iterator[tuple[str, Seen]]:
        for wait in _STEPS:
            at = float(wait)
            label = f"after {wait} s"
            moved, account = self._tick(here, at, label)
            yield label, Seen(_normal(moved, at), _aged(account, at))
            for on, with_ in _inputs(moved):
                told = f"{label}: {on.value} {_shown(with_)}"
                try:
                    after = self.step(moved, on, at, with_)
                except IllegalInputError:
                    self.refused += 1
                    self._must(on not in _ALWAYS_LEGAL, here, told, "a call by the application is never illegal")
                    continue
                self._check(here, told, moved, on, after, at)
                then = _account_after(account, moved, on, after, at)
                self._check_account(here, told, after, then, at)
                yield told, Seen(_normal(after, at), _aged(then, at))

    def _tick(self, here: Seen, now: float, label: str) -> tuple[Lifecycle, Account]:
        life, account = here.life, here.account
        for _ in range(10):
            moment, on = due(life)
            if moment > now:
                self._check_account(here, label, life, account, now)
                return life, account
            after = self.step(life, on, now, InputDetails(jitter=1.0))
            told = f"{label}: {on.value}"
            if on is Input.DEADLINE_REACHED:
                over = account.life + TIMING.background_grace
                self._must(now >= over, here, told, f"I3: cut {over - now:g} s before the last sign of life + grace")
            self._check(here, told, life, on, after, now)
            account = _account_after(account, life, on, after, now)
            life = after
        self._must(False, here, label, "time alone must not go in circles")
        raise AssertionError

    def _check(self, here: Seen, told: str, before: Lifecycle, on: Input, after: Lifecycle, now: float) -> None:
        must = self._must
        shape = _SHAPES.get(after.state, Disconnected)
        must(type(after.status) is shape, here, told, "I4: the status is the state's")
        if isinstance(after.status, Disconnected):
            must(after.status.reason is Reason[after.state.name], here, told, "I4: the reason is the state's")
        if after.state is before.state and on is not Input.CONNECT_CALLED:
            must(after.status is before.status, here, told, "I4: no change, no news")
        heading = after.state in {State.CONNECTING, State.WAITING}
        must(heading or not after.waiting, here, told, "every connect() that waits has an outcome")
        if before.state is State.CONNECTED and on is Input.LINK_LOST and before.app is AppState.FOREGROUND:
            must(after.state is State.WAITING, here, told, "I6: lost in the foreground, a retry is set")
        if after.state is State.WAITING:
            must(now <= after.retry_at < math.inf, here, told, "I6: the retry has a time")
            must(after.retry_at >= after.not_before, here, told, "the delay that was asked for is a floor")
        if after.state is State.CONNECTING:
            must(now < after.attempt_ends < math.inf, here, told, "I6: the attempt has an end")
        if on is Input.CONNECT_CALLED and after.refusal is None:
            must(after.state in _WANTED, here, told, "connect() is taken up, or refused")
        if after.refusal is not None:
            kept = attrs.evolve(after, refusal=before.refusal)
            must(kept == before, here, told, "a refused call changes nothing")

    def _check_account(self, here: Seen, told: str, life: Lifecycle, account: Account, now: float) -> None:
        must, wanted = self._must, life.state in _WANTED
        in_background = life.app is AppState.BACKGROUND
        must(not (self.mode is Mode.AUTO and in_background and wanted), here, told, "I2: auto, background: no lease")
        if self.mode is Mode.MANUAL and in_background and wanted:
            over = account.life + TIMING.background_grace
            must(now < over, here, told, f"I3: alive {now - over:g} s past the last sign of life + grace")
        must(not (account.barred and wanted), here, told, "I5: no attempt until connect()")

    def _must(self, holds: object, here: Seen, told: str, invariant: str) -> None:
        if not holds:
            way = [told]
            while (back := self._from[here]) is not None:
                here, label = back
                way.append(label)
            steps = "\n".join(f"  {step}" for step in reversed(way))
            message = f"{invariant}\n{self.mode.value} mode:\n{steps}"
            raise BrokenInvariantError(message)


_ALWAYS_LEGAL = frozenset(
    {
        Input.CONNECT_CALLED,
        Input.DISCONNECT_CALLED,
        Input.PING_CALLED,
        Input.ENTERED_BACKGROUND,
        Input.ENTERED_FOREGROUND,
        Input.RETRY_NOW,
        Input.CLIENT_LEFT,
    }
)


def _inputs(life: Lifecycle) -> Iterator[tuple[Input, InputDetails]]:
    """Everything that can be tried here. Inputs caused by time come from `due()`; a call that does not wait cannot be cancelled."""
    for on in Input:
        if on in _BY_TIME:
            continue
        if on in {Input.ATTEMPT_FAILED, Input.LINK_LOST}:
            yield on, InputDetails(jitter=1.0)
            yield on, InputDetails(jitter=0.0)
            yield on, InputDetails(jitter=0.0, retry_after=2.0)
            yield on, InputDetails(jitter=0.25, restarting=True)
        elif on in {Input.CONNECT_CALLED, Input.CALLER_LEFT}:
            for waiter in _CALLS:
                if (waiter in life.waiting) == (on is Input.CALLER_LEFT):
                    yield on, InputDetails(waiter=waiter)
        else:
            yield on, InputDetails()


def _account_after(account: Account, before: Lifecycle, on: Input, after: Lifecycle, now: float) -> Account:
    """Keep the account, as the contract requires it."""
    life, barred = account.life, account.barred
    background = after.app is AppState.BACKGROUND
    went = on is Input.ENTERED_BACKGROUND and before.app is AppState.FOREGROUND
    spoke = on in {Input.PING_CALLED, Input.CONNECT_CALLED} and after.refusal is None
    if background and (went or spoke):
        life = now
    if on is Input.DISCONNECT_CALLED and before.state in {*_WANTED, State.IN_BACKGROUND}:
        barred = True
    lost = on is Input.LINK_LOST and after.mode is Mode.MANUAL and before.app is AppState.BACKGROUND
    heading = before.state in {State.CONNECTING, State.WAITING} and not before.waiting
    if lost or on is Input.DEADLINE_REACHED or (went and heading and after.mode is Mode.MANUAL):
        barred = True
    if (on is Input.CONNECT_CALLED and after.refusal is None) or on is Input.LOGGED_IN:
        barred = False
    if on is Input.LOGGED_IN_AGAIN and after.mode is Mode.AUTO:
        barred = False
    return Account(life, barred)


def _aged(account: Account, now: float) -> Account:
    return attrs.evolve(account, life=_ago(account.life, now, TIMING.background_grace))


def _normal(life: Lifecycle, now: float) -> Lifecycle:
    """Count times from *now*, and forget what makes no difference any more."""
    status = attrs.evolve(life.status, at=_ago(life.status.at, now, TIMING.stable_after))
    if isinstance(status, Waiting):
        status = attrs.evolve(status, retry_at=life.retry_at - now, attempt=1, cause=None)
    elif isinstance(status, Connecting | Connected):
        status = attrs.evolve(status, attempt=1)
    else:
        status = attrs.evolve(status, cause=None)
    return attrs.evolve(
        life,
        status=status,
        waiting=tuple(call for call in _CALLS if call in life.waiting),  # their order makes no difference
        last_life=_ago(life.last_life, now, TIMING.background_grace),
        attempt=min(life.attempt, 1),
        retries=min(life.retries, _MOST_RETRIES),
        attempt_ends=life.attempt_ends - now,
        retry_at=life.retry_at - now,
        not_before=_ago(life.not_before, now, 0),
        last_shortcut=_ago(life.last_shortcut, now, 1),
        refusal=None,
    )


def _ago(moment: float, now: float, matters: float) -> float:
    return moment - now if moment - now > -matters else -math.inf


def _shown(with_: InputDetails) -> str:
    told = {f.name: v for f in attrs.fields(InputDetails) if (v := getattr(with_, f.name)) != f.default}
    return str(told) if told else ""


def main() -> None:
    """Search both modes and print how much there was."""
    for mode in Mode:
        search = Search(mode)
        search.run()
        print(
            f"{mode.value}: {search.states} states, {search.edges} edges, "
            f"{search.refused} illegal inputs refused; every invariant holds"
        )


if __name__ == "__main__":
    main()
