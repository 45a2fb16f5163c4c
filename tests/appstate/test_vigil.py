"""What logind says, and how it is obeyed: a real D-Bus daemon, and a logind of our own on it."""

from __future__ import annotations

import pathlib
from functools import partial

import pytest
import trio

from cometconn.appstate import follow_logind

from .fake_logind import lie, names, needs_daemon, open_daemon, open_logind
from .stand_in import StandIn

pytestmark = needs_daemon


async def test_only_logind_is_believed(tmp_path: pathlib.Path) -> None:
    """What another program says in logind's words, straight to us, changes nothing."""
    with trio.fail_after(30):
        async with open_daemon(tmp_path) as bus, open_logind(bus) as logind, trio.open_nursery() as nursery:
            chat = StandIn()
            await nursery.start(partial(follow_logind, chat, bus=bus))
            for name in await names(bus):
                await lie(bus, name)
            await logind.prepare_for_sleep(False)
            await chat.until("retry")
            assert chat.heard == []
            nursery.cancel_scope.cancel()


async def test_a_machine_that_is_about_to_sleep_is_believed_at_the_start(tmp_path: pathlib.Path) -> None:
    """Started between the announcement and the sleep: the goodbye is said, a lock comes with the morning."""
    with trio.fail_after(30):
        async with open_daemon(tmp_path) as bus, open_logind(bus) as logind, trio.open_nursery() as nursery:
            chat = StandIn()
            chat.closed.set()
            logind.preparing = True
            await nursery.start(partial(follow_logind, chat, bus=bus))
            await chat.until("background", "goodbye")
            assert logind.locks == []
            await logind.prepare_for_sleep(False)
            await chat.until("foreground", "retry")
            await logind.lock()
            nursery.cancel_scope.cancel()


async def test_a_new_logind_is_met_like_the_first(tmp_path: pathlib.Path, caplog: pytest.LogCaptureFixture) -> None:
    """It goes while the machine is about to sleep: back to the foreground. Its successor gives a lock and is obeyed."""
    with trio.fail_after(30):
        async with open_daemon(tmp_path) as bus, trio.open_nursery() as nursery:
            chat = StandIn()
            chat.closed.set()
            async with open_logind(bus) as logind:
                await nursery.start(partial(follow_logind, chat, bus=bus))
                await logind.prepare_for_sleep(True)
                await chat.until("background", "goodbye")
            await chat.until("foreground")
            assert "systemd-logind is gone for now" in caplog.text
            async with open_logind(bus) as logind:
                lock = await logind.lock()
                await logind.prepare_for_sleep(True)
                await chat.until("background", "goodbye")
                await lock.released()
            nursery.cancel_scope.cancel()


async def test_a_lock_that_is_refused_later_is_told(tmp_path: pathlib.Path, caplog: pytest.LogCaptureFixture) -> None:
    """Without a lock the announcements are followed all the same."""
    with trio.fail_after(30):
        async with open_daemon(tmp_path) as bus, open_logind(bus) as logind, trio.open_nursery() as nursery:
            chat = StandIn()
            chat.closed.set()
            await nursery.start(partial(follow_logind, chat, bus=bus))
            await logind.prepare_for_sleep(True)
            await chat.until("background", "goodbye")
            logind.refuses = True
            await logind.prepare_for_sleep(False)
            await chat.until("foreground", "retry")
            await logind.prepare_for_sleep(True)
            await chat.until("background", "goodbye")
            assert "gives no lock" in caplog.text
            nursery.cancel_scope.cancel()
