"""The real client and the model, one script."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cometconn import AppSettings
from cometconn.testing.scripts import Transcript, play

from .model import Model

if TYPE_CHECKING:
    from cometconn.testing.actions import Script

__all__ = ["as_test", "check_script"]


def check_script(script: Script, *, manual: bool) -> Transcript:
    """Run *script* with both; every status, outcome, event, dial and close must agree."""
    seen = play(script, AppSettings(auto_establish_socket_connection=not manual))
    model = Model(manual)
    for number, (step, action) in enumerate(zip(seen.steps, script, strict=True)):
        expected = model.step(number, action)
        got = (step.at, step.statuses, tuple(sorted(step.outcomes)), step.events)
        wanted = (expected.at, expected.statuses, expected.outcomes, expected.events)
        assert got == wanted, (
            f"at action {number}, {action}\n  seen:     {got}\n  expected: {wanted}\n{as_test(script, manual)}"
        )
    model.leave()
    assert list(seen.dials) == [round(at, 6) for at in model.dials], f"dials\n{as_test(script, manual)}"
    refusals = {round(at, 6) for at in model.refusals}
    closes = [at for at, code in seen.closes if code == 1000 and at not in refusals]
    wanted_closes = [round(at, 6) for at in model.closes if round(at, 6) not in refusals]
    assert closes == wanted_closes, (
        f"close frames: seen {seen.closes}, expected {wanted_closes}\n{as_test(script, manual)}"
    )
    assert seen.most_sockets <= 1, f"more than one socket\n{as_test(script, manual)}"
    return seen


def as_test(script: Script, manual: bool) -> str:
    """Return *script* as a test, ready to paste into test_regressions.py."""
    actions = "\n".join(f"        {action!r}," for action in script)
    return f"""
def test_() -> None:
    \"\"\"...\"\"\"
    script = [
{actions}
    ]
    check_script(script, manual={manual})
"""
