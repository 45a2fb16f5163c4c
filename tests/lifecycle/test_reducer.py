"""From one `Lifecycle` to the next."""

from __future__ import annotations

import itertools
import math

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cometconn._lifecycle.reducer import InputDetails, Lifecycle, after_sleep, begin, due, link_endings, reduce
from cometconn._lifecycle.states import WANTED, IllegalInputError, Input, Mode, Refusal, State, Waiter, Wish
from cometconn.errors import CometConnError
from cometconn.settings import Timing
from cometconn.status import AppState, Connected, Connecting, Disconnected, Reason, Waiting


@attrs.frozen(eq=False)
class Call:
    """A call of `connect()` that waits."""

    patient: bool


PATIENT, IMPATIENT = InputDetails(waiter=Call(patient=True)), InputDetails(waiter=Call(patient=False))
TIMING = Timing()


def run(mode: Mode, *steps: tuple[float, Input] | tuple[float, Input, InputDetails]) -> Lifecycle:
    """A life from its beginning at 0 through *steps*."""
    life = begin(mode, TIMING, 0.0)
    for now, on, *with_ in steps:
        life = reduce(life, on, now, *with_)
    return life


AUTO_CONNECTED = ((0.0, Input.LOGGED_IN), (1.0, Input.AUTHENTICATED))
MANUAL_CONNECTED = ((0.0, Input.LOGGED_IN), (0.5, Input.CONNECT_CALLED), (1.0, Input.AUTHENTICATED))


def test_a_life_begins_logged_out_in_the_foreground() -> None:
    """No user is logged in, and nothing is due."""
    life = begin(Mode.AUTO, TIMING, 5.0)
    assert life.status == Disconnected(Reason.NOT_LOGGED_IN, at=5.0)
    assert life.app is AppState.FOREGROUND
    assert due(life)[0] == math.inf


def test_the_status_has_what_happened_and_when() -> None:
    """Login, authentication, loss and retry each show in the status, with their time."""
    cause = CometConnError("gone")
    life = run(Mode.AUTO, (2.0, Input.LOGGED_IN))
    assert life.status == Connecting(1, at=2.0)
    life = reduce(life, Input.AUTHENTICATED, 3.0)
    assert life.status == Connected(1, at=3.0)
    life = reduce(life, Input.LINK_LOST, 4.0, InputDetails(cause=cause, jitter=0.5))
    assert life.status == Waiting(2, 5.0, cause=cause, at=4.0)
    assert due(life) == (5.0, Input.RETRY_DUE)
    life = reduce(life, Input.RETRY_DUE, 5.0)
    assert life.status == Connecting(2, at=5.0)


def test_backoff_starts_over_after_a_stable_connection_only() -> None:
    """Ten seconds of being connected reset attempt and backoff; a socket that merely opened does not."""
    life = run(Mode.AUTO, (0.0, Input.LOGGED_IN), (0.0, Input.ATTEMPT_FAILED), (1.0, Input.RETRY_DUE))
    life = reduce(life, Input.AUTHENTICATED, 1.0)
    short = reduce(life, Input.LINK_LOST, 10.999, InputDetails(jitter=1.0))
    assert short.status == Waiting(3, 14.999, at=10.999)
    stable = reduce(life, Input.LINK_LOST, 11.0, InputDetails(jitter=1.0))
    assert stable.status == Waiting(1, 13.0, at=11.0)


def test_a_new_lease_starts_at_once_and_from_one() -> None:
    """Coming to the foreground leaves no backoff over."""
    life = run(Mode.AUTO, (0.0, Input.LOGGED_IN), (0.0, Input.ATTEMPT_FAILED), (0.0, Input.RETRY_DUE))
    life = reduce(life, Input.ATTEMPT_FAILED, 0.0)
    life = reduce(reduce(life, Input.ENTERED_BACKGROUND, 1.0), Input.ENTERED_FOREGROUND, 2.0)
    assert life.status == Connecting(1, at=2.0)
    assert life.retries == 0


def test_the_attempt_has_a_budget_and_a_renewal_has_one_more() -> None:
    """connect_timeout counts from the beginning of the attempt, and once more from the renewal."""
    life = run(Mode.AUTO, (1.0, Input.LOGGED_IN))
    assert due(life) == (11.0, Input.ATTEMPT_FAILED)
    assert due(reduce(life, Input.RENEWAL_BEGAN, 4.0)) == (14.0, Input.ATTEMPT_FAILED)


