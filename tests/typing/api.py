"""The public API as type checkers see it: checked, never run."""

from __future__ import annotations

from typing import assert_type

import cometconn
from cometconn import AppSettings, AppState, CometChat, EventStream, Status, StatusChange, User, aio, appstate
from cometconn.environment import Environment, SystemEnvironment
from cometconn.events import CustomMessage, Event, TextMessage
from cometconn.instrumentation import Detail, Hook, LogHook, Trace, TraceFile, read_trace
from cometconn.stores import FileStore, MemoryStore, SavedPosition, SavedSession, Store
from cometconn.testing import (
    MemoryServer,
    Recorder,
    Replay,
    ServerScript,
    assert_no_leaks,
    open_memory_server,
    open_replay,
    record,
)


class Counter:
    """A hook of one's own."""

    seen: int = 0

    def __call__(self, detail: Detail) -> None:
        """Count."""
        self.seen += 1


class SmallStore:
    """A store of one's own, with what it must have and no more."""

    async def load(self, app_id: str) -> SavedSession:
        """Load."""
        return SavedSession.new(app_id)

    async def save(self, saved: SavedSession) -> None:
        """Save."""
        assert_type(SavedSession.from_text(saved.to_text()).uid, str | None)

    async def forget(self) -> None:
        """Forget."""


async def check_stores() -> None:
    """Each of these is a store, and the environment is one."""
    stores: list[Store] = [FileStore("path"), MemoryStore(), SmallStore()]
    environment: Environment = SystemEnvironment(ssl_context=None, proxy="", headers={"X": "y"})
    for store in stores:
        async with cometconn.open_client("APP", AppSettings(region="us"), store=store, environment=environment):
            pass
    assert_type(SavedPosition.from_text("").message_id, int | None)


async def check() -> None:
    """Every call has the type that its documentation gives."""
    hooks: list[Hook] = [Counter(), LogHook(), TraceFile("trace"), print]
    assert_type(read_trace("trace"), Trace)
    async with cometconn.open_client("APP", AppSettings(region="us"), hooks=hooks) as chat:
        assert_type(chat, CometChat)
        assert_type(await chat.login(uid="amy-2", auth_key="KEY"), User)
        assert_type(chat.get_logged_in_user(), User | None)
        assert_type(await chat.ping(), float)
        assert_type(await chat.send_text("zed-1", "hello"), TextMessage)
        assert_type(await chat.send_custom("zed-1", {}, type="place"), CustomMessage)
        assert_type(chat.app_state, AppState)
        assert_type(chat.status, Status)
        async with chat.events() as events:
            assert_type(events, EventStream)
            async for event in events:
                assert_type(event, Event)
            assert_type(await events.batch(), list[Event])
        target: appstate.AppStateTarget = chat
        sources: list[appstate.Source] = [
            appstate.follow_job_control,
            appstate.follow_logind,
            appstate.follow_network,
        ]
        for source in sources:
            await source(target)
        with appstate.BackgroundGuard(chat) as away:
            assert_type(away, appstate.BackgroundGuard)
            assert_type(await away.wait_quiet(2.0), bool)
        async with chat.statuses() as statuses:
            async for change in statuses:
                assert_type(change, StatusChange)


async def check_the_kit() -> None:
    """What the kit gives fits where an environment is wanted."""
    async with assert_no_leaks(), open_memory_server() as server, open_replay("t.jsonl") as replay:
        assert_type(server, MemoryServer)
        assert_type(server.script("zed-1"), ServerScript)
        assert_type(replay, Replay)
        with record("t.jsonl", server) as recorder:
            assert_type(recorder, Recorder)
            for environment in (server, replay, recorder):
                cometconn.open_client("APP", AppSettings(), environment=environment)


async def check_aio() -> None:
    """The client for asyncio has the types of its original, and streams of its own."""
    async with aio.open_client("APP", AppSettings(region="us"), store=SmallStore(), hooks=[Counter()]) as chat:
        assert_type(chat, aio.CometChat)
        assert_type(await chat.login(uid="u", auth_key="k"), User)
        assert_type(await chat.ping(), float)
        assert_type(await chat.send_text("u", "text"), TextMessage)
        assert_type(chat.status, Status)
        chat.enter_background()
        async with chat.events() as events:
            assert_type(events, aio.EventStream)
            async for event in events:
                assert_type(event, Event)
            assert_type(await anext(events), Event)
            assert_type(await events.batch(), list[Event])
        async with chat.statuses() as statuses:
            assert_type(statuses, aio.StatusStream)
            async for change in statuses:
                assert_type(change, StatusChange)
