"""Every event in every state: one plain test for each row of the contract's section 4, in virtual time."""

from __future__ import annotations

import enum
import functools
import pickle

import pytest
import trio
from trio.testing import MockClock

import cometconn
from cometconn import (
    AppState,
    Connected,
    Connecting,
    ConnectionState,
    Disconnected,
    MemoryStore,
    Reason,
    Timing,
    Waiting,
)
from cometconn.emulator.log import Kind
from cometconn.errors import (
    AuthenticationError,
    ConnectError,
    ConnectionLostError,
    NotConnectedError,
    NotLoggedInError,
    PongTimeoutError,
)

from .harness import background, open_pair, settle

# login, or reopening with a saved session


async def test_login_auto_foreground(autojump_clock: MockClock) -> None:
    """Auto, foreground: login() connects, and does not wait for it."""
    async with open_pair() as pair:
        assert isinstance(pair.chat.status, Connecting)
        await pair.wait_status(Connected)
        assert await pair.trail() == ["NOT_LOGGED_IN", "Connecting(1)", "Connected(1)"]


async def test_login_auto_background(autojump_clock: MockClock) -> None:
    """Auto, background: login() leaves the client disconnected, and nothing is dialled."""
    async with open_pair(login=False) as pair:
        pair.chat.enter_background()
        await pair.chat.login(uid="zed-1", auth_key="KEY")
        await trio.sleep(100)
        assert await pair.trail() == ["NOT_LOGGED_IN", "IN_BACKGROUND"]
        assert pair.server.dials == []


async def test_login_manual(autojump_clock: MockClock) -> None:
    """Manual: login() opens nothing."""
    async with open_pair(manual=True) as pair:
        await trio.sleep(100)
        assert await pair.trail() == ["NOT_LOGGED_IN", "NOT_REQUESTED"]
        assert pair.server.dials == []


@pytest.mark.parametrize(("manual", "first"), [(False, "Connecting(1)"), (True, "NOT_REQUESTED")])
async def test_reopening(autojump_clock: MockClock, manual: bool, first: str) -> None:
    """A saved session is taken up without a request; auto mode connects, manual mode does not."""
    store = MemoryStore()
    async with open_pair(store=store, manual=manual):
        pass
    async with open_pair(store=store, manual=manual, login=False) as pair:
        user = pair.chat.get_logged_in_user()
        assert user is not None
        assert user.uid == "zed-1"
        assert not pair.log(Kind.REST)
        assert pair.now() == first


# enter_background()


async def test_background_auto_connected(autojump_clock: MockClock) -> None:
    """Auto: the lease ends inside the call; the close frame is written before the clock moves."""
    async with open_pair(connect=True) as pair:
        await trio.sleep(7)
        now = trio.current_time()
        pair.chat.enter_background()
        assert pair.chat.status == Disconnected(Reason.IN_BACKGROUND, at=now)
        await settle()
        (close,) = pair.log(Kind.CLOSE_IN)
        assert (close.at, close.detail["code"]) == (now, 1000)


async def test_background_auto_attempt(autojump_clock: MockClock) -> None:
    """Auto: an attempt that is running ends, too."""
    async with open_pair(login=False) as pair:
        await pair.chat.login(uid="zed-1", auth_key="KEY")
        pair.server.dialling = "hang"
        await settle()
        pair.chat.enter_background()
        await trio.sleep(100)
        assert pair.now() == "IN_BACKGROUND"
        assert len(pair.server.dials) <= 1


async def test_background_auto_backoff(autojump_clock: MockClock) -> None:
    """Auto: a backoff sleep ends, too, and no retry follows."""
    async with open_pair(connect=True) as pair:
        pair.server.dialling = "refuse"
        pair.device.reset()
        await pair.wait_status(Waiting)
        pair.chat.enter_background()
        await trio.sleep(100)
        assert pair.now() == "IN_BACKGROUND"


async def test_background_manual_connected_lives_on(autojump_clock: MockClock) -> None:
    """Manual, connected: the socket stays open until exactly 30 s later."""
    async with open_pair(manual=True, connect=True) as pair:
        now = trio.current_time()
        pair.chat.enter_background()
        assert isinstance(pair.chat.status, Connected)
        await trio.sleep(29.999999)
        assert isinstance(pair.chat.status, Connected)
        await trio.sleep_until(now + 30)
        assert pair.chat.status == Disconnected(Reason.BACKGROUND_TIMEOUT, at=now + 30)
        await settle()
        (close,) = pair.log(Kind.CLOSE_IN)
        assert (close.at, close.detail["code"]) == (now + 30, 1000)


