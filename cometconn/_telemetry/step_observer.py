"""Making details of the steps of one client."""

from __future__ import annotations

import datetime
import math
from typing import TYPE_CHECKING, Any, Literal

import attrs
import trio

from cometconn._lifecycle.states import WANTED, Input
from cometconn._transport.abc import WebSocketClosedError
from cometconn.instrumentation import attempts, connections, lease
from cometconn.status import AppState

if TYPE_CHECKING:
    from collections.abc import Callable

    from cometconn._lifecycle.reducer import InputDetails, Lifecycle
    from cometconn._text.foreign_text import KnownSecrets
    from cometconn.events import Gap
    from cometconn.instrumentation.detail import Detail
    from cometconn.instrumentation.lease import StatusName
    from cometconn.settings import AppSettings
    from cometconn.status import Status

__all__ = ["StepObserver"]


@attrs.define(eq=False)
class StepObserver:
    """Makes details. Only a client with hooks has one: its callers test `if observer is not None`.

    Most details follow from two `Lifecycle`s, the one before a step and the one after it; tasks report what a
    `Lifecycle` does not show. The methods are synchronous, get what they need as arguments, and never fail.

    Attributes:
        connection_id: the client's name in every detail.
        secrets: what no detail may contain.
        counts: returns how many events were received, how many of them were duplicates, and how many were dropped.
        put: is called with each detail.
    """

    connection_id: str
    secrets: KnownSecrets = attrs.field(repr=False)
    counts: Callable[[], tuple[int, int, int]] = attrs.field(repr=False)
    put: Callable[[Detail], None] = attrs.field(repr=False)
    _generation: int = attrs.field(default=0, init=False)
    _step_began: float = attrs.field(default=0.0, init=False)
    _received: int = attrs.field(default=0, init=False)
    _duplicates: int = attrs.field(default=0, init=False)
    _dropped: int = attrs.field(default=0, init=False)
    _paused_at: float | None = attrs.field(default=None, init=False)

    def opened(self, app_id: str, mode: Literal["auto", "manual"], settings: AppSettings, version: str) -> None:
        """Report that the client was opened."""
        self._report(
            attempts.ClientOpened,
            app_id=app_id,
            mode=mode,
            catch_up=settings.catch_up,
            background_grace=settings.timing.background_grace,
            version=version,
        )

    # The attempt.

    def attempt_begun(self, number: int, url: str, *, second: bool) -> None:
        """Report that a WebSocket is begun."""
        self._generation = number
        self._report(attempts.AttemptBegun, url=self.secrets.masked_line(url.partition("?")[0]), second=second)
        self._step_began = trio.current_time()

    def dialled(self, local_port: int | None) -> None:
        """Report that the byte stream is open, from *local_port* of this machine if that is known."""
        self._report(attempts.Dialled, took=self._took(), local_port=local_port)

    def upgraded(self) -> None:
        """Report that the WebSocket upgrade is done."""
        self._report(attempts.Upgraded, took=self._took())

    # The connection.

    def ping_sent(self, by: Literal["keepalive", "application"]) -> None:
        """Report that a ping frame was queued."""
        self._report(connections.PingSent, by=by)

    def pong_received(self, round_trip: float) -> None:
        """Report a pong, *round_trip* seconds after its ping."""
        self._report(connections.PongReceived, round_trip=round_trip)

    def drained(self) -> None:
        """Report how many events came and were dropped since the last call: all that was read is in the streams now."""
        received, duplicates, dropped = self.counts()
        if events := received - self._received:
            self._report(connections.EventsReceived, events=events, duplicates=duplicates - self._duplicates)
            self._received, self._duplicates = received, duplicates
        if dropped > self._dropped:
            self._report(connections.EventsDropped, dropped=dropped - self._dropped)
            self._dropped = dropped
        if self._paused_at is not None:
            began, self._paused_at = self._paused_at, None
            self._report(connections.ReadingResumed, paused=trio.current_time() - began)

    def paused(self) -> None:
        """Report that the socket is not read, because a stream is full."""
        if self._paused_at is None:
            self._paused_at = trio.current_time()
            self._report(connections.ReadingPaused)

    def page_fetched(self, messages: int, *, more: bool) -> None:
        """Report a page of fetched messages."""
        self._report(connections.PageFetched, messages=messages, more=more)

    def gap_marked(self, gap: Gap) -> None:
        """Report that *gap* was published."""
        cause = None if gap.cause is None else _words(gap.cause)
        self._report(
            connections.GapMarked,
            since=gap.since,
            until=gap.until,
            recovered=gap.recovered,
            cause=cause,
            after_id=gap.after_id,
            before_id=gap.before_id,
        )

    def close_frame_written(self) -> None:
        """Report that our close frame is written."""
        self._report(connections.CloseFrameSent)

    def socket_closed(self) -> None:
        """Report that the socket is closed."""
        self._report(connections.SocketClosed)

    # The lifecycle.

    def slept(self, seconds: float, life: Lifecycle) -> None:
        """Report that the machine slept; *life* has the deadlines after it."""
        self._report(lease.MachineSlept, slept=seconds)
        if life.state in WANTED and life.lease_deadline < math.inf:
            self._deadline(life.lease_deadline)

    def stepped(self, before: Lifecycle, on: Input, after: Lifecycle, details: InputDetails) -> None:
        """Report a step of the state: first what happened, then what follows from it, then the status."""
        if after.status is not before.status:
            self.drained()  # events that were read before the status changed are reported before it
        self._dispatched(before, on, details)
        if after.app is not before.app:
            back = after.app is AppState.BACKGROUND
            self._report(lease.EnteredBackground if back else lease.EnteredForeground)
        if after.state not in WANTED:
            reason = after.state.reason
            if before.state in WANTED:
                self._report(lease.LeaseEnded, reason=reason)
        elif after.lease_deadline != (before.lease_deadline if before.state in WANTED else math.inf):
            self._deadline(after.lease_deadline)
        if after.status is not before.status:
            if after.retry_at < math.inf:
                self._report(attempts.RetrySet, attempt=after.attempt, delay=after.retry_at - trio.current_time())
            self._report(
                lease.StatusChanged,
                previous=_name(before.status),
                status=_name(after.status),
                attempt=after.attempt or None,
                reason=after.state.reason,
            )

    def _dispatched(self, before: Lifecycle, on: Input, details: InputDetails) -> None:
        if on is Input.AUTHENTICATED:
            self._report(attempts.Authenticated, took=self._took(), attempt=before.attempt)
        elif on is Input.ATTEMPT_FAILED:
            self._report(attempts.AttemptFailed, attempt=before.attempt, **self._cause(details))
        elif on is Input.RENEWAL_BEGAN:
            self._report(attempts.RenewalBegun)
        elif on is Input.TOKEN_REFUSED:
            self._report(attempts.TokenRefused, cause=self._cause(details)["cause"])
        elif on is Input.LINK_LOST:
            stood = trio.current_time() - before.status.at
            self._report(connections.ConnectionLost, stood=stood, **self._cause(details))
        elif on is Input.PING_CALLED:
            self.ping_sent("application")

    def _deadline(self, deadline: float) -> None:
        left = deadline - trio.current_time()
        never = deadline == math.inf
        self._report(lease.DeadlineMoved, deadline=None if never else deadline, left=None if never else left)

    def _took(self) -> float:
        began, self._step_began = self._step_began, trio.current_time()
        return self._step_began - began

    def _cause(self, details: InputDetails) -> dict[str, Any]:
        assert details.cause is not None, "every failure has a cause"
        inner = details.cause.__cause__ or details.cause
        code = inner.code if isinstance(inner, WebSocketClosedError) else None
        return {"cause": _words(inner), "close_code": code}

    def _report(self, kind: type[Detail], **fields: Any) -> None:
        self.put(
            kind(
                connection_id=self.connection_id,
                generation=self._generation,
                at=trio.current_time(),
                at_utc=datetime.datetime.now(datetime.UTC),
                **fields,
            )
        )


def _words(error: BaseException) -> str:
    return str(error).rstrip(".") or type(error).__name__


def _name(status: Status) -> StatusName:
    name: Any = type(status).__name__.lower()
    return name  # type: ignore[no-any-return]
