"""The transition table: complete, unambiguous, and row for row as in the contract."""

from __future__ import annotations

import itertools

import pytest

from cometconn._lifecycle.states import (
    HEADING,
    OUT,
    RESTING,
    WANTED,
    IllegalInputError,
    Input,
    Mode,
    Refusal,
    State,
    Wish,
)
from cometconn._lifecycle.table import TRANSITIONS, Row, Situation, find_row
from cometconn.status import AppState, Reason

AUTO, MANUAL = Mode.AUTO, Mode.MANUAL
FRONT, BACK = AppState.FOREGROUND, AppState.BACKGROUND
EVERYTHING = list(itertools.product(Input, Mode, AppState, State, Wish))


def fitting(on: Input, mode: Mode, app: AppState, state: State, wish: Wish) -> list[Row]:
    """The rows that fit, found without the table's own index."""
    return [
        row
        for row in TRANSITIONS
        if row.on is on
        and state in row.given
        and row.mode in {None, mode}
        and row.app in {None, app}
        and (row.wish is None or wish in row.wish)
    ]


def test_no_two_rows_fit_one_situation() -> None:
    """At most one row fits each input in each situation."""
    assert not [pair for pair in EVERYTHING if len(fitting(*pair)) > 1]


def test_every_pair_moves_to_a_known_state_or_is_refused_by_name() -> None:
    """An input either has its row or raises IllegalInputError, for every pair there is."""
    legal = 0
    for on, mode, app, state, wish in EVERYTHING:
        rows = fitting(on, mode, app, state, wish)
        situation = Situation(mode, app, state, wish)
        if rows:
            assert find_row(on, situation) is rows[0]
            legal += 1
        else:
            with pytest.raises(IllegalInputError, match=on.name):
                find_row(on, situation)
    assert 0 < legal < len(EVERYTHING)


def test_every_row_names_its_rule() -> None:
    """Each row names the line of the contract that it comes from."""
    for row in TRANSITIONS:
        assert row.rule, row
        assert row.given, row
        assert not (row.refusal and row.to), row


def test_every_state_is_in_one_group() -> None:
    """The groups of states are disjoint and, with the closed client, all there is."""
    assert OUT | RESTING | WANTED | {State.CLIENT_CLOSED} == frozenset(State)
    assert len(OUT) + len(RESTING) + len(WANTED) + 1 == len(State)
    assert HEADING < WANTED


def test_disconnected_states_are_the_public_reasons() -> None:
    """Every reason is a state, and every other state has none."""
    assert {state.reason for state in State} - {None} == set(Reason)
    assert {state for state in State if state.reason is None} == WANTED


