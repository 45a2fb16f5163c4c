"""Every script in which client and model once disagreed."""

from __future__ import annotations

from cometconn.testing import actions as act

from .compare import check_script


def test_a_retry_at_once_after_a_stable_connection() -> None:
    """The retry that connect() makes at once dials at the moment of the call."""
    script = [act.Login(uid="zed-1"), act.Wait(0.999), act.Wait(9.999), act.CloseFromServer(code=1000), act.Connect()]
    check_script(script, manual=False)


def test_a_reset_ends_a_closing_handshake_without_an_answer() -> None:
    """disconnect() from a silent server returns when the socket breaks, before its budget is used up."""
    check_script([act.Login(uid="zed-1"), act.Silence(), act.Disconnect(), act.Reset()], manual=False)


def test_doubt_about_a_token_ends_with_its_session() -> None:
    """Closes before the answer are counted anew for the next user, whose token is not in doubt."""
    script = [
        act.TokenAnswer("silent"),
        act.Login(),
        act.CloseUnanswered(),
        act.RetryNow(),
        act.CloseUnanswered(),
        act.Login("amy-2"),
        act.CloseUnanswered(),
    ]
    check_script(script, manual=False)


def test_the_first_status_of_a_reopened_client_is_watched() -> None:
    """A dial that is refused at once is not over before the statuses are watched, in whatever order tasks run."""
    for _ in range(20):
        check_script([act.Login(), act.Leave(), act.Dialling("refuse"), act.Reopen()], manual=False)
