"""Clients broken on purpose, which the model has to notice.

Each function breaks one promise of the contract in the real client, for as long as its `MonkeyPatch` lasts.
Most do what CometChat's own SDKs do, or what a careless change might.
"""

from __future__ import annotations

import functools
import math
from typing import TYPE_CHECKING, Any

import attrs
import trio

from cometconn import AppState, CometChat
from cometconn._account.api import is_refusal
from cometconn._client.login import Login
from cometconn._client.renewal import FallbackKey, SessionRenewal
from cometconn._connection.failures import to_failure
from cometconn._connection.keepalive import check_silence
from cometconn._connection.link import Link, LinkState
from cometconn._connection.link_nursery import LinkNursery
from cometconn._connection.machine import Machine
from cometconn._lifecycle import reducer
from cometconn._lifecycle.heartbeat import Heartbeat
from cometconn._lifecycle.states import Input, Mode, State
from cometconn._lifecycle.table import Row, Situation, find_row
from cometconn._streams.known_messages import KnownMessages
from cometconn._wire.outgoing import ping_frame
from cometconn.errors import ApiError

if TYPE_CHECKING:
    from collections.abc import Callable

    import pytest

    from cometconn._connection.failures import Failure

__all__ = ["BREAKS"]


def _reroute(patch: pytest.MonkeyPatch, choose: Callable[[Input, Situation, Row], Row]) -> None:
    """Let *choose* replace rows of the table."""
    patch.setattr(reducer, "find_row", lambda on, situation: choose(on, situation, find_row(on, situation)))


def _live_on(machine: Machine, link: Link) -> None:
    """Move the last sign of life to now."""
    machine._life = attrs.evolve(machine._life, last_life=trio.current_time())
    link.lease.deadline = machine._life.lease_deadline


def _stable_after(patch: pytest.MonkeyPatch, change: Callable[[float], float]) -> None:
    """Judge by another `stable_after`."""
    wait = reducer._ENTER[State.WAITING]

    def judged(life: reducer.Lifecycle, *rest: Any) -> Any:
        timing = life.timing
        other = attrs.evolve(timing, stable_after=change(timing.stable_after))
        return wait(attrs.evolve(life, timing=other), *rest)

    patch.setitem(reducer._ENTER, State.WAITING, judged)


def grace_counts_from_the_last_pong(patch: pytest.MonkeyPatch) -> None:
    """What comes from the server keeps a client in the background alive."""
    received = Machine.received

    def longer(self: Machine, link: Link) -> None:
        received(self, link)
        if self._life.app is AppState.BACKGROUND and link is self._link:
            _live_on(self, link)

    patch.setattr(Machine, "received", longer)


def foreground_undoes_disconnect(patch: pytest.MonkeyPatch) -> None:
    """Coming back connects although the application has called `disconnect()`."""

    def choose(on: Input, situation: Situation, row: Row) -> Row:
        undoes = on is Input.ENTERED_FOREGROUND and situation.state is State.DISCONNECT_CALLED
        return attrs.evolve(row, to=State.CONNECTING) if undoes and situation.mode is Mode.AUTO else row

    _reroute(patch, choose)


def lost_in_the_background_is_retried(patch: pytest.MonkeyPatch) -> None:
    """Manual mode: a socket lost in the background comes back by itself."""

    def choose(on: Input, situation: Situation, row: Row) -> Row:
        return attrs.evolve(row, to=State.WAITING) if on is Input.LINK_LOST else row

    _reroute(patch, choose)


def backoff_never_starts_over(patch: pytest.MonkeyPatch) -> None:
    """A stable connection does not make the next wait short again."""
    _stable_after(patch, lambda _: 1e9)


def backoff_starts_over_a_bit_late(patch: pytest.MonkeyPatch) -> None:
    """Connected for exactly `stable_after` is not taken for stable."""
    _stable_after(patch, lambda seconds: seconds + 1e-6)


def two_sockets(patch: pytest.MonkeyPatch) -> None:
    """The next socket is dialled during the closing handshake of the last one, which is not cut short."""
    run = LinkNursery.run

    async def hasty(self: LinkNursery, *, second: bool = False) -> None:
        before = self.machine.unclosed_link
        trio.lowlevel.spawn_system_task(functools.partial(run, self, second=second))
        while (link := self.machine.unclosed_link) is before or link is None:
            await trio.lowlevel.checkpoint()
        while not link.over:
            await self.machine.wait_changed()

    patch.setattr(LinkNursery, "run", hasty)
    patch.setattr(Machine, "_settle_closing_handshake", lambda _: None)


def cancelled_is_called_failed(patch: pytest.MonkeyPatch) -> None:
    """Manual mode: a cancelled `connect()` leaves `CONNECT_FAILED` instead of `NOT_REQUESTED`."""

    def choose(on: Input, situation: Situation, row: Row) -> Row:
        return attrs.evolve(row, to=State.CONNECT_FAILED) if on is Input.CALLER_LEFT and row.to else row

    _reroute(patch, choose)