# One line for each cell of the contract's section 4 that the table alone decides:
# input, mode, app state, state, wish -> next state (None: stays), or the refusal.
CELLS: list[tuple[Input, Mode, AppState, State, Wish, State | Refusal | None]] = [
    (Input.LOGGED_IN, AUTO, FRONT, State.NOT_LOGGED_IN, Wish.NONE, State.CONNECTING),
    (Input.LOGGED_IN, AUTO, FRONT, State.LOGGED_OUT, Wish.NONE, State.CONNECTING),
    (Input.LOGGED_IN, AUTO, BACK, State.NOT_LOGGED_IN, Wish.NONE, State.IN_BACKGROUND),
    (Input.LOGGED_IN, MANUAL, FRONT, State.NOT_LOGGED_IN, Wish.NONE, State.NOT_REQUESTED),
    (Input.LOGGED_IN, MANUAL, BACK, State.LOGGED_OUT, Wish.NONE, State.NOT_REQUESTED),
    (Input.LOGGED_IN_AGAIN, AUTO, FRONT, State.AUTHENTICATION_FAILED, Wish.NONE, State.CONNECTING),
    (Input.LOGGED_IN_AGAIN, AUTO, BACK, State.DISCONNECT_CALLED, Wish.NONE, State.IN_BACKGROUND),
    (Input.LOGGED_IN_AGAIN, MANUAL, FRONT, State.DISCONNECT_CALLED, Wish.NONE, State.NOT_REQUESTED),
    (Input.LOGGED_IN_AGAIN, AUTO, FRONT, State.CONNECTED, Wish.STANDS, None),
    (Input.LOGGED_IN_AGAIN, MANUAL, FRONT, State.BACKGROUND_TIMEOUT, Wish.NONE, None),
    (Input.ENTERED_BACKGROUND, AUTO, FRONT, State.CONNECTED, Wish.STANDS, State.IN_BACKGROUND),
    (Input.ENTERED_BACKGROUND, AUTO, FRONT, State.CONNECTING, Wish.AWAITED, State.IN_BACKGROUND),
    (Input.ENTERED_BACKGROUND, AUTO, FRONT, State.WAITING, Wish.STANDS, State.IN_BACKGROUND),
    (Input.ENTERED_BACKGROUND, AUTO, FRONT, State.DISCONNECT_CALLED, Wish.NONE, None),
    (Input.ENTERED_BACKGROUND, AUTO, FRONT, State.AUTHENTICATION_FAILED, Wish.NONE, None),
    (Input.ENTERED_BACKGROUND, MANUAL, FRONT, State.CONNECTED, Wish.STANDS, None),
    (Input.ENTERED_BACKGROUND, MANUAL, FRONT, State.CONNECTING, Wish.AWAITED, None),
    (Input.ENTERED_BACKGROUND, MANUAL, FRONT, State.WAITING, Wish.AWAITED, None),
    (Input.ENTERED_BACKGROUND, MANUAL, FRONT, State.WAITING, Wish.STANDS, State.LOST_IN_BACKGROUND),
    (Input.ENTERED_BACKGROUND, MANUAL, FRONT, State.CONNECTING, Wish.STANDS, State.LOST_IN_BACKGROUND),
    (Input.ENTERED_BACKGROUND, MANUAL, BACK, State.WAITING, Wish.STANDS, None),
    (Input.ENTERED_FOREGROUND, AUTO, BACK, State.IN_BACKGROUND, Wish.NONE, State.CONNECTING),
    (Input.ENTERED_FOREGROUND, AUTO, BACK, State.DISCONNECT_CALLED, Wish.NONE, None),
    (Input.ENTERED_FOREGROUND, AUTO, BACK, State.AUTHENTICATION_FAILED, Wish.NONE, None),
    (Input.ENTERED_FOREGROUND, MANUAL, BACK, State.CONNECTED, Wish.STANDS, None),
    (Input.ENTERED_FOREGROUND, MANUAL, BACK, State.BACKGROUND_TIMEOUT, Wish.NONE, None),
    (Input.ENTERED_FOREGROUND, MANUAL, BACK, State.LOST_IN_BACKGROUND, Wish.NONE, None),
    (Input.DEADLINE_REACHED, MANUAL, BACK, State.CONNECTED, Wish.STANDS, State.BACKGROUND_TIMEOUT),
    (Input.DEADLINE_REACHED, MANUAL, BACK, State.CONNECTING, Wish.AWAITED, State.BACKGROUND_TIMEOUT),
    (Input.LINK_LOST, AUTO, FRONT, State.CONNECTED, Wish.STANDS, State.WAITING),
    (Input.LINK_LOST, MANUAL, FRONT, State.CONNECTED, Wish.STANDS, State.WAITING),
    (Input.LINK_LOST, MANUAL, BACK, State.CONNECTED, Wish.STANDS, State.LOST_IN_BACKGROUND),
    (Input.RETRY_DUE, AUTO, FRONT, State.WAITING, Wish.STANDS, State.CONNECTING),
    (Input.RETRY_NOW, AUTO, FRONT, State.WAITING, Wish.STANDS, State.CONNECTING),
    (Input.RETRY_NOW, AUTO, FRONT, State.DISCONNECT_CALLED, Wish.NONE, None),
    (Input.CONNECT_CALLED, AUTO, FRONT, State.NOT_LOGGED_IN, Wish.NONE, Refusal.NOT_LOGGED_IN),
    (Input.CONNECT_CALLED, MANUAL, FRONT, State.LOGGED_OUT, Wish.NONE, Refusal.NOT_LOGGED_IN),
    (Input.CONNECT_CALLED, AUTO, FRONT, State.CONNECTED, Wish.STANDS, None),
    (Input.CONNECT_CALLED, AUTO, FRONT, State.CONNECTING, Wish.STANDS, None),
    (Input.CONNECT_CALLED, MANUAL, FRONT, State.WAITING, Wish.STANDS, State.CONNECTING),
    (Input.CONNECT_CALLED, AUTO, FRONT, State.DISCONNECT_CALLED, Wish.NONE, State.CONNECTING),
    (Input.CONNECT_CALLED, AUTO, BACK, State.IN_BACKGROUND, Wish.NONE, Refusal.IN_BACKGROUND),
    (Input.CONNECT_CALLED, AUTO, BACK, State.DISCONNECT_CALLED, Wish.NONE, Refusal.IN_BACKGROUND),
    (Input.CONNECT_CALLED, MANUAL, BACK, State.BACKGROUND_TIMEOUT, Wish.NONE, State.CONNECTING),
    (Input.CONNECT_CALLED, MANUAL, FRONT, State.CLIENT_CLOSED, Wish.NONE, Refusal.NOT_CONNECTED),
    (Input.ATTEMPT_FAILED, AUTO, FRONT, State.CONNECTING, Wish.STANDS, State.WAITING),
    (Input.ATTEMPT_FAILED, MANUAL, FRONT, State.CONNECTING, Wish.NONE, State.CONNECT_FAILED),
    (Input.ATTEMPT_FAILED, MANUAL, FRONT, State.CONNECTING, Wish.AWAITED, State.WAITING),
    (Input.ATTEMPT_FAILED, MANUAL, BACK, State.CONNECTING, Wish.STANDS, State.WAITING),
    (Input.CALLER_LEFT, AUTO, FRONT, State.CONNECTING, Wish.NONE, None),
    (Input.CALLER_LEFT, MANUAL, FRONT, State.CONNECTING, Wish.NONE, State.NOT_REQUESTED),
    (Input.CALLER_LEFT, MANUAL, FRONT, State.WAITING, Wish.STANDS, None),
    (Input.DISCONNECT_CALLED, AUTO, FRONT, State.CONNECTED, Wish.STANDS, State.DISCONNECT_CALLED),
    (Input.DISCONNECT_CALLED, AUTO, BACK, State.IN_BACKGROUND, Wish.NONE, State.DISCONNECT_CALLED),
    (Input.DISCONNECT_CALLED, AUTO, FRONT, State.AUTHENTICATION_FAILED, Wish.NONE, None),
    (Input.DISCONNECT_CALLED, MANUAL, BACK, State.BACKGROUND_TIMEOUT, Wish.NONE, None),
    (Input.DISCONNECT_CALLED, MANUAL, FRONT, State.WAITING, Wish.AWAITED, State.DISCONNECT_CALLED),
    (Input.DISCONNECT_CALLED, AUTO, FRONT, State.NOT_LOGGED_IN, Wish.NONE, None),
    (Input.PING_CALLED, MANUAL, BACK, State.CONNECTED, Wish.STANDS, None),
    (Input.PING_CALLED, AUTO, FRONT, State.WAITING, Wish.STANDS, Refusal.NOT_CONNECTED),
    (Input.PING_CALLED, AUTO, FRONT, State.NOT_LOGGED_IN, Wish.NONE, Refusal.NOT_CONNECTED),
    (Input.TOKEN_REFUSED, AUTO, FRONT, State.CONNECTING, Wish.STANDS, State.AUTHENTICATION_FAILED),
    (Input.RENEWAL_BEGAN, AUTO, FRONT, State.CONNECTING, Wish.STANDS, None),
    (Input.LOGGED_OUT, AUTO, FRONT, State.CONNECTED, Wish.STANDS, State.LOGGED_OUT),
    (Input.LOGGED_OUT, MANUAL, BACK, State.NOT_REQUESTED, Wish.NONE, State.LOGGED_OUT),
    (Input.AUTHENTICATED, AUTO, FRONT, State.CONNECTING, Wish.STANDS, State.CONNECTED),
    (Input.CLIENT_LEFT, AUTO, FRONT, State.CONNECTED, Wish.STANDS, State.CLIENT_CLOSED),
    (Input.CLIENT_LEFT, AUTO, FRONT, State.CLIENT_CLOSED, Wish.NONE, None),
]


