"""Hooks are called in order and outside the step; their errors have no effect on the connection."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any

import pytest
import trio
from trio.testing import MockClock

import cometconn
from cometconn import AppSettings, Connected, Disconnected, Reason
from cometconn._telemetry import hook_dispatcher
from cometconn.errors import ConnectError, SettingsError
from cometconn.instrumentation import (
    Authenticated,
    ClientOpened,
    ConnectionLost,
    Detail,
    DetailsDropped,
    EnteredBackground,
    EnteredForeground,
    LeaseEnded,
    SocketClosed,
    StatusChanged,
)
from cometconn.testing import open_memory_server
from tests.connection.harness import Pair, background, open_pair, settle


async def test_every_hook_gets_every_detail_in_order(autojump_clock: MockClock) -> None:
    """Two hooks see the same details; times never go back; the first is ClientOpened, the last SocketClosed."""
    first: list[Detail] = []
    second: list[Detail] = []
    async with open_pair(connect=True, hooks=iter([first.append, second.append])) as pair:
        pair.device.reset()
        await trio.sleep(5)
    assert first == second
    assert isinstance(first[0], ClientOpened)
    assert isinstance(first[-1], SocketClosed)
    assert [detail.at for detail in first] == sorted(detail.at for detail in first)
    assert len({detail.connection_id for detail in first}) == 1


async def test_two_clients_have_two_names(autojump_clock: MockClock) -> None:
    """A connection id is the app id and a number that no other client has."""
    seen: list[Detail] = []
    async with open_pair(hooks=[seen.append]), open_pair(hooks=[seen.append]):
        pass
    names = {detail.connection_id for detail in seen}
    assert len(names) == 2
    assert all(name.startswith("APP-") for name in names)


async def test_a_hook_that_fails_is_reported_once(autojump_clock: MockClock, caplog: pytest.LogCaptureFixture) -> None:
    """One WARNING with the traceback for each such hook; it affects neither the connection nor the other hooks."""
    seen: list[Detail] = []

    def broken(_: Detail) -> None:
        raise ZeroDivisionError

    def torn(detail: Detail) -> None:
        if isinstance(detail, Authenticated):
            raise RuntimeError

    async with open_pair(connect=True, hooks=[broken, torn, seen.append]) as pair:
        pair.device.reset()
        await trio.sleep(5)
        assert isinstance(pair.chat.status, Connected)
    records = [record for record in caplog.records if record.name == "cometconn"]
    assert [record.levelno for record in records] == [logging.WARNING] * 2
    assert "ClientOpened" in records[0].getMessage()
    assert "broken" in records[0].getMessage()
    assert records[0].exc_info is not None
    assert records[0].exc_info[0] is ZeroDivisionError
    assert "Authenticated" in records[1].getMessage()
    assert sum(isinstance(detail, Authenticated) for detail in seen) == 2


async def test_a_hook_sees_the_status_of_its_moment(autojump_clock: MockClock) -> None:
    """When a hook reads `status`, the step that made the detail is complete."""
    seen: list[tuple[str, str]] = []
    chats: list[Any] = []

    def ask(detail: Detail) -> None:
        if isinstance(detail, StatusChanged) and chats:
            seen.append((detail.status, type(chats[0].status).__name__.lower()))

    async with open_pair(hooks=[ask]) as pair:
        chats.append(pair.chat)
        await pair.chat.connect()
        pair.device.reset()
        await trio.sleep(5)
    assert ("waiting", "waiting") in seen
    assert all(ours == theirs for ours, theirs in seen)


Step = Callable[[Pair], None]


@pytest.mark.parametrize("kind", [Authenticated, ConnectionLost, StatusChanged])
async def test_what_a_hook_calls_is_a_step_of_its_own(kind: type[Detail], autojump_clock: MockClock) -> None:
    """`enter_background()` in a hook does what it does anywhere: no step is interrupted, no waiting `connect()` is forgotten."""
    pairs: list[Pair] = []
    seen: list[Detail] = []

    def act(detail: Detail) -> None:
        seen.append(detail)
        if isinstance(detail, kind) and pairs:
            pairs[0].chat.enter_background()
            assert pairs[0].now() == "IN_BACKGROUND"

    with trio.fail_after(60):
        async with open_pair(hooks=[act], login=False) as pair:
            pairs.append(pair)
            await pair.chat.login(uid="zed-1", auth_key="KEY")
            with trio.move_on_after(5):
                await pair.wait_status(Connected)
                pair.device.reset()
            await pair.wait_status(Disconnected, reason=Reason.IN_BACKGROUND)
            await settle()
            assert sum(isinstance(detail, EnteredBackground) for detail in seen) == 1
            pairs.clear()
            pair.chat.enter_foreground()
            await pair.chat.connect()
            assert isinstance(pair.chat.status, Connected)


async def test_a_connect_that_a_hook_ends_raises(autojump_clock: MockClock) -> None:
    """A hook enters the background as soon as `connect()` has begun: the call raises with IN_BACKGROUND."""
    chats: list[Any] = []

    def act(detail: Detail) -> None:
        if isinstance(detail, StatusChanged) and detail.status == "connecting" and chats:
            chats[0].enter_background()

    with trio.fail_after(60):
        async with open_pair(hooks=[act], connect=True) as pair:
            await pair.chat.disconnect()
            await settle()
            chats.append(pair.chat)
            async with background(pair.chat.connect) as outcome:
                pass
            (error,) = outcome
            assert isinstance(error, ConnectError)
            assert error.reason is Reason.IN_BACKGROUND


async def test_hooks_that_cause_details_endlessly_let_other_tasks_run(autojump_clock: MockClock) -> None:
    """When a hook causes the very detail it reacts to, again and again, other tasks still run."""
    chats: list[Any] = []

    def toggle(detail: Detail) -> None:
        if chats and isinstance(detail, EnteredBackground):
            chats[0].enter_foreground()
        elif chats and isinstance(detail, EnteredForeground):
            chats[0].enter_background()

    with trio.fail_after(60):
        async with open_pair(hooks=[toggle]) as pair:
            chats.append(pair.chat)
            pair.chat.enter_background()
            for _ in range(100):
                await trio.lowlevel.checkpoint()
            chats.clear()


async def test_what_a_hook_calls_after_the_end_has_no_effect(autojump_clock: MockClock) -> None:
    """Hooks get the details of leaving once it is done; then the synchronous calls have no effect."""
    chats: list[Any] = []
    seen: list[Detail] = []

    def act(detail: Detail) -> None:
        seen.append(detail)
        if isinstance(detail, LeaseEnded):
            chats[0].enter_background()
            chats[0].retry_now()

    async with open_pair(connect=True, hooks=[act]) as pair:
        chats.append(pair.chat)
    assert isinstance(seen[-1], SocketClosed)
    assert not any(isinstance(detail, EnteredBackground) for detail in seen)


@pytest.mark.parametrize("kind", [KeyboardInterrupt, SystemExit])
async def test_an_exit_that_a_hook_raises_ends_the_client(kind: type[BaseException], autojump_clock: MockClock) -> None:
    """An error that is no `Exception` leaves `open_client` unchanged."""

    def leave(detail: Detail) -> None:
        if isinstance(detail, Authenticated):
            raise kind

    async def live() -> None:
        async with (
            open_memory_server() as server,
            cometconn.open_client(
                "APP",
                AppSettings(),
                store=cometconn.MemoryStore(),
                endpoints=server.endpoints,
                environment=server,
                hooks=[leave],
            ) as chat,
        ):
            await chat.login(uid="zed-1", auth_key="KEY")
            await trio.sleep_forever()

    with pytest.raises(kind):
        await live()


async def test_dropped_details_are_counted(autojump_clock: MockClock, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without a checkpoint no hook can be called: beyond the bound the oldest details are dropped, and one detail has their number."""
    monkeypatch.setattr(hook_dispatcher, "_BOUND", 10)
    seen: list[Detail] = []
    async with open_pair(connect=True, hooks=[seen.append]) as pair:
        await settle()
        seen.clear()
        for _ in range(10):
            pair.chat.enter_background()
            pair.chat.enter_foreground()
        await settle()
        first = seen[0]
        assert isinstance(first, DetailsDropped)
        assert first.dropped > 30
        assert len(seen) >= 10
        assert sum(isinstance(detail, DetailsDropped) for detail in seen) == 1


@pytest.mark.parametrize("hooks", [print, [print, 3], 3, "hooks"])
async def test_what_is_no_hook_is_refused(hooks: Any) -> None:
    """Before anything is opened: the session file stays free."""
    store = cometconn.MemoryStore()
    with pytest.raises(SettingsError, match="hooks"):
        async with cometconn.open_client("APP", AppSettings(region="us"), store=store, hooks=hooks):
            raise AssertionError
    async with cometconn.open_client("APP", AppSettings(region="us"), store=store):
        pass
