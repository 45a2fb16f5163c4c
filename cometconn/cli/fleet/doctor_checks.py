"""What `cometconn fleet doctor` found out: one check after the other, with the reason and the remedy of those that did not pass."""

from __future__ import annotations

import enum
from typing import TYPE_CHECKING, Any

import attrs

from cometconn.cli.terminal import safe_text

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["Check", "Checks", "Verdict"]


class Verdict(enum.Enum):
    """How a check ended."""

    OK = "ok"
    WARNING = "warning"  #: it works, but not under all conditions
    FAILED = "failed"
    SKIPPED = "skipped"


@attrs.frozen
class Check:
    """The result of one check.

    Attributes:
        part: what was checked: the engine, or the fleet.
        title: which property of it.
        verdict: how it ended.
        text: what was observed.
        why: why that matters; empty if it passed.
        advice: what to do about it; empty if it passed.
    """

    part: str
    title: str
    verdict: Verdict
    text: str
    why: str = ""
    advice: str = ""

    def to_json(self) -> dict[str, Any]:
        """Return it as JSON."""
        return attrs.asdict(attrs.evolve(self, verdict=self.verdict.value))  # type: ignore[arg-type]


@attrs.define(eq=False)
class Checks:
    """Collects the results.

    Attributes:
        show: called with each of them at once.
        part: the `Check.part` of those that follow.
        all: the results so far.
    """

    show: Callable[[Check], object]
    part: str = attrs.field(default="engine", init=False)
    all: list[Check] = attrs.field(factory=list, init=False)

    def ok(self, title: str, text: str) -> None:
        """Note that a check passed."""
        self._add(Check(self.part, title, Verdict.OK, text))

    def warn(self, title: str, text: str, why: str, advice: str) -> None:
        """Note what works, but not under all conditions."""
        self._add(Check(self.part, title, Verdict.WARNING, text, why, advice))

    def fail(self, title: str, text: str, why: str, advice: str) -> None:
        """Note that a check failed."""
        self._add(Check(self.part, title, Verdict.FAILED, text, why, advice))

    def skip(self, title: str, reason: str) -> None:
        """Note that something could not be checked."""
        self._add(Check(self.part, title, Verdict.SKIPPED, reason))

    def _add(self, check: Check) -> None:
        check = attrs.evolve(check, text=safe_text(check.text), part=safe_text(check.part))
        self.all.append(check)
        self.show(check)

    def has(self, verdict: Verdict, part: str | None = None) -> bool:
        """Return whether a check, of a part or of any, has ended like this."""
        return any(each.verdict is verdict and part in {None, each.part} for each in self.all)
