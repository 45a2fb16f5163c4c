"""What a client does in one script by the contract, written from its words alone.

It imports nothing of the client: only the actions. Everything between the network's moods and a status takes
no time here, as over memory streams, so each action is followed by a state in which all is quiet. Jitter is
always one half.
"""

from __future__ import annotations

import math
from typing import Literal

import attrs

from cometconn.testing import actions as act

__all__ = ["Expected", "Model"]

GRACE, INTERVAL, PONG, CONNECT, CLOSE, REQUEST = 30.0, 15.0, 5.0, 10.0, 2.0, 10.0
BASE, CAP, STABLE, RESTART, SHORTCUT, JITTER = 2.0, 30.0, 10.0, 8.0, 1.0, 0.5
RESTARTING = {1001, 1012, 1013}
LONGEST_FLOOR, TRANSIENT = 300.0, {408, 425, 429}


@attrs.frozen
class Expected:
    """What must be seen after one action: see `cometconn.testing.scripts.Step`."""

    at: float
    statuses: tuple[str, ...]
    outcomes: tuple[tuple[int, str], ...]
    events: tuple[str, ...]
    returned: str | None
    status: str | None


@attrs.define(eq=False)
class Socket:
    """An authenticated socket."""

    since: float
    silent: bool = False
    asked: float | None = None
    next_ping: float = math.inf
    pings: list[tuple[float, int | None]] = attrs.field(factory=list)


@attrs.frozen
class Request:
    """A REST request under way: when it ends, and how."""

    ends: float
    outcome: Literal["ok", "transient", "final", "unknown"]
    floor: float = 0.0


@attrs.define(eq=False)
class Entering:
    """A `login()` that makes requests: the token first, then the user."""

    number: int
    uid: str
    request: Request
    has_token: bool = False