def alive_at_the_deadline(patch: pytest.MonkeyPatch) -> None:
    """At exactly the deadline the lease still lives, and a ping is taken."""
    exact = reducer.lease_deadline
    patch.setattr(reducer, "lease_deadline", lambda *given: math.nextafter(exact(*given), math.inf))


def background_flips_the_status_later(patch: pytest.MonkeyPatch) -> None:
    """`enter_background()` returns before the status is the new one."""
    enter = CometChat.enter_background

    async def later(self: CometChat) -> None:
        enter(self)

    def promise(self: CometChat) -> None:
        trio.lowlevel.spawn_system_task(later, self)

    patch.setattr(CometChat, "enter_background", promise)


def keepalive_is_a_sign_of_life(patch: pytest.MonkeyPatch) -> None:
    """The library's own pings keep a client in the background connected without end."""

    async def lively(machine: Machine, link: Link) -> None:
        pulse = link.heartbeat
        while not link.over:
            now = machine.tick()
            if now >= pulse.next_ping and not link.over:
                pulse.keepalive_sent(now)
                link.ping(ping_frame(), now)
                _live_on(machine, link)
            if now >= pulse.silent_at:
                await check_silence(machine, link)
            with trio.move_on_at(min(pulse.next_ping, pulse.silent_at)) as link.alarm:
                await trio.sleep_forever()

    patch.setattr("cometconn._connection.link_nursery.keepalive", lively)


def no_keepalive(patch: pytest.MonkeyPatch) -> None:
    """The library never pings by itself."""
    patch.setattr(Heartbeat, "start", lambda *_: None)


def pings_without_a_frame(patch: pytest.MonkeyPatch) -> None:
    """A keepalive ping is noted, but the server never sees it."""

    async def mute(machine: Machine, link: Link) -> None:
        pulse = link.heartbeat
        while not link.over:
            now = machine.tick()
            if now >= pulse.next_ping:
                pulse.keepalive_sent(now)
            if now >= pulse.silent_at:
                await check_silence(machine, link)
            with trio.move_on_at(min(pulse.next_ping, pulse.silent_at)) as link.alarm:
                await trio.sleep_forever()

    patch.setattr("cometconn._connection.link_nursery.keepalive", mute)


def late_close_frame(patch: pytest.MonkeyPatch) -> None:
    """The close frame is written a little after the lease has ended."""
    close = LinkNursery._close

    async def dawdle(self: LinkNursery, websocket: Any) -> None:
        await trio.sleep(0.01)
        await close(self, websocket)

    patch.setattr(LinkNursery, "_close", dawdle)


def no_close_frame(patch: pytest.MonkeyPatch) -> None:
    """The socket is cut without a close frame."""

    async def cut(self: LinkNursery, websocket: Any) -> None:
        await websocket.aclose_forcefully()

    patch.setattr(LinkNursery, "_close", cut)


def refused_tokens_are_retried(patch: pytest.MonkeyPatch) -> None:
    """A token that is refused twice counts as a failed attempt."""
    fail = Machine._fail_link

    def forgiving(self: Machine, failure: Any, now: float) -> None:
        second = self._link is not None and self._link.second
        fail(self, attrs.evolve(failure, refused=failure.refused and not second), now)

    patch.setattr(Machine, "_fail_link", forgiving)


def never_doubts_the_token(patch: pytest.MonkeyPatch) -> None:
    """Closed again and again before the answer to the auth frame, the client renews nothing."""
    patch.setattr("cometconn._connection.machine._UNANSWERED_BEFORE_RENEWAL", 10**6)


def pings_wait_on_after_a_loss(patch: pytest.MonkeyPatch) -> None:
    """A `ping()` that waits when the socket is lost waits on."""
    end = Link.end

    def mute(self: Link, reason: Any, cause: Any) -> None:
        self._pings.clear()
        end(self, reason, cause)

    patch.setattr(Link, "end", mute)


def duplicates_are_delivered(patch: pytest.MonkeyPatch) -> None:
    """A message that comes twice is published twice."""
    patch.setattr(KnownMessages, "is_known", lambda *_: False)


def silence_is_no_doubt(patch: pytest.MonkeyPatch) -> None:
    """An auth frame that is never answered is forgotten with its attempt."""
    fail = Machine._fail_link

    def forgiving(self: Machine, failure: Failure, now: float) -> None:
        if isinstance(failure.error, TimeoutError) and self._link is not None:
            self._link._state = LinkState.DIALLING
        fail(self, failure, now)

    patch.setattr(Machine, "_fail_link", forgiving)


def unsolicited_pong_raises(patch: pytest.MonkeyPatch) -> None:
    """A pong without a ping raises in the client."""

    def surprised(self: Link, now: float) -> None:
        self._pings.pop(0).pong(now)

    patch.setattr(Link, "pong", surprised)


def shortcuts_without_end(patch: pytest.MonkeyPatch) -> None:
    """Every `retry_now()` cuts a wait short."""
    patch.setattr(reducer, "may_cut_short", lambda *_, **__: True)


