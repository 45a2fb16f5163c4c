"""Everybody who waits in `connect()`."""

from __future__ import annotations

from cometconn import Reason
from cometconn._connection.connect_waiters import ConnectWaiters


def test_success_answers_everybody() -> None:
    """Patient or not, all are told, and nobody is left."""
    callers = ConnectWaiters()
    both = [callers.admit(patient=True), callers.admit(patient=False)]
    assert len(callers) == 2
    callers.succeed()
    assert all(caller.answered.is_set() and caller.error is None for caller in both)
    assert len(callers) == 0


def test_a_failed_attempt_answers_the_impatient() -> None:
    """Who said retry=True stays."""
    callers = ConnectWaiters()
    patient, impatient = callers.admit(patient=True), callers.admit(patient=False)
    callers.attempt_failed(Reason.CONNECT_FAILED, OSError("x"))
    assert impatient.error is not None
    assert impatient.error.reason is Reason.CONNECT_FAILED
    assert isinstance(impatient.error.__cause__, OSError)
    assert not patient.answered.is_set()
    callers.fail(Reason.LOGGED_OUT, None)
    assert patient.error is not None
    assert patient.error.reason is Reason.LOGGED_OUT


def test_who_leaves_is_told_nothing() -> None:
    """And leaves once."""
    callers = ConnectWaiters()
    caller = callers.admit(patient=False)
    assert callers.leave(caller)
    assert not callers.leave(caller)
    callers.succeed()
    assert not caller.answered.is_set()


def test_each_has_an_error_of_their_own() -> None:
    """A raised error carries its raiser's traceback: two callers must not share one."""
    callers = ConnectWaiters()
    one, two = callers.admit(patient=False), callers.admit(patient=False)
    callers.fail(Reason.DISCONNECT_CALLED, None)
    assert one.error is not two.error