async def test_background_manual_awaited_lives_on(autojump_clock: MockClock) -> None:
    """Manual: while a connect() waits, its wish continues in the background, within the lease."""
    async with open_pair(manual=True) as pair:
        pair.server.dialling = "refuse"
        async with background(functools.partial(pair.chat.connect, retry=True)) as outcome:
            pair.chat.enter_background()
            now = trio.current_time()
            assert isinstance(pair.chat.status, Waiting)
            await trio.sleep(29)
            assert pair.chat.status.state is cometconn.ConnectionState.CONNECTING
            await trio.sleep_until(now + 30)
            assert pair.chat.status == Disconnected(Reason.BACKGROUND_TIMEOUT, at=now + 30)
        (error,) = outcome
        assert isinstance(error, ConnectError)
        assert error.reason is Reason.BACKGROUND_TIMEOUT
        assert max(pair.server.dials) < now + 30


async def test_background_manual_reconnecting(autojump_clock: MockClock) -> None:
    """Manual: reconnecting after a loss, with no connect() waiting, ends on going to the background."""
    async with open_pair(manual=True, connect=True) as pair:
        pair.server.dialling = "refuse"
        pair.device.reset()
        await pair.wait_status(Waiting)
        pair.chat.enter_background()
        assert pair.chat.status == Disconnected(Reason.LOST_IN_BACKGROUND, at=trio.current_time())


# enter_foreground()


async def test_foreground_auto_connects_at_once(autojump_clock: MockClock) -> None:
    """Auto: the foreground connects at once, with no backoff left over."""
    async with open_pair(connect=True) as pair:
        pair.server.dialling = "refuse"
        pair.device.reset()
        await trio.sleep(60)
        pair.chat.enter_background()
        pair.server.dialling = "accept"
        await trio.sleep(5)
        now = trio.current_time()
        pair.chat.enter_foreground()
        assert pair.chat.status == Connecting(1, at=now)
        await settle()
        assert pair.chat.status == Connected(1, at=now)


async def test_foreground_manual_alive(autojump_clock: MockClock) -> None:
    """Manual: a lease that has not ended continues with the same socket and no deadline."""
    async with open_pair(manual=True, connect=True) as pair:
        pair.chat.enter_background()
        await trio.sleep(29)
        pair.chat.enter_foreground()
        await trio.sleep(300)
        assert isinstance(pair.chat.status, Connected)
        assert len(pair.server.dials) == 1


async def test_foreground_manual_over(autojump_clock: MockClock) -> None:
    """Manual: a lease that has ended stays so."""
    async with open_pair(manual=True, connect=True) as pair:
        pair.chat.enter_background()
        await trio.sleep(31)
        pair.chat.enter_foreground()
        await trio.sleep(300)
        assert pair.now() == "BACKGROUND_TIMEOUT"
        assert len(pair.server.dials) == 1


# socket lost


@pytest.mark.parametrize("manual", [False, True])
async def test_lost_in_foreground(autojump_clock: MockClock, manual: bool) -> None:
    """Foreground: the library reconnects without a limit of attempts, with growing delays."""
    async with open_pair(manual=manual, connect=True) as pair:
        pair.server.dialling = "refuse"
        pair.device.reset()
        await trio.sleep(120)
        pair.server.dialling = "accept"
        await pair.wait_status(Connected)
        await settle()
        gaps = [b - a for a, b in zip(pair.server.dials[1:], pair.server.dials[2:], strict=False)]
        assert gaps[:5] == pytest.approx([2.0, 4.0, 8.0, 15.0, 15.0])
        assert isinstance(pair.seen[-3], Waiting)
        assert isinstance(pair.seen[-2], Connecting)


async def test_lost_in_background(autojump_clock: MockClock) -> None:
    """Manual, background: a loss is final until connect()."""
    async with open_pair(manual=True, connect=True) as pair:
        pair.chat.enter_background()
        pair.device.reset()
        await settle()
        assert pair.now() == "LOST_IN_BACKGROUND"
        pair.chat.enter_foreground()
        await trio.sleep(100)
        assert pair.now() == "LOST_IN_BACKGROUND"
        assert len(pair.server.dials) == 1


