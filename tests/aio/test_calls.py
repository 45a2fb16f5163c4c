"""Calls that asyncio tasks make: cancelled, in their order, in their context, and at their end."""

from __future__ import annotations

import asyncio
import contextvars
from typing import Any

import anyio
import pytest
import trio

import cometconn
from cometconn import AppSettings, Reason, aio
from cometconn.errors import ApiError, CometConnError, ConnectError, NotConnectedError, NotLoggedInError

from .harness import Server, client, connected, run, turns

MANUAL = AppSettings(auto_establish_socket_connection=False)


def test_calls_take_effect_at_the_call(server: Server) -> None:
    """A call has changed the status when its coroutine first waits, and a synchronous call cannot overtake it."""

    async def main() -> None:
        async with connected(server) as chat:
            call = asyncio.ensure_future(chat.disconnect())
            await asyncio.sleep(0)  # the task has begun
            assert chat.status.state is cometconn.ConnectionState.DISCONNECTED
            chat.enter_background()
            chat.enter_foreground()
            await call
            assert chat.status.reason is Reason.DISCONNECT_CALLED  # type: ignore[union-attr]

    run(main)


@pytest.mark.parametrize("rest", [0.0, 0.05])
def test_a_cancelled_call_ends_first(server: Server, rest: float) -> None:
    """`CancelledError` comes when the call has ended, so that the next login is not refused."""

    async def main() -> None:
        async with client(server) as chat:
            server.do("set", rest="hang")
            call = asyncio.create_task(chat.login(uid="zed-1", auth_key="KEY"))
            await asyncio.sleep(rest)
            call.cancel("mine")
            with pytest.raises(asyncio.CancelledError) as caught:
                await call
            assert caught.value.args == ("mine",)
            server.do("heal")
            await chat.login(uid="zed-1", auth_key="KEY")

    run(main)


def test_a_cancel_is_not_lost_if_the_call_succeeds(server: Server) -> None:
    """A task that is cancelled when its call has just ended gets the `CancelledError`, and not the result."""

    async def main() -> None:
        async with connected(server) as chat:
            call = asyncio.create_task(chat.ping())
            signals: list[Any] = []
            original = aio._calls._Call.set

            def set_then_cancel(signal: Any) -> None:
                original(signal)
                signals.append(signal)
                call.cancel()

            with pytest.MonkeyPatch.context() as patch:
                patch.setattr(aio._calls._Call, "set", set_then_cancel)
                with pytest.raises(asyncio.CancelledError):
                    await call
            assert signals[0].value > 0, "the call had succeeded"

    run(main)


async def _with_timeout(chat: aio.CometChat) -> None:
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.05):
            await chat.login(uid="zed-1", auth_key="KEY")


async def _with_wait_for(chat: aio.CometChat) -> None:
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(chat.login(uid="zed-1", auth_key="KEY"), 0.05)


async def _with_move_on_after(chat: aio.CometChat) -> None:
    with anyio.move_on_after(0.05) as scope:
        await chat.login(uid="zed-1", auth_key="KEY")
    assert scope.cancelled_caught


async def _in_a_task_group(chat: aio.CometChat) -> None:
    async def fail() -> None:
        await asyncio.sleep(0.05)
        raise LookupError

    with pytest.RaisesGroup(LookupError):
        async with asyncio.TaskGroup() as group:
            group.create_task(chat.login(uid="zed-1", auth_key="KEY"))
            group.create_task(fail())


@pytest.mark.parametrize("how", [_with_timeout, _with_wait_for, _with_move_on_after, _in_a_task_group])
def test_every_kind_of_cancel_scope_ends_a_call(server: Server, how: Any) -> None:
    """The call is cancelled, the scope catches its own cancel, and the task goes on uncancelled."""

    async def main() -> None:
        async with client(server) as chat:
            server.do("set", rest="hang")
            await how(chat)
            server.do("heal")
            await chat.login(uid="zed-1", auth_key="KEY")
            await asyncio.sleep(0)
            task = asyncio.current_task()
            assert task is not None
            # A task group of Python 3.11 leaves the count at 1 by itself.
            assert not task.cancelling() or how is _in_a_task_group

    run(main)


def test_a_native_cancel_passes_an_anyio_scope(server: Server) -> None:
    """A task that is cancelled while an anyio scope cancels its call, too, ends cancelled."""

    async def main() -> None:
        async with client(server) as chat:
            server.do("set", rest="hang")

            async def work() -> None:
                with anyio.CancelScope() as scope:
                    asyncio.get_running_loop().call_later(0.05, both, scope)
                    await chat.login(uid="zed-1", auth_key="KEY")
                await asyncio.sleep(0)

            def both(scope: anyio.CancelScope) -> None:
                scope.cancel()
                task.cancel()

            task = asyncio.create_task(work())
            with pytest.raises(asyncio.CancelledError):
                await task

    run(main)


