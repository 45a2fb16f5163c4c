"""How logind's signals are handled: a real D-Bus daemon, with a stand-in for logind."""

from __future__ import annotations

import pathlib
from functools import partial

import pytest
import trio

from cometconn.appstate import follow_logind

from .fake_logind import names, needs_daemon, open_daemon, open_logind, send_false_signal
from .stand_in import StandIn

pytestmark = needs_daemon


async def test_only_signals_from_logind_count(tmp_path: pathlib.Path) -> None:
    """The same signal from another program, sent straight to this one, changes nothing."""
    with trio.fail_after(30):
        async with open_daemon(tmp_path) as bus, open_logind(bus) as logind, trio.open_nursery() as nursery:
            chat = StandIn()
            await nursery.start(partial(follow_logind, chat, bus=bus))
            for name in await names(bus):
                await send_false_signal(bus, name)
            await logind.prepare_for_sleep(False)
            await chat.until("retry")
            assert chat.calls == []
            nursery.cancel_scope.cancel()


async def test_a_machine_that_is_about_to_sleep_at_the_start(tmp_path: pathlib.Path) -> None:
    """Started between the announcement and the sleep: the connection is closed; the lock is taken after waking up."""
    with trio.fail_after(30):
        async with open_daemon(tmp_path) as bus, open_logind(bus) as logind, trio.open_nursery() as nursery:
            chat = StandIn()
            chat.closed.set()
            logind.preparing = True
            await nursery.start(partial(follow_logind, chat, bus=bus))
            await chat.until("background", "wait_closed")
            assert logind.locks == []
            await logind.prepare_for_sleep(False)
            await chat.until("foreground", "retry")
            await logind.lock()
            nursery.cancel_scope.cancel()


async def test_a_new_logind_is_followed_like_the_first(
    tmp_path: pathlib.Path, caplog: pytest.LogCaptureFixture
) -> None:
    """The owner of the name ends while the machine is about to sleep: the app returns to the foreground. The next logind is followed."""
    with trio.fail_after(30):
        async with open_daemon(tmp_path) as bus, trio.open_nursery() as nursery:
            chat = StandIn()
            chat.closed.set()
            async with open_logind(bus) as logind:
                await nursery.start(partial(follow_logind, chat, bus=bus))
                await logind.prepare_for_sleep(True)
                await chat.until("background", "wait_closed")
            await chat.until("foreground")
            assert "systemd-logind is gone for now" in caplog.text
            async with open_logind(bus) as logind:
                lock = await logind.lock()
                await logind.prepare_for_sleep(True)
                await chat.until("background", "wait_closed")
                await lock.released()
            nursery.cancel_scope.cancel()


async def test_a_lock_that_is_refused_later_is_logged(tmp_path: pathlib.Path, caplog: pytest.LogCaptureFixture) -> None:
    """Without a lock the announcements are followed all the same."""
    with trio.fail_after(30):
        async with open_daemon(tmp_path) as bus, open_logind(bus) as logind, trio.open_nursery() as nursery:
            chat = StandIn()
            chat.closed.set()
            await nursery.start(partial(follow_logind, chat, bus=bus))
            await logind.prepare_for_sleep(True)
            await chat.until("background", "wait_closed")
            logind.refuses = True
            await logind.prepare_for_sleep(False)
            await chat.until("foreground", "retry")
            await logind.prepare_for_sleep(True)
            await chat.until("background", "wait_closed")
            assert "refuses the delay lock" in caplog.text
            nursery.cancel_scope.cancel()
