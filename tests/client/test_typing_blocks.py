"""Blocks during which a receiver sees that the user is typing."""

from __future__ import annotations

import functools
import itertools
from typing import TYPE_CHECKING, Any

import pytest
import trio

import cometconn
from cometconn import AppSettings, MemoryStore, User
from cometconn.emulator import Kind, open_emulator
from cometconn.errors import SettingsError
from cometconn.events import Group, TypingEnded, TypingStarted
from cometconn.settings import Limits
from tests.connection.harness import Pair, open_pair, settle

if TYPE_CHECKING:
    from trio.testing import MockClock

APART = 0.3


def frames(pair: Pair) -> list[tuple[str, str, float]]:
    """The typing frames that the server got: receiver, action and time."""
    got = [entry for entry in pair.log(Kind.FRAME_IN) if entry.detail["frame"].get("type") == "typing_indicator"]
    return [(e.detail["frame"]["receiver"], e.detail["frame"]["body"]["action"], round(e.at, 6)) for e in got]


def actions(pair: Pair) -> list[str]:
    """Only what was done."""
    return [action for _, action, _ in frames(pair)]


async def typing_for(pair: Pair, seconds: float, to: Any = "amy-2", **more: Any) -> None:
    """Have one block that takes some time."""
    async with pair.chat.typing(to, **more):
        await trio.sleep(seconds)


async def test_it_begins_and_ends(autojump_clock: MockClock) -> None:
    """Both frames are sent at once, each once, also for a block of a minute; the receiver gets the metadata."""
    async with (
        open_pair(connect=True) as pair,
        open_pair(given=pair.server, login=False) as amy,
        amy.chat.events(TypingStarted, TypingEnded, markers=False) as events,
    ):
        await amy.chat.login(uid="amy-2", auth_key="KEY")
        await amy.chat.connect()
        began = trio.current_time()
        await typing_for(pair, 60, metadata={"a": 1})
        await settle()
        started, ended = await events.batch()
        assert (type(started), started.sender.uid, started.metadata) == (TypingStarted, "zed-1", {"a": 1})
        assert isinstance(ended, TypingEnded)
        (_, _, first), (_, _, last) = frames(pair)
        assert last - first == 60
        assert trio.current_time() - began == 60


@pytest.mark.parametrize("end", ["cancelled", "failed"])
async def test_it_ends_however_the_block_ends(autojump_clock: MockClock, end: str) -> None:
    """The end is sent without any time passing, and the block's own error is the only one."""
    async with open_pair(connect=True) as pair:
        if end == "cancelled":
            with trio.move_on_after(1):
                await typing_for(pair, 100)
        else:
            with pytest.raises(ZeroDivisionError):
                async with pair.chat.typing("amy-2"):
                    await trio.sleep(1)
                    _ = 1 // 0
        now = trio.current_time()
        await settle()
        assert actions(pair) == ["started", "ended"]
        assert trio.current_time() == now


async def test_overlapping_blocks_are_one(autojump_clock: MockClock) -> None:
    """Blocks for one receiver, nested or in several tasks, begin and end once; another receiver has frames of its own."""
    async with open_pair(connect=True) as pair:
        async with trio.open_nursery() as nursery, pair.chat.typing("amy-2"):
            nursery.start_soon(typing_for, pair, 2)
            nursery.start_soon(typing_for, pair, 3, User("amy-2"))
            nursery.start_soon(functools.partial(typing_for, pair, 1, "hikers", receiver_type="group"))
            nursery.start_soon(typing_for, pair, 1, Group("hikers"))
            async with pair.chat.typing("amy-2"):
                await trio.sleep(1)
        await settle()
        assert [(to, action) for to, action, _ in frames(pair)] == [
            ("amy-2", "started"),
            ("hikers", "started"),
            ("hikers", "ended"),
            ("amy-2", "ended"),
        ]


