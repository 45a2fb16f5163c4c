"""`open_client(admission=)`: awaited before each login and each dial, outside the attempt's time limit."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import attrs
import pytest
import trio
from trio.testing import MockClock

import cometconn
from cometconn import AppSettings, CometChat, Connected, Connecting, Disconnected, MemoryStore, Reason, Waiting
from cometconn.emulator import Kind
from cometconn.environment import Request, Response
from cometconn.errors import ApiError, ConnectError, NotLoggedInError, SettingsError
from cometconn.testing import MemoryServer, open_memory_server

from .harness import background, settle


class Gate:
    """Admits after `wait` seconds, or raises `error`; notes when it was called, and how many waits were cancelled."""

    def __init__(self, wait: float = 0.0, error: Exception | None = None) -> None:
        self.wait, self.error = wait, error
        self.called: list[float] = []
        self.cancelled = 0

    async def __call__(self) -> None:
        """Admit."""
        self.called.append(trio.current_time())
        try:
            await trio.sleep(self.wait)
        except trio.Cancelled:
            self.cancelled += 1
            raise
        if self.error is not None:
            raise self.error


@attrs.define(eq=False)
class Slow:
    """The server's environment, with requests that take 3 s and dials that hang from the second one on."""

    server: MemoryServer
    dials: int = 0

    async def dial(self, url: str) -> trio.abc.Stream:
        """Dial; note the call before any checkpoint."""
        self.dials += 1
        if self.dials > 1:
            await trio.sleep_forever()
        return await self.server.dial(url)

    async def request(self, request: Request) -> Response:
        """Request, slowly."""
        await trio.sleep(3.0)
        return await self.server.request(request)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.server, name)


@asynccontextmanager
async def gated(
    gate: Callable[[], Awaitable[object]],
    *,
    store: Any = None,
    given: MemoryServer | None = None,
    environment: Any = None,
    **settings: Any,
) -> AsyncGenerator[tuple[CometChat, MemoryServer], None]:
    """A client with this `admission`, and its server; a test takes at most an hour, in virtual time."""
    with trio.fail_after(3600):
        async with open_memory_server() as server:
            server = given or server
            async with cometconn.open_client(
                "APP",
                AppSettings(**settings),
                store=store or MemoryStore(),
                endpoints=server.endpoints,
                environment=environment or server,
                admission=gate,
            ) as chat:
                yield chat, server


async def test_a_wait_is_no_part_of_connect_timeout(autojump_clock: MockClock) -> None:
    """A minute for the login and a minute for the dial: the status is `Connecting`, and nothing is dialled meanwhile."""
    gate = Gate(60.0)
    async with gated(gate) as (chat, server):
        await chat.login(uid="zed-1", auth_key="KEY")
        assert trio.current_time() == 60.0
        await settle()
        assert chat.status == Connecting(1, at=60.0)
        assert server.dials == []
        await trio.sleep(59.0)
        assert chat.status == Connecting(1, at=60.0)
        await chat.connect()
        assert server.dials == [120.0]
        assert gate.called == [0.0, 60.0]


async def test_the_attempt_has_its_whole_time_after_the_wait(autojump_clock: MockClock) -> None:
    """A dial that hangs fails `connect_timeout` after the admission; the next attempt is admitted again."""
    gate = Gate()
    async with gated(gate) as (chat, server):
        await chat.login(uid="zed-1", auth_key="KEY")
        await chat.connect()
        gate.wait, server.dialling = 60.0, "hang"
        server.drop("zed-1")
        await settle()
        with pytest.raises(ConnectError, match="dialling .* took longer than connect_timeout, 10 s"):
            await chat.connect()
        assert trio.current_time() == 70.0
        await trio.sleep(2.0)  # the second retry's delay, with this jitter
        await settle()
        assert gate.called == [0.0, 0.0, 0.0, 72.0]


@pytest.mark.parametrize("end", ["enter_background", "disconnect", "logout"])
async def test_the_wait_ends_with_the_lease(end: str, autojump_clock: MockClock) -> None:
    """Whatever ends the wish cancels the wait in the same instant, and nothing is dialled."""
    gate = Gate()
    async with gated(gate) as (chat, server):
        await chat.login(uid="zed-1", auth_key="KEY")
        await chat.connect()
        gate.wait = 60.0
        server.drop("zed-1")
        await trio.sleep(2.0)
        assert isinstance(chat.status, Connecting)
        result = getattr(chat, end)()
        if result is not None:
            await result
        await settle()
        assert isinstance(chat.status, Disconnected)
        assert gate.cancelled == 1
        await trio.sleep(300.0)
        assert len(server.dials) == 1


