"""Hypothesis strategies for scripts of lifecycle events, and for events and frames of every kind."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cometconn._arguments import checked
from cometconn._modules import needs_extra, public_names

with needs_extra(__name__, "testing"):
    from hypothesis import strategies as st

    from .event_strategies import events as events
    from .event_strategies import frames as frames

from .actions import (
    Action,
    CancelCall,
    CloseFromServer,
    CloseUnanswered,
    Connect,
    Dialling,
    Disconnect,
    Duplicate,
    EnterBackground,
    EnterForeground,
    ForgetTokens,
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
    RestAnswers,
    RestDelay,
    RetryNow,
    Silence,
    TokenAnswer,
    Upgrade,
    Wait,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from cometconn.settings import Timing

__all__ = ["actions", "episodes", "events", "frames", "rest_faults", "scripts", "situations", "waits"]

if not TYPE_CHECKING:  # otherwise a type checker would accept every name
    __getattr__, __dir__ = public_names(__name__, __all__)

_REST_STATUSES = (403, 408, 425, 429, 500, 503)
_REST_DELAYS = (0.0, 0.5, 4.1, 6.7, 12.3)  # seconds; no sum of them equals one of the client's bounds
_RETRY_AFTER = (None, 3, 20, 120, 400)  # seconds
_EDGE = 0.001  # seconds before and after a deadline
_CLOSE_CODES = (1000, 1001, 1008, 1011, 1012, 1013, 4001)


@checked
def waits(timing: Timing) -> st.SearchStrategy[Wait]:
    """Draw waits that end just before, at, and just after the deadlines that follow from *timing*."""
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


def rest_faults() -> st.SearchStrategy[Action]:
    """Draw faults of REST, and the actions that end them.

    The faults are a status (403, 408, 425, 429, 500, 503) with and without `Retry-After`, requests that hang, responses
    that are delayed (one delay is longer than the default `request_timeout`), and tokens that the server forgets.
    """
    late = st.sampled_from(_REST_DELAYS).map(RestDelay)
    return st.one_of(
        _rest_refusals(), late, st.sampled_from([RestAnswers("accept"), RestAnswers("hang"), ForgetTokens()])
    )


def _rest_refusals() -> st.SearchStrategy[Action]:
    return st.builds(RestAnswers, st.sampled_from(_REST_STATUSES), st.sampled_from(_RETRY_AFTER))


@checked
def actions(timing: Timing) -> st.SearchStrategy[Action]:
    """Draw one action. What applications do most often is drawn most often."""
    app = st.sampled_from(
        [Connect(), Connect(), Connect(retry=True), Disconnect(), Ping(), Ping(), RetryNow(), CancelCall()]
    )
    state = st.sampled_from([EnterBackground(), EnterBackground(), EnterForeground(), EnterForeground()])
    identity = st.sampled_from([Login(), Login(), Login("amy-2"), Logout(), Leave(), Reopen()])
    codes = st.sampled_from(_CLOSE_CODES)
    lost = st.one_of(codes.map(CloseFromServer), st.sampled_from([Reset(), Silence()]), codes.map(CloseUnanswered))
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
    return st.one_of(app, app, state, waits(timing), waits(timing), identity, lost, server, frames, rest_faults())


_HEALED = (
    Dialling("accept"),
    Upgrade("accept"),
    TokenAnswer("accept"),
    Pongs(answered=True),
    RestAnswers("accept"),
    RestDelay(0.0),
)
_UNREACHABLE = (Dialling("refuse"), Dialling("hang"), Upgrade(503), Upgrade("hang"), TokenAnswer("silent"))
_LOSSES = (Reset(), Silence(), CloseFromServer(1012), CloseFromServer(1011))


def situations() -> st.SearchStrategy[Sequence[Action]]:
    """Draw the actions that lead to one of four situations, whatever the script did before.

    The situations: unchanged; logged in and disconnected; connected in the foreground; connected in the background.
    """
    here = (*_HEALED, Reopen(), Login(), EnterForeground(), Disconnect(), Wait(2.0))
    return st.sampled_from([(), here, (*here, Connect()), (*here, Connect()), (*here, Connect(), EnterBackground())])


@checked
def episodes(timing: Timing) -> st.SearchStrategy[Sequence[Action]]:
    """Draw a few actions that belong together, in an order that independent draws would seldom produce."""
    return st.one_of(
        _of_attempts(timing), _of_losses(timing), _of_the_background(timing), _of_pings(timing), _of_rest(timing)
    )


def _of_attempts(timing: Timing) -> st.SearchStrategy[Sequence[Action]]:
    """Draw attempts that do not succeed, and what ends them."""
    wait, moods = waits(timing), st.sampled_from(_UNREACHABLE)
    connects = st.sampled_from([Connect(), Connect(retry=True)])
    ends = st.sampled_from(
        [CancelCall(), CancelCall(), Disconnect(), EnterBackground(), EnterForeground(), RetryNow(), Logout()]
    )
    unanswered = st.sampled_from([CloseUnanswered(), CloseUnanswered(1012), Wait(timing.connect_timeout)])
    again = st.sampled_from([Connect(retry=True), RetryNow(), Wait(timing.retry_cap / 2)])
    return st.one_of(
        st.tuples(moods, connects, ends),
        st.tuples(moods, connects, connects, ends, ends),
        st.tuples(moods, connects, wait, ends, wait),
        st.tuples(
            st.just(TokenAnswer("refuse")), connects, wait, st.sampled_from([EnterForeground(), Login(), Connect()])
        ),
        st.tuples(st.just(TokenAnswer("silent")), connects, *[unanswered, again] * 3, unanswered),
        st.just(_HEALED),
    )


def _of_losses(timing: Timing) -> st.SearchStrategy[Sequence[Action]]:
    """Draw lost connections, and what the application does meanwhile."""
    wait, moods, losses = waits(timing), st.sampled_from(_UNREACHABLE), st.sampled_from(_LOSSES)
    connects = st.sampled_from([Connect(), Connect(retry=True)])
    ends = st.sampled_from(
        [CancelCall(), CancelCall(), Disconnect(), EnterBackground(), EnterForeground(), RetryNow(), Logout()]
    )
    stable = st.sampled_from([timing.stable_after - _EDGE, timing.stable_after]).map(Wait)
    return st.one_of(
        st.tuples(moods, losses, connects, ends),
        st.tuples(moods, losses, wait, connects, ends),
        st.tuples(losses, wait, st.sampled_from([Ping(), RetryNow(), Connect()]), wait),
        st.tuples(moods, losses, st.just(RetryNow()), st.sampled_from([RetryNow(), Wait(1.0)]), st.just(RetryNow())),
        st.tuples(st.just(Reset()), st.just(RetryNow()), stable, st.just(Reset())),
        st.tuples(
            st.just(TokenAnswer("refuse")), losses, connects, wait, st.sampled_from([EnterForeground(), Login()])
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
    )


def _of_the_background(timing: Timing) -> st.SearchStrategy[Sequence[Action]]:
    """Draw time in the background, and what does or does not keep a connection alive there."""
    wait, losses, grace = waits(timing), st.sampled_from(_LOSSES), timing.background_grace
    part = grace / 3
    edge = st.sampled_from([grace - part - _EDGE, grace - part]).map(Wait)
    signs = st.sampled_from([Ping(), Connect(), Push(), LatePong(), EnterBackground(), EnterForeground()])
    asked = st.sampled_from([Ping(), Connect(), EnterForeground()])
    away = st.just(EnterBackground())
    return st.one_of(
        st.tuples(away, signs, wait, wait),
        st.tuples(away, st.just(Wait(part)), signs, edge, asked, st.just(Wait(part)), asked),
        st.tuples(away, st.just(Wait(grace)), asked, wait),
        st.tuples(away, losses, wait, st.sampled_from([Connect(), Ping(), EnterForeground(), RetryNow()]), wait),
        st.tuples(st.just(Disconnect()), away, st.just(EnterForeground()), wait),
        st.tuples(away, st.sampled_from([Disconnect(), Login(), Logout()]), st.just(EnterForeground())),
    )


def _of_pings(timing: Timing) -> st.SearchStrategy[Sequence[Action]]:
    """Draw pings that are answered late or never."""
    wait, mute, spoken = waits(timing), st.just(Pongs(answered=False)), st.just(Pongs(answered=True))
    ping = st.just(Ping())
    almost = Wait(timing.pong_timeout - _EDGE)
    return st.one_of(
        st.tuples(mute, ping, wait, st.sampled_from([Push(), Pongs(answered=True)])),
        st.tuples(mute, wait, ping, spoken, ping),
        st.tuples(mute, ping, wait, ping, wait),
        st.tuples(
            mute, ping, st.sampled_from([*_LOSSES, Disconnect(), Logout(), EnterBackground(), CancelCall()]), wait
        ),
        st.just((Pongs(answered=False), Ping(), Push(), almost, Ping(), Wait(_EDGE), LatePong())),
    )


def _of_rest(timing: Timing) -> st.SearchStrategy[Sequence[Action]]:
    """Draw refused and unknown tokens, logins and logouts, each while REST has faults."""
    wait, losses, fault = waits(timing), st.sampled_from(_LOSSES), rest_faults()
    refused, unknown = st.just(TokenAnswer("refuse")), st.just(ForgetTokens())
    connects = st.sampled_from([Connect(), Connect(retry=True)])
    floor = st.sampled_from([3.0, 20.0 - _EDGE, 20.0, 120.0]).map(Wait)
    meanwhile = st.sampled_from(
        [RetryNow(), Connect(), CancelCall(), Disconnect(), EnterBackground(), EnterForeground(), Logout(), Login()]
    )
    healed = st.sampled_from([RestAnswers("accept"), RestDelay(0.0), TokenAnswer("accept")])
    renewals = st.sampled_from([(Reset(), RetryNow()), (Disconnect(), Connect()), (Disconnect(), Connect(retry=True))])
    renewed = st.tuples(refused, _rest_refusals(), renewals, meanwhile, floor, meanwhile).map(_flat)
    # login() with a saved session keeps the auth key until the server has accepted the token: forget it before and after.
    reopened = (Leave(), Dialling("hang"), Reopen(), EnterForeground(), Login(), Dialling("accept"), Disconnect())
    forgotten = (ForgetTokens(), Reset(), RetryNow())
    kept = st.sampled_from([(*reopened, Connect(), *forgotten), (*reopened, ForgetTokens())])
    keyed = st.tuples(kept, fault, connects, wait, meanwhile, wait).map(_flat)
    return st.one_of(
        renewed,
        keyed,
        st.tuples(refused, fault, losses, wait, meanwhile, wait),
        st.tuples(refused, fault, fault, losses, wait, healed, floor, meanwhile),
        st.tuples(refused, fault, st.just(Disconnect()), connects, meanwhile, wait, healed),
        st.tuples(unknown, fault, losses, wait, meanwhile, wait),
        st.tuples(fault, st.sampled_from([Login("amy-2"), Login(), Logout()]), wait, meanwhile, wait, st.just(Login())),
        st.tuples(
            st.just(TokenAnswer("silent")),
            fault,
            connects,
            *[st.sampled_from([CloseUnanswered(), RetryNow()]), wait] * 3,
        ),
    )


def _flat(parts: tuple[Action | tuple[Action, ...], ...]) -> Sequence[Action]:
    return [action for part in parts for action in (part if isinstance(part, tuple) else (part,))]


@checked
def scripts(timing: Timing, *, most: int = 24) -> st.SearchStrategy[Sequence[Action]]:
    """Draw scripts of lifecycle events for `run_script()`.

    Most begin with a login, because little can happen without one. All lengths are equally likely, because Hypothesis
    by itself would draw mostly short scripts.

    Args:
        timing: the client's timing; waits are chosen around its deadlines.
        most: the most items after the login. An item is a single action or an episode of a few.
    """
    beginnings = st.sampled_from([(Login(),), (Login(),), (Login(), Connect()), (Login(), Connect()), ()])
    single = actions(timing).map(lambda action: (action,))
    staged = st.builds(lambda before, then: (*before, *then), situations(), episodes(timing))
    happenings = st.one_of(single, staged, staged)
    rest = st.integers(1, most).flatmap(lambda size: st.lists(happenings, min_size=size, max_size=size))
    return st.builds(lambda first, then: [*first, *(action for few in then for action in few)], beginnings, rest)
