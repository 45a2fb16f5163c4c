"""One attempt at a WebSocket and, if it succeeds, the connection: what its tasks share."""

from __future__ import annotations

from typing import TYPE_CHECKING

import attrs
import trio

from cometconn._lot import Lot
from cometconn.errors import PongTimeoutError

from .failures import lost_error

if TYPE_CHECKING:
    from collections.abc import Callable

    from cometconn._lifecycle.heartbeat import Heartbeat
    from cometconn._telemetry.step_observer import StepObserver
    from cometconn._transport.abc import WebSocket
    from cometconn.errors import CometConnError
    from cometconn.status import Reason

__all__ = ["Link", "OutgoingFrame", "PingWaiter"]


@attrs.define(eq=False)
class OutgoingFrame:
    """A frame that is to be sent.

    Attributes:
        text: what to send.
        done: set when it was written, or never will be.
        error: why it never will be.
    """

    text: str = attrs.field(repr=False)
    done: trio.Event = attrs.field(factory=trio.Event, init=False, repr=False)
    error: CometConnError | None = attrs.field(default=None, init=False)


@attrs.define(eq=False)
class PingWaiter:
    """A ping frame that a pong will answer, and whoever waits for it.

    Attributes:
        frame: what asks for it.
        sent_at: when the frame was queued.
        gives_up_at: from this moment on no pong answers it, unless a call still waits for what the socket holds, and
            no other ping has been sent.
        awaited: a call of `ping()` waits for it.
        answered: set when the outcome is known.
        round_trip: in seconds, once a pong came.
        error: why none will come.
    """

    frame: OutgoingFrame = attrs.field(repr=False)
    sent_at: float
    gives_up_at: float
    answered: trio.Event = attrs.field(factory=trio.Event, init=False, repr=False)
    round_trip: float | None = attrs.field(default=None, init=False)
    error: CometConnError | None = attrs.field(default=None, init=False)
    awaited: bool = attrs.field(default=False, init=False)

    def __enter__(self) -> None:
        """Wait for it."""
        self.awaited = True

    def __exit__(self, *_: object) -> None:
        """Wait no longer."""
        self.awaited = False

    def pong(self, now: float) -> None:
        """Take the pong."""
        self.round_trip = now - self.sent_at
        self.answered.set()

    def fail(self, error: CometConnError) -> None:
        """End the wait, unless it has ended."""
        if self.round_trip is None and self.error is None:
            self.error = error
            self.answered.set()

    def outcome(self) -> float:
        """Return the round trip, or raise what came instead; a wait that is still open is given up."""
        self.give_up()
        if self.error is not None:
            raise self.error
        assert self.round_trip is not None, "a pong, or an error"
        return self.round_trip

    def give_up(self) -> None:
        """End the wait because nothing answered in time."""
        self.fail(
            PongTimeoutError(
                f"No pong came within {self.gives_up_at - self.sent_at:g} s of ping(); other bytes did, so the "
                "connection stays. If an event stream is full, read it: a paused reader sees no pong."
            )
        )


