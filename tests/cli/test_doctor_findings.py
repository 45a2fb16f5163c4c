"""Findings: what a step came to, and the exit status of all."""

from __future__ import annotations

import pytest
import trio
import trio.testing

from cometconn._transport.abc import WebSocketBrokenError
from cometconn.cli.doctor_findings import DoctorStep, Finding, Findings, Outcome, SkippedError
from cometconn.errors import ApiError


async def works() -> str:
    """All is well."""
    return "seen"


def advise(error: Exception) -> str:
    """Advice that names the error."""
    return f"about {type(error).__name__}"


def noting() -> tuple[Findings, list[Finding]]:
    """Findings, and what was shown of them."""
    shown: list[Finding] = []
    return Findings(3.0, shown.append), shown


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (ApiError("It refused."), "It refused"),
        (WebSocketBrokenError("it broke"), "it broke"),
        (OSError(111, "Connection refused"), "Connection refused"),
        (trio.BrokenResourceError(), "BrokenResourceError"),
    ],
)
async def test_a_step_that_fails(error: Exception, words: str) -> None:
    """Its words are the error's, its advice is for that error, and it is shown at once."""
    findings, shown = noting()

    async def fails() -> str:
        raise error

    findings.part = "somewhere"
    assert not await findings.take(DoctorStep.TCP, fails, advise)
    (one,) = shown
    assert (one.part, one.outcome, one.words) == ("somewhere", Outcome.FAILED, words)
    assert one.advice == f"about {type(error).__name__}"


async def test_a_step_takes_no_longer_than_it_may(autojump_clock: trio.testing.MockClock) -> None:
    """And how long it took is told."""
    findings, (shown) = noting()

    async def slow() -> str:
        await trio.sleep(2)
        return "seen"

    async def hangs() -> str:
        await trio.sleep_forever()
        raise AssertionError

    assert await findings.take(DoctorStep.TCP, slow, advise)
    assert not await findings.take(DoctorStep.TLS, hangs, advise)
    assert [one.seconds for one in shown] == [2.0, 3.0]
    assert shown[1].words == "no answer within 3 s"
    assert shown[0].plain() == {
        "part": "account", "step": "TCP", "outcome": "ok", "ms": 2000.0, "words": "seen", "advice": None,
    }  # fmt: skip


async def test_what_is_no_trouble_of_the_network_is_a_bug() -> None:
    """It is raised as it is."""
    findings, _ = noting()

    async def is_wrong() -> str:
        raise ValueError

    with pytest.raises(ValueError):
        await findings.take(DoctorStep.TCP, is_wrong, advise)


async def test_the_exit_status() -> None:
    """That of the first step that failed; 6 if no ping was made although nothing failed."""
    findings, _ = noting()

    async def fails() -> str:
        raise OSError

    async def is_not_to_be_taken() -> str:
        message = "not today"
        raise SkippedError(message)

    assert findings.status == 6
    assert not await findings.take(DoctorStep.SAVED_SESSION, is_not_to_be_taken, advise)
    findings.skip(DoctorStep.PROXY, "none")
    assert findings.all[0].words == "not today"
    assert findings.status == 6
    assert await findings.take(DoctorStep.PING, works, advise)
    assert findings.status == 0
    await findings.take(DoctorStep.AUTH, fails, advise)
    await findings.take(DoctorStep.TCP, fails, advise)
    assert findings.status == 5
