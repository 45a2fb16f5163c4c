"""Logs an outage: that the client cannot connect, seldom while it lasts, and when it is connected again."""

from __future__ import annotations

import logging
import math
from typing import TYPE_CHECKING, Final

import attrs

from cometconn._lifecycle.states import Input, State

if TYPE_CHECKING:
    from cometconn._lifecycle.reducer import Lifecycle
    from cometconn.errors import CometConnError

    from .identity import Identity

__all__ = ["OutageLog"]

_LOG = logging.getLogger("cometconn.outage")
_FIRST_PAUSE: Final = 300.0  # seconds
_LONGEST_PAUSE: Final = 3600.0  # seconds; also how long a connection lasts after which the pauses are short again
_GROWTH: Final = 3


@attrs.define(eq=False)
class OutageLog:
    """Reports the failed attempts of one client, because a program that does not watch `statuses()` sees none of them.

    A failed attempt that is followed by another is a WARNING, which is followed by a pause of 5 minutes, then of 15, of
    45, and of an hour: at most three WARNINGs in an hour, also when the server comes and goes. After a WARNING it is an
    INFO that the client is connected. The pauses are short again after a connection that lasted an hour.

    A lost connection that the next attempt replaces is no outage, and an attempt that is not followed by another is
    reported by `connect()`. What happens to the client in the background or after `disconnect()` is not logged.

    Attributes:
        identity: names the user, and has the secrets that no line contains.
    """

    identity: Identity
    # When the connection was lost, or the first attempt began.
    _since: float | None = attrs.field(default=None, init=False)
    _failures: int = attrs.field(default=0, init=False)  # attempts of this outage
    _is_logged: bool = attrs.field(default=False, init=False)  # there was a WARNING about this outage
    _quiet_until: float = attrs.field(default=-math.inf, init=False)
    _pause: float = attrs.field(default=_FIRST_PAUSE, init=False)

    def stepped(self, before: Lifecycle, on: Input, after: Lifecycle, cause: CometConnError | None, now: float) -> None:
        """Take note of a step of the connection, from *before* to *after*, at *now*."""
        if before.state is State.CONNECTED and now - before.status.at >= _LONGEST_PAUSE:
            self._quiet_until, self._pause = -math.inf, _FIRST_PAUSE
        if after.state is State.WAITING:
            if self._since is None:
                self._since = now if on is Input.LINK_LOST else before.status.at
            if on is Input.ATTEMPT_FAILED:
                self._failures += 1
                if now >= self._quiet_until:
                    self._warn(after.attempt, after.retry_at - now, cause, now)
        elif after.state is not State.CONNECTING:
            if after.state is State.CONNECTED and self._is_logged and self._since is not None:
                _LOG.info(
                    "The client of %s is connected again, after %s. Failed attempts: %d.",
                    self._client(),
                    _duration(now - self._since),
                    self._failures,
                )
            self._since, self._failures, self._is_logged = None, 0, False

    def _warn(self, attempt: int, delay: float, cause: CometConnError | None, now: float) -> None:
        assert self._since is not None, "set before"
        _LOG.warning(
            "The client of %s has been without a connection for %s. %s Attempt %d follows in %s, and further ones "
            "after it; the next WARNING comes in %s at the earliest.",
            self._client(),
            _duration(now - self._since),
            self.identity.secrets.masked_line(cause),
            attempt,
            _duration(delay),
            _duration(self._pause),
        )
        self._quiet_until = now + self._pause
        self._pause = min(self._pause * _GROWTH, _LONGEST_PAUSE)
        self._is_logged = True

    def _client(self) -> str:
        return self.identity.secrets.masked_line(repr(self.identity.uid))


def _duration(seconds: float) -> str:
    if seconds < 120:  # noqa: PLR2004 - two minutes
        return f"{max(0.0, seconds):.1f} s"
    return f"{seconds / 60:.0f} min"
