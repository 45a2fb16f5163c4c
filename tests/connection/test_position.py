"""Section 11 of the contract: the position, up to which every message is acknowledged, and what comes after a restart."""

from __future__ import annotations

import json
import logging
import os
from typing import TYPE_CHECKING, Any

import pytest
import trio
from trio.testing import MockClock

import cometconn
from cometconn import AppSettings, Connected, FileStore, MemoryStore
from cometconn._streams import known_messages
from cometconn._streams.position import NOWHERE
from cometconn._streams.streams import Streams
from cometconn.errors import SettingsError, StoreError
from cometconn.events import Gap, TextMessage, TypingStarted
from cometconn.stores import SavedPosition, SavedSession
from cometconn.testing import open_memory_server
from tests.streams.acknowledging import events_of, numbers, published, reading

from .harness import open_pair, settle
from .interruptions import say

if TYPE_CHECKING:
    import pathlib

    from cometconn import CometChat
    from cometconn.testing import MemoryServer


# Streams alone


async def test_where_nothing_is_open_it_is_the_largest_id_received() -> None:
    """With nothing open the position is the largest id, in any order and for unwanted events, too; `None` before the first."""
    streams = Streams()
    assert streams.position is None
    async with events_of(streams, TypingStarted):
        published(5, 3, streams=streams)
        assert streams.position == 5


async def test_an_open_message_holds_it() -> None:
    """An open message holds the position, whatever comes and is acknowledged after it."""
    streams = Streams()
    async with events_of(streams, acknowledge="call") as stream:
        published(5, 6, 7, streams=streams)
        five, six, seven = await stream.batch()
        stream.acknowledge(seven)
        assert (streams.position, streams.acknowledged_beyond(4)) == (4, (7,))
        stream.acknowledge(five)
        assert (streams.position, streams.acknowledged_beyond(5)) == (5, (7,))
        stream.acknowledge(six)
        assert (streams.position, streams.acknowledged_beyond(7)) == (7, ())


async def test_the_message_at_a_saved_position_is_known() -> None:
    """If the server sends the message at the saved position again, it is a duplicate; one before it may have got its id late."""
    streams = Streams()
    streams.resume(7, (9,))
    async with events_of(streams) as stream:
        published(7, 9, 6, 10, streams=streams)
        assert await reading(stream, 2) == [6, 10]
    assert streams.duplicates == 2


async def test_what_is_known_to_be_unfetched_holds_it() -> None:
    """Unfetched messages after an id, 0 included, hold the position; after a moment, there is no position."""
    streams = published(5, 6)
    streams.unfetched_after = 5
    async with events_of(streams) as stream:
        assert await reading(stream, 2) == [5, 6]
    assert streams.position == 5
    assert streams.acknowledged_beyond(5) == (6,)
    streams.unfetched_after = 0
    assert streams.position == 0
    streams.unfetched_after = NOWHERE
    assert streams.position is None
    assert streams.acknowledged_beyond(None) == (5, 6)
    streams.unfetched_after = None
    assert streams.position == 6


async def test_our_own_messages_do_not_move_it() -> None:
    """A message that this client sent does not move the position, because it is no evidence about those before it."""
    streams = published(5)
    async with events_of(streams) as stream:
        await reading(stream, 1)
    streams.note_sent(9)
    assert streams.position == 5


async def test_at_most_1024_acknowledged_ids_are_saved() -> None:
    """Of the ids acknowledged beyond the position the 1024 largest are saved; the others may come again."""
    streams = Streams()
    async with events_of(streams, acknowledge="call", max_events=3000) as stream:
        published(*range(1, 2001), streams=streams)
        for event in (await stream.batch())[1:]:
            stream.acknowledge(event)
        assert streams.position == 0
        assert streams.acknowledged_beyond(0) == tuple(range(977, 2001))


async def test_saved_ids_are_known_however_much_is_fetched_before_them(monkeypatch: pytest.MonkeyPatch) -> None:
    """A message acknowledged beyond the position does not come twice, even if the window of ids has passed it."""
    monkeypatch.setattr(known_messages, "_WINDOW", 64)
    streams = Streams()
    streams.resume(0, (900, 950))
    async with events_of(streams) as stream:
        published(*range(1, 1001), streams=streams)
        assert numbers(await stream.batch()) == [number for number in range(1, 1001) if number not in {900, 950}]
    assert streams.duplicates == 2
    assert streams.position == 1000


async def test_saved_ids_are_saved_again() -> None:
    """Saved ids are saved again as long as they are beyond the position."""
    streams = Streams()
    streams.resume(5, (8, 10))
    streams.unfetched_after = 5
    assert streams.position == 5
    assert streams.acknowledged_beyond(5) == (8, 10)
    async with events_of(streams) as stream:
        published(6, 7, 8, 9, streams=streams)
        assert numbers(await stream.batch()) == [6, 7, 9]
    streams.unfetched_after = 9
    assert streams.position == 9
    assert streams.acknowledged_beyond(9) == (10,)