async def test_frames_are_apart(autojump_clock: MockClock) -> None:
    """Of many short blocks few frames are sent, 0.3 s apart; they alternate, and the last one is the end."""
    async with open_pair(connect=True) as pair:
        for _ in range(100):
            await typing_for(pair, 0.013)
            await trio.sleep(0.004)
        took = 100 * 0.017
        await trio.sleep(5)
        times = [at for _, _, at in frames(pair)]
        assert min(after - before for before, after in itertools.pairwise(times)) >= APART - 1e-6
        assert 2 <= len(times) <= took / APART + 2
        assert actions(pair) == ["started", "ended"] * (len(times) // 2)
        assert not pair.chat._core.typing._indicators


async def test_a_short_block_is_seen_to_end(autojump_clock: MockClock) -> None:
    """Its end is sent 0.3 s after its beginning, and does not keep the program waiting."""
    async with open_pair(connect=True) as pair:
        began = trio.current_time()
        await typing_for(pair, 0)
        assert trio.current_time() == began
        await trio.sleep(1)
        (_, _, first), (_, action, last) = frames(pair)
        assert (action, round(last - first, 6)) == ("ended", APART)


async def test_leaving_the_client_ends_it() -> None:
    """An end that still waits, or whose block is still open, is written to the socket before that is closed."""

    async def type_on() -> None:
        async with chat.typing("hikers", receiver_type="group"):
            await left.wait()

    left = trio.Event()
    with trio.fail_after(10):
        async with open_emulator(users=("zed-1", "amy-2"), groups={"hikers": ("zed-1",)}) as server:
            async with trio.open_nursery() as nursery:
                endpoints, store = server.endpoints, MemoryStore()
                async with cometconn.open_client("APP", store=store, endpoints=endpoints) as chat:
                    await chat.login(uid="zed-1", auth_key="KEY")
                    await chat.connect()
                    nursery.start_soon(type_on)
                    async with chat.typing("amy-2"):
                        await settle()
                async with chat.typing("amy-2"):
                    left.set()
            got = [entry.detail["frame"] for entry in server.log.of(Kind.FRAME_IN)]
            typed = [frame for frame in got if frame.get("type") == "typing_indicator"]
            for to in ("amy-2", "hikers"):
                assert [frame["body"]["action"] for frame in typed if frame["receiver"] == to] == ["started", "ended"]


async def test_it_needs_no_connection(autojump_clock: MockClock) -> None:
    """Without a connection, a user or the server's leave nothing is sent, and nothing is raised."""
    async with open_pair(login=False, manual=True) as pair:
        await typing_for(pair, 1)
        await pair.chat.login(uid="zed-1", auth_key="KEY")
        await typing_for(pair, 1)
        async with pair.chat.typing("amy-2"):
            await pair.chat.connect()
            await typing_for(pair, 1)  # begins to be shown with the next block
        async with pair.chat.typing("amy-2"):
            await trio.sleep(1)
            await pair.chat.disconnect()
        await trio.sleep(1)
        assert actions(pair) == ["started", "ended", "started"]
        assert not pair.chat._core.typing._indicators


async def test_a_new_connection_ends_it(autojump_clock: MockClock) -> None:
    """After a reconnect nothing begins again, and the end is sent over the new connection."""
    async with open_pair(connect=True) as pair:
        async with pair.chat.typing("amy-2"):
            await trio.sleep(1)
            await pair.chat.disconnect()
            await pair.chat.connect()
            await trio.sleep(1)
        await settle()
        assert actions(pair) == ["started", "ended"]


async def test_another_user_does_not_end_it(autojump_clock: MockClock) -> None:
    """The end is only sent for the user who began."""
    async with open_pair(connect=True, users=("zed-1", "amy-2", "bob-3")) as pair:
        async with pair.chat.typing("amy-2"):
            await trio.sleep(1)
            await pair.chat.login(uid="bob-3", auth_key="KEY")
            await pair.chat.connect()
        await trio.sleep(1)
        assert actions(pair) == ["started"]


@pytest.mark.parametrize("connect", [True, False])
async def test_what_cannot_be_sent(autojump_clock: MockClock, connect: bool) -> None:
    """It raises before the block begins, with or without a connection, and nothing is sent."""
    settings = AppSettings(auto_establish_socket_connection=connect, limits=Limits(max_message=16_384))
    async with open_pair(connect=connect, settings=settings) as pair:
        bad: list[tuple[Any, Any]] = [("", None), ("amy-2", {"a": object()}), ("amy-2", {"a": "x" * 20_000})]
        for to, metadata in bad:
            with pytest.raises(SettingsError, match="typing|JSON"):
                await typing_for(pair, 1, to, metadata=metadata)
        assert not frames(pair)
        assert not pair.chat._core.typing._indicators


async def test_a_server_that_does_not_read(autojump_clock: MockClock) -> None:
    """No more than a bounded number of beginnings waits for it."""
    async with open_pair(connect=True) as pair:
        link = pair.chat._machine.connected_link("x")
        link.on_send = None  # nothing is written from now on
        async with trio.open_nursery() as nursery:
            for number in range(100):
                nursery.start_soon(typing_for, pair, 1, f"user-{number}")
        assert len(link.outbox) == 2 * 64