# connect()


@pytest.mark.parametrize("manual", [False, True])
async def test_connect_not_logged_in(autojump_clock: MockClock, manual: bool) -> None:
    """Not logged in: NotLoggedInError, and nothing changes."""
    async with open_pair(manual=manual, login=False) as pair:
        with pytest.raises(NotLoggedInError):
            await pair.chat.connect()
        assert await pair.trail() == ["NOT_LOGGED_IN"]


@pytest.mark.parametrize("manual", [False, True])
async def test_connect_connected(autojump_clock: MockClock, manual: bool) -> None:
    """Connected: returns at once, and dials nothing."""
    async with open_pair(manual=manual, connect=True) as pair:
        now = trio.current_time()
        await pair.chat.connect()
        assert trio.current_time() == now
        assert len(pair.server.dials) == 1


async def test_connect_connected_in_background_is_a_sign_of_life(autojump_clock: MockClock) -> None:
    """Manual, background, connected: connect() extends the lease."""
    async with open_pair(manual=True, connect=True) as pair:
        pair.chat.enter_background()
        await trio.sleep(20)
        now = trio.current_time()
        await pair.chat.connect()
        await trio.sleep_until(now + 29.9)
        assert isinstance(pair.chat.status, Connected)
        await trio.sleep_until(now + 30)
        assert pair.chat.status == Disconnected(Reason.BACKGROUND_TIMEOUT, at=now + 30)


@pytest.mark.parametrize("manual", [False, True])
async def test_connect_joins_the_attempt_under_way(autojump_clock: MockClock, manual: bool) -> None:
    """Any number of calls share one attempt and one socket."""
    async with open_pair(manual=manual) as pair, trio.open_nursery() as nursery:
        for _ in range(10):
            nursery.start_soon(pair.chat.connect)
    assert len(pair.server.dials) == 1


@pytest.mark.parametrize("manual", [False, True])
async def test_connect_makes_a_waiting_retry_now(autojump_clock: MockClock, manual: bool) -> None:
    """Waiting for a retry: it is made now, and joined."""
    async with open_pair(manual=manual, connect=True) as pair:
        pair.server.dialling = "refuse"
        pair.device.reset()
        await trio.sleep(59)
        assert isinstance(pair.chat.status, Waiting)
        pair.server.dialling = "accept"
        now = trio.current_time()
        await pair.chat.connect()
        assert trio.current_time() == now
        assert isinstance(pair.chat.status, Connected)


async def test_connect_disconnected_auto(autojump_clock: MockClock) -> None:
    """Auto: connects in the foreground; in the background it is refused and changes nothing."""
    async with open_pair(connect=True) as pair:
        await pair.chat.disconnect()
        pair.chat.enter_background()
        before = pair.chat.status
        with pytest.raises(ConnectError) as caught:
            await pair.chat.connect()
        assert caught.value.reason is Reason.IN_BACKGROUND
        assert pair.chat.status is before
        pair.chat.enter_foreground()
        await pair.chat.connect()
        assert isinstance(pair.chat.status, Connected)


async def test_connect_disconnected_manual_in_background(autojump_clock: MockClock) -> None:
    """Manual, background: connects, with a fresh 30 s."""
    async with open_pair(manual=True) as pair:
        pair.chat.enter_background()
        await trio.sleep(100)
        now = trio.current_time()
        await pair.chat.connect()
        await trio.sleep_until(now + 29.9)
        assert isinstance(pair.chat.status, Connected)
        await trio.sleep_until(now + 30)
        assert pair.now() == "BACKGROUND_TIMEOUT"


async def test_attempt_fails_auto(autojump_clock: MockClock) -> None:
    """Auto: connect() raises, and the library keeps trying."""
    async with open_pair(connect=True) as pair:
        await pair.chat.disconnect()
        pair.server.dialling = "refuse"
        with pytest.raises(ConnectError, match="refuses connections") as caught:
            await pair.chat.connect()
        assert caught.value.reason is Reason.CONNECT_FAILED
        assert isinstance(pair.chat.status, Waiting)
        pair.server.dialling = "accept"
        await pair.wait_status(Connected)