@attrs.define(eq=False)
class Model:
    """The client and its surroundings."""

    manual: bool
    on_asyncio: bool = False
    now: float = 0.0

    # The surroundings.
    dialling: str = "accept"
    upgrade: str | int = "accept"
    auth: str = "accept"
    pongs: bool = True
    answers: str | int = "accept"
    retry_after: int | None = None
    rest_delay: float = 0.0
    token_known: bool = False
    new_token_known: bool = False
    pushed: int = 0

    # The client.
    open: bool = True
    user: str | None = None
    background: bool = False
    state: Literal["resting", "connecting", "waiting", "connected"] = "resting"
    reason: str = "NOT_LOGGED_IN"
    stands: bool = False
    callers: list[tuple[int, bool]] = attrs.field(factory=list)
    calls: list[int] = attrs.field(factory=list)
    closing: list[int] = attrs.field(factory=list)
    closed_by: float = -math.inf
    socket: Socket | None = None
    stuck: str = ""
    attempt_ends: float = math.inf
    retry_at: float = math.inf
    retries: int = 0
    shortcut: float = -math.inf
    status: str = "NOT_LOGGED_IN"
    second: bool = False
    unanswered: int = 0
    life: float = -math.inf
    absent: bool = False
    accepted: bool = False
    key: bool = False
    entering: Entering | None = None
    renewing: Literal["", "the JWT", "a new token", "a new user"] = ""
    renewal: Request | None = None
    logouts: dict[int, Request] = attrs.field(factory=dict)
    not_before: float = -math.inf
    known: set[int] = attrs.field(factory=set)
    known_to: str | None = None
    last: dict[str, int] = attrs.field(factory=dict)

    # What is seen.
    statuses: list[str] = attrs.field(factory=lambda: ["NOT_LOGGED_IN"])
    outcomes: list[tuple[int, str]] = attrs.field(factory=list)
    events: list[str] = attrs.field(factory=list)
    dials: list[float] = attrs.field(factory=list)
    closes: list[float] = attrs.field(factory=list)
    refusals: set[float] = attrs.field(factory=set)
    pinged: list[float] = attrs.field(factory=list)
    auths: list[tuple[float, str]] = attrs.field(factory=list)

    def step(self, number: int, action: act.Action) -> Expected:
        """Do one action. Return what must be seen."""
        at_once = isinstance(action, act.EnterBackground | act.EnterForeground | act.RetryNow) and self.open
        before = self.status
        self.perform(number, action)
        self.pass_time(self.now)  # REST that is answered at once
        self.status = self.statuses[-1] if self.statuses else self.status
        seen = Expected(
            round(self.now, 6),
            tuple(self.statuses),
            tuple(sorted(self.outcomes)),
            tuple(self.events),
            (self.statuses[0] if self.statuses else before) if at_once else None,
            self.status if self.open else None,
        )
        for told in (self.statuses, self.outcomes, self.events):
            told.clear()
        return seen

    def perform(self, number: int, action: act.Action) -> None:
        """Do one action."""
        match action:
            case act.Wait(seconds=seconds):
                self.pass_time(self.now + seconds)
            case act.Dialling(how=how):
                self.dialling = how
            case act.Upgrade(how=answer):
                self.upgrade = answer
            case act.TokenAnswer(how=answer):
                self.auth = answer
            case act.Pongs(answered=answered):
                self.pongs = answered
            case act.RestAnswers(how=how, retry_after=seconds):
                self.answers, self.retry_after = how, seconds
            case act.RestDelay(seconds=seconds):
                self.rest_delay = seconds
            case act.ForgetTokens():
                self.token_known = self.new_token_known = False
            case act.Push() | act.Duplicate() | act.Reordered() | act.Garbage() | act.LatePong():
                self.frames(action)
            case act.CloseUnanswered(code=code):
                if self.stuck == "before the answer":
                    self.stuck = ""  # the server has closed it
                    self.unanswered_again(restarting=code in RESTARTING)
            case act.CloseFromServer(code=code) if self.reachable:
                self.lose(restarting=code in RESTARTING)
            case act.Reset() if self.socket:
                self.lose()
            case act.Reset() if self.closed_by > self.now:
                self.socket_closed()
            case act.Silence() if self.socket:
                self.socket.silent = True
            case act.CloseFromServer() | act.Reset() | act.Silence():
                pass
            case act.Reopen():
                if not self.open:
                    self.reopen()
            case _ if self.open:
                self.call(number, action)

    @property
    def reachable(self) -> bool:
        """The server's frames get through."""
        return self.socket is not None and not self.socket.silent

    @property
    def wanted(self) -> bool:
        """The lease is alive."""
        return self.state != "resting"

    # The application.

    def call(self, number: int, action: act.Action) -> None:
        """The application makes a call."""
        match action:
            case act.Login(uid=uid):
                self.login(number, uid)
            case act.Logout():
                self.logout(number)
            case act.Connect(retry=retry):
                self.connect(number, retry)
            case act.Disconnect():
                self.disconnect(number)
            case act.Ping():
                self.ping(number)
            case act.EnterBackground() if not self.background:
                self.background = True
                self.went_to_background()
            case act.EnterForeground() if self.background:
                self.background = False
                if not self.manual and self.reason == "IN_BACKGROUND" and not self.wanted:
                    self.attempt(fresh=True)
            case act.RetryNow():
                if self.state == "waiting" and self.now - self.shortcut >= SHORTCUT and self.now >= self.not_before:
                    self.shortcut = self.now
                    self.attempt()
            case act.CancelCall():
                self.cancel()
            case act.Leave():
                self.leave()

    def login(self, number: int, uid: str) -> None:
        """The same user again makes no request, and lifts two reasons; another user begins anew."""
        if self.entering or self.renewing in {"a new token", "a new user"}:
            self.outcomes.append((number, "LoginInProgressError"))
            return
        if self.user == uid:
            self.outcomes.append((number, "ok"))
            self.key = not self.accepted
            if not self.wanted and self.reason in {"AUTHENTICATION_FAILED", "DISCONNECT_CALLED"}:
                self.begin()
            return
        if self.user is not None:
            self.end("LOGGED_OUT")
            self.forget()
        self.calls.append(number)
        self.entering = Entering(number, uid, self.ask_for_token())

    def go_on_entering(self) -> None:
        """A request of `login()` has ended."""
        entering = self.entering
        assert entering
        if entering.request.outcome == "ok" and not entering.has_token:
            entering.has_token, entering.request = True, self.ask(known=self.new_token_known)
            return
        self.entering = None
        if entering.request.outcome != "ok":
            self.answer(entering.number, "ApiError")
            return
        self.answer(entering.number, "ok")
        self.user, self.token_known, self.accepted, self.key = entering.uid, self.new_token_known, True, False
        if self.known_to != self.user:
            self.known.clear()
            self.absent = False
        self.known_to = self.user
        self.begin()

    def begin(self) -> None:
        """A user is logged in."""
        if self.manual:
            self.rest("NOT_REQUESTED")
        elif self.background:
            self.rest("IN_BACKGROUND")
        else:
            self.attempt(fresh=True)

    def logout(self, number: int) -> None:
        """Local at once; returns when the server has answered and the socket is closed. It ends a `login()`."""
        if self.entering:
            self.answer(self.entering.number, "NotLoggedInError")
            self.entering = None
            self.outcomes.append((number, "ok"))
            return
        if self.user is None:
            self.outcomes.append((number, "NotLoggedInError"))
            return
        self.end("LOGGED_OUT")
        self.logouts[number] = self.ask(known=self.token_known)
        self.forget()
        self.calls.append(number)
        if self.closed_by > self.now:
            self.closing.append(number)

    def end_logouts(self) -> None:
        """End the calls whose request has ended and whose socket is closed."""
        for number, request in list(self.logouts.items()):
            if self.now >= request.ends and number not in self.closing:
                del self.logouts[number]
                self.answer(number, "ok" if request.outcome == "ok" else "ApiError")

    def forget(self) -> None:
        """Forget all that belongs to this session."""
        self.log_out()
        self.known.clear()
        self.absent = False

    def log_out(self) -> None:
        """No user is logged in. If the same user comes next, what was read is still known, and what was missed is a gap."""
        self.user = None
        self.key = False
        self.unanswered = 0

    def connect(self, number: int, retry: bool) -> None:
        """Join the attempt under way, or wish for one."""
        if self.user is None:
            self.outcomes.append((number, "NotLoggedInError"))
            return
        if not self.wanted and not self.manual and self.background:
            self.outcomes.append((number, "ConnectError IN_BACKGROUND"))
            return
        if self.background:
            self.life = self.now
        if self.state == "connected":
            self.outcomes.append((number, "ok"))
            return
        self.callers.append((number, retry))
        self.calls.append(number)
        if self.state != "connecting":
            self.attempt(fresh=not self.wanted)

    def disconnect(self, number: int) -> None:
        """No lease until the next `connect()`."""
        if self.user is not None and (self.wanted or (not self.manual and self.reason == "IN_BACKGROUND")):
            self.end("DISCONNECT_CALLED")
        self.wait_closed(number)

    def ping(self, number: int) -> None:
        """A sign of life, and a frame."""
        if self.state != "connected":
            self.outcomes.append((number, "NotConnectedError"))
            return
        if self.background:
            self.life = self.now
        self.calls.append(number)
        self.send_ping(number)

    def went_to_background(self) -> None:
        """Auto: the lease ends. Manual: it ends thirty seconds from now, if there is one."""
        if not self.wanted:
            return
        if not self.manual:
            self.end("IN_BACKGROUND")
        elif self.state == "connected" or self.callers:
            self.life = self.now
        else:
            self.end("LOST_IN_BACKGROUND")

    def cancel(self) -> None:
        """Cancel the call that has waited longest."""
        if not self.calls:
            return
        number = self.calls.pop(0)
        self.outcomes.append((number, "cancelled"))
        if number in self.closing:
            self.closing.remove(number)
        self.logouts.pop(number, None)
        if self.entering and self.entering.number == number:
            self.entering = None
        if any(caller == number for caller, _ in self.callers):
            self.callers = [(caller, retry) for caller, retry in self.callers if caller != number]
            if self.manual and not self.stands and not self.callers:
                self.end("NOT_REQUESTED")
        elif self.socket:
            self.socket.pings = [(at, None if call == number else call) for at, call in self.socket.pings]

    def leave(self) -> None:
        """Leave the client, within the close budget."""
        if self.entering:
            self.answer(self.entering.number, "NotLoggedInError")
            self.entering = None
        self.end("CLIENT_CLOSED")
        self.open = self.key = False
        self.pass_time(max(self.now, self.closed_by))
        if self.on_asyncio:  # no call outlives the client there
            for number in list(self.logouts):
                del self.logouts[number]
                self.answer(number, "NotConnectedError")
        self.known.clear()
        self.absent = self.accepted = False

    def reopen(self) -> None:
        """The saved user is logged in."""
        self.open, self.background, self.stands, self.shortcut = True, False, False, -math.inf
        self.state, self.reason, self.unanswered = "resting", "NOT_LOGGED_IN", 0
        if self.user is None:
            self.statuses.append("NOT_LOGGED_IN")
        else:
            self.begin()

    # The connection.

    def attempt(self, *, fresh: bool = False) -> None:
        """Dial, and go as far as the server lets it. A closing handshake that still waits is cut."""
        if fresh:
            self.retries, self.stands = 0, not self.manual
        self.state, self.retry_at, self.not_before = "connecting", math.inf, -math.inf
        self.statuses.append("Connecting")
        self.socket_closed()
        self.dial()

    def dial(self, *, second: bool = False) -> None:
        """Dial, for the first time, or with a renewed token, for which the renewal has left some time."""
        self.second, self.stuck = second, ""
        if not second:
            self.attempt_ends = self.now + CONNECT
        self.dials.append(self.now)
        if self.dialling == "refuse" or (self.dialling == "accept" and isinstance(self.upgrade, int)):
            self.unanswered = 0
            self.failed(floor=self.floor if self.dialling == "accept" else 0.0)
        elif self.dialling == "hang" or self.upgrade == "hang":
            self.stuck = "before the upgrade"
        elif self.auth == "silent":
            self.stuck = "before the answer"
            self.auths.append((self.now, "unanswered"))
        elif self.auth == "refuse" or not self.token_known:
            self.auths.append((self.now, "refused"))
            self.refusals.add(self.now)
            self.unanswered = 0
            if second:
                self.refused()
            else:
                self.renew()
        else:
            self.auths.append((self.now, "accepted"))
            self.authenticated()

    def unanswered_again(self, *, restarting: bool = False) -> None:
        """Closed or silent for too long before the auth frame was answered: every third in a row renews the token."""
        self.unanswered += 1
        if self.unanswered % 3 == 0 and not self.second:
            self.hang_up()
            self.renew()
        else:
            self.failed(restarting=restarting)

    # REST.

    @property
    def floor(self) -> float:
        """The delay of a refusal with Retry-After."""
        return min(float(self.retry_after or 0), LONGEST_FLOOR)

    def ask(self, *, known: bool = True) -> Request:
        """Make a request, with a token that the server knows or does not."""
        if self.answers == "hang" or self.rest_delay >= REQUEST:
            return Request(self.now + REQUEST, "transient")
        ends = self.now + self.rest_delay
        if isinstance(self.answers, int):
            transient = self.answers in TRANSIENT or self.answers >= 500
            return Request(ends, "transient" if transient else "final", self.floor)
        return Request(ends, "ok" if known else "unknown")

    def ask_for_token(self) -> Request:
        """Request a new token, with the key."""
        request = self.ask()
        self.new_token_known = self.answers == "accept"  # also where the answer comes too late
        return request

    def renew(self) -> None:
        """One renewal, one more try: they have one more budget together."""
        self.stuck, self.attempt_ends = "renewal", self.now + CONNECT
        self.renewing, self.renewal = "the JWT", self.ask(known=self.token_known)

    def go_on_renewing(self) -> None:
        """A request of the renewal has ended."""
        asked, request = self.renewing, self.renewal
        assert request
        self.renewing, self.renewal = "", None
        match asked, request.outcome:
            case _, "transient":
                self.unanswered = 0
                self.failed(floor=request.floor)
            case "the JWT", "final":
                self.refused()
            case "the JWT", "unknown" if self.key:
                self.renewing, self.renewal = "a new token", self.ask_for_token()
            case _, "final" | "unknown":
                self.end("LOGGED_OUT")
                self.log_out()
            case "a new token", _:
                self.renewing, self.renewal = "a new user", self.ask(known=self.new_token_known)
            case _:
                self.token_known = self.token_known if asked == "the JWT" else self.new_token_known
                self.accepted, self.key = True, False
                self.dial(second=True)

    def refused(self) -> None:
        """The token is refused for good."""
        self.accepted = self.key = False
        self.end("AUTHENTICATION_FAILED", error="AuthenticationError")

    def authenticated(self) -> None:
        """Connected."""
        self.state, self.stands, self.attempt_ends = "connected", True, math.inf
        self.accepted, self.key = True, False
        self.unanswered = 0
        self.statuses.append("Connected")
        self.socket = Socket(self.now, next_ping=self.now + INTERVAL)
        for number, _ in self.callers:
            self.answer(number, "ok")
        self.callers.clear()
        if self.absent:
            self.events.append("Gap")
            self.absent = False

    def failed(self, *, restarting: bool = False, floor: float = 0.0) -> None:
        """An attempt has failed: calls without `retry` raise, and if it is still wanted there is another attempt."""
        self.hang_up()
        for number, retry in list(self.callers):
            if not retry:
                self.answer(number, "ConnectError CONNECT_FAILED")
        self.callers = [(number, retry) for number, retry in self.callers if retry]
        if self.callers or self.stands:
            self.wait(restarting=restarting, floor=floor)
        else:
            self.rest("CONNECT_FAILED")

    def lose(self, *, restarting: bool = False) -> None:
        """The socket is lost."""
        assert self.socket
        if self.background:
            self.end("LOST_IN_BACKGROUND", gone=True)
            return
        if self.now - self.socket.since >= STABLE:
            self.retries = 0
        self.drop_socket("ConnectionLostError")
        self.wait(restarting=restarting)

    def wait(self, *, restarting: bool = False, floor: float = 0.0) -> None:
        """Set the time of the next attempt."""
        window = RESTART if restarting else min(CAP, BASE * 2**self.retries)
        self.retries += 1
        self.state, self.retry_at, self.attempt_ends = "waiting", self.now + max(JITTER * window, floor), math.inf
        self.not_before = self.now + floor
        self.closed_by = min(self.closed_by, self.retry_at)
        self.statuses.append(f"Waiting until {round(self.retry_at, 6):g}")

    def end(self, reason: str, *, error: str = "ConnectError", gone: bool = False) -> None:
        """The lease is over, and every call that waits ends."""
        for number, _ in self.callers:
            self.answer(number, f"{error} {reason}")
        self.callers.clear()
        if gone:
            self.drop_socket(f"ConnectionLostError {reason}")
        else:
            self.hang_up(reason)
        self.rest(reason)

    def rest(self, reason: str) -> None:
        """Disconnected."""
        self.state, self.reason, self.stands = "resting", reason, False
        self.attempt_ends = self.retry_at = math.inf
        self.not_before = -math.inf
        self.stuck, self.renewing, self.renewal = "", "", None
        self.statuses.append(reason)

    def hang_up(self, reason: str = "") -> None:
        """Do the closing handshake, if the socket is open. A silent server costs the whole budget."""
        if self.stuck == "before the answer":
            self.closes.append(self.now)
        self.stuck, self.renewing, self.renewal = "", "", None
        if self.socket:
            if self.socket.silent:
                self.closed_by = self.now + CLOSE
            else:
                self.closes.append(self.now)
            self.drop_socket(f"ConnectionLostError {reason}".strip())

    def drop_socket(self, outcome: str) -> None:
        """Forget this socket."""
        assert self.socket
        for _, number in self.socket.pings:
            if number is not None:
                self.answer(number, outcome)
        self.socket, self.absent = None, True

    def answer(self, number: int, outcome: str) -> None:
        """A call ends."""
        self.calls.remove(number)
        self.outcomes.append((number, outcome))

    def wait_closed(self, number: int) -> None:
        """Return when the socket is closed."""
        if self.closed_by > self.now:
            self.closing.append(number)
            self.calls.append(number)
        else:
            self.outcomes.append((number, "ok"))

    def socket_closed(self) -> None:
        """The socket is closed now."""
        self.closed_by = -math.inf
        closed, self.closing = self.closing, []
        for number in closed:
            if number not in self.logouts:
                self.answer(number, "ok")
        self.end_logouts()

    # Frames.

    def send_ping(self, number: int | None) -> None:
        """One more ping; the server answers it, or does not."""
        assert self.socket
        self.socket.pings.append((self.now, number))
        if self.socket.asked is None:
            self.socket.asked = self.now
        if self.reachable:
            self.pinged.append(self.now)
            if self.pongs:
                self.pong()

    def pong(self) -> None:
        """Pongs answer pings in order; what was given up is out of the queue."""
        assert self.socket
        self.heard()
        self.give_up_pings()
        self.socket.pings = [(at, call) for at, call in self.socket.pings if self.now < at + PONG]
        if self.socket.pings:
            _, call = self.socket.pings.pop(0)
            if call is not None:
                self.answer(call, "ok")

    def heard(self) -> None:
        """Bytes came."""
        if self.socket:
            self.socket.asked = None

    def frames(self, action: act.Action) -> None:
        """Something is sent to the client, and arrives if the network works."""
        if isinstance(action, act.Push):
            for uid in ("zed-1", "amy-2"):
                self.pushed += 1
                self.arrives(uid, self.pushed)
        elif isinstance(action, act.Reordered):
            for uid in ("zed-1", "amy-2"):
                self.pushed += 2
                self.arrives(uid, self.pushed)
                self.arrives(uid, self.pushed - 1)
        elif self.reachable and isinstance(action, act.LatePong):
            self.pong()
        elif self.reachable and isinstance(action, act.Garbage):
            self.heard()
            self.events.append("UnreadableFrame")
        elif self.reachable and self.user in self.last:
            self.message(self.last[self.user])

    def arrives(self, uid: str, identifier: int) -> None:
        """A message was sent to a user."""
        if self.reachable and self.user == uid:
            self.last[uid] = identifier
            self.message(identifier)

    def message(self, identifier: int) -> None:
        """Each message once."""
        self.heard()
        if identifier not in self.known:
            self.known.add(identifier)
            self.events.append(f"TextMessage {identifier}")

    # Time.

    def pass_time(self, until: float) -> None:
        """Do everything that is due. The end of the lease comes before all else."""
        while (moment := self.next_moment()) <= until:
            self.now = max(self.now, moment)
            if self.manual and self.background and self.wanted and self.now >= self.life + GRACE:
                self.end("BACKGROUND_TIMEOUT")
            elif self.socket and self.now >= self.silent_at:
                self.judge_silent()
            elif self.entering and self.now >= self.entering.request.ends:
                self.go_on_entering()
            elif self.renewal and self.now >= self.renewal.ends:
                self.go_on_renewing()
            elif any(self.now >= self.logouts[number].ends for number in self.logouts.keys() - set(self.closing)):
                self.end_logouts()
            elif self.now >= self.attempt_ends and self.stuck == "before the answer":
                self.unanswered_again()
            elif self.now >= self.attempt_ends:
                self.unanswered = 0
                self.failed()
            elif self.state == "waiting" and self.now >= self.retry_at:
                self.attempt()
            elif self.socket and self.now >= self.socket.next_ping:
                self.socket.next_ping = self.now + INTERVAL
                self.send_ping(None)
            elif self.closed_by <= self.now and self.closing:
                self.socket_closed()
            else:
                self.give_up_pings()
        self.now = until

    @property
    def silent_at(self) -> float:
        """When the server counts as gone."""
        return math.inf if self.socket is None or self.socket.asked is None else self.socket.asked + PONG

    def judge_silent(self) -> None:
        """No byte has come since a ping: the link is lost, with a close frame that a server which only sends no pongs gets."""
        assert self.socket
        if self.socket.silent:
            self.closed_by = self.now + CLOSE
        else:
            self.closes.append(self.now)
        self.lose()

    def give_up_pings(self) -> None:
        """Other bytes came, but no pong."""
        assert self.socket
        for index, (at, call) in enumerate(self.socket.pings):
            if call is not None and self.now >= at + PONG:
                self.socket.pings[index] = (at, None)
                self.answer(call, "PongTimeoutError")

    def next_moment(self) -> float:
        """When something is due."""
        moments = [self.attempt_ends, self.retry_at, self.silent_at]
        if self.manual and self.background and self.wanted:
            moments.append(self.life + GRACE)
        if self.closing:
            moments.append(self.closed_by)
        if self.entering:
            moments.append(self.entering.request.ends)
        if self.renewal:
            moments.append(self.renewal.ends)
        moments.extend(request.ends for number, request in self.logouts.items() if number not in self.closing)
        if self.socket:
            moments.append(self.socket.next_ping)
            moments.extend(at + PONG for at, call in self.socket.pings if call is not None)
        return min(moments)
