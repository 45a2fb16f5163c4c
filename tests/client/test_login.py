"""Logging in and out, while other calls are running and when something fails."""

from __future__ import annotations

import functools
from typing import Any

import pytest
import trio
from trio.testing import MockClock

import cometconn
from cometconn import AppSettings, Connected, MemoryStore, Reason
from cometconn.emulator import Kind
from cometconn.errors import (
    ApiError,
    ConnectError,
    LoginInProgressError,
    NotLoggedInError,
    SettingsError,
    StoreError,
)
from cometconn.testing import open_memory_server
from tests.connection.harness import background, open_pair, settle


async def test_a_second_login_is_refused_while_one_runs(autojump_clock: MockClock) -> None:
    """A second login() at the same time raises LoginInProgressError, and the first succeeds."""
    async with open_pair(login=False) as pair:
        pair.server.set(rest="hang")
        async with background(functools.partial(pair.chat.login, uid="zed-1", auth_key="KEY")) as outcome:
            with pytest.raises(LoginInProgressError) as caught:
                await pair.chat.login(uid="zed-1", auth_key="KEY")
            assert caught.value.code == "LOGIN_IN_PROGRESS"
        assert isinstance(outcome[0], ApiError)


async def test_logout_ends_a_first_login(autojump_clock: MockClock) -> None:
    """logout() during the first login returns; the login raises NotLoggedInError, at once."""
    async with open_pair(login=False) as pair:
        pair.server.set(rest="hang")
        async with background(functools.partial(pair.chat.login, uid="zed-1", auth_key="KEY")) as outcome:
            now = trio.current_time()
            await pair.chat.logout()
            await settle()
            assert isinstance(outcome[0], NotLoggedInError)
            assert trio.current_time() == now
        assert pair.now() == "NOT_LOGGED_IN"


async def test_leaving_the_client_ends_a_login(autojump_clock: MockClock) -> None:
    """A login() that runs when the client is left raises NotLoggedInError."""
    outcome: list[Exception] = []
    async with trio.open_nursery() as nursery:
        async with open_pair(login=False) as pair:

            async def login() -> None:
                with pytest.raises(NotLoggedInError) as caught:
                    await pair.chat.login(uid="zed-1", auth_key="KEY")
                outcome.append(caught.value)

            pair.server.set(rest="hang")
            nursery.start_soon(login)
            await settle()
    assert len(outcome) == 1


async def test_another_user_ends_the_old_connection_first(autojump_clock: MockClock) -> None:
    """When another user logs in, the old link ends with LOGGED_OUT at the call, then the new one connects; there is no Gap."""
    async with open_pair(connect=True) as pair, pair.chat.events() as events:
        user = await pair.chat.login(uid="amy-2", auth_key="KEY")
        assert user.uid == "amy-2"
        await pair.wait_status(Connected)
        assert await pair.trail() == [
            "NOT_LOGGED_IN", "Connecting(1)", "Connected(1)", "LOGGED_OUT", "Connecting(1)", "Connected(1)",
        ]  # fmt: skip
        assert pair.server.world.connections("zed-1") == 0
        assert events.statistics().events == 0


async def test_a_failed_login_of_another_user_leaves_no_user(autojump_clock: MockClock) -> None:
    """After a failed login of another user no user is logged in, and nothing is saved."""
    store = MemoryStore()
    async with open_pair(connect=True, store=store) as pair:
        with pytest.raises(ApiError):
            await pair.chat.login(uid="nobody", auth_key="KEY")
        assert pair.now() == "LOGGED_OUT"
        assert pair.chat.get_logged_in_user() is None
        with pytest.raises(NotLoggedInError):
            await pair.chat.logout()
    async with open_pair(store=store, login=False) as pair:
        assert pair.now() == "NOT_LOGGED_IN"


async def test_the_same_user_needs_no_request(autojump_clock: MockClock) -> None:
    """A login with the same uid or token returns the saved user without a request, and the connection stays."""
    async with open_pair(connect=True) as pair:
        token = pair.chat._login.identity.session.auth_token  # type: ignore[union-attr]
        requests = len(pair.log(Kind.REST))
        first = await pair.chat.login(uid="zed-1", auth_key="KEY")
        assert await pair.chat.login(auth_token=token) == first
        assert len(pair.log(Kind.REST)) == requests
        assert len(pair.server.dials) == 1