async def test_attempt_fails_manual(autojump_clock: MockClock) -> None:
    """Manual: connect() raises, and the wish ends with the last call that waits."""
    async with open_pair(manual=True) as pair:
        pair.server.dialling = "refuse"
        with pytest.raises(ConnectError) as caught:
            await pair.chat.connect()
        assert caught.value.reason is Reason.CONNECT_FAILED
        status = pair.chat.status
        assert isinstance(status, Disconnected)
        assert status.reason is Reason.CONNECT_FAILED
        assert isinstance(status.cause, ConnectError)
        await trio.sleep(100)
        assert len(pair.server.dials) == 1


async def test_connect_with_retry_waits_through_failures(autojump_clock: MockClock) -> None:
    """connect(retry=True) waits until connected; one without it raises at the first failure."""
    async with open_pair(manual=True) as pair:
        pair.server.dialling = "refuse"
        async with background(functools.partial(pair.chat.connect, retry=True)) as patient:
            with pytest.raises(ConnectError):
                await pair.chat.connect()
            assert patient == []
            pair.server.dialling = "accept"
            await pair.wait_status(Connected)
        assert patient == [None]


async def test_connect_cancelled_auto(autojump_clock: MockClock) -> None:
    """Auto: cancelling connect() does not stop the library."""
    async with open_pair(login=False) as pair:
        await pair.chat.login(uid="zed-1", auth_key="KEY")
        pair.server.set(auth="silent")
        with trio.move_on_after(1):
            await pair.chat.connect()
        assert isinstance(pair.chat.status, Connecting)


async def test_connect_cancelled_manual(autojump_clock: MockClock) -> None:
    """Manual: the wish ends with the last call that waits, and so does the socket."""
    async with open_pair(manual=True) as pair:
        pair.server.set(auth="silent")
        with trio.move_on_after(1):
            await pair.chat.connect()
        assert pair.chat.status == Disconnected(Reason.NOT_REQUESTED, at=trio.current_time())
        await settle()
        assert pair.server.world.devices() == ()


async def test_a_call_that_joins_a_standing_wish_never_ends_it(autojump_clock: MockClock) -> None:
    """Manual: a wish that was connected once outlives a cancelled connect()."""
    async with open_pair(manual=True, connect=True) as pair:
        pair.server.dialling = "hang"
        pair.device.reset()
        await pair.wait_status(Waiting)
        with trio.move_on_after(1):
            await pair.chat.connect()
        assert isinstance(pair.chat.status, Connecting)


# disconnect()


@pytest.mark.parametrize("manual", [False, True])
async def test_disconnect(autojump_clock: MockClock, manual: bool) -> None:
    """disconnect() closes the socket with 1000, and neither foreground nor retry_now() undoes it."""
    async with open_pair(manual=manual, connect=True) as pair:
        now = trio.current_time()
        await pair.chat.disconnect()
        assert pair.chat.status == Disconnected(Reason.DISCONNECT_CALLED, at=now)
        assert [entry.detail["code"] for entry in pair.log(Kind.CLOSE_IN)] == [1000]
        pair.chat.enter_background()
        pair.chat.enter_foreground()
        pair.chat.retry_now()
        await pair.chat.disconnect()
        await trio.sleep(100)
        assert pair.chat.status == Disconnected(Reason.DISCONNECT_CALLED, at=now)
        assert len(pair.server.dials) == 1


async def test_disconnect_is_lifted_by_login(autojump_clock: MockClock) -> None:
    """Auto: login() of the same user connects again after disconnect()."""
    async with open_pair(connect=True) as pair:
        await pair.chat.disconnect()
        await pair.chat.login(uid="zed-1", auth_key="KEY")
        await pair.wait_status(Connected)


async def test_disconnect_when_disconnected(autojump_clock: MockClock) -> None:
    """Auto, background: IN_BACKGROUND becomes DISCONNECT_CALLED. Manual: the reason stays."""
    async with open_pair(connect=True) as pair:
        pair.chat.enter_background()
        await pair.chat.disconnect()
        status = pair.chat.status
        assert isinstance(status, Disconnected)
        assert status.reason is Reason.DISCONNECT_CALLED
    async with open_pair(manual=True) as pair:
        await pair.chat.disconnect()
        assert pair.now() == "NOT_REQUESTED"


