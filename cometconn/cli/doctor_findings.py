"""What `cometconn doctor` finds: one finding for each step, in order."""

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

__all__ = ["Finding", "Findings", "Outcome", "SkippedError", "Step"]


# UnicodeError: a host name that no lookup takes.
_TROUBLES = (CometConnError, WebSocketError, OSError, trio.BrokenResourceError, trio.TooSlowError, UnicodeError)


class Outcome(enum.Enum):
    """How a step ended."""

    OK = "ok"
    FAILED = "failed"
    SKIPPED = "skipped"


class Step(enum.Enum):
    """What is looked at, and the exit status if it fails."""

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
    """Raised by a step that finds that it is not to be taken. The message says why."""


@attrs.frozen
class Finding:
    """What came of one step.

    Attributes:
        part: what it belongs to: `account`, or the URL that is being reached.
        step: what was looked at.
        outcome: how it ended.
        seconds: how long it took; `None` if it was skipped.
        words: what was seen, or what went wrong, or why it was skipped.
        advice: what to do about it; only for what failed.
    """

    part: str
    step: Step
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
    """All findings so far; each is shown as soon as it is there.

    Attributes:
        patience: seconds that a step may take.
        show: is given each finding.
        secrets: what no finding repeats.
        part: what the next ones belong to.
        all: the findings.
    """

    patience: float
    show: Callable[[Finding], None]
    secrets: KnownSecrets = attrs.field(factory=KnownSecrets, repr=False)
    part: str = attrs.field(default="account", init=False)
    all: list[Finding] = attrs.field(factory=list, init=False)

    async def take(self, step: Step, work: Callable[[], Awaitable[str]], advise: Callable[[Exception], str]) -> bool:
        """Take a step, which returns what it saw or raises; tell whether all was well."""
        began = trio.current_time()
        try:
            with trio.fail_after(self.patience):
                words = await work()
        except SkippedError as because:
            self.skip(step, str(because))
            return False
        except _TROUBLES as error:
            self.fail(step, error, advise(error), trio.current_time() - began)
            return False
        self._add(Finding(self.part, step, Outcome.OK, trio.current_time() - began, words))
        return True

    def fail(self, step: Step, error: Exception, advice: str, seconds: float | None = None) -> None:
        """Note that a step has failed."""
        self._add(Finding(self.part, step, Outcome.FAILED, seconds, self._words(error), advice))

    def skip(self, step: Step, because: str) -> None:
        """Note that a step is not taken."""
        self._add(Finding(self.part, step, Outcome.SKIPPED, None, because))

    def _words(self, error: Exception) -> str:
        if isinstance(error, trio.TooSlowError):
            return f"no answer within {self.patience:g} s"
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
        """The exit status: that of the first step that failed, 6 if only something was skipped that needed a login, 0."""
        for finding in self.all:
            if finding.outcome is Outcome.FAILED:
                return finding.step.status
        return 0 if any(finding.step is Step.PING for finding in self.all if finding.outcome is Outcome.OK) else 6
