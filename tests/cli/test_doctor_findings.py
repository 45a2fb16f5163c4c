"""Findings: the result of each step, and the exit status."""

from __future__ import annotations

import pytest
import trio
import trio.testing

from cometconn._transport.abc import WebSocketBrokenError
from cometconn.cli.doctor_findings import DoctorStep, Finding, Findings, Outcome, SkippedError
from cometconn.errors import ApiError


async def works() -> str:
    """Succeed."""
    return "seen"


def advise(error: Exception) -> str:
    """Return an advice that names the error."""
    return f"about {type(error).__name__}"


def noting() -> tuple[Findings, list[Finding]]:
    """Return findings, and the list of those that were shown."""
    shown: list[Finding] = []
    return Findings(3.0, shown.append), shown


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (ApiError("It refused."), "It refused (FAILED_TO_FETCH)"),
        (WebSocketBrokenError("it broke"), "it broke"),
        (OSError(111, "Connection refused"), "Connection refused"),
        (trio.BrokenResourceError(), "BrokenResourceError"),
    ],
)
async def test_a_step_that_fails(error: Exception, words: str) -> None:
    """A failed step has the text of its error and the advice for it, and is shown at once."""
    findings, shown = noting()

    async def fails() -> str:
        raise error

    findings.part = "somewhere"
    assert not await findings.run(DoctorStep.TCP, fails, advise)
    (one,) = shown
    assert (one.part, one.outcome, one.text) == ("somewhere", Outcome.FAILED, words)
    assert one.advice == f"about {type(error).__name__}"


async def test_a_step_is_bounded(autojump_clock: trio.testing.MockClock) -> None:
    """A finding contains how long its step took; a step that exceeds its time limit fails."""
    findings, shown = noting()

    async def slow() -> str:
        await trio.sleep(2)
        return "seen"

    async def hangs() -> str:
        await trio.sleep_forever()
        raise AssertionError

    assert await findings.run(DoctorStep.TCP, slow, advise)
    assert not await findings.run(DoctorStep.TLS, hangs, advise)
    assert [one.seconds for one in shown] == [2.0, 3.0]
    assert shown[1].text == "no reply within 3 s"
    assert shown[0].to_json() == {
        "part": "account", "step": "TCP", "outcome": "ok", "ms": 2000.0, "words": "seen", "advice": None,
    }  # fmt: skip


async def test_an_unexpected_error_is_raised() -> None:
    """An error that no step expects is a bug, and is raised unchanged."""
    findings, _ = noting()

    async def is_wrong() -> str:
        raise ValueError

    with pytest.raises(ValueError):
        await findings.run(DoctorStep.TCP, is_wrong, advise)


async def test_the_exit_status() -> None:
    """The status is that of the first failed step; otherwise 0 if a ping succeeded, else 6."""
    findings, _ = noting()

    async def fails() -> str:
        raise OSError

    async def is_unnecessary() -> str:
        message = "not today"
        raise SkippedError(message)

    assert findings.status == 6
    assert not await findings.run(DoctorStep.SAVED_SESSION, is_unnecessary, advise)
    findings.skip(DoctorStep.PROXY, "none")
    assert findings.all[0].text == "not today"
    assert findings.status == 6
    assert await findings.run(DoctorStep.PING, works, advise)
    assert findings.status == 0
    await findings.run(DoctorStep.AUTH, fails, advise)
    await findings.run(DoctorStep.TCP, fails, advise)
    assert findings.status == 5
