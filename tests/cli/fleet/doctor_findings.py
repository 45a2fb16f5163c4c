"""What the tests of the fleet's doctor look for."""

from __future__ import annotations

from cometconn.cli.fleet.doctor_checks import Check, Checks, Verdict

__all__ = ["found", "make_checks", "of"]


def make_checks() -> Checks:
    """Make an empty collection."""
    return Checks(lambda _: None)


def found(checks: Checks) -> dict[str, str]:
    """The titles with the verdicts, but for those that passed."""
    assert all(
        bool(each.why and each.advice) == (each.verdict in {Verdict.WARNING, Verdict.FAILED}) for each in checks.all
    )
    return {each.title: each.verdict.value for each in checks.all if each.verdict is not Verdict.OK}


def of(checks: Checks, title: str) -> Check:
    """The check with a title."""
    (check,) = (each for each in checks.all if each.title == title)
    return check
