"""The findings of `cometconn doctor`: one for each step, in order."""

from __future__ import annotations

import enum
from typing import TYPE_CHECKING, Any

import attrs
import trio

from cometconn._network.os_errors import os_error_text
from cometconn._text.foreign_text import KnownSecrets
from cometconn._transport.abc import WebSocketError
from cometconn.errors import CometConnError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

__all__ = ["DoctorStep", "Finding", "Findings", "Outcome", "SkippedError"]


# UnicodeError: a host name that cannot be looked up, such as one that is too long.
_EXPECTED = (CometConnError, WebSocketError, OSError, trio.BrokenResourceError, trio.TooSlowError, UnicodeError)


class Outcome(enum.Enum):
    """How a step ended."""

    OK = "ok"
    FAILED = "failed"
    SKIPPED = "skipped"


class DoctorStep(enum.Enum):
    """The steps: each with its title and the exit status if it fails."""

    SAVED_SESSION = ("saved session", 4)
    NAME_LOOKUP = ("name lookup", 3)
    TCP = ("TCP", 3)
    PROXY = ("proxy", 3)
    TLS = ("TLS", 3)
    NEW_TOKEN = ("new token", 4)
    LOG_IN = ("log in", 4)
    UPGRADE = ("upgrade", 5)
    AUTH = ("auth", 5)
    PING = ("ping", 5)
    LOG_OUT = ("log out", 4)

    def __init__(self, title: str, status: int) -> None:
        self.title = title
        self.status = status


class SkippedError(Exception):
    """Raised by a step that turns out to be unnecessary. The message gives the reason."""


@attrs.frozen
class Finding:
    """The result of one step.

    Attributes:
        part: the group of steps it belongs to: `account`, or a URL.
        step: the step.
        outcome: how it ended.
        seconds: how long it took; `None` if it was skipped.
        words: what was observed, or the error, or why it was skipped.
        advice: what to do about it, for a failed step.
    """

    part: str
    step: DoctorStep
    outcome: Outcome
    seconds: float | None
    words: str
    advice: str | None = None

    def plain(self) -> dict[str, Any]:
        """Return it for JSON."""
        return {
            "part": self.part,
            "step": self.step.title,
            "outcome": self.outcome.value,
            "ms": None if self.seconds is None else round(self.seconds * 1000, 1),
            "words": self.words,
            "advice": self.advice,
        }


@attrs.define(eq=False)
class Findings:
    """Runs steps, and collects their findings.

    Attributes:
        patience: how many seconds a step may take.
        show: called with each finding as soon as it is there.
        secrets: the secrets to mask in findings.
        part: the group of the next findings.
        all: the findings so far.
    """

    patience: float
    show: Callable[[Finding], None]
    secrets: KnownSecrets = attrs.field(factory=KnownSecrets, repr=False)
    part: str = attrs.field(default="account", init=False)
    all: list[Finding] = attrs.field(factory=list, init=False)

    async def run(
        self, step: DoctorStep, work: Callable[[], Awaitable[str]], advise: Callable[[Exception], str]
    ) -> bool:
        """Run a step, which returns what it observed or raises; return whether it succeeded."""
        began = trio.current_time()
        try:
            with trio.fail_after(self.patience):
                words = await work()
        except SkippedError as skipped:
            self.skip(step, str(skipped))
            return False
        except _EXPECTED as error:
            self.fail(step, error, advise(error), trio.current_time() - began)
            return False
        self._add(Finding(self.part, step, Outcome.OK, trio.current_time() - began, words))
        return True

    def fail(self, step: DoctorStep, error: Exception, advice: str, seconds: float | None = None) -> None:
        """Record that a step has failed."""
        self._add(Finding(self.part, step, Outcome.FAILED, seconds, self._words(error), advice))

    def skip(self, step: DoctorStep, reason: str) -> None:
        """Record that a step is skipped."""
        self._add(Finding(self.part, step, Outcome.SKIPPED, None, reason))

    def _words(self, error: Exception) -> str:
        if isinstance(error, trio.TooSlowError):
            return f"no reply within {self.patience:g} s"
        words = str(error) if isinstance(error, CometConnError | WebSocketError) else os_error_text(error)
        words = self.secrets.line(words)
        return words.rstrip(".") or type(error).__name__

    def _add(self, finding: Finding) -> None:
        words, part = self.secrets.whole(finding.words), self.secrets.whole(finding.part)
        advice = None if finding.advice is None else self.secrets.whole(finding.advice)
        finding = attrs.evolve(finding, words=words, part=part, advice=advice)
        self.all.append(finding)
        self.show(finding)

    @property
    def status(self) -> int:
        """The exit status: that of the first failed step, 6 if none failed but no ping was sent, else 0."""
        for finding in self.all:
            if finding.outcome is Outcome.FAILED:
                return finding.step.status
        return 0 if any(finding.step is DoctorStep.PING for finding in self.all if finding.outcome is Outcome.OK) else 6
