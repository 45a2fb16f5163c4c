"""`cometconn.emulator.traffic`: the users write at the rate that is asked for, to each other and to their groups."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING

import pytest
import trio

from cometconn.emulator.traffic import make_traffic, parse_rate
from cometconn.errors import SettingsError
from cometconn.testing import open_memory_server

if TYPE_CHECKING:
    from trio.testing import MockClock


@pytest.mark.parametrize(("words", "rate"), [("30/s", 30.0), ("0.5/s", 0.5), ("6/min", 0.1), ("10000/s", 10_000.0)])
def test_rates(words: str, rate: float) -> None:
    """By the second or by the minute."""
    assert parse_rate(words) == pytest.approx(rate)


@pytest.mark.parametrize("words", ["", "30", "0/s", "-1/s", "30/h", "10001/s", "1e3/s", "9999999/s", " 30/s", "nan/s"])
def test_what_is_no_rate(words: str) -> None:
    """It is refused, with the name of the option."""
    with pytest.raises(SettingsError, match="--flow must be a rate such as 30/s"):
        parse_rate(words)


async def test_the_rate_is_kept(autojump_clock: MockClock) -> None:
    """Over a minute, with messages to users and to groups, each from a user who may send it."""
    async with open_memory_server(users=("a", "b", "c"), groups={"all": ("a", "b", "c"), "one": ("c",)}) as server:
        with trio.move_on_after(60.05):
            await make_traffic(server, 10.0, random.Random(1))
        messages = list(server.world.messages)
    assert len(messages) == 600
    assert [message["data"]["text"] for message in messages] == [f"message {number}" for number in range(1, 601)]
    to_groups = [message for message in messages if message["receiverType"] == "group"]
    assert 120 < len(to_groups) < 240
    assert {message["receiver"] for message in to_groups} == {"all"}
    assert {message["sender"] for message in messages} == {"a", "b", "c"}


async def test_a_pause_of_the_program_is_not_made_up_for(autojump_clock: MockClock) -> None:
    """After a minute in which it could not run, a second's messages come at once, and not a minute's."""
    async with open_memory_server() as server, trio.open_nursery() as nursery:
        nursery.start_soon(make_traffic, server, 10.0, random.Random(1))
        await trio.sleep(0.55)
        autojump_clock.jump(60.0)
        await trio.sleep(0.001)
        assert 5 < len(server.world.messages) < 20
        nursery.cancel_scope.cancel()


async def test_alone_nobody_writes(autojump_clock: MockClock) -> None:
    """With one user there is no traffic, and no error; a user that comes takes part."""
    async with open_memory_server(users=("a",), groups={}) as server, trio.open_nursery() as nursery:
        nursery.start_soon(make_traffic, server, 10.0, random.Random(1))
        await trio.sleep(10)
        assert not len(server.world.messages)
        server.world.add_user("b")
        await trio.sleep(1.05)
        assert len(server.world.messages) == 10
        nursery.cancel_scope.cancel()
