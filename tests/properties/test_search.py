"""The exhaustive search: every invariant holds, and reducers broken on purpose are found."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import attrs
import pytest

from cometconn import AppState, Disconnected, Reason
from cometconn._lifecycle.reducer import InputDetails, Lifecycle, reduce
from cometconn._lifecycle.states import Input, Mode, State

from .search import BrokenInvariantError, Search

if TYPE_CHECKING:
    from collections.abc import Callable


@pytest.mark.parametrize("mode", Mode)
def test_every_invariant_holds_in_every_state(mode: Mode) -> None:
    """The invariants hold in every reachable state under every input, before, at and after every deadline."""
    search = Search(mode)
    search.run()
    assert search.states > 1_500
    assert search.edges > 80_000


def _foreground_undoes_disconnect(before: Lifecycle, on: Input, now: float, with_: InputDetails) -> Lifecycle:
    if on is Input.ENTERED_FOREGROUND and before.state is State.DISCONNECT_CALLED:
        return reduce(attrs.evolve(before, app=AppState.FOREGROUND), Input.CONNECT_CALLED, now, with_)
    return reduce(before, on, now, with_)


def _background_is_no_sign_of_life(before: Lifecycle, on: Input, now: float, with_: InputDetails) -> Lifecycle:
    after = reduce(before, on, now, with_)
    return attrs.evolve(after, last_life=before.last_life) if on is Input.ENTERED_BACKGROUND else after


def _authenticating_is_a_sign_of_life(before: Lifecycle, on: Input, now: float, with_: InputDetails) -> Lifecycle:
    after = reduce(before, on, now, with_)
    return attrs.evolve(after, last_life=now) if on is Input.AUTHENTICATED else after


def _auto_lives_on_in_the_background(before: Lifecycle, on: Input, now: float, with_: InputDetails) -> Lifecycle:
    after = reduce(before, on, now, with_)
    if on is Input.ENTERED_BACKGROUND and after.state is State.IN_BACKGROUND and before.state is State.CONNECTED:
        return attrs.evolve(before, app=AppState.BACKGROUND)
    return after


def _lost_and_given_up(before: Lifecycle, on: Input, now: float, with_: InputDetails) -> Lifecycle:
    after = reduce(before, on, now, with_)
    if on is Input.LINK_LOST and after.state is State.WAITING:
        status = Disconnected(Reason.CONNECT_FAILED, at=now)
        return attrs.evolve(after, state=State.CONNECT_FAILED, status=status, retry_at=math.inf)
    return after


def _retries_in_the_background(before: Lifecycle, on: Input, now: float, with_: InputDetails) -> Lifecycle:
    if on is Input.LINK_LOST and before.app is AppState.BACKGROUND:
        waiting = reduce(attrs.evolve(before, app=AppState.FOREGROUND), on, now, with_)
        return attrs.evolve(waiting, app=AppState.BACKGROUND)
    return reduce(before, on, now, with_)


def _waits_for_ever(before: Lifecycle, on: Input, now: float, with_: InputDetails) -> Lifecycle:
    after = reduce(before, on, now, with_)
    return attrs.evolve(after, retry_at=math.inf) if on is Input.LINK_LOST else after


def _refused_ping_is_a_sign_of_life(before: Lifecycle, on: Input, now: float, with_: InputDetails) -> Lifecycle:
    after = reduce(before, on, now, with_)
    return attrs.evolve(after, last_life=now) if on is Input.PING_CALLED and after.refusal else after


def _forgets_calls_that_wait(before: Lifecycle, on: Input, now: float, with_: InputDetails) -> Lifecycle:
    after = reduce(before, on, now, with_)
    return attrs.evolve(after, waiting=before.waiting) if on is Input.AUTHENTICATED else after


def _ignores_the_floor(before: Lifecycle, on: Input, now: float, with_: InputDetails) -> Lifecycle:
    after = reduce(before, on, now, attrs.evolve(with_, retry_after=0.0))
    return attrs.evolve(after, not_before=now + with_.retry_after) if after.state is State.WAITING else after


def _the_status_lags(before: Lifecycle, on: Input, now: float, with_: InputDetails) -> Lifecycle:
    after = reduce(before, on, now, with_)
    return attrs.evolve(after, status=before.status) if on is Input.ENTERED_BACKGROUND else after


@pytest.mark.parametrize(
    ("mode", "broken", "told"),
    [
        (Mode.AUTO, _foreground_undoes_disconnect, "I5"),
        (Mode.MANUAL, _background_is_no_sign_of_life, "I3: cut"),
        (Mode.MANUAL, _authenticating_is_a_sign_of_life, "I3: alive"),
        (Mode.AUTO, _auto_lives_on_in_the_background, "I2"),
        (Mode.AUTO, _the_status_lags, "I4"),
        (Mode.AUTO, _lost_and_given_up, "I6"),
        (Mode.MANUAL, _retries_in_the_background, "I5"),
        (Mode.AUTO, _waits_for_ever, "I6"),
        (Mode.MANUAL, _refused_ping_is_a_sign_of_life, "changes nothing"),
        (Mode.AUTO, _forgets_calls_that_wait, "has an outcome"),
        (Mode.AUTO, _ignores_the_floor, "floor"),
    ],
)
def test_what_is_broken_is_found(mode: Mode, broken: Callable[..., Lifecycle], told: str) -> None:
    """Each break of an invariant is found, named, and printed with the shortest path to it."""
    with pytest.raises(BrokenInvariantError, match=told) as caught:
        Search(mode, broken).run()
    assert "after 0 s: " in str(caught.value)