async def test_an_admission_that_swallows_the_cancel_leads_to_no_dial(autojump_clock: MockClock) -> None:
    """A callable that returns although it was cancelled: the lease is looked at again before the dial."""

    async def stubborn() -> None:
        with trio.CancelScope(shield=True):
            await trio.sleep(60.0)

    async with open_memory_server() as server:
        slow = Slow(server)
        async with gated(stubborn, given=server, environment=slow) as (chat, _):
            await chat.login(uid="zed-1", auth_key="KEY")
            await trio.sleep(30.0)
            chat.enter_background()
            await trio.sleep(60.0)
            assert slow.dials == 0
            assert chat.status.reason is Reason.IN_BACKGROUND  # type: ignore[union-attr]


async def test_the_background_grace_runs_during_the_wait(autojump_clock: MockClock) -> None:
    """Manual mode, background: the lease's deadline ends the wait, too."""
    gate = Gate()
    async with gated(gate, auto_establish_socket_connection=False) as (chat, server):
        await chat.login(uid="zed-1", auth_key="KEY")
        gate.wait = 600.0
        chat.enter_background()
        with pytest.raises(ConnectError) as raised:
            await chat.connect()
        assert raised.value.reason is Reason.BACKGROUND_TIMEOUT
        assert trio.current_time() == 30.0
        assert (gate.cancelled, server.dials) == (1, [])


async def test_an_error_is_a_failed_attempt(autojump_clock: MockClock) -> None:
    """What the callable raises fails the attempt, with its cause; the delay that it asks for is a floor."""
    gate = Gate()
    async with gated(gate) as (chat, server):
        await chat.login(uid="zed-1", auth_key="KEY")
        await chat.connect()
        gate.error = ApiError("slow down", status=429)
        gate.error.retry_after = 77.0
        server.drop("zed-1")
        await trio.sleep(1.0)
        await settle()
        status = chat.status
        assert isinstance(status, Waiting)
        assert status.retry_at == 78.0
        assert (
            str(status.cause)
            == "Could not connect: open_client(admission=...) has failed: slow down (FAILED_TO_FETCH) (ADMISSION_FAILED)."
        )
        gate.error = RuntimeError("no")
        with pytest.raises(ConnectError, match="has failed: no"):
            await chat.connect()
        gate.error = None
        await chat.connect()
        assert isinstance(chat.status, Connected)
        assert len(server.dials) == 2


async def test_an_error_is_a_failed_login(autojump_clock: MockClock) -> None:
    """`login()` raises, no request was made, and a second one can succeed."""
    gate = Gate(error=OSError("closed"))
    async with gated(gate) as (chat, server):
        with pytest.raises(ApiError, match=r"has failed: closed") as raised:
            await chat.login(uid="zed-1", auth_key="KEY")
        assert (raised.value.code, raised.value.worth_retrying) == ("ADMISSION_FAILED", True)
        assert isinstance(raised.value.__cause__, OSError)
        assert list(server.world.log.of(Kind.REST)) == []
        gate.error = None
        await chat.login(uid="zed-1", auth_key="KEY")


async def test_logout_ends_the_wait_of_a_login(autojump_clock: MockClock) -> None:
    """`logout()` and a cancel of the call end the wait; no request is made."""
    gate = Gate(60.0)
    async with gated(gate) as (chat, server):
        async with background(lambda: chat.login(uid="zed-1", auth_key="KEY")) as outcome:
            await chat.logout()
        assert isinstance(outcome[0], NotLoggedInError)
        with trio.move_on_after(1.0):
            await chat.login(uid="zed-1", auth_key="KEY")
        assert gate.cancelled == 2
        assert list(server.world.log.of(Kind.REST)) == []