@pytest.mark.parametrize("manual", [False, True])
async def test_disconnect_while_a_connect_waits(autojump_clock: MockClock, manual: bool) -> None:
    """The waiting connect() raises ConnectError with reason DISCONNECT_CALLED, at once."""
    async with open_pair(manual=manual) as pair:
        pair.server.set(auth="silent")
        async with background(pair.chat.connect) as outcome:
            await pair.chat.disconnect()
        (error,) = outcome
        assert isinstance(error, ConnectError)
        assert error.reason is Reason.DISCONNECT_CALLED


# ping()


@pytest.mark.parametrize("manual", [False, True])
async def test_ping_connected(autojump_clock: MockClock, manual: bool) -> None:
    """ping() sends the ping frame and returns the round trip."""
    async with open_pair(manual=manual, connect=True) as pair:
        assert await pair.chat.ping() == 0.0
        frames = [entry.detail["frame"] for entry in pair.log(Kind.FRAME_IN)]
        assert frames[-1] == {"action": "ping", "ack": "true"}


async def test_ping_extends_the_lease_from_the_call(autojump_clock: MockClock) -> None:
    """Manual, background: 30 s from the moment of the call, also when the ping() itself is cancelled."""
    async with open_pair(manual=True, connect=True) as pair:
        pair.chat.enter_background()
        await trio.sleep(29.5)
        now = trio.current_time()
        with trio.CancelScope() as scope:
            scope.cancel()
            await pair.chat.ping()
        await trio.sleep_until(now + 29.999)
        assert isinstance(pair.chat.status, Connected)
        await trio.sleep_until(now + 30)
        assert pair.chat.status == Disconnected(Reason.BACKGROUND_TIMEOUT, at=now + 30)


async def test_ping_not_connected(autojump_clock: MockClock) -> None:
    """Not connected, or at the very deadline: NotConnectedError."""
    async with open_pair(manual=True) as pair:
        with pytest.raises(NotConnectedError):
            await pair.chat.ping()
        await pair.chat.connect()
        pair.chat.enter_background()
        now = trio.current_time()
        await trio.sleep_until(now + 30)
        with pytest.raises(NotConnectedError):
            await pair.chat.ping()


async def test_ping_waiting_when_the_lease_ends(autojump_clock: MockClock) -> None:
    """ping() raises at once when the lease ends, with the reason."""
    async with open_pair(connect=True) as pair:
        pair.server.set(pong=False)
        async with background(pair.chat.ping) as outcome:
            now = trio.current_time()
            pair.chat.enter_background()
            await settle()
            (error,) = outcome
            assert trio.current_time() == now
        assert isinstance(error, ConnectionLostError)
        assert error.reason is Reason.IN_BACKGROUND


async def test_ping_waiting_when_the_socket_is_lost(autojump_clock: MockClock) -> None:
    """ping() raises at once when the socket is lost; in the foreground without a reason."""
    async with open_pair(connect=True) as pair:
        pair.server.set(pong=False)
        async with background(pair.chat.ping) as outcome:
            pair.device.reset()
        (error,) = outcome
        assert isinstance(error, ConnectionLostError)
        assert error.reason is None
        assert error.__cause__ is not None


async def test_ping_without_pong_but_other_bytes(autojump_clock: MockClock) -> None:
    """Other bytes came: PongTimeoutError after exactly pong_timeout, and the link stays."""
    async with open_pair(connect=True) as pair:
        pair.server.set(pong=False)
        now = trio.current_time()
        async with background(pair.chat.ping) as outcome:
            await trio.sleep(2)
            pair.device.send("{}")
        assert isinstance(outcome[0], PongTimeoutError)
        assert trio.current_time() == now + 5
        assert isinstance(pair.chat.status, Connected)


async def test_ping_with_nothing_coming_back(autojump_clock: MockClock) -> None:
    """Nothing came: the link is lost, and ping() raises ConnectionLostError."""
    async with open_pair(connect=True) as pair:
        pair.server.set(pong=False)
        now = trio.current_time()
        with pytest.raises(ConnectionLostError) as caught:
            await pair.chat.ping()
        assert isinstance(caught.value.__cause__, PongTimeoutError)
        assert trio.current_time() == now + 5
        assert isinstance(pair.chat.status, Waiting)


# the server refuses the token


