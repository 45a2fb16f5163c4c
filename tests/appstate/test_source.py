"""The background guard, the types of sources and targets, and their previous names."""

from __future__ import annotations

import pytest
import trio
from trio.testing import MockClock

from cometconn import AppState, CometChat, appstate
from cometconn.appstate import (
    AppStateTarget,
    BackgroundGuard,
    Source,
    follow_job_control,
    follow_logind,
    follow_network,
)

from ..connection.harness import open_pair, settle
from .stand_in import StandIn

# For the type checker: each source is a `Source`, and a client is an `AppStateTarget`.
SOURCES: list[Source] = [follow_job_control, follow_logind, follow_network]


def as_target(chat: CometChat) -> AppStateTarget:
    """For the type checker."""
    return chat


def test_all_is_sorted_and_documented() -> None:
    """Six names, in order, each with its docstring."""
    assert sorted(appstate.__all__) == appstate.__all__
    assert all(getattr(appstate, name).__doc__ for name in appstate.__all__)


@pytest.mark.parametrize(("old", "new"), [("Excursion", BackgroundGuard), ("Follower", AppStateTarget)])
def test_the_old_names_are_deprecated(old: str, new: type) -> None:
    """A previous name is the new class, and its warning names the new one and the line that used the old one."""
    with pytest.warns(DeprecationWarning, match=rf"appstate\.{old} is deprecated .* use {new.__name__}\.") as caught:
        assert getattr(appstate, old) is new
    assert [warning.filename for warning in caught] == [__file__]
    assert old not in appstate.__all__


def test_other_names_are_unknown() -> None:
    """A name that never was one is an `AttributeError`."""
    with pytest.raises(AttributeError, match=r"module 'cometconn\.appstate' has no attribute 'Foo'"):
        appstate.Foo  # type: ignore[attr-defined]  # noqa: B018


async def test_the_closing_handshake_is_waited_for(autojump_clock: MockClock) -> None:
    """Auto mode: in the background at once, and no socket once the server has replied; then back."""
    async with open_pair(connect=True) as pair:
        with BackgroundGuard(pair.chat) as away:
            away.begin()
            assert pair.now() == "IN_BACKGROUND"
            assert await away.wait_quiet(2.0)
            assert not pair.server.world.devices()
            away.end()
            assert pair.chat.app_state is AppState.FOREGROUND
            await pair.chat.connect()
            assert pair.now() == "Connected(1)"


async def test_the_wait_is_bounded(autojump_clock: MockClock) -> None:
    """The server does not reply to the close frame: the wait ends after `patience`, the closing handshake after its 2 s."""
    async with open_pair(connect=True) as pair, trio.open_nursery() as nursery:
        pair.device.silence()
        with BackgroundGuard(pair.chat) as away:
            away.begin()
            began = trio.current_time()
            assert not await away.wait_quiet(0.5)
            assert trio.current_time() == pytest.approx(began + 0.5)
            assert await away.wait_quiet(5)
            assert trio.current_time() == pytest.approx(began + 2)
        nursery.cancel_scope.cancel()


async def test_an_open_connection_is_not_waited_for(autojump_clock: MockClock) -> None:
    """Manual mode: the connection is not closed, and is still open afterwards."""
    async with open_pair(manual=True, connect=True) as pair:
        with BackgroundGuard(pair.chat) as away:
            away.begin()
            began = trio.current_time()
            assert not await away.wait_quiet(2.0)
            assert trio.current_time() == began
        assert pair.chat.app_state is AppState.FOREGROUND
        await trio.sleep(60)
        assert pair.now() == "Connected(1)"


def test_leaving_the_block_restores_the_foreground() -> None:
    """Also when the block raises, and only once."""
    chat = StandIn()
    with pytest.raises(KeyError), BackgroundGuard(chat) as away:
        away.begin()
        away.begin()
        assert away.away
        raise KeyError
    assert chat.calls == ["background", "foreground"]


def test_an_app_in_the_background_stays_there() -> None:
    """A guard brings the app back only if it was this guard that took it away."""
    chat = StandIn(app_state=AppState.BACKGROUND)
    with BackgroundGuard(chat) as away:
        away.begin()
        assert not away.away
        away.end()
    assert chat.calls == []


async def test_two_sources_do_not_undo_each_other(autojump_clock: MockClock) -> None:
    """Stopped while the machine is about to sleep: the app comes back when the guard that took it away ends."""
    async with open_pair(connect=True) as pair:
        with BackgroundGuard(pair.chat) as sleep, BackgroundGuard(pair.chat) as stop:
            sleep.begin()
            stop.begin()
            stop.end()
            assert pair.chat.app_state is AppState.BACKGROUND
            sleep.end()
            assert pair.chat.app_state is AppState.FOREGROUND


async def test_wait_closed_returns_when_the_socket_is_closed(autojump_clock: MockClock) -> None:
    """Without a socket it returns at once, else when either side has closed it; a cancel ends only the wait."""
    async with open_pair() as pair:
        await pair.chat.disconnect()
        await pair.chat.wait_closed()
        await pair.chat.connect()
        with trio.move_on_after(5) as waiting:
            await pair.chat.wait_closed()
        assert waiting.cancelled_caught
        assert pair.now() == "Connected(1)"
        async with trio.open_nursery() as nursery:
            nursery.start_soon(pair.chat.wait_closed)
            await settle()
            pair.device.reset()