def test_a_call_that_the_client_ends_has_its_own_error(server: Server) -> None:
    """No task gets a `CancelledError` that was not cancelled: leaving the client ends each call with an error."""

    async def main() -> list[object]:
        calls = []
        async with client(server, MANUAL) as chat:
            await chat.login(uid="zed-1", auth_key="KEY")
            server.do("set", upgrade="hang", rest="hang")
            calls = [
                asyncio.create_task(coroutine)
                for coroutine in (
                    chat.connect(),
                    chat.send_text("amy-2", "hello"),
                    chat.keep_alive(),
                    chat.login(uid="amy-2", auth_key="KEY"),
                )
            ]
            await asyncio.sleep(0.05)
        return await asyncio.gather(*calls, return_exceptions=True)

    connect, send, keep_alive, login = run(main)
    assert isinstance(connect, ConnectError)
    assert isinstance(send, ApiError | NotLoggedInError)
    assert keep_alive is None
    assert isinstance(login, NotLoggedInError)


def test_a_call_that_the_client_has_ended_may_finish(server: Server) -> None:
    """It is not cut off while it cleans up and makes its own result, as long as that takes no time."""

    async def main() -> object:
        async with client(server, MANUAL) as chat:

            async def end_with_the_client() -> str:
                await chat._machine.wait_left()
                for _ in range(18):
                    await trio.lowlevel.checkpoint()
                return "its own"

            call = asyncio.create_task(chat._run(end_with_the_client))
            await turns()
        return await call

    assert run(main) == "its own"


def test_a_call_that_outlives_the_client_is_ended(server: Server) -> None:
    """`logout()` whose request gets no answer does not hold up the end of the client."""

    async def main() -> tuple[BaseException | None]:
        async with client(server) as chat:
            await chat.login(uid="zed-1", auth_key="KEY")
            server.do("set", rest="hang")
            call = asyncio.create_task(chat.logout())
            await asyncio.sleep(0.05)
        return await asyncio.gather(call, return_exceptions=True)

    (error,) = run(main)
    assert isinstance(error, CometConnError)


@pytest.mark.parametrize("count", [2, 30])
def test_calls_begin_in_their_order(server: Server, count: int) -> None:
    """Trio begins tasks that it finds together in random order; the server gets the frames of calls in theirs."""

    async def main() -> list[int]:
        began: list[int] = []
        async with client(server) as chat:

            def call(number: int) -> Any:
                async def begin() -> None:
                    began.append(number)
                    await trio.lowlevel.checkpoint()

                return chat._run(begin)

            await asyncio.gather(*map(call, range(count)))
        return began

    assert run(main) == list(range(count))


def test_the_context_of_the_task_is_seen_in_the_call(server: Server) -> None:
    """Each of two calls sees the variable of its task, although the second is begun by the first."""
    variable = contextvars.ContextVar[str]("variable", default="none")
    seen: list[str] = []

    async def main() -> None:
        async with client(server) as chat:

            async def look() -> None:
                seen.append(variable.get())
                variable.set("of the call")
                await trio.lowlevel.checkpoint()

            async def call(value: str) -> None:
                variable.set(value)
                await chat._run(look)
                assert variable.get() == value

            await asyncio.gather(call("first"), call("second"))

    run(main)
    assert seen == ["first", "second"]


def test_after_the_client_was_left(server: Server) -> None:
    """Synchronous calls do nothing, `disconnect()` returns, the others raise, with no Trio run to call."""

    async def main() -> None:
        async with client(server, hooks=[lambda _: None]) as chat:
            await chat.login(uid="zed-1", auth_key="KEY")
        chat.enter_background()
        chat.enter_foreground()
        chat.retry_now()
        await chat.disconnect()
        await chat.wait_closed()
        await chat.keep_alive()
        for call, kind in [
            (chat.connect(), NotConnectedError),
            (chat.ping(), NotConnectedError),
            (chat.start_typing("amy-2"), NotConnectedError),
            (chat.logout(), NotLoggedInError),
            (chat.login(uid="zed-1", auth_key="KEY"), NotLoggedInError),
            (chat.send_text("amy-2", "hello"), NotLoggedInError),
        ]:
            with pytest.raises(kind):
                await call
        async with chat.events() as events, chat.statuses() as statuses:
            assert not [event async for event in events]
            assert not [change async for change in statuses]
            with pytest.raises(NotConnectedError):
                await events.commit()
        assert chat.status.reason is Reason.CLIENT_CLOSED  # type: ignore[union-attr]
        assert chat.statistics().attempts >= 0
        assert "CLIENT_CLOSED" in repr(chat)

    run(main)


def test_calls_from_another_loop_are_refused(server: Server) -> None:
    """The error names the loop in which the client was opened."""

    async def main() -> None:
        async with connected(server) as chat:
            with pytest.raises(RuntimeError, match="another asyncio loop"):
                await asyncio.to_thread(lambda: asyncio.run(chat._run(trio.sleep_forever)))

    run(main)


def test_thousands_of_cancels_leave_a_usable_client(server: Server) -> None:
    """Random cancels of logins and pings: none is lost, no call stays, and the client works at the end."""

    async def main() -> None:
        import random

        choose = random.Random(16)
        async with connected(server) as chat:
            for number in range(150):
                call: Any = chat.ping() if number % 3 else chat.login(uid="zed-1", auth_key="KEY")
                task = asyncio.create_task(call)
                await turns(choose.randrange(8))
                task.cancel()
                try:
                    await task
                except asyncio.CancelledError:
                    assert task.cancelled()
            assert not chat._run.__self__._running  # type: ignore[attr-defined]
            await chat.login(uid="zed-1", auth_key="KEY")
            assert await chat.ping() > 0

    run(main)