# Through a whole client


class _Counting:
    """A store that counts its calls, and fails on request."""

    def __init__(self) -> None:
        self.memory = MemoryStore()
        self.saved: list[tuple[float, SavedPosition, bool]] = []
        self.sessions = 0
        self.fails = False

    async def load(self, app_id: str) -> SavedSession:
        return await self.memory.load(app_id)

    async def save(self, saved: SavedSession) -> None:
        self.sessions += 1
        await self.memory.save(saved)

    async def forget(self) -> None:
        await self.memory.forget()

    async def load_position(self) -> SavedPosition | None:
        return await self.memory.load_position()

    async def save_position(self, saved: SavedPosition, *, durable: bool) -> None:
        if self.fails:
            raise OSError(28, "No space left on device")
        self.saved.append((trio.current_time(), saved, durable))
        await self.memory.save_position(saved, durable=durable)

    async def aclose(self) -> None:
        await self.memory.aclose()


class _Forgetful:
    """A store without positions."""

    def __init__(self) -> None:
        memory = MemoryStore()
        self.load, self.save, self.forget, self.aclose = memory.load, memory.save, memory.forget, memory.aclose


def _opened(server: MemoryServer, store: Any, *, catch_up: bool = True, position: int | None = None) -> Any:
    return cometconn.open_client(
        "APP",
        AppSettings(catch_up=catch_up),
        store=store,
        endpoints=server.endpoints,
        environment=server,
        position=position,
    )


async def _connected(chat: CometChat, uid: str = "zed-1") -> None:
    if chat.get_logged_in_user() is None:
        await chat.login(uid=uid, auth_key="KEY")
    await chat.connect()
    await settle()


async def _told(chat: CometChat, **options: Any) -> list[str]:
    """Every message that comes within 5 s, acknowledged."""
    got = []
    async with chat.events(TextMessage, **options) as events:
        with trio.move_on_after(5):
            async for event in events:
                if isinstance(event, TextMessage):
                    got.append(event.text)
    return got


async def test_it_is_saved_within_half_a_second(autojump_clock: MockClock) -> None:
    """Each move of the position is saved at most 0.5 s later, in few writes, and the session is not written with it."""
    store = _Counting()
    async with open_pair(connect=True, store=store) as pair, pair.chat.events(TextMessage) as events:
        await trio.sleep(3)
        store.saved.clear()
        sessions, began = store.sessions, trio.current_time()
        moved = {}
        for _ in range(30):
            say(pair.server, "x")
            event = await anext(events)
            moved[event.id - 1] = trio.current_time()
            await trio.sleep(0.1)
        await trio.sleep(0.5)
        for position, when in moved.items():
            saved = min(at for at, saved, _ in store.saved if (saved.message_id or 0) >= position)
            assert saved <= when + 0.5, position
        assert len(store.saved) <= (trio.current_time() - began) / 0.4 + 1
        assert {durable for _, _, durable in store.saved} == {False}
        assert store.sessions == sessions, "no token is rewritten"


async def test_the_first_one_is_saved_at_once(autojump_clock: MockClock) -> None:
    """A process that is killed directly after the first connection has left behind from when on the next one must fetch."""
    store = _Counting()
    async with open_pair(connect=True, store=store):
        connected = trio.current_time()
        await settle()
        assert [(at, saved.message_id) for at, saved, _ in store.saved] == [(connected, None)]
        assert store.saved[0][1].since is not None


async def test_a_burst_is_saved_once(autojump_clock: MockClock) -> None:
    """The save waits for what comes together, also if each message is handled in a pass of its own."""
    store = _Counting()
    async with open_pair(connect=True, store=store) as pair, pair.chat.events(TextMessage) as events:
        await trio.sleep(3)
        store.saved.clear()
        for _ in range(20):
            say(pair.server, "x")
        for _ in range(20):
            event = await anext(events)
            await trio.lowlevel.checkpoint()
        await trio.sleep(1)
        assert [saved.message_id for _, saved, _ in store.saved] == [event.id - 1]


async def test_it_is_saved_at_leaving(autojump_clock: MockClock) -> None:
    """Leaving saves what was acknowledged in the last moment, synced to the disk."""
    store = _Counting()
    async with open_pair(connect=True, store=store) as pair:
        await trio.sleep(3)
        async with pair.chat.events(TextMessage) as events:
            say(pair.server, "1")
            last = await anext(events)
    assert (store.saved[-1][1].message_id, store.saved[-1][2]) == (last.id, True)


