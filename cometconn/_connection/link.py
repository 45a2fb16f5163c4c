"""What the tasks of one WebSocket share, from the attempt to open it to its end."""

from __future__ import annotations

import enum
from typing import TYPE_CHECKING

import attrs
import trio

from cometconn._lifecycle.states import IllegalInputError
from cometconn._lot import Lot
from cometconn.errors import PongTimeoutError

from .failures import AUTH_ANSWER, lost_error

if TYPE_CHECKING:
    from collections.abc import Callable

    from cometconn._lifecycle.heartbeat import Heartbeat
    from cometconn._telemetry.step_observer import StepObserver
    from cometconn._transport.abc import WebSocket
    from cometconn.errors import CometConnError
    from cometconn.status import Reason

__all__ = ["Link", "LinkState", "OutgoingFrame", "PingWaiter"]


@attrs.define(eq=False)
class OutgoingFrame:
    """A frame in the outbox.

    Attributes:
        text: its payload.
        done: set when it was written, or when it is certain that it will not be.
        error: why it will not be written.
    """

    text: str = attrs.field(repr=False)
    done: trio.Event = attrs.field(factory=trio.Event, init=False, repr=False)
    error: CometConnError | None = attrs.field(default=None, init=False)


@attrs.define(eq=False)
class PingWaiter:
    """A ping frame whose pong is expected. Used as a context manager while a call of `ping()` waits for it.

    Attributes:
        frame: the ping frame.
        sent_at: when it was queued, on Trio's clock.
        gives_up_at: a pong that is read after this time counts for a later ping. If there is none and a call still
            waits, it counts for this one, because it may have been unread in the socket.
        awaited: whether a call of `ping()` waits for the pong.
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
        """Note that a call waits."""
        self.awaited = True

    def __exit__(self, *_: object) -> None:
        """Note that no call waits any longer."""
        self.awaited = False

    def pong(self, now: float) -> None:
        """Note that the pong came at *now*."""
        self.round_trip = now - self.sent_at
        self.answered.set()

    def fail(self, error: CometConnError) -> None:
        """End the wait with *error*, unless it has ended."""
        if self.round_trip is None and self.error is None:
            self.error = error
            self.answered.set()

    def outcome(self) -> float:
        """Return the round trip, or raise the error. If there is neither yet, the wait ends with `PongTimeoutError`."""
        self.give_up()
        if self.error is not None:
            raise self.error
        assert self.round_trip is not None, "a pong, or an error"
        return self.round_trip

    def give_up(self) -> None:
        """End the wait, because no pong came in time."""
        self.fail(
            PongTimeoutError(
                f"No pong came within {self.gives_up_at - self.sent_at:g} s of ping(); other bytes did, so the "
                "connection stays. If an event stream is full, read it: a paused reader sees no pong."
            )
        )


class LinkState(enum.Enum):
    """Where one WebSocket is in its life. It only goes forward: see `_NEXT`."""

    DIALLING = "dialling"
    """No auth frame was sent yet: the socket is dialled and upgraded, or the token is renewed."""
    AUTHENTICATING = "authenticating"
    """The auth frame was sent, and the server has not accepted it yet."""
    OPEN = "open"
    """The server has accepted the auth frame."""
    OVER = "over"
    """The lease has ended: messages that are read are dropped, no task starts, and the socket is being closed."""
    CLOSED = "closed"
    """The socket is closed on our side."""


_NEXT = {
    # A server may accept the client before the auth frame was sent.
    LinkState.DIALLING: {LinkState.AUTHENTICATING, LinkState.OPEN, LinkState.OVER},
    LinkState.AUTHENTICATING: {LinkState.OPEN, LinkState.OVER},
    LinkState.OPEN: {LinkState.OVER},
    LinkState.OVER: {LinkState.CLOSED},
    LinkState.CLOSED: frozenset[LinkState](),
}


@attrs.define(eq=False, kw_only=True)
class Link:
    """What the tasks of one WebSocket share, from its dial to its close. Each WebSocket has a `Link` of its own.

    Attributes:
        number: of the WebSocket among those that this client dialled, from 1: a detail's `generation`.
        heartbeat: when to ping, and when silence means that the link is lost.
        lease: everything that opens or uses the socket runs inside this scope. Only the machine sets its deadline
            and cancels it.
        attempt_ends: the time limit of the attempt, on Trio's clock. The machine moves it when it was paused.
        second: whether this link is for the renewal of the token, or for the dial after it.
        room: the receive loop parks here while a stream is full.
        observer: is called for every pong; `None` without hooks.
        websocket: the WebSocket, once it was dialled.
        on_send: is called when the first frame enters the outbox; writes it now or starts a task that does.
        step: what the attempt waits for, in words for an error.
        upgrade_began: when the request of the upgrade was made, on Trio's clock.
        news: tasks that wait for `OPEN` or `CLOSED` park here.
        outbox: frames to be sent, in order; the first one may be half written.
        alarm: the scope in which the keepalive task sleeps; its deadline wakes the task.
    """

    number: int
    heartbeat: Heartbeat
    lease: trio.CancelScope = attrs.field(repr=False)
    attempt_ends: float
    second: bool = False
    room: Lot = attrs.field(repr=False)
    observer: StepObserver | None = attrs.field(default=None, repr=False)
    websocket: WebSocket | None = attrs.field(default=None, init=False, repr=False)
    on_send: Callable[[], object] | None = attrs.field(default=None, init=False, repr=False)
    step: str = attrs.field(default="dialling", init=False)
    upgrade_began: float = attrs.field(default=0.0, init=False)
    news: Lot = attrs.field(factory=Lot, init=False, repr=False)
    outbox: list[OutgoingFrame] = attrs.field(factory=list, init=False, repr=False)
    alarm: trio.CancelScope | None = attrs.field(default=None, init=False, repr=False)
    _state: LinkState = attrs.field(default=LinkState.DIALLING, init=False)
    _pings: list[PingWaiter] = attrs.field(factory=list, init=False, repr=False)

    @property
    def state(self) -> LinkState:
        """Where it is in its life."""
        return self._state

    @property
    def authenticated(self) -> bool:
        """Whether the server has accepted the auth frame and the lease has not ended."""
        return self._state is LinkState.OPEN

    @property
    def over(self) -> bool:
        """Whether the lease has ended."""
        return self._state is LinkState.OVER or self._state is LinkState.CLOSED

    def _enter(self, state: LinkState) -> None:
        """Go on to *state*; `IllegalInputError` if it does not follow the present one: a mistake in cometconn."""
        if state not in _NEXT[self._state]:
            message = f"a link that is {self._state.value} cannot become {state.value}"
            raise IllegalInputError(message)
        self._state = state
        self.news.unpark_all()

    def send_auth(self, text: str) -> None:
        """Queue the auth frame, *text*. The link is `AUTHENTICATING` then, unless the server has accepted the client already."""
        if self._state is LinkState.DIALLING:
            self._enter(LinkState.AUTHENTICATING)
        self.step = AUTH_ANSWER
        self.send(text)

    def accepted(self, now: float, jitter: float) -> None:
        """Note that the server has accepted the auth frame: from now on the connection is kept alive."""
        self._enter(LinkState.OPEN)
        self.heartbeat.start(now, jitter)

    def set_alarm(self, next_tick: float) -> None:
        """Let the keepalive task wake up for the next ping or for *next_tick*, whichever is first.

        It does not wake up more often, because a process may have thousands of connections.
        """
        if self.alarm is not None:
            self.alarm.deadline = min(self.heartbeat.next_ping, next_tick)

    def wake_for_silence(self) -> None:
        """Let the keepalive task wake up no later than when silence means that the link is lost."""
        if self.alarm is not None:
            self.alarm.deadline = min(self.alarm.deadline, self.heartbeat.silent_at)

    def note_closed(self) -> None:
        """Note that the socket is closed on our side."""
        self._enter(LinkState.CLOSED)
        self.on_send = None  # the writer refers to this link: without the cycle both are freed at once

    async def wait_closed(self) -> None:
        """Wait until the socket is closed on our side."""
        while self._state is not LinkState.CLOSED:
            await self.news.park()

    def send(self, text: str) -> OutgoingFrame:
        """Queue *text*. If the outbox was empty and the socket takes the frame, it is written on return."""
        frame = OutgoingFrame(text)
        self.outbox.append(frame)
        if self.on_send is not None and len(self.outbox) == 1:
            self.on_send()
        return frame

    def withdraw(self, frame: OutgoingFrame) -> None:
        """Remove *frame* from the outbox, unless the writer has begun with it: the call that sends it was cancelled."""
        if frame in self.outbox and frame is not self.outbox[0]:
            self.outbox.remove(frame)

    def ping(self, text: str, now: float) -> PingWaiter:
        """Queue the ping frame *text* and expect its pong."""
        self._drop_stale_pings(now)
        waiter = PingWaiter(self.send(text), now, now + self.heartbeat.timeout)
        self._pings.append(waiter)
        self.heartbeat.pinged(now)
        self.wake_for_silence()
        return waiter

    def pong(self, now: float) -> None:
        """A pong came: it belongs to the oldest ping that has not been given up."""
        self._drop_stale_pings(now)
        if self._pings:
            waiter = self._pings.pop(0)
            waiter.pong(now)
            if self.observer is not None:
                self.observer.pong_received(now - waiter.sent_at)

    def close_nowait(self) -> None:
        """Write the close frame if that takes no waiting."""
        if self.websocket is not None:
            self.websocket.close_nowait()

    def end(self, reason: Reason | None, cause: BaseException | None) -> None:
        """End the lease: write the close frame if that takes no waiting, end calls that wait, and cancel the tasks.

        *reason* is why the client is disconnected, `None` if it stays wanted; *cause* is the error behind it.
        """
        self._enter(LinkState.OVER)
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
                return  # a pong can belong to no other ping; the call gives up once the socket was read
            stale = self._pings.pop(0)
            stale.give_up()
            self.withdraw(stale.frame)  # if the server does not read, they would accumulate
