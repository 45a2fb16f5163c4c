"""Runs one script with the real client and with the model."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cometconn import AppSettings
from cometconn.testing.scripts import Transcript, play

from ..aio.scripts import play as play_on_asyncio
from .model import Model

if TYPE_CHECKING:
    from cometconn.testing.actions import Script

__all__ = ["DisagreementError", "as_test", "check_script"]

_NORMAL_CLOSURE = 1000


class DisagreementError(AssertionError):
    """Client and model disagree, or the client raised.

    Attributes:
        script: what was run.
        manual: in which mode.
    """

    def __init__(self, told: str, script: Script, manual: bool, on_asyncio: bool) -> None:
        super().__init__(f"{told}\n{as_test(script, manual, on_asyncio)}")
        self.script = script
        self.manual = manual


def check_script(script: Script, *, manual: bool, on_asyncio: bool = False) -> Transcript:
    """Run *script* with both, the client in Trio or *on_asyncio*. What is seen of client and server must agree, step by step.

    Raises:
        DisagreementError: they do not, or the client raised; the message ends with the script as a test.
    """
    try:
        settings = AppSettings(auto_establish_socket_connection=not manual)
        seen = play_on_asyncio(script, settings) if on_asyncio else play(script, settings)
        _compare(seen, script, Model(manual, on_asyncio))
    except Exception as error:
        told = "\n".join(f"{type(leaf).__name__}: {leaf}" for leaf in _leaves(error))
        raise DisagreementError(told, script, manual, on_asyncio) from error
    return seen


def _leaves(error: Exception) -> list[Exception]:
    if isinstance(error, ExceptionGroup):
        return [leaf for inner in error.exceptions for leaf in _leaves(inner)]
    return [error]


def _compare(seen: Transcript, script: Script, model: Model) -> None:
    for number, (step, action) in enumerate(zip(seen.steps, script, strict=True)):
        expected = model.step(number, action)
        for what in ("at", "statuses", "outcomes", "events", "returned", "status"):
            got, wanted = getattr(step, what), getattr(expected, what)
            got = tuple(sorted(got)) if what == "outcomes" else got
            assert got == wanted, f"at action {number}, {action}: {what}\n  seen:     {got}\n  expected: {wanted}"
    model.leave()
    _compare_logs(seen, model)


def _compare_logs(seen: Transcript, model: Model) -> None:
    """At the server: dials, auth frames, pings and close frames; never two sockets at a time, and none left behind."""
    assert seen.most_sockets <= 1, f"I1: {seen.most_sockets} sockets at once"
    assert seen.sockets_left == 0, f"I8: {seen.sockets_left} sockets are left behind"
    _same("dials", seen.dials, model.dials)
    _same("auth frames", seen.auths, [(round(at, 6), outcome) for at, outcome in model.auths])
    _same("pings", seen.pings, model.pinged)
    # A refused client is closed by the server; which close frame comes first is not promised.
    crossing = {round(at, 6) for at in model.refusals}
    codes = {code for _, code in seen.closes}
    assert codes <= {_NORMAL_CLOSURE}, f"our close frames carry 1000, not {codes}"
    closes, wanted = [at for at, _ in seen.closes if at not in crossing], _rounded(model.closes)
    _same("close frames", closes, [at for at in wanted if at not in crossing])


def _same(what: str, seen: object, expected: object) -> None:
    got, wanted = _rounded(seen), _rounded(expected)
    assert got == wanted, f"{what}\n  seen:     {got}\n  expected: {wanted}"


def _rounded(moments: object) -> list[object]:
    assert isinstance(moments, list | tuple)
    return [round(moment, 6) if isinstance(moment, float) else moment for moment in moments]


def as_test(script: Script, manual: bool, on_asyncio: bool = False) -> str:
    """Return *script* as a test, ready to paste into test_regressions.py."""
    actions = "\n".join(f"        act.{action!r}," for action in script)
    return f"""
def test_() -> None:
    \"\"\"...\"\"\"
    script = [
{actions}
    ]
    check_script(script, manual={manual}{", on_asyncio=True" if on_asyncio else ""})
"""