async def test_commit_returns_after_an_fsync(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """commit() syncs the file also when the position is saved already; it then holds what was acknowledged. In real time."""
    synced: list[int] = []
    fsync = os.fsync

    def counted(descriptor: int) -> None:
        synced.append(descriptor)
        fsync(descriptor)

    path = tmp_path / "session.json"
    with trio.fail_after(30):
        async with open_pair(connect=True, store=FileStore(path)) as pair:
            monkeypatch.setattr(os, "fsync", counted)
            async with pair.chat.events(TextMessage, acknowledge="call") as events:
                say(pair.server, "1")
                event = await anext(events)
                events.acknowledge(event)
                for _ in range(2):
                    synced.clear()
                    await events.commit()
                    assert synced
                    assert json.loads(path.with_name("session.json.position").read_text())["message_id"] == event.id


@pytest.mark.parametrize("login", [True, False])
async def test_commit_without_a_store_that_keeps_positions(login: bool, autojump_clock: MockClock) -> None:
    """With a store without positions, commit() raises, and everything else works."""
    async with open_pair(store=_Forgetful(), login=login) as pair, pair.chat.events(TextMessage) as events:
        if login:
            await pair.chat.connect()
            say(pair.server, "1")
            event = await anext(events)
            await trio.sleep(1)
            assert pair.chat.position == event.id - 1
        with pytest.raises(StoreError, match="keeps no positions"):
            await events.commit()


async def test_a_store_that_fails_for_a_while(caplog: pytest.LogCaptureFixture, autojump_clock: MockClock) -> None:
    """A failing store causes one WARNING, and only commit() raises; once it works again, the position is saved."""
    store = _Counting()
    async with open_pair(connect=True, store=store) as pair:
        await trio.sleep(3)
        with caplog.at_level(logging.WARNING, "cometconn"):
            async with pair.chat.events(TextMessage) as events:
                store.fails = True
                for _ in range(5):
                    say(pair.server, "x")
                    await anext(events)
                    await trio.sleep(7)
                with pytest.raises(StoreError, match="No space left"):
                    await events.commit()
                last = pair.chat.position
            assert len([record for record in caplog.records if "position" in record.getMessage()]) == 1
        store.fails = False
        await trio.sleep(6)
        assert last is not None
        assert store.saved[-1][1].message_id == last + 1


async def test_a_store_that_always_fails_has_one_task(autojump_clock: MockClock) -> None:
    """Saving to a store that always fails is retried every few seconds, and leaving the client takes no longer for it."""
    store = _Counting()
    store.fails = True
    async with open_pair(connect=True, store=store) as pair, pair.chat.events(TextMessage) as events:
        for _ in range(20):
            say(pair.server, "x")
            await anext(events)
            await trio.sleep(1)
        names = [task.name for task in trio.lowlevel.current_root_task().child_nurseries[0].child_tasks]  # type: ignore[union-attr]
        assert names.count("cometconn.position") <= 1
        before = trio.current_time()
    assert trio.current_time() - before <= 5
    assert store.saved == []


async def test_after_a_restart_each_message_comes_once(autojump_clock: MockClock) -> None:
    """Acknowledged messages do not come again after a restart; open and missed ones come in the order of their ids."""
    store = MemoryStore()
    async with open_memory_server() as server:
        async with _opened(server, store) as chat:
            await _connected(chat)
            async with chat.events(TextMessage, acknowledge="call") as events:
                for number in range(1, 7):
                    say(server, str(number))
                got = [await anext(events) for _ in range(6)]
                for index in (0, 2, 4):
                    events.acknowledge(got[index])
                await trio.sleep(1)
                assert chat.position == got[0].id
        say(server, "7")
        async with _opened(server, store) as chat:
            assert await _told(chat) == ["2", "4", "6", "7"]
            assert chat.position == got[0].id + 6
        async with _opened(server, store) as chat:
            assert await _told(chat) == []


async def test_what_was_unclaimed_comes_after_a_restart(autojump_clock: MockClock) -> None:
    """Unclaimed messages come again after a restart, also those dropped before a stream reported an `Overflow`."""
    store = MemoryStore()
    async with open_memory_server() as server:
        async with _opened(server, store) as chat:
            await _connected(chat)
            for number in range(1100):
                say(server, str(number))
                if number % 100 == 0:
                    await settle()
            await trio.sleep(1)
            assert chat._core.streams.unclaimed.dropped == 76
        async with _opened(server, store) as chat:
            assert await _told(chat) == [str(number) for number in range(1100)]


async def test_the_given_position_outranks_the_saved_one(autojump_clock: MockClock) -> None:
    """An `open_client(position=)` takes precedence over the saved position, and does not apply to a second user."""
    store = MemoryStore()
    async with open_memory_server() as server:
        async with _opened(server, store) as chat:
            await _connected(chat)
            for number in range(1, 5):
                say(server, str(number))
            assert await _told(chat) == ["1", "2", "3", "4"]
            last = chat.position
            assert last is not None
        async with _opened(server, store, position=last - 2) as chat:
            assert await _told(chat) == ["3", "4"]
            assert chat.position == last
            await chat.login(uid="amy-2", auth_key="KEY")
            assert chat.position is None
            assert await _told(chat) == []
        async with _opened(server, MemoryStore(), position=last - 1) as chat:
            await _connected(chat)
            assert await _told(chat) == ["4"]


async def test_a_given_position_of_0_is_the_beginning(autojump_clock: MockClock) -> None:
    """With position 0 all messages are fetched."""
    async with open_memory_server() as server:
        for number in range(1, 4):
            say(server, str(number))
        async with _opened(server, MemoryStore(), position=0) as chat:
            await _connected(chat)
            assert await _told(chat) == ["1", "2", "3"]


@pytest.mark.parametrize("position", [-1, True, "7", 1.5])
async def test_an_invalid_position_argument(position: Any, autojump_clock: MockClock) -> None:
    """An invalid position, or one without catch_up, raises SettingsError."""
    async with open_memory_server() as server:
        words = "id of a message" if type(position) is int else "must be a whole number or None, not"
        with pytest.raises(SettingsError, match=words):
            async with _opened(server, MemoryStore(), position=position):
                pass
        with pytest.raises(SettingsError, match="catch_up=True"):
            async with _opened(server, MemoryStore(), catch_up=False, position=7):
                pass


async def test_without_catch_up_it_passes_what_was_missed(autojump_clock: MockClock) -> None:
    """Without catch_up nothing is fetched, so the position passes messages that were missed."""
    async with open_pair(connect=True) as pair, pair.chat.events(TextMessage) as events:
        say(pair.server, "1")
        first = await anext(events)
        for device in pair.server.world.devices():
            device.reset()
        await settle()
        say(pair.server, "missed")
        await pair.wait_status(Connected)
        say(pair.server, "3")
        assert isinstance(await anext(events), Gap)
        assert (await anext(events)).id == first.id + 2
        with trio.move_on_after(1):
            await anext(events)
        assert pair.chat.position == first.id + 2


@pytest.mark.parametrize("way", ["logout", "another user"])
async def test_it_is_forgotten_by_logout_and_by_another_user(way: str, autojump_clock: MockClock) -> None:
    """Only a logout and another user's login remove the position; a new login of the same uid continues from it."""
    store = MemoryStore()
    async with open_memory_server() as server, _opened(server, store) as chat:
        await _connected(chat)
        say(server, "1")
        assert await _told(chat) == ["1"]
        last = chat.position
        await chat.login(uid="zed-1", auth_key="KEY")
        assert chat.position == last
        if way == "logout":
            await chat.logout()
            assert chat.position is None
            assert store._positions == {}
        else:
            await chat.login(uid="amy-2", auth_key="KEY")
            assert chat.position is None
        await trio.sleep(1)
        await chat.login(uid="zed-1", auth_key="KEY")
        assert chat.position is None
        assert await _told(chat) == []


async def test_a_cancelled_login_leaves_no_session_saved(autojump_clock: MockClock) -> None:
    """No cancel can come between saving the session and entering it, so a cancelled login leaves none saved."""
    store = MemoryStore()
    async with open_memory_server() as server, _opened(server, store) as chat:
        save = store.save
        scope = trio.CancelScope()

        async def cancelling(saved: SavedSession) -> None:
            await save(saved)
            if saved.session is not None:
                scope.cancel()

        store.save = cancelling  # type: ignore[method-assign]
        with scope:
            await chat.login(uid="zed-1", auth_key="KEY")
        assert (store._saved["APP"].session is None) == (chat.get_logged_in_user() is None)


async def test_the_last_message_of_an_old_session_file_is_the_first_position(tmp_path: pathlib.Path) -> None:
    """An updated program continues after the last message that the old version saved. In real time."""
    path = tmp_path / "session.json"
    with trio.fail_after(30):
        async with open_memory_server() as server:
            async with _opened(server, FileStore(path)) as chat, chat.events(TextMessage) as events:
                await chat.login(uid="zed-1", auth_key="KEY")
                await chat.connect()
                for number in range(1, 5):
                    say(server, str(number))
                last = [await anext(events) for _ in range(4)][-1].id
            path.with_name("session.json.position").unlink()
            saved = json.loads(path.read_text())
            saved["schema"] = 1
            saved["session"] |= {"last_message_id": last - 1, "last_seen_at": 0.0}
            path.write_text(json.dumps(saved))
            async with _opened(server, FileStore(path)) as chat, chat.events(TextMessage) as events:
                assert isinstance(await anext(events), Gap)
                assert (await anext(events)).id == last