async def test_a_saved_session_is_dialled_under_admission(autojump_clock: MockClock) -> None:
    """A reopened client needs no login, and its dial is admitted; leaving the client ends the wait at once."""
    store, gate = MemoryStore(), Gate()
    async with gated(gate, store=store) as (chat, server):
        await chat.login(uid="zed-1", auth_key="KEY")
        await chat.connect()
        await chat.disconnect()
    gate = Gate(60.0)
    async with gated(gate, store=store) as (chat, server):
        await settle()
        assert gate.called == [trio.current_time()]
        began = trio.current_time()
    assert (gate.cancelled, server.dials, trio.current_time()) == (1, [], began)


@pytest.mark.parametrize("by", ["supervisor", "send_text"])
async def test_the_new_login_for_an_unknown_token_is_admitted(by: str, autojump_clock: MockClock) -> None:
    """A token that the server no longer knows: the new login waits, outside the attempt's limit, and so does its dial."""
    store, gate = MemoryStore(), Gate()
    async with open_memory_server() as server:
        async with gated(gate, store=store, given=server, auto_establish_socket_connection=False) as (chat, _):
            await chat.login(uid="zed-1", auth_key="KEY")
        server.forget_tokens()
        async with gated(gate, store=store, given=server, auto_establish_socket_connection=False) as (chat, _):
            gate.called.clear()
            gate.wait = 60.0
            began = trio.current_time()
            await chat.login(uid="zed-1", auth_key="KEY")
            if by == "supervisor":
                await chat.connect()
                assert [at - began for at in gate.called] == [0.0, 60.0, 120.0]  # the dial, the login, the second dial
            else:
                await chat.send_text("amy-2", "hi")
                assert [at - began for at in gate.called] == [0.0]
            methods = [entry.detail["method"] for entry in server.world.log.of(Kind.REST)]
            assert methods[2:] == (["GET", "POST", "PUT"] if by == "supervisor" else ["POST", "POST", "PUT", "POST"])


async def test_the_renewal_and_the_second_dial_share_their_time(autojump_clock: MockClock) -> None:
    """A renewal of 9 s leaves 1 s of `connect_timeout` to the second dial, however long the admissions took."""
    store, gate = MemoryStore(), Gate()
    async with open_memory_server() as server:
        async with gated(gate, store=store, given=server, auto_establish_socket_connection=False) as (chat, _):
            await chat.login(uid="zed-1", auth_key="KEY")
        server.forget_tokens()
        slow, gate.wait, began = Slow(server), 60.0, trio.current_time()
        async with gated(gate, store=store, given=server, environment=slow, auto_establish_socket_connection=False) as (
            chat,
            _,
        ):
            await chat.login(uid="zed-1", auth_key="KEY")
            with pytest.raises(ConnectError, match="dialling .* took longer"):
                await chat.connect()
            assert trio.current_time() - began == 3 * 60.0 + 9.0 + 1.0
            assert slow.dials == 2


async def test_an_admission_that_fails_during_the_renewal_is_transient(autojump_clock: MockClock) -> None:
    """A `NotLoggedInError` of the callable does not log the user out: the attempt fails, and the next one succeeds."""
    store, gate = MemoryStore(), Gate()
    async with open_memory_server() as server:
        async with gated(gate, store=store, given=server, auto_establish_socket_connection=False) as (chat, _):
            await chat.login(uid="zed-1", auth_key="KEY")
        server.forget_tokens()
        calls = 0

        async def second_fails() -> None:
            nonlocal calls
            calls += 1
            await trio.lowlevel.checkpoint()
            if calls == 2:
                raise NotLoggedInError("of another client")

        async with gated(second_fails, store=store, given=server, auto_establish_socket_connection=False) as (chat, _):
            await chat.login(uid="zed-1", auth_key="KEY")
            with pytest.raises(ConnectError, match="of another client"):
                await chat.connect()
            assert chat.get_logged_in_user() is not None
            await chat.connect()


async def test_it_must_be_callable() -> None:
    """Anything else is refused at once; a function that is not async fails each attempt with a clear text."""
    with pytest.raises(SettingsError, match=r"admission=\.\.\.\) must be a function or None, not 5"):
        async with cometconn.open_client("APP", AppSettings(region="us"), admission=5):  # type: ignore[arg-type]
            pass
    async with gated(lambda: None) as (chat, _):  # type: ignore[arg-type,return-value]
        with pytest.raises(ApiError, match="NoneType.*await"):
            await chat.login(uid="zed-1", auth_key="KEY")
