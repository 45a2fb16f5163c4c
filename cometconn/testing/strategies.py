"""Hypothesis strategies for what can happen to a connection."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hypothesis import strategies as st

from .actions import (
    Action,
    CancelCall,
    CloseFromServer,
    Connect,
    Dialling,
    Disconnect,
    Duplicate,
    EnterBackground,
    EnterForeground,
    Garbage,
    LatePong,
    Leave,
    Login,
    Logout,
    Ping,
    Pongs,
    Push,
    Reopen,
    Reordered,
    Reset,
    RetryNow,
    Silence,
    TokenAnswer,
    Upgrade,
    Wait,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from cometconn.settings import Timing

__all__ = ["actions", "episodes", "scripts", "waits"]

_EDGE = 0.001  # seconds before and behind a moment at which something is due
_CLOSE_CODES = (1000, 1001, 1008, 1011, 1012, 1013, 4001)


def waits(timing: Timing) -> st.SearchStrategy[Wait]:
    """Draw waits that end just before, at, and just behind what *timing* makes due."""
    due = {
        timing.background_grace,
        timing.background_grace * 2 / 3,
        timing.keepalive_interval,
        timing.pong_timeout,
        timing.pong_timeout / 2,
        timing.connect_timeout,
        timing.retry_base / 2,
        timing.retry_cap / 2,
        timing.stable_after,
        timing.close_timeout,
        1.0,
    }
    moments = sorted({round(max(0.0, moment + edge), 6) for moment in due for edge in (-_EDGE, 0.0, _EDGE)})
    return st.sampled_from(moments).map(Wait)


def actions(timing: Timing) -> st.SearchStrategy[Action]:
    """Draw one action; what applications do most comes most often."""
    app = st.sampled_from(
        [Connect(), Connect(), Connect(retry=True), Disconnect(), Ping(), Ping(), RetryNow(), CancelCall()]
    )
    state = st.sampled_from([EnterBackground(), EnterBackground(), EnterForeground(), EnterForeground()])
    identity = st.sampled_from([Login(), Login(), Login("amy-2"), Logout(), Leave(), Reopen()])
    lost = st.one_of(st.sampled_from(_CLOSE_CODES).map(CloseFromServer), st.sampled_from([Reset(), Silence()]))
    server = st.sampled_from(
        [
            Dialling("accept"),
            Dialling("refuse"),
            Dialling("hang"),
            Upgrade("accept"),
            Upgrade(503),
            Upgrade("hang"),
            TokenAnswer("accept"),
            TokenAnswer("refuse"),
            TokenAnswer("silent"),
            Pongs(answered=True),
            Pongs(answered=False),
        ]
    )
    frames = st.sampled_from([Push(), Push(), Duplicate(), Reordered(), Garbage(), LatePong()])
    return st.one_of(app, app, state, waits(timing), waits(timing), identity, lost, server, frames)


def episodes(timing: Timing) -> st.SearchStrategy[Sequence[Action]]:
    """Draw a few actions that belong together: what random ones would seldom line up."""
    wait = waits(timing)
    moods = st.sampled_from(
        [Dialling("refuse"), Dialling("hang"), Upgrade(503), Upgrade("hang"), TokenAnswer("silent")]
    )
    connects = st.sampled_from([Connect(), Connect(retry=True)])
    ends = st.sampled_from([CancelCall(), Disconnect(), EnterBackground(), EnterForeground(), RetryNow(), Logout()])
    losses = st.sampled_from([Reset(), Silence(), CloseFromServer(1012), CloseFromServer(1011)])
    healed = [Dialling("accept"), Upgrade("accept"), TokenAnswer("accept"), Pongs(answered=True)]
    return st.one_of(
        st.tuples(moods, connects, ends),
        st.tuples(moods, connects, wait, ends, wait),
        st.tuples(moods, losses, wait, connects, ends),
        st.tuples(losses, wait, st.sampled_from([Ping(), RetryNow(), Connect()]), wait),
        st.tuples(moods, losses, st.just(RetryNow()), st.sampled_from([RetryNow(), Wait(1.0)]), st.just(RetryNow())),
        st.tuples(st.just(EnterBackground()), st.sampled_from([Ping(), Connect(), Push(), Wait(1.0)]), wait, wait),
        st.tuples(st.just(EnterBackground()), st.just(Wait(timing.background_grace)), connects, wait),
        st.tuples(
            st.just(TokenAnswer("refuse")), losses, connects, wait, st.sampled_from([EnterForeground(), Login()])
        ),
        st.tuples(
            st.just(Pongs(answered=False)), st.just(Ping()), wait, st.sampled_from([Push(), Pongs(answered=True)])
        ),
        st.tuples(
            st.just(Pongs(answered=False)), wait, st.just(Ping()), st.just(Pongs(answered=True)), st.just(Ping())
        ),
        st.tuples(st.just(Pongs(answered=False)), st.just(Ping()), wait, st.just(Ping()), wait),
        st.just(
            [Pongs(answered=False), Ping(), Push(), Wait(timing.pong_timeout - _EDGE), Ping(), Wait(_EDGE), LatePong()]
        ),
        st.tuples(st.just(Push()), losses, st.just(Wait(timing.retry_cap)), st.sampled_from([Duplicate(), Push()])),
        st.tuples(
            st.just(Push()),
            st.sampled_from([Logout(), Login("amy-2")]),
            st.just(Login()),
            connects,
            st.just(Duplicate()),
        ),
        st.tuples(st.just(Silence()), st.sampled_from([Disconnect(), Logout(), EnterBackground()]), connects, wait),
        st.tuples(
            st.sampled_from([Leave(), Disconnect(), Logout()]), wait, st.just(Reopen()), st.just(Login()), connects
        ),
        st.just(healed),
    )


def scripts(timing: Timing, *, most: int = 14) -> st.SearchStrategy[Sequence[Action]]:
    """Draw scripts of lifecycle events for `run_script`.

    Most begin with a login, because little happens without one.

    Args:
        timing: the client's; waits are chosen around its deadlines.
        most: how many times something happens after that: single actions, and episodes of a few.
    """
    beginnings = st.sampled_from([[Login()], [Login()], [Login(), Connect()], [Login(), Connect()], []])
    single = actions(timing).map(lambda action: (action,))
    rest = st.lists(single | single | episodes(timing), min_size=2, max_size=most)
    return st.builds(lambda first, then: [*first, *(action for few in then for action in few)], beginnings, rest)
