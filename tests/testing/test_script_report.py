"""The results of a script: the status when a call returns, and what the server received."""

from __future__ import annotations

from cometconn import AppSettings
from cometconn.testing import actions as act
from cometconn.testing.scripts import play

MANUAL = AppSettings(auto_establish_socket_connection=False)


def test_the_status_as_the_call_returns() -> None:
    """The status is already new when the call returns; the step ends when all tasks are blocked."""
    told = play([act.Login(), act.EnterBackground(), act.EnterForeground(), act.Reset(), act.RetryNow()])
    assert [step.returned for step in told.steps] == [None, "IN_BACKGROUND", "Connecting", None, "Connecting"]
    assert [step.status for step in told.steps] == [
        "Connected",
        "IN_BACKGROUND",
        "Connected",
        "Waiting until 1",
        "Connected",
    ]


def test_no_client_no_status() -> None:
    """Between leaving a client and opening the next one, no status is recorded."""
    told = play([act.Leave(), act.EnterBackground(), act.Reopen()])
    assert [(step.returned, step.status) for step in told.steps] == [
        (None, None),
        (None, None),
        (None, "NOT_LOGGED_IN"),
    ]


def test_pings_and_auth_frames_at_the_server() -> None:
    """The pings of the library and of the application are recorded, and the outcome of each auth frame."""
    told = play(
        [act.Login(), act.Wait(4), act.Ping(), act.Wait(11), act.TokenAnswer("refuse"), act.Reset(), act.Wait(1)]
    )
    assert told.pings == (4.0, 15.0)
    assert told.auths == ((0.0, "accepted"), (16.0, "refused"), (16.0, "refused"))


def test_a_close_before_the_auth_reply_is_followed_by_a_retry() -> None:
    """Three in a row are two failed attempts, and a third that renews the token and dials twice."""
    again = (act.CloseUnanswered(), act.RetryNow(), act.Wait(1))
    told = play([act.TokenAnswer("silent"), act.Login(), *again, *again, act.CloseUnanswered()])
    assert [outcome for _, outcome in told.auths] == ["unanswered"] * 4
    assert told.steps[-1].statuses == ()
    assert told.steps[-1].status == "Connecting"
    assert len(told.dials) == 4


def test_one_socket_and_none_left() -> None:
    """This also holds for a connection that goes silent and is disconnected before the next one is opened."""
    told = play([act.Login(), act.Connect(), act.Silence(), act.Disconnect(), act.Connect(), act.Leave()], MANUAL)
    assert (told.most_sockets, told.sockets_left) == (1, 0)
