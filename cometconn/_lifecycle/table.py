"""Every transition of the connection, as one literal table.

Each row names the rule it comes from (`P5`: a line of CometChat's page; `4 login`: a decision of this library where the
page is silent). The manual's page about the lifecycle has the rules in words. Nothing here depends on time: deadlines,
retries and silence arrive as inputs.

A row applies if its input, mode, app state, state and wish all match; what is left out matches everything. Exactly one
row matches each legal situation. Where none does, the input is illegal and raises `IllegalInputError`.
"""

from __future__ import annotations

import functools
import itertools
from typing import TYPE_CHECKING, NamedTuple

import attrs

from cometconn.status import AppState

from .states import HEADING, OUT, RESTING, WANTED, IllegalInputError, Input, Mode, Refusal, State, Wish

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

__all__ = ["TRANSITIONS", "Row", "Situation", "find_row", "rows_in"]

_AUTO, _MANUAL = Mode.AUTO, Mode.MANUAL
_FRONT, _BACK = AppState.FOREGROUND, AppState.BACKGROUND
_LEFT = frozenset({State.CLIENT_CLOSED})
_ALL = frozenset(State)
_CONNECTED = frozenset({State.CONNECTED})
_CONNECTING = frozenset({State.CONNECTING})
_LIFTABLE = frozenset({State.AUTHENTICATION_FAILED, State.DISCONNECT_CALLED})


def _only(*states: State) -> frozenset[State]:
    return frozenset(states)


@attrs.frozen
class Row:
    """One transition.

    Attributes:
        on: the input.
        given: the states it applies to.
        to: the next state; `None` when the state stays.
        rule: where it comes from.
        mode, app, wish: further conditions; `None` matches everything. `app` is the app state before the input.
        life: whether the input is a sign of life of the app (it moves the lease's deadline).
        refusal: why the call is refused, if it is; then the state stays.
    """

    on: Input
    given: frozenset[State]
    to: State | None
    rule: str
    mode: Mode | None = attrs.field(default=None, kw_only=True)
    app: AppState | None = attrs.field(default=None, kw_only=True)
    wish: frozenset[Wish] | None = attrs.field(default=None, kw_only=True)
    life: bool = attrs.field(default=False, kw_only=True)
    refusal: Refusal | None = attrs.field(default=None, kw_only=True)