async def test_refused_token_is_renewed_once(autojump_clock: MockClock) -> None:
    """An expired JWT is renewed by GET /me, within the same attempt."""
    async with open_pair(manual=True) as pair:
        pair.server.world.sessions.expire_jwts()
        await pair.chat.connect()
        assert pair.chat.status == Connected(1, at=trio.current_time())
        assert [entry.detail["method"] for entry in pair.log(Kind.REST)][-1] == "GET"
        assert len(pair.server.dials) == 2


@pytest.mark.parametrize("manual", [False, True])
async def test_refused_token_stays_refused(
    autojump_clock: MockClock, manual: bool, caplog: pytest.LogCaptureFixture
) -> None:
    """A second refusal is AUTHENTICATION_FAILED, through background and foreground, until connect(); one WARNING has its reason."""
    async with open_pair(manual=manual, login=False) as pair:
        pair.server.set(auth="refuse")
        await pair.chat.login(uid="zed-1", auth_key="KEY")
        with pytest.raises(AuthenticationError) as caught:
            await pair.chat.connect()
        assert caught.value.reason is Reason.AUTHENTICATION_FAILED
        pair.chat.enter_background()
        pair.chat.enter_foreground()
        await trio.sleep(100)
        assert pair.now() == "AUTHENTICATION_FAILED"
        assert len(pair.server.dials) == 2
        (warning,) = [record.getMessage() for record in caplog.records if record.levelname == "WARNING"]
        assert warning == f"The client makes no further attempt to connect. {pair.chat.status.cause}"
        pair.server.set(auth="accept")
        await pair.chat.connect()


async def test_closed_before_the_answer_is_transient_and_renewed_at_the_third(autojump_clock: MockClock) -> None:
    """Three closes in a row between the auth frame and its answer cause one renewal."""
    async with open_pair(manual=True) as pair:
        pair.server.set(auth="silent")

        async def hang_up() -> None:
            for _ in range(3):
                entry = await pair.server.world.log.wait_for(
                    lambda entry: entry.kind is Kind.AUTH, since=pair.server.world.log.position
                )
                del entry
                pair.device.close(4000, "later")
            pair.server.set(auth="accept")

        async with trio.open_nursery() as nursery:
            nursery.start_soon(hang_up)
            await settle()
            async with background(functools.partial(pair.chat.connect, retry=True)) as outcome:
                await trio.sleep(60)
        assert outcome == [None]
        assert [entry.detail["method"] for entry in pair.log(Kind.REST)].count("GET") == 1


async def test_unknown_token_logs_out(autojump_clock: MockClock) -> None:
    """When REST refuses the token as unknown, the client is logged out without a request."""
    async with open_pair(manual=True) as pair:
        pair.server.world.sessions.forget_all()
        with pytest.raises(ConnectError) as caught:
            await pair.chat.connect()
        assert caught.value.reason is Reason.LOGGED_OUT
        assert pair.now() == "LOGGED_OUT"
        assert pair.chat.get_logged_in_user() is None
        assert "DELETE" not in [entry.detail["method"] for entry in pair.log(Kind.REST)]


# logout(), leaving


@pytest.mark.parametrize("manual", [False, True])
async def test_logout(autojump_clock: MockClock, manual: bool) -> None:
    """logout() closes the socket, forgets the user, and sends DELETE /me."""
    async with open_pair(manual=manual, connect=True) as pair:
        await pair.chat.logout()
        assert pair.now() == "LOGGED_OUT"
        assert pair.chat.get_logged_in_user() is None
        assert [entry.detail["code"] for entry in pair.log(Kind.CLOSE_IN)] == [1000]
        assert pair.log(Kind.REST)[-1].detail["method"] == "DELETE"


async def test_leaving_the_client(autojump_clock: MockClock) -> None:
    """Leaving closes the socket with 1000 and ends with CLIENT_CLOSED; the session stays saved."""
    store = MemoryStore()
    async with open_pair(connect=True, store=store) as pair:
        pass
    assert pair.now() == "CLIENT_CLOSED"
    assert [entry.detail["code"] for entry in pair.log(Kind.CLOSE_IN)] == [1000]
    async with open_pair(store=store, login=False) as again:
        assert again.chat.get_logged_in_user() is not None