def a_cancelled_connect_ends_a_standing_wish(patch: pytest.MonkeyPatch) -> None:
    """A cancelled `connect()` ends a wish that stands by itself."""

    def choose(on: Input, situation: Situation, row: Row) -> Row:
        ends = on is Input.CALLER_LEFT and situation.mode is Mode.MANUAL
        return attrs.evolve(row, to=State.NOT_REQUESTED) if ends else row

    _reroute(patch, choose)


def retry_after_of_a_renewal_is_ignored(patch: pytest.MonkeyPatch) -> None:
    """The next attempt comes as soon as after any other failure, although `GET /me` was answered with Retry-After."""

    def deaf(error: Exception, *rest: Any) -> Failure:
        failure = to_failure(error, *rest)
        return attrs.evolve(failure, retry_after=0.0) if isinstance(error, ApiError) else failure

    patch.setattr("cometconn._connection.machine.to_failure", deaf)


def too_many_requests_is_final(patch: pytest.MonkeyPatch) -> None:
    """429 to a renewal ends in `AUTHENTICATION_FAILED`."""
    patch.setattr("cometconn._connection.supervisor.is_refusal", lambda error: is_refusal(error) or error.status == 429)


def a_refused_renewal_is_retried(patch: pytest.MonkeyPatch) -> None:
    """403 to a renewal is taken for a failure that passes."""
    patch.setattr("cometconn._connection.supervisor.is_refusal", lambda _: False)


def _renewal_ends(patch: pytest.MonkeyPatch, when: Callable[[reducer.Lifecycle], float]) -> None:
    """Give a renewal and its dial another end."""
    step = reducer.reduce

    def other(life: reducer.Lifecycle, on: Input, *rest: Any) -> reducer.Lifecycle:
        after = step(life, on, *rest)
        return attrs.evolve(after, attempt_ends=when(life)) if on is Input.RENEWAL_BEGAN else after

    patch.setattr("cometconn._connection.machine.reduce", other)


def a_renewal_without_a_bound(patch: pytest.MonkeyPatch) -> None:
    """From the renewal on, an attempt has no time limit."""
    _renewal_ends(patch, lambda _: math.inf)


def a_renewal_in_what_is_left(patch: pytest.MonkeyPatch) -> None:
    """A renewal has no time limit of its own: it has what is left of the attempt's."""
    _renewal_ends(patch, lambda life: life.attempt_ends)


def an_unknown_token_is_a_passing_failure(patch: pytest.MonkeyPatch) -> None:
    """A token that the server does not know is tried again and again, and the user is not logged out."""

    async def hopeful(*_: Any) -> None:
        message = "unknown"
        raise ApiError(message)

    patch.setattr(SessionRenewal, "replace_token", hopeful)


def the_key_is_never_dropped(patch: pytest.MonkeyPatch) -> None:
    """The auth key of a `login()` long ago replaces a token that the server has accepted since."""
    patch.setattr(FallbackKey, "token_accepted", lambda _: None)
    patch.setattr(FallbackKey, "token_judged", lambda *_: None)


def the_key_is_never_kept(patch: pytest.MonkeyPatch) -> None:
    """A `login()` with a key that finds a saved session is of no use when the saved token is unknown."""
    login = Login.login

    def forgetful(self: Login, *given: Any) -> Any:
        wait = login(self, *given)

        async def and_forget() -> Any:
            user = await wait()
            self.renewal.key.drop()
            return user

        return and_forget

    patch.setattr(Login, "login", forgetful)


def logout_does_not_wait_for_the_server(patch: pytest.MonkeyPatch) -> None:
    """`logout()` does not wait for the server's answer."""

    async def rash(*_: Any) -> None:
        return None

    patch.setattr("cometconn._account.api.Api.delete_me", rash)


BREAKS = (
    grace_counts_from_the_last_pong,
    foreground_undoes_disconnect,
    lost_in_the_background_is_retried,
    backoff_never_starts_over,
    backoff_starts_over_a_bit_late,
    two_sockets,
    cancelled_is_called_failed,
    alive_at_the_deadline,
    background_flips_the_status_later,
    keepalive_is_a_sign_of_life,
    no_keepalive,
    pings_without_a_frame,
    late_close_frame,
    no_close_frame,
    refused_tokens_are_retried,
    never_doubts_the_token,
    silence_is_no_doubt,
    pings_wait_on_after_a_loss,
    duplicates_are_delivered,
    unsolicited_pong_raises,
    shortcuts_without_end,
    a_cancelled_connect_ends_a_standing_wish,
    retry_after_of_a_renewal_is_ignored,
    too_many_requests_is_final,
    a_refused_renewal_is_retried,
    a_renewal_without_a_bound,
    a_renewal_in_what_is_left,
    an_unknown_token_is_a_passing_failure,
    the_key_is_never_dropped,
    the_key_is_never_kept,
    logout_does_not_wait_for_the_server,
)
