"""Calls of `connect()` that wait for the outcome."""

from __future__ import annotations

import attrs
import pytest

from cometconn import AppState, Reason, Timing
from cometconn._connection.connect_waiters import ConnectWaiter, finish_waiters
from cometconn._lifecycle.reducer import InputDetails, Lifecycle, begin, reduce
from cometconn._lifecycle.states import Input, Mode


def connecting(*waiters: ConnectWaiter) -> Lifecycle:
    """A life in manual mode in which these wait for the attempt under way."""
    life = reduce(begin(Mode.MANUAL, Timing(), 0.0), Input.LOGGED_IN, 0.0)
    for waiter in waiters:
        life = reduce(life, Input.CONNECT_CALLED, 0.0, InputDetails(waiter=waiter))
    assert life.waiting == waiters
    return life


def after(before: Lifecycle, on: Input, cause: Exception | None = None) -> Lifecycle:
    """The life after *on*, with outcomes given."""
    life = reduce(before, on, 1.0)
    finish_waiters(before, life, cause)
    return life


def test_success_is_the_outcome_of_all() -> None:
    """A connection ends the waits of all calls without an error, with retry=True or not, and none is left."""
    both = ConnectWaiter(patient=True), ConnectWaiter(patient=False)
    life = after(connecting(*both), Input.AUTHENTICATED)
    assert all(waiter.done.is_set() and waiter.error is None for waiter in both)
    assert life.waiting == ()


def test_a_failed_attempt_ends_the_wait_of_the_impatient() -> None:
    """A call with retry=True waits on, until the wish ends."""
    patient, impatient = ConnectWaiter(patient=True), ConnectWaiter(patient=False)
    life = after(connecting(patient, impatient), Input.ATTEMPT_FAILED, OSError("x"))
    assert impatient.error is not None
    assert impatient.error.reason is Reason.CONNECT_FAILED
    assert isinstance(impatient.error.__cause__, OSError)
    assert not patient.done.is_set()
    life = after(life, Input.LOGGED_OUT)
    assert patient.error is not None
    assert patient.error.reason is Reason.LOGGED_OUT


def test_a_cancelled_call_leaves_the_others_alone() -> None:
    """A cancelled call waits no longer and is removed once; the other call waits on."""
    one, other = ConnectWaiter(patient=False), ConnectWaiter(patient=False)
    life = reduce(connecting(one, other), Input.CALLER_LEFT, 1.0, InputDetails(waiter=one))
    assert life.waiting == (other,)
    assert reduce(life, Input.CALLER_LEFT, 1.0, InputDetails(waiter=one)).waiting == (other,)
    after(life, Input.AUTHENTICATED)
    assert other.done.is_set()
    assert not one.done.is_set()


def test_each_has_an_error_of_its_own() -> None:
    """Two calls get different error objects, because raising an error adds to its traceback."""
    one, two = ConnectWaiter(patient=False), ConnectWaiter(patient=False)
    after(connecting(one, two), Input.DISCONNECT_CALLED)
    assert one.error is not None
    assert one.error is not two.error


@pytest.mark.parametrize("on", [Input.ENTERED_BACKGROUND, Input.ENTERED_FOREGROUND, Input.RENEWAL_BEGAN])
def test_a_step_within_the_attempt_has_no_outcome(on: Input) -> None:
    """A change within an attempt ends no wait."""
    one = ConnectWaiter(patient=False)
    life = after(connecting(one), on)
    assert life.waiting == (one,)
    assert not one.done.is_set()
    assert attrs.evolve(life, app=AppState.FOREGROUND).wish is connecting(one).wish
