"""Sleep, as logind announces it: a real D-Bus daemon, and a logind of our own on it."""

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


async def test_the_goodbye_is_said_before_the_machine_sleeps(tmp_path: pathlib.Path) -> None:
    """Night after night: the close frame with 1000, then the lock is let go; on waking a new lock, and connected."""
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
                assert lock.words == ("sleep", "cometconn", "Says goodbye to the chat server", "delay")
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


async def test_the_lock_is_held_while_the_goodbye_is_said_and_no_longer_than_the_patience(
    tmp_path: pathlib.Path,
) -> None:
    """The machine waits for the goodbye; one that nobody answers is given up. Later locks are given back with the rest."""
    with trio.fail_after(30):
        async with open_daemon(tmp_path) as bus, open_logind(bus) as logind:
            async with trio.open_nursery() as nursery:
                chat = StandIn()
                follow = partial(follow_logind, chat, bus=bus, patience=0.05)
                await nursery.start(follow)
                lock = await logind.lock()
                await logind.prepare_for_sleep(True)
                await chat.until("background", "goodbye")
                assert lock.held
                await lock.released()
                await logind.prepare_for_sleep(False)
                await chat.until("foreground", "retry")
                later = await logind.lock(2)
                assert later.held
                nursery.cancel_scope.cancel()
            await later.released()


async def test_a_cancel_gives_the_lock_and_the_foreground_back(tmp_path: pathlib.Path) -> None:
    """Cancelled while the machine is about to sleep: as if it had never been there."""
    with trio.fail_after(30):
        async with open_daemon(tmp_path) as bus, open_logind(bus) as logind:
            chat = StandIn()
            async with trio.open_nursery() as nursery:
                await nursery.start(partial(follow_logind, chat, bus=bus))
                lock = await logind.lock()
                await logind.prepare_for_sleep(True)
                await chat.until("background", "goodbye")
                nursery.cancel_scope.cancel()
            assert chat.heard == ["foreground"]
            await lock.released()


async def test_a_bus_that_goes_away_is_told_once_and_tried_again(
    tmp_path: pathlib.Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Nobody will say when the machine wakes up: back to the foreground. The next bus is followed like the first."""
    with trio.fail_after(30):
        chat = StandIn()
        chat.closed.set()
        async with trio.open_nursery() as nursery:
            async with open_daemon(tmp_path) as bus, open_logind(bus) as logind:
                await nursery.start(partial(follow_logind, chat, bus=bus, retry_every=0.01))
                await logind.prepare_for_sleep(True)
                await chat.until("background", "goodbye")
                await kill_daemon(bus)
                await chat.until("foreground")
            await trio.sleep(0.05)  # a few tries in vain
            async with open_daemon(tmp_path) as bus, open_logind(bus) as logind:
                await logind.lock()
                await logind.prepare_for_sleep(True)
                await chat.until("background", "goodbye")
                nursery.cancel_scope.cancel()
        told = [record.getMessage() for record in caplog.records]
        assert told[0] == "systemd-logind is not followed for now: the bus is gone."
        assert sum("not followed for now" in message for message in told) == 1


async def test_what_is_missing_at_the_start_is_an_error(tmp_path: pathlib.Path) -> None:
    """No logind on the bus, or one that refuses the lock: the starter hears it, with the cause."""
    with trio.fail_after(30):
        async with open_daemon(tmp_path) as bus:
            with pytest.raises(AppStateError, match="NameHasNoOwner") as caught:
                await follow_logind(StandIn(), bus=bus)
            assert caught.value.__cause__ is not None
            async with open_logind(bus) as logind:
                logind.refuses = True
                with pytest.raises(AppStateError, match="AccessDenied"):
                    await follow_logind(StandIn(), bus=bus)


async def test_without_the_extra_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    """The error names the extra."""
    for name in ("vigil", "system_bus"):
        monkeypatch.delitem(sys.modules, f"cometconn.appstate.{name}", raising=False)
    monkeypatch.setitem(sys.modules, "jeepney", None)
    with pytest.raises(AppStateError, match=r"pip install .cometconn\[logind\]"):
        await follow_logind(StandIn())
