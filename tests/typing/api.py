"""The public API as type checkers see it: checked, never run."""

from __future__ import annotations

from typing import assert_never, assert_type

import cometconn
from cometconn import AppSettings, AppState, CometChat, EventStream, Status, StatusChange, User, admin, aio, appstate
from cometconn.aio import admin as aio_admin
from cometconn.environment import Environment, SystemEnvironment
from cometconn.events import (
    Call,
    Conversation,
    CustomMessage,
    Event,
    Gap,
    GroupMember,
    Marker,
    MediaMessage,
    Message,
    Overflow,
    ReactionAdded,
    Receipt,
    TextMessage,
    TypingStarted,
)
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
        async for message in chat.messages.history(user="zed-1"):
            assert_type(message, Message)
        async for text in chat.messages.history(kinds=[TextMessage], before=message):
            assert_type(text, TextMessage)
        assert_type(await chat.messages.get(1), Message)
        assert_type([user async for user in chat.users.list()], list[User])
        assert_type(await anext(chat.groups.members("hikers")), GroupMember)
        assert_type(await chat.conversations.get(user="zed-1"), Conversation)
        assert_type((await chat.conversations.unread_counts()).total, int)
        assert_type(chat.status, Status)
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


async def check_streams(chat: CometChat, many: list[type[Event]], markers: bool) -> None:
    """A stream is of the classes that it was opened with, and of markers unless these are left out."""
    async with chat.events() as events:
        assert_type(events, EventStream[Event])
        assert_type(events.gaps, tuple[Gap | Overflow, ...])
        async for event in events:
            assert_type(event, Event)
            events.acknowledge(event)
        assert_type(await events.batch(), list[Event])
    async with chat.events(TextMessage, overflow="drop_oldest", max_events=10) as texts:
        assert_type(texts, EventStream[TextMessage | Marker])
        assert_type(await texts.batch(), list[TextMessage | Marker])
        await only_events(texts)
    async with chat.events(TextMessage, markers=False, on_logout="raise") as pure:
        assert_type(pure, EventStream[TextMessage])
        async for text in pure:
            assert_type(text, TextMessage)
        assert_type(await anext(pure), TextMessage)
        await only_events(pure)
    async with chat.events(Message, ReactionAdded) as two:
        assert_type(two, EventStream[Message | ReactionAdded | Marker])
    async with chat.events(Message, ReactionAdded, markers=False, acknowledge="call") as two_pure:
        assert_type(two_pure, EventStream[Message | ReactionAdded])
    async with chat.events(TextMessage, MediaMessage, TypingStarted) as three:
        assert_type(three, EventStream[TextMessage | MediaMessage | TypingStarted | Marker])
    async with chat.events(TextMessage, MediaMessage, TypingStarted, markers=False) as three_pure:
        assert_type(three_pure, EventStream[TextMessage | MediaMessage | TypingStarted])
    async with chat.events(TextMessage, MediaMessage, TypingStarted, Receipt, markers=True) as four:
        assert_type(four, EventStream[TextMessage | MediaMessage | TypingStarted | Receipt | Marker])
    async with chat.events(TextMessage, MediaMessage, TypingStarted, Receipt, markers=False) as four_pure:
        assert_type(four_pure, EventStream[TextMessage | MediaMessage | TypingStarted | Receipt])
    async with chat.events(*many, max_bytes=10) as any_number:
        assert_type(any_number, EventStream[Event])
    async with chat.events(TextMessage, MediaMessage, TypingStarted, Receipt, Call, markers=False) as five:
        assert_type(five, EventStream[Event])
    async with chat.events(TextMessage, markers=markers) as unknown:
        assert_type(unknown, EventStream[Event])


async def only_events(stream: EventStream) -> None:
    """A stream of some classes fits where any stream does, and `EventStream` alone is one of `Event`."""
    assert_type(await anext(stream), Event)


async def check_match(chat: CometChat) -> str:
    """`match` narrows without `isinstance`, and a type checker sees that every class has its case."""
    async with chat.events(TextMessage, ReactionAdded) as events:
        async for event in events:
            match event:
                case TextMessage(text=text, sender=User(name=name)):
                    assert_type(text, str)
                    assert_type(event, TextMessage)
                    return f"{name}: {text}"
                case ReactionAdded(message_id=number):
                    assert_type(number, int)
                case Gap(recovered=True):
                    assert_type(event.recovered, bool | None)
                case Gap() | Overflow():
                    assert_type(event, Gap | Overflow)
                case Marker():
                    assert_type(event, Marker)
                case _:
                    assert_never(event)
    return ""


def check_marker(event: Event, marker: Marker) -> bool:
    """`Marker` is a type as well as a class for `isinstance`."""
    events: list[Event] = [marker]
    return isinstance(event, Marker) and event in events


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
            assert_type(events, aio.EventStream[Event])
            async for event in events:
                assert_type(event, Event)
            assert_type(await anext(events), Event)
            assert_type(await events.batch(), list[Event])
        async with chat.statuses() as statuses:
            assert_type(statuses, aio.StatusStream)
            async for change in statuses:
                assert_type(change, StatusChange)
        async with chat.events(TextMessage) as texts, chat.events(TextMessage, markers=False) as only:
            assert_type(await anext(texts), TextMessage | Marker)
            assert_type(await anext(only), TextMessage)


async def backend() -> None:
    """The calls of a backend, in Trio and in asyncio."""
    async with admin.open_admin("APP", api_key="REST-KEY", region="us") as one:
        assert_type(await one.ensure_user("amy-2", "Amy", metadata={"plan": 1}, tags=["vip"]), User)
        assert_type(await one.create_auth_token("amy-2"), str)
    async with aio_admin.open_admin("APP", api_key="REST-KEY", region="us") as other:
        assert_type(await other.ensure_user("amy-2", "Amy", retry_for=5), User)
        assert_type(await other.create_auth_token("amy-2"), str)
