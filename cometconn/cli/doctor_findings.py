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


# `UnicodeError` is raised for a host name that cannot be encoded for a lookup, for instance one that is too long.
_EXPECTED = (CometConnError, WebSocketError, OSError, trio.BrokenResourceError, trio.TooSlowError, UnicodeError)


class Outcome(enum.Enum):
    """How a step ended."""

    OK = "ok"
    FAILED = "failed"
    SKIPPED = "skipped"


class DoctorStep(enum.Enum):
    """The steps of the doctor, each with its title and the exit status of the command if the step fails."""

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
        part: the group of steps that the finding belongs to: `account`, `WebSocket` or a URL.
        step: which step was run.
        outcome: how it ended.
        seconds: how long it took; `None` if it was skipped.
        text: what was observed, the error's text, or the reason for skipping.
        advice: what to do about it, for a failed step.
    """

    part: str
    step: DoctorStep
    outcome: Outcome
    seconds: float | None
    text: str
    advice: str | None = None

    def to_json(self) -> dict[str, Any]:
        """Return the finding as a dict that can be written as JSON."""
        return {
            "part": self.part,
            "step": self.step.title,
            "outcome": self.outcome.value,
            "ms": None if self.seconds is None else round(self.seconds * 1000, 1),
            "words": self.text,
            "advice": self.advice,
        }


@attrs.define(eq=False)
class Findings:
    """Runs the steps and collects a finding for each.

    Attributes:
        timeout: the time limit of one step, in seconds.
        show: called with each finding as soon as its step has ended.
        secrets: the secrets to mask in findings.
        part: the `Finding.part` of the findings that follow; set by the caller.
        all: the findings so far.
    """

    timeout: float
    show: Callable[[Finding], None]
    secrets: KnownSecrets = attrs.field(factory=KnownSecrets, repr=False)
    part: str = attrs.field(default="account", init=False)
    all: list[Finding] = attrs.field(factory=list, init=False)

    async def run(
        self, step: DoctorStep, work: Callable[[], Awaitable[str]], advise: Callable[[Exception], str]
    ) -> bool:
        """Run *work* with the time limit and record the outcome. Return whether the step succeeded.

        *work* returns what it observed; *advise* returns the advice for an error.
        """
        began = trio.current_time()
        try:
            with trio.fail_after(self.timeout):
                text = await work()
        except SkippedError as skipped:
            self.skip(step, str(skipped))
            return False
        except _EXPECTED as error:
            self.fail(step, error, advise(error), trio.current_time() - began)
            return False
        self._add(Finding(self.part, step, Outcome.OK, trio.current_time() - began, text))
        return True

    def fail(self, step: DoctorStep, error: Exception, advice: str, seconds: float | None = None) -> None:
        """Record that a step has failed."""
        self._add(Finding(self.part, step, Outcome.FAILED, seconds, self._text_of(error), advice))

    def skip(self, step: DoctorStep, reason: str) -> None:
        """Record that a step is skipped."""
        self._add(Finding(self.part, step, Outcome.SKIPPED, None, reason))

    def _text_of(self, error: Exception) -> str:
        if isinstance(error, trio.TooSlowError):
            return f"no reply within {self.timeout:g} s"
        text = str(error) if isinstance(error, CometConnError | WebSocketError) else os_error_text(error)
        return self.secrets.masked_line(text).rstrip(".") or type(error).__name__

    def _add(self, finding: Finding) -> None:
        text, part = self.secrets.masked(finding.text), self.secrets.masked(finding.part)
        advice = None if finding.advice is None else self.secrets.masked(finding.advice)
        finding = attrs.evolve(finding, text=text, part=part, advice=advice)
        self.all.append(finding)
        self.show(finding)

    @property
    def status(self) -> int:
        """The exit status: that of the first failed step; otherwise 0 if a ping succeeded, else 6."""
        for finding in self.all:
            if finding.outcome is Outcome.FAILED:
                return finding.step.status
        return 0 if any(finding.step is DoctorStep.PING for finding in self.all if finding.outcome is Outcome.OK) else 6