async def test_logout_and_leaving_end_waiting_connects(autojump_clock: MockClock) -> None:
    """A waiting connect() raises with LOGGED_OUT, or CLIENT_CLOSED."""
    async with open_pair(manual=True) as pair:
        pair.server.set(auth="silent")
        async with background(pair.chat.connect) as outcome:
            await pair.chat.logout()
        assert outcome[0].reason is Reason.LOGGED_OUT
    async with trio.open_nursery() as nursery:
        outcome = []

        async def connect() -> None:
            with pytest.raises(ConnectError) as caught:
                await pair.chat.connect()
            outcome.append(caught.value.reason)

        async with open_pair(manual=True) as pair:
            pair.server.set(auth="silent")
            nursery.start_soon(connect)
            await settle()
    assert outcome == [Reason.CLIENT_CLOSED]


async def test_after_the_client_was_left(autojump_clock: MockClock) -> None:
    """disconnect() returns, the synchronous calls do nothing, streams end, the rest raise."""
    async with open_pair(connect=True) as pair:
        pass
    chat = pair.chat
    await chat.disconnect()
    chat.enter_background()
    chat.enter_foreground()
    chat.retry_now()
    assert chat.app_state is AppState.FOREGROUND
    for call in (chat.connect, chat.ping, functools.partial(chat.start_typing, "amy-2")):
        with pytest.raises(NotConnectedError):
            await call()
    for call in (functools.partial(chat.login, uid="zed-1", auth_key="KEY"), chat.logout):
        with pytest.raises(NotLoggedInError):
            await call()
    async with chat.events() as events:
        assert [event async for event in events] == []
    async with chat.statuses() as statuses:
        assert [change async for change in statuses] == []
    await chat.keep_alive()


# repeating, not logged in


async def test_repeating_an_app_state_changes_nothing(autojump_clock: MockClock) -> None:
    """enter_background() again does not move the deadline."""
    async with open_pair(manual=True, connect=True) as pair:
        now = trio.current_time()
        pair.chat.enter_background()
        await trio.sleep(20)
        pair.chat.enter_background()
        await trio.sleep_until(now + 30)
        assert pair.chat.status == Disconnected(Reason.BACKGROUND_TIMEOUT, at=now + 30)


async def test_not_logged_in(autojump_clock: MockClock) -> None:
    """Not logged in: disconnect() returns, ping() and logout() raise."""
    async with open_pair(login=False) as pair:
        await pair.chat.disconnect()
        with pytest.raises(NotConnectedError):
            await pair.chat.ping()
        with pytest.raises(NotLoggedInError):
            await pair.chat.logout()
        assert await pair.trail() == ["NOT_LOGGED_IN"]


async def test_connect_has_one_budget(autojump_clock: MockClock) -> None:
    """An upgrade that hangs ends the attempt after exactly connect_timeout."""
    async with open_pair(manual=True, timing=Timing(connect_timeout=3)) as pair:
        pair.server.set(upgrade="hang")
        now = trio.current_time()
        with pytest.raises(ConnectError, match="connect_timeout"):
            await pair.chat.connect()
        assert trio.current_time() == now + 3


async def test_doubt_about_a_token_ends_with_its_session(autojump_clock: MockClock) -> None:
    """Closes between auth frame and answer are counted from zero for the next user."""
    async with open_pair(login=False) as pair:
        pair.server.set(auth="silent")
        await pair.chat.login(uid="zed-1", auth_key="KEY")
        for _ in range(2):
            await settle()
            pair.device.close(1011)
            await pair.wait_status(Waiting)
            pair.chat.retry_now()
            await trio.sleep(1)
        await pair.chat.login(uid="amy-2", auth_key="KEY")
        await settle()
        pair.device.close(1011)
        await pair.wait_status(Waiting)
        assert "GET" not in {entry.detail["method"] for entry in pair.log(Kind.REST)}


@pytest.mark.parametrize("kind", [AppState, ConnectionState, Reason])
def test_states_and_reasons_equal_their_texts(kind: type[enum.StrEnum]) -> None:
    """A comparison with CometChat's own words is not silently false; pickles of earlier versions are read."""
    for member in kind:
        assert member == member.value == member.name.lower()
        assert pickle.loads(pickle.dumps(member)) is member  # noqa: S301
        assert kind(member.value) is member  # what a pickle of a plain enum calls
        assert repr(member) == f"<{kind.__name__}.{member.name}: {member.value!r}>"
