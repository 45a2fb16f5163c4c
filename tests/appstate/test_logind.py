"""Sleep, as logind announces it: a real D-Bus daemon, with a stand-in for logind."""

from __future__ import annotations

import pathlib
import sys
from functools import partial

import pytest
import trio

import cometconn
from cometconn import AppSettings, AppState, MemoryStore
from cometconn.appstate import follow_logind
from cometconn.emulator import Kind, open_emulator
from cometconn.errors import AppStateError

from .fake_logind import kill_daemon, needs_daemon, open_daemon, open_logind
from .stand_in import StandIn

pytestmark = needs_daemon


async def test_the_connection_is_closed_before_the_machine_sleeps(tmp_path: pathlib.Path) -> None:
    """Three times: the close frame with 1000, then the lock is released; after waking up a new lock, and connected."""
    with trio.fail_after(30):
        async with (
            open_daemon(tmp_path) as bus,
            open_logind(bus) as logind,
            open_emulator() as server,
            cometconn.open_client("APP", AppSettings(), store=MemoryStore(), endpoints=server.endpoints) as chat,
            trio.open_nursery() as nursery,
        ):
            await chat.login(uid="zed-1", auth_key="KEY")
            await chat.connect()
            await nursery.start(partial(follow_logind, chat, bus=bus))
            for night in (1, 2, 3):
                lock = await logind.lock(night)
                assert lock.words == ("sleep", "cometconn", "Closes the chat connection", "delay")
                assert lock.held
                since = server.log.position
                await logind.prepare_for_sleep(True)
                await lock.released()
                assert [entry.detail["code"] for entry in server.log.of(Kind.CLOSE_IN, since=since)] == [1000]
                assert not server.world.devices()
                assert chat.app_state is AppState.BACKGROUND
                await logind.prepare_for_sleep(False)
                await server.wait_connected("zed-1")
            nursery.cancel_scope.cancel()


async def test_the_lock_is_held_during_the_closing_handshake_and_for_at_most_the_patience(
    tmp_path: pathlib.Path,
) -> None:
    """The machine waits for the closing handshake, for at most `patience`. A cancel releases later locks, too."""
    with trio.fail_after(30):
        async with open_daemon(tmp_path) as bus, open_logind(bus) as logind:
            async with trio.open_nursery() as nursery:
                chat = StandIn()
                follow = partial(follow_logind, chat, bus=bus, patience=0.05)
                await nursery.start(follow)
                lock = await logind.lock()
                await logind.prepare_for_sleep(True)
                await chat.until("background", "wait_closed")
                assert lock.held
                await lock.released()
                await logind.prepare_for_sleep(False)
                await chat.until("foreground", "retry")
                later = await logind.lock(2)
                assert later.held
                nursery.cancel_scope.cancel()
            await later.released()


async def test_a_cancel_releases_the_lock_and_restores_the_foreground(tmp_path: pathlib.Path) -> None:
    """Also when it is cancelled while the machine is about to sleep."""
    with trio.fail_after(30):
        async with open_daemon(tmp_path) as bus, open_logind(bus) as logind:
            chat = StandIn()
            async with trio.open_nursery() as nursery:
                await nursery.start(partial(follow_logind, chat, bus=bus))
                lock = await logind.lock()
                await logind.prepare_for_sleep(True)
                await chat.until("background", "wait_closed")
                nursery.cancel_scope.cancel()
            assert chat.calls == ["foreground"]
            await lock.released()


async def test_a_lost_bus_is_logged_once_and_tried_again(
    tmp_path: pathlib.Path, caplog: pytest.LogCaptureFixture
) -> None:
    """The app returns to the foreground, since no signal would bring it back. The next bus is followed like the first."""
    with trio.fail_after(30):
        chat = StandIn()
        chat.closed.set()
        async with trio.open_nursery() as nursery:
            async with open_daemon(tmp_path) as bus, open_logind(bus) as logind:
                await nursery.start(partial(follow_logind, chat, bus=bus, retry_every=0.01))
                await logind.prepare_for_sleep(True)
                await chat.until("background", "wait_closed")
                await kill_daemon(bus)
                await chat.until("foreground")
            await trio.sleep(0.05)  # a few failed attempts
            async with open_daemon(tmp_path) as bus, open_logind(bus) as logind:
                await logind.lock()
                await logind.prepare_for_sleep(True)
                await chat.until("background", "wait_closed")
                nursery.cancel_scope.cancel()
        logged = [record.getMessage() for record in caplog.records]
        assert logged[0] == "systemd-logind is not followed for now: the bus has disconnected."
        assert sum("not followed for now" in message for message in logged) == 1


async def test_what_is_missing_at_the_start_is_an_error(tmp_path: pathlib.Path) -> None:
    """No logind on the bus, or one that refuses the lock: an error at the start, with its cause."""
    with trio.fail_after(30):
        async with open_daemon(tmp_path) as bus:
            with pytest.raises(AppStateError, match="NameHasNoOwner") as caught:
                await follow_logind(StandIn(), bus=bus)
            assert caught.value.__cause__ is not None
            async with open_logind(bus) as logind:
                logind.refuses = True
                with pytest.raises(AppStateError, match="AccessDenied"):
                    await follow_logind(StandIn(), bus=bus)


async def test_without_the_extra_the_error_names_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """The error gives the command that installs it."""
    for name in ("logind_watch", "system_bus"):
        monkeypatch.delitem(sys.modules, f"cometconn.appstate.{name}", raising=False)
    monkeypatch.setitem(sys.modules, "jeepney", None)
    with pytest.raises(AppStateError, match=r"pip install .cometconn\[logind\]"):
        await follow_logind(StandIn())