@pytest.mark.parametrize(
    "arguments",
    [
        {},
        {"uid": "u"},
        {"auth_key": "k"},
        {"uid": "u", "auth_token": "t"},
        {"uid": "u", "auth_key": "k", "auth_token": "t"},
    ],
)
async def test_arguments_that_do_not_fit(arguments: dict[str, str], autojump_clock: MockClock) -> None:
    """Neither or both ways of logging in raise SettingsError with the code MISSING_PARAMETERS."""
    async with open_pair(login=False) as pair:
        with pytest.raises(SettingsError) as caught:
            await pair.chat.login(**arguments)
        assert caught.value.code == "MISSING_PARAMETERS"


class BrokenStore:
    """A MemoryStore whose disk is full."""

    def __init__(self) -> None:
        self._store = MemoryStore()
        self.full = True

    def __getattr__(self, name: str) -> Any:
        return getattr(self._store, name)

    async def _refuse(self, *_: Any) -> None:
        await trio.lowlevel.checkpoint()
        if self.full:
            raise StoreError("No space left.")

    async def save(self, session: Any) -> None:
        await self._refuse()
        await self._store.save(session)

    async def forget(self) -> None:
        await self._refuse()
        await self._store.forget()


async def test_a_session_that_cannot_be_saved(autojump_clock: MockClock) -> None:
    """If the session cannot be saved, login() raises StoreError and no user is logged in."""
    async with open_pair(login=False, store=BrokenStore()) as pair:
        with pytest.raises(StoreError, match="No space"):
            await pair.chat.login(uid="zed-1", auth_key="KEY")
        assert pair.now() == "NOT_LOGGED_IN"


async def test_a_full_disk_does_not_stop_the_connection(
    autojump_clock: MockClock, caplog: pytest.LogCaptureFixture
) -> None:
    """A renewal that cannot be saved, and a forgotten session that cannot be removed, are warnings."""
    store = BrokenStore()
    store.full = False
    async with open_pair(manual=True, store=store) as pair:
        store.full = True
        pair.server.world.sessions.expire_jwts()
        await pair.chat.connect()
        assert "not saved" in caplog.text
        await pair.chat.disconnect()
        pair.server.world.sessions.forget_all()
        with pytest.raises(ConnectError):
            await pair.chat.connect()
        await settle()
        assert "stays saved" in caplog.text
        store.full = False


async def test_logout_that_the_server_refuses_logs_out_all_the_same(autojump_clock: MockClock) -> None:
    """If the server refuses the logout, the local state is cleared, and then the server's error is raised."""
    async with open_pair(connect=True) as pair:
        pair.server.set(rest=500)
        with pytest.raises(ApiError) as caught:
            await pair.chat.logout()
        assert caught.value.status == 500
        assert pair.now() == "LOGGED_OUT"


@pytest.mark.parametrize(("rest", "state"), [(500, "Waiting(2)"), (403, "AUTHENTICATION_FAILED")])
async def test_a_renewal_that_fails(rest: int, state: str, autojump_clock: MockClock) -> None:
    """A 5xx to the renewal is a failed attempt like any other; a 4xx is final."""
    async with open_pair(login=False) as pair:
        pair.server.set(auth="refuse")
        await pair.chat.login(uid="zed-1", auth_key="KEY")
        pair.server.set(rest=rest)
        await settle()
        assert pair.now() == state
        assert len(pair.server.dials) == 1


@pytest.mark.parametrize("how", ["disconnect", "logout"])
async def test_the_wish_ends_during_a_renewal(how: str, autojump_clock: MockClock) -> None:
    """A renewal ends with the lease, and then dials nothing."""
    async with open_pair(login=False) as pair:
        pair.server.set(auth="refuse")
        await pair.chat.login(uid="zed-1", auth_key="KEY")
        pair.server.set(rest="hang")
        await settle()
        pair.server.set(rest="accept") if how == "logout" else None
        await getattr(pair.chat, how)()
        await trio.sleep(60)
        assert pair.chat.status.state is cometconn.ConnectionState.DISCONNECTED
        assert len(pair.server.dials) == 1