def test_signs_of_life_move_the_deadline() -> None:
    """In the background the lease ends 30 s after entering it, after a ping(), after a connect()."""
    life = run(Mode.MANUAL, *MANUAL_CONNECTED)
    assert life.lease_deadline == math.inf
    life = reduce(life, Input.ENTERED_BACKGROUND, 10.0)
    assert due(life) == (40.0, Input.DEADLINE_REACHED)
    life = reduce(life, Input.ENTERED_BACKGROUND, 20.0)
    assert life.lease_deadline == 40.0
    life = reduce(life, Input.PING_CALLED, 39.0)
    assert life.lease_deadline == 69.0
    life = reduce(life, Input.DEADLINE_REACHED, 69.0)
    assert life.status == Disconnected(Reason.BACKGROUND_TIMEOUT, at=69.0)
    life = reduce(life, Input.CONNECT_CALLED, 100.0)
    assert life.lease_deadline == 130.0


def test_the_end_of_the_lease_counts_before_the_end_of_the_attempt() -> None:
    """At one instant the deadline wins over the attempt's end and over the retry."""
    timing = Timing(background_grace=10.0, connect_timeout=10.0)
    life = begin(Mode.MANUAL, timing, 0.0)
    for on in (Input.LOGGED_IN, Input.ENTERED_BACKGROUND, Input.CONNECT_CALLED):
        life = reduce(life, on, 0.0)
    assert due(life) == (10.0, Input.DEADLINE_REACHED)
    waiting = reduce(
        attrs.evolve(life, waiting=(Call(patient=True),)), Input.ATTEMPT_FAILED, 0.0, InputDetails(retry_after=10.0)
    )
    assert due(waiting) == (10.0, Input.DEADLINE_REACHED)


def test_a_manual_wish_ends_with_the_last_call_that_waits() -> None:
    """A wish that has been connected does not: it stands by itself."""
    calls = (0.0, Input.CONNECT_CALLED, IMPATIENT), (0.0, Input.CONNECT_CALLED, PATIENT)
    life = run(Mode.MANUAL, (0.0, Input.LOGGED_IN), *calls)
    assert (life.waiting, life.wish) == ((IMPATIENT.waiter, PATIENT.waiter), Wish.AWAITED)
    failed = reduce(life, Input.ATTEMPT_FAILED, 1.0)
    assert (failed.state, failed.waiting) == (State.WAITING, (PATIENT.waiter,))
    assert reduce(failed, Input.CALLER_LEFT, 1.0, PATIENT).state is State.NOT_REQUESTED
    one_left = reduce(life, Input.CALLER_LEFT, 1.0, PATIENT)
    assert one_left.state is State.CONNECTING
    assert reduce(one_left, Input.ATTEMPT_FAILED, 1.0).state is State.CONNECT_FAILED
    assert reduce(one_left, Input.CALLER_LEFT, 1.0, IMPATIENT).state is State.NOT_REQUESTED
    stands = reduce(run(Mode.MANUAL, *MANUAL_CONNECTED), Input.LINK_LOST, 2.0)
    joined = reduce(stands, Input.CONNECT_CALLED, 3.0, IMPATIENT)
    assert joined.wish is Wish.AWAITED
    assert reduce(joined, Input.CALLER_LEFT, 4.0, IMPATIENT).state is State.CONNECTING


def test_in_auto_mode_every_wish_stands() -> None:
    """A failed or cancelled connect() does not stop the library."""
    life = run(Mode.AUTO, (0.0, Input.LOGGED_IN), (0.0, Input.CONNECT_CALLED, IMPATIENT))
    assert reduce(life, Input.ATTEMPT_FAILED, 1.0).state is State.WAITING
    assert reduce(life, Input.CALLER_LEFT, 1.0, IMPATIENT).state is State.CONNECTING


def test_refusals_change_nothing() -> None:
    """A refused call leaves all but the note of the refusal as it was."""
    before = run(Mode.MANUAL, (0.0, Input.LOGGED_IN))
    after = reduce(before, Input.PING_CALLED, 1.0)
    assert after.refusal is Refusal.NOT_CONNECTED
    assert attrs.evolve(after, refusal=None) == before
    assert reduce(after, Input.CONNECT_CALLED, 1.0).refusal is None


def test_retry_now_cuts_a_wait_short_once_a_second() -> None:
    """The second shortcut within a second does nothing, and none overrides a Retry-After."""
    life = run(Mode.AUTO, (0.0, Input.LOGGED_IN), (0.0, Input.ATTEMPT_FAILED, InputDetails(jitter=1.0)))
    life = reduce(life, Input.RETRY_NOW, 0.5)
    assert life.state is State.CONNECTING
    life = reduce(life, Input.ATTEMPT_FAILED, 0.6, InputDetails(jitter=1.0))
    assert reduce(life, Input.RETRY_NOW, 1.4).state is State.WAITING
    assert reduce(life, Input.RETRY_NOW, 1.5).state is State.CONNECTING
    asked = reduce(reduce(life, Input.RETRY_NOW, 1.5), Input.ATTEMPT_FAILED, 2.0, InputDetails(retry_after=60.0))
    assert reduce(asked, Input.RETRY_NOW, 61.9).state is State.WAITING
    assert reduce(asked, Input.CONNECT_CALLED, 3.0).state is State.CONNECTING