@attrs.define(eq=False)
class Link:
    """What the tasks of one WebSocket share. It lives once; its heartbeat dies with it.

    Attributes:
        number: of the WebSocket among those that this client dialled, from 1: a detail's `generation`.
        lease: everything that makes or uses the socket runs inside it. The machine alone
            sets its deadline and cancels it. See `run_in()`.
        attempt_ends: when the attempt has failed.
        second: the dial after a renewal of the token.
        room: what the receive loop parks in while a stream is full.
        observer: is told of every pong.
        websocket: what it is about, once it was dialled.
        on_send: is called when there is a first frame in the outbox: writes it, or sees to it that it is written.
        over: the lease has ended: take nothing, start nothing.
        wants_renewal: it ended because the token was refused, or because the auth frame got no answer for the third time.
        step: what the attempt waits for, in words for an error.
        auth_sent: the auth frame is on its way.
        authenticated: the server has accepted it.
        closed: the socket is closed on our side.
        news: parked in by who waits for one of these two.
        alarm: what the keepalive task sleeps in; its deadline wakes it.
    """

    number: int
    heartbeat: Heartbeat
    attempt_ends: float
    second: bool
    room: Lot = attrs.field(repr=False)
    observer: StepObserver | None = attrs.field(default=None, repr=False)
    websocket: WebSocket | None = attrs.field(default=None, init=False, repr=False)
    on_send: Callable[[], object] | None = attrs.field(default=None, init=False, repr=False)
    lease: trio.CancelScope = attrs.field(factory=trio.CancelScope, init=False, repr=False)
    over: bool = attrs.field(default=False, init=False)
    wants_renewal: bool = attrs.field(default=False, init=False)
    step: str = attrs.field(default="dialling", init=False)
    auth_sent: bool = attrs.field(default=False, init=False)
    authenticated: bool = attrs.field(default=False, init=False)
    closed: bool = attrs.field(default=False, init=False)
    news: Lot = attrs.field(factory=Lot, init=False, repr=False)
    outbox: list[OutgoingFrame] = attrs.field(factory=list, init=False, repr=False)
    alarm: trio.CancelScope | None = attrs.field(default=None, init=False, repr=False)
    _pings: list[PingWaiter] = attrs.field(factory=list, init=False, repr=False)

    def run_in(self, scope: trio.CancelScope) -> None:
        """Make *scope* the lease: a nursery has one of its own, and a second one round it is only there to cost something."""
        scope.deadline = self.lease.deadline
        if self.over:
            scope.cancel(reason="cometconn: the lease had ended before")
        self.lease = scope

    def accepted(self, now: float, jitter: float) -> None:
        """Note that the server has accepted the auth frame: from now on there is something to keep alive."""
        self.authenticated = True
        self.heartbeat.start(now, jitter)
        self.news.unpark_all()

    def set_alarm(self, next_tick: float) -> None:
        """Let the keepalive task wake up for the next ping or for *next_tick*, and not sooner: thousands would be felt."""
        if self.alarm is not None:
            self.alarm.deadline = min(self.heartbeat.next_ping, next_tick)

    def wake_for_silence(self) -> None:
        """Let the keepalive task wake up no later than silence means that the link is lost."""
        if self.alarm is not None:
            self.alarm.deadline = min(self.alarm.deadline, self.heartbeat.silent_at)

    def note_closed(self) -> None:
        """Note that the socket is closed."""
        self.closed = True
        self.on_send = None  # who wrote for us knows us, and what knows each other is not freed at once
        self.news.unpark_all()

    async def wait_closed(self) -> None:
        """Wait until the socket is closed on our side."""
        while not self.closed:
            await self.news.park()

    def send(self, text: str) -> OutgoingFrame:
        """Queue *text* for the writer; where nothing is before it, and the socket takes it, it has left on return."""
        frame = OutgoingFrame(text)
        self.outbox.append(frame)
        if self.on_send is not None and len(self.outbox) == 1:
            self.on_send()
        return frame

    def withdraw(self, frame: OutgoingFrame) -> None:
        """Take *frame* back if the writer has not begun with it: nobody waits for it any longer."""
        if frame in self.outbox and frame is not self.outbox[0]:
            self.outbox.remove(frame)

    def ping(self, text: str, now: float) -> PingWaiter:
        """Queue a ping frame and expect its pong."""
        self._drop_stale_pings(now)
        waiter = PingWaiter(self.send(text), now, now + self.heartbeat.timeout)
        self._pings.append(waiter)
        self.heartbeat.pinged(now)
        self.wake_for_silence()
        return waiter

    def pong(self, now: float) -> None:
        """Give a pong to the oldest ping that may still be answered."""
        self._drop_stale_pings(now)
        if self._pings:
            waiter = self._pings.pop(0)
            waiter.pong(now)
            if self.observer is not None:
                self.observer.pong_received(now - waiter.sent_at)

    def close_nowait(self) -> None:
        """Let the close frame leave, where it can at once: nothing at the end of a link is as urgent."""
        if self.websocket is not None:
            self.websocket.close_nowait()

    def end(self, reason: Reason | None, cause: BaseException | None) -> None:
        """End the lease, now: nobody waits for this link any longer, and its tasks stop."""
        self.over = True
        self.close_nowait()
        self.lease.cancel(reason=f"cometconn: the lease ended ({reason.value if reason else 'lost'})")
        for waiter in self._pings:
            waiter.fail(lost_error(reason, cause))
        self._pings.clear()
        for frame in self.outbox:
            frame.error = lost_error(reason, cause)
            frame.done.set()
        self.outbox.clear()
        self.room.unpark_all()

    def _drop_stale_pings(self, now: float) -> None:
        while self._pings and now >= self._pings[0].gives_up_at:
            if self._pings[0].awaited and len(self._pings) == 1:
                return  # a pong can be the answer to no other ping; the call gives up when the socket holds none
            stale = self._pings.pop(0)
            stale.give_up()
            self.withdraw(stale.frame)  # to a server that does not read, they would pile up