# fmt: off
TRANSITIONS: tuple[Row, ...] = (
    # Login and logout.
    Row(Input.LOGGED_IN, OUT, State.CONNECTING, "P1 P2 P3, 4 login", mode=_AUTO, app=_FRONT),
    Row(Input.LOGGED_IN, OUT, State.IN_BACKGROUND, "4 login", mode=_AUTO, app=_BACK),
    Row(Input.LOGGED_IN, OUT, State.NOT_REQUESTED, "P7, 4 login", mode=_MANUAL),
    Row(Input.LOGGED_IN_AGAIN, _LIFTABLE, State.CONNECTING, "10 refused token", mode=_AUTO, app=_FRONT),
    Row(Input.LOGGED_IN_AGAIN, _LIFTABLE, State.IN_BACKGROUND, "10 refused token", mode=_AUTO, app=_BACK),
    Row(Input.LOGGED_IN_AGAIN, _LIFTABLE, State.NOT_REQUESTED, "10 refused token", mode=_MANUAL),
    Row(Input.LOGGED_IN_AGAIN, (RESTING | WANTED) - _LIFTABLE, None, "10 refused token"),
    Row(Input.LOGGED_OUT, RESTING | WANTED, State.LOGGED_OUT, "4 logout"),

    # Calls of connect(), disconnect() and ping().
    Row(Input.CONNECT_CALLED, OUT, None, "P14, 4 connect not logged in", refusal=Refusal.NOT_LOGGED_IN),
    Row(Input.CONNECT_CALLED, _CONNECTED, None, "4 connect connected", life=True),
    Row(Input.CONNECT_CALLED, _CONNECTING, None, "4 connect under way", life=True),
    Row(Input.CONNECT_CALLED, _only(State.WAITING), State.CONNECTING, "4 connect waiting", life=True),
    Row(Input.CONNECT_CALLED, RESTING, State.CONNECTING, "4 connect disconnected", mode=_AUTO, app=_FRONT),
    Row(Input.CONNECT_CALLED, RESTING, None, "4 connect disconnected", mode=_AUTO, app=_BACK,
        refusal=Refusal.IN_BACKGROUND),
    Row(Input.CONNECT_CALLED, RESTING, State.CONNECTING, "P7 P13, 4 connect disconnected", mode=_MANUAL, life=True),
    Row(Input.CONNECT_CALLED, _LEFT, None, "4 leaving", refusal=Refusal.NOT_CONNECTED),
    Row(Input.CALLER_LEFT, HEADING, None, "4 connect cancelled", mode=_AUTO),
    Row(Input.CALLER_LEFT, HEADING, State.NOT_REQUESTED, "4 connect cancelled", mode=_MANUAL, wish=frozenset({Wish.NONE})),
    Row(Input.CALLER_LEFT, HEADING, None, "4 connect cancelled", mode=_MANUAL, wish=frozenset({Wish.AWAITED, Wish.STANDS})),
    Row(Input.DISCONNECT_CALLED, WANTED, State.DISCONNECT_CALLED, "P7 P13, 4 disconnect"),
    Row(Input.DISCONNECT_CALLED, _only(State.IN_BACKGROUND), State.DISCONNECT_CALLED, "10 reasons", mode=_AUTO),
    Row(Input.DISCONNECT_CALLED, RESTING - {State.IN_BACKGROUND}, None, "10 reasons", mode=_AUTO),
    Row(Input.DISCONNECT_CALLED, RESTING, None, "4 disconnect", mode=_MANUAL),
    Row(Input.DISCONNECT_CALLED, OUT | _LEFT, None, "4 not logged in, left"),
    Row(Input.PING_CALLED, _CONNECTED, None, "P9 P10 P18, 4 ping connected", life=True),
    Row(Input.PING_CALLED, _ALL - _CONNECTED, None, "4 ping not connected", refusal=Refusal.NOT_CONNECTED),

    # The app state.
    Row(Input.ENTERED_BACKGROUND, _ALL, None, "4 repeating an app state", app=_BACK),
    Row(Input.ENTERED_BACKGROUND, WANTED, State.IN_BACKGROUND, "P5, 4 background", mode=_AUTO, app=_FRONT),
    Row(Input.ENTERED_BACKGROUND, _CONNECTED, None, "P8, 4 background", mode=_MANUAL, app=_FRONT, life=True),
    Row(Input.ENTERED_BACKGROUND, HEADING, None, "4 background", mode=_MANUAL, app=_FRONT,
        wish=frozenset({Wish.AWAITED}), life=True),
    Row(Input.ENTERED_BACKGROUND, HEADING, State.LOST_IN_BACKGROUND, "4 background", mode=_MANUAL, app=_FRONT,
        wish=frozenset({Wish.STANDS})),
    Row(Input.ENTERED_BACKGROUND, RESTING | OUT | _LEFT, None, "P13, 4 disconnect", app=_FRONT),
    Row(Input.ENTERED_FOREGROUND, _only(State.IN_BACKGROUND), State.CONNECTING, "P4, 4 foreground", mode=_AUTO),
    Row(Input.ENTERED_FOREGROUND, _ALL - {State.IN_BACKGROUND}, None, "4 foreground", mode=_AUTO),
    Row(Input.ENTERED_FOREGROUND, _ALL, None, "P13, 4 foreground", mode=_MANUAL),
    Row(Input.RETRY_NOW, _only(State.WAITING), State.CONNECTING, "3 retry_now"),
    Row(Input.RETRY_NOW, _ALL - {State.WAITING}, None, "3 retry_now"),

    # Attempts and sockets.
    Row(Input.AUTHENTICATED, _CONNECTING, State.CONNECTED, "P15, 4 connected means authenticated"),
    Row(Input.RENEWAL_BEGAN, _CONNECTING, None, "4 server refuses the token"),
    Row(Input.ATTEMPT_FAILED, _CONNECTING, State.WAITING, "4 attempt fails", mode=_AUTO),
    Row(Input.ATTEMPT_FAILED, _CONNECTING, State.WAITING, "4 attempt fails", mode=_MANUAL,
        wish=frozenset({Wish.AWAITED, Wish.STANDS})),
    Row(Input.ATTEMPT_FAILED, _CONNECTING, State.CONNECT_FAILED, "4 attempt fails", mode=_MANUAL,
        wish=frozenset({Wish.NONE})),
    Row(Input.TOKEN_REFUSED, _CONNECTING, State.AUTHENTICATION_FAILED, "4 server refuses the token"),
    Row(Input.LINK_LOST, _CONNECTED, State.WAITING, "P6 P12, 4 lost in foreground", app=_FRONT),
    Row(Input.LINK_LOST, _CONNECTED, State.LOST_IN_BACKGROUND, "P13, 4 lost in background", mode=_MANUAL, app=_BACK),

    # Time.
    Row(Input.DEADLINE_REACHED, WANTED, State.BACKGROUND_TIMEOUT, "P8, 4 deadline", mode=_MANUAL, app=_BACK),
    Row(Input.RETRY_DUE, _only(State.WAITING), State.CONNECTING, "P6 P12, 4 lost in foreground"),

    # The end.
    Row(Input.CLIENT_LEFT, _ALL - _LEFT, State.CLIENT_CLOSED, "4 leaving"),
    Row(Input.CLIENT_LEFT, _LEFT, None, "4 leaving"),
)
# fmt: on


class Situation(NamedTuple):
    """All that a transition may depend on."""

    mode: Mode
    app: AppState
    state: State
    wish: Wish


def _situations(row: Row) -> Iterator[tuple[Input, Situation]]:
    modes = list(Mode) if row.mode is None else [row.mode]
    apps = list(AppState) if row.app is None else [row.app]
    wishes = list(Wish) if row.wish is None else list(row.wish)
    for mode, app, state, wish in itertools.product(modes, apps, row.given, wishes):
        yield row.on, Situation(mode, app, state, wish)


@functools.cache
def _rows() -> Mapping[tuple[Input, Situation], Row]:
    return {key: row for row in TRANSITIONS for key in _situations(row)}


def find_row(on: Input, situation: Situation) -> Row:
    """Return the one row for *on* in *situation*; `IllegalInputError` where there is none."""
    try:
        return _rows()[on, situation]
    except KeyError:
        message = f"{on.name} cannot happen in {situation}"
        raise IllegalInputError(message) from None


def rows_in(situation: Situation) -> list[Row]:
    """Return the rows of all inputs that can happen in *situation*."""
    return [row for (_, each), row in _rows().items() if each == situation]
