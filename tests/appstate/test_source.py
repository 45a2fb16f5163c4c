"""The way into the background and back, and the two sides as types."""

from __future__ import annotations

import pytest
import trio
from trio.testing import MockClock

from cometconn import AppState, CometChat, appstate
from cometconn.appstate import Excursion, Follower, Source, follow_job_control, follow_logind, follow_network

from ..connection.harness import open_pair, settle
from .stand_in import StandIn

# For the type checker: the sources are Sources, and a client follows.
SOURCES: list[Source] = [follow_job_control, follow_logind, follow_network]


def as_follower(chat: CometChat) -> Follower:
    """For the type checker."""
    return chat


def test_all_is_sorted_and_documented() -> None:
    """Six names, in order, each with its docstring."""
    assert sorted(appstate.__all__) == appstate.__all__
    assert all(getattr(appstate, name).__doc__ for name in appstate.__all__)


async def test_a_goodbye_is_waited_for(autojump_clock: MockClock) -> None:
    """Auto mode: away at once, quiet when the server has answered; then back."""
    async with open_pair(connect=True) as pair:
        with Excursion(pair.chat) as away:
            away.begin()
            assert pair.now() == "IN_BACKGROUND"
            assert await away.wait_quiet(2.0)
            assert not pair.server.world.devices()
            away.end()
            assert pair.chat.app_state is AppState.FOREGROUND
            await pair.chat.connect()
            assert pair.now() == "Connected(1)"


async def test_the_patience_ends(autojump_clock: MockClock) -> None:
    """Nobody answers the goodbye: it is waited for as long as asked, and goes on by itself."""
    async with open_pair(connect=True) as pair, trio.open_nursery() as nursery:
        pair.device.silence()
        with Excursion(pair.chat) as away:
            away.begin()
            began = trio.current_time()
            assert not await away.wait_quiet(0.5)
            assert trio.current_time() == pytest.approx(began + 0.5)
            assert await away.wait_quiet(5)
            assert trio.current_time() == pytest.approx(began + 2)
        nursery.cancel_scope.cancel()


async def test_a_connection_that_lives_on_is_not_waited_for(autojump_clock: MockClock) -> None:
    """Manual mode: no goodbye is owed, and the connection is still there afterwards."""
    async with open_pair(manual=True, connect=True) as pair:
        with Excursion(pair.chat) as away:
            away.begin()
            began = trio.current_time()
            assert not await away.wait_quiet(2.0)
            assert trio.current_time() == began
        assert pair.chat.app_state is AppState.FOREGROUND
        await trio.sleep(60)
        assert pair.now() == "Connected(1)"


def test_leaving_the_block_comes_back() -> None:
    """Whatever ends it, and once."""
    chat = StandIn()
    with pytest.raises(KeyError), Excursion(chat) as away:
        away.begin()
        away.begin()
        assert away.away
        raise KeyError
    assert chat.heard == ["background", "foreground"]


def test_what_was_in_the_background_stays_there() -> None:
    """An excursion brings back only what it took away."""
    chat = StandIn(app_state=AppState.BACKGROUND)
    with Excursion(chat) as away:
        away.begin()
        assert not away.away
        away.end()
    assert chat.heard == []


async def test_two_sources_do_not_undo_each_other(autojump_clock: MockClock) -> None:
    """Stopped while the machine is about to sleep: the app comes back with the one that led it away."""
    async with open_pair(connect=True) as pair:
        with Excursion(pair.chat) as sleep, Excursion(pair.chat) as stop:
            sleep.begin()
            stop.begin()
            stop.end()
            assert pair.chat.app_state is AppState.BACKGROUND
            sleep.end()
            assert pair.chat.app_state is AppState.FOREGROUND


async def test_wait_closed_returns_when_the_socket_is(autojump_clock: MockClock) -> None:
    """With no socket at once; with one, when it is closed, whoever ends it; a cancel ends only the wait."""
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