def test_an_announced_restart_widens_one_window_and_counts_on() -> None:
    """It is 8 s once; then the doubling goes on as if it had not been."""
    life = run(Mode.AUTO, *AUTO_CONNECTED)
    life = reduce(life, Input.LINK_LOST, 2.0, InputDetails(restarting=True, jitter=1.0))
    assert life.retry_at == 10.0
    life = reduce(reduce(life, Input.RETRY_DUE, 10.0), Input.ATTEMPT_FAILED, 10.0, InputDetails(jitter=1.0))
    assert life.retry_at == 14.0


def test_a_closed_client_stays_as_it_is() -> None:
    """After the end app states change nothing."""
    closed = run(Mode.AUTO, (0.0, Input.LOGGED_IN), (1.0, Input.CLIENT_LEFT))
    assert closed.status == Disconnected(Reason.CLIENT_CLOSED, at=1.0)
    for on in (Input.ENTERED_BACKGROUND, Input.ENTERED_FOREGROUND, Input.RETRY_NOW, Input.CLIENT_LEFT):
        assert attrs.evolve(reduce(closed, on, 2.0), refusal=None) == closed


def test_an_illegal_input_raises_and_changes_nothing() -> None:
    """A frozen life cannot be half changed; the error names the input."""
    life = begin(Mode.AUTO, TIMING, 0.0)
    with pytest.raises(IllegalInputError, match="AUTHENTICATED"):
        reduce(life, Input.AUTHENTICATED, 1.0)


@given(
    st.sampled_from(list(Mode)),
    st.lists(st.tuples(st.floats(0, 40), st.sampled_from(list(Input)), st.booleans(), st.floats(0, 1)), max_size=60),
)
def test_whatever_happens_a_life_stays_sound(mode: Mode, script: list[tuple[float, Input, bool, float]]) -> None:
    """After any legal script: wanted states have a lease and something due, the others nothing."""
    life, now = begin(mode, TIMING, 0.0), 0.0
    for wait, on, patient, jitter in script:
        now += wait
        waiter: Waiter | None = Call(patient=patient)
        if on is Input.CALLER_LEFT:
            waiter = next((call for call in life.waiting if call.patient is patient), None)
            if waiter is None:
                continue
        try:
            life = reduce(life, on, now, InputDetails(waiter=waiter, jitter=jitter))
        except IllegalInputError:
            continue
        moment, _ = due(life)
        if life.state in WANTED:
            assert life.lease_deadline > -math.inf
            assert life.state is State.CONNECTED or moment < math.inf
        else:
            assert moment == math.inf
            assert (life.waiting, life.stands) == ((), False)
            assert isinstance(life.status, Disconnected)
        if mode is Mode.AUTO:
            assert not (life.app is AppState.BACKGROUND and life.state in WANTED)


@pytest.mark.parametrize("on", Input)
def test_what_ends_a_connection_that_is_whole(on: Input) -> None:
    """`link_endings()` is known before the step and agrees with it; a loss does not count, because the connection is not whole then."""
    waiting: list[tuple[Waiter, ...]] = [(), (Call(patient=True),), (Call(patient=False),)]
    lives = itertools.product(Mode, AppState, (True, False), waiting, State)
    ends = False
    for mode, app, stands, calls, state in lives:
        life = attrs.evolve(begin(mode, TIMING, 0.0), app=app, state=state, stands=stands, waiting=calls)
        try:
            after = reduce(life, on, 1.0, PATIENT)
        except IllegalInputError:
            continue
        whole = state is State.CONNECTED and on is not Input.LINK_LOST
        ends_link = on in link_endings(life)
        assert ends_link == (whole and after.state not in {State.CONNECTED, State.CONNECTING})
        ends = ends or ends_link
    assert ends == (on in _ENDINGS)


_ENDINGS = {
    Input.LOGGED_OUT,
    Input.DISCONNECT_CALLED,
    Input.ENTERED_BACKGROUND,
    Input.DEADLINE_REACHED,
    Input.CLIENT_LEFT,
}


def test_situations_are_hashable_products() -> None:
    """Modes, app states and wishes are small enough to search in full."""
    assert len(list(itertools.product(Mode, AppState, State, Wish))) == 156


def test_sleep_moves_everything_into_the_past() -> None:
    """What was due while the machine slept is due now; the state itself stays."""
    life = run(
        Mode.MANUAL,
        (0.0, Input.LOGGED_IN),
        (0.0, Input.CONNECT_CALLED),
        (0.0, Input.AUTHENTICATED),
        (10.0, Input.ENTERED_BACKGROUND),
    )
    assert due(life) == (40.0, Input.DEADLINE_REACHED)
    later = after_sleep(life, 25.0)
    assert due(later) == (15.0, Input.DEADLINE_REACHED)
    assert (later.state, later.status) == (life.state, life.status)