async def test_a_renewal_has_the_attempts_budget(autojump_clock: MockClock) -> None:
    """A renewal that hangs fails the attempt after one more connect_timeout."""
    async with open_pair(login=False) as pair:
        pair.server.set(auth="refuse")
        await pair.chat.login(uid="zed-1", auth_key="KEY")
        pair.server.set(rest="hang")
        with pytest.raises(ConnectError, match=r"connect_timeout|request_timeout"):
            await pair.chat.connect()
        assert trio.current_time() == 10.0


async def test_open_client_refuses_bad_arguments(autojump_clock: MockClock) -> None:
    """A missing region, a bad app id, header or proxy, and no settings raise SettingsError before anything else happens."""
    settings = AppSettings(region="us")
    for arguments in (
        {"app_id": "a.b", "settings": settings},
        {"app_id": "APP", "settings": AppSettings()},
        {"app_id": "APP", "settings": None},
        {"app_id": "APP", "settings": settings, "endpoints": "https://x"},
        {"app_id": "APP", "settings": settings, "headers": {"a b": "c"}},
        {"app_id": "APP", "settings": settings, "headers": {"a": "c\r\nd: e"}},
        {"app_id": "APP", "settings": settings, "proxy": "ftp://x:1"},
    ):
        with pytest.raises(SettingsError):
            async with cometconn.open_client(store=MemoryStore(), **arguments):  # type: ignore[arg-type]
                pass
    async with cometconn.open_client("APP", settings, store=MemoryStore(), proxy="http://x:1", headers={"a": "b"}):
        pass


async def test_a_users_group_and_interrupt_come_out(autojump_clock: MockClock) -> None:
    """An exception group or a KeyboardInterrupt that the block raises propagates unchanged."""
    mine = ExceptionGroup("mine", [ValueError("x")])
    for error in (mine, KeyboardInterrupt()):
        async with open_memory_server() as server:
            caught: BaseException | None = None
            try:
                async with cometconn.open_client(
                    "APP", AppSettings(), store=MemoryStore(), endpoints=server.endpoints, environment=server
                ):
                    raise error
            except BaseException as exc:
                caught = exc
        assert caught is error or (error is not mine and isinstance(caught, KeyboardInterrupt))


async def test_a_slow_status_reader_gets_the_newest(autojump_clock: MockClock) -> None:
    """When more than 256 changes wait, the stream has the newest one, with the number of those that are missing."""
    async with open_pair(connect=True) as pair, pair.chat.statuses() as statuses:
        for _ in range(200):
            pair.chat.enter_background()
            pair.chat.enter_foreground()
        change = await anext(statuses)
        assert change.skipped > 0
        changes = [change]
        with trio.move_on_after(1):
            async for change in statuses:
                changes.append(change)
        assert changes[-1].current == pair.chat.status
        assert pair.chat.status != Reason.IN_BACKGROUND


async def test_sending_needs_a_connection_and_ends_with_it(autojump_clock: MockClock) -> None:
    """Without a connection sending raises NotConnectedError; if it ends during a blocked write, ConnectionLostError at once."""
    async with open_pair(login=False) as pair:
        pair.server.capacity = 1000
        await pair.chat.login(uid="zed-1", auth_key="KEY")
        await pair.chat.connect()
        pair.server.stop_reading()
        async with (
            background(functools.partial(pair.chat.send_transient, "amy-2", {"x": "y" * 5000})) as first,
            background(functools.partial(pair.chat.start_typing, "amy-2")) as second,
        ):
            with trio.move_on_after(0.1):
                await pair.chat.end_typing("amy-2")
            now = trio.current_time()
            await pair.chat.disconnect()
            assert trio.current_time() == now
        for outcome in (first, second):
            assert isinstance(outcome[0], cometconn.errors.ConnectionLostError)
            assert outcome[0].reason is Reason.DISCONNECT_CALLED
        pair.server.read_again()


async def test_keep_alive_must_be_faster_than_the_grace(autojump_clock: MockClock) -> None:
    """An interval of keep_alive() in which the connection would end raises an error."""
    async with open_pair(connect=True) as pair:
        for every in (0.0, 30.0, -1.0):
            with pytest.raises(SettingsError, match="keep_alive"):
                await pair.chat.keep_alive(every)
        with trio.move_on_after(100):
            pair.server.dialling = "refuse"
            pair.device.reset()
            await pair.chat.keep_alive()
        assert "CometChat" in repr(pair.chat)