@pytest.mark.parametrize("cell", CELLS, ids=lambda cell: f"{cell[0].name}-{cell[1].name}-{cell[2].name}-{cell[3].name}")
def test_cell(cell: tuple[Input, Mode, AppState, State, Wish, State | Refusal | None]) -> None:
    """The table agrees with the contract's section 4."""
    on, mode, app, state, wish, expected = cell
    row = find_row(on, Situation(mode, app, state, wish))
    assert (row.refusal if isinstance(expected, Refusal) else row.to) is expected


@pytest.mark.parametrize("state", sorted(WANTED, key=lambda state: state.name))
def test_only_three_inputs_are_signs_of_life(state: State) -> None:
    """Entering the background, an accepted ping() and a connect() move the lease's deadline; nothing else does."""
    alive = set()
    for on, app in itertools.product(Input, AppState):
        for row in fitting(on, MANUAL, app, state, Wish.AWAITED):
            if row.life:
                alive.add(on)
    expected = {Input.ENTERED_BACKGROUND, Input.CONNECT_CALLED}
    if state is State.CONNECTED:
        expected.add(Input.PING_CALLED)
    assert alive == expected


def test_repeating_an_app_state_is_no_sign_of_life() -> None:
    """enter_background() in the background changes nothing, not even the deadline."""
    for state in State:
        row = find_row(Input.ENTERED_BACKGROUND, Situation(MANUAL, BACK, state, Wish.AWAITED))
        assert row.to is None
        assert not row.life
