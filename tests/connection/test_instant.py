"""At the exact instant of the deadline the lease is over, whatever else is scheduled then."""

from __future__ import annotations

import itertools
import os
from typing import TYPE_CHECKING, Any

import pytest
import trio

from cometconn.emulator.log import Kind
from cometconn.errors import CometConnError
from cometconn.events import TextMessage

from ..scheduling import run_shuffled
from .harness import Pair, open_pair, settle

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

SCHEDULINGS = int(os.environ.get("COMETCONN_SCHEDULINGS", "30"))  # `nox -s fuzz` tries more
GRACE = 30.0


async def _ping(pair: Pair) -> None:
    await pair.chat.ping()


async def _connect(pair: Pair) -> None:
    await pair.chat.connect()


async def _disconnect(pair: Pair) -> None:
    await pair.chat.disconnect()


async def _foreground(pair: Pair) -> None:
    pair.chat.enter_foreground()


async def _server_close(pair: Pair) -> None:
    for device in pair.server.world.devices():
        device.close(1011, "")


async def _frame(pair: Pair) -> None:
    pair.server.world.post(
        "amy-2",
        {"receiver": "zed-1", "receiverType": "user", "category": "message", "type": "text", "data": {"text": "hi"}},
    )


ACTS: dict[str, Callable[[Pair], Awaitable[None]]] = {
    "ping": _ping,
    "enter_foreground": _foreground,
    "connect": _connect,
    "disconnect": _disconnect,
    "server close": _server_close,
    "frame": _frame,
}


async def at_the_deadline(names: tuple[str, ...], early: float) -> dict[str, Any]:
    """Do these things, in this order, *early* seconds before the deadline. Return what client and server saw."""
    outcomes: dict[str, str] = {}

    async def act(name: str) -> None:
        try:
            await ACTS[name](pair)
        except CometConnError as error:
            outcomes[name] = repr((type(error).__name__, error.code))
        else:
            outcomes[name] = "done"

    async with open_pair(manual=True, connect=True) as pair, pair.chat.events(TextMessage) as events:
        began = trio.current_time()
        pair.chat.enter_background()
        await trio.sleep_until(began + GRACE - early)
        async with trio.open_nursery() as nursery:
            for name in names:
                # Begun here and now, so in this order; what it waits for is in the shuffle with all else.
                await nursery.start(_begin, act, name)
        await trio.sleep(1)
        await settle()
        got = []
        with trio.move_on_after(1):
            while True:
                got.append(type(await anext(events)).__name__)
        return {
            "statuses": await pair.trail(),
            "outcomes": outcomes,
            "events": got,
            "closes": [(entry.detail["code"], round(entry.at - began, 6)) for entry in pair.log(Kind.CLOSE_IN)],
            "dials": [round(at - began, 6) for at in pair.server.dials],
            "live": pair.server.world.connections("zed-1"),
        }


async def _begin(
    act: Callable[[str], Awaitable[None]],
    name: str,
    *,
    task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED,
) -> None:
    task_status.started()
    await act(name)


PAIRS = [(name,) for name in ACTS] + list(itertools.permutations(ACTS, 2))


@pytest.mark.parametrize("names", PAIRS, ids="+".join)
def test_one_outcome_at_the_deadline(names: tuple[str, ...]) -> None:
    """Whatever the order of the events at the deadline, the outcome is the same: the grace is over before anything else counts."""
    first = run_shuffled(0, at_the_deadline, names, 0.0)
    assert "BACKGROUND_TIMEOUT" in first["statuses"]
    assert first["closes"][0] == (1000, GRACE)
    for seed in range(1, SCHEDULINGS):
        assert run_shuffled(seed, at_the_deadline, names, 0.0) == first, seed


@pytest.mark.parametrize("name", ACTS)
def test_one_outcome_just_before_the_deadline(name: str) -> None:
    """A microsecond before the deadline everything still counts: a ping or a frame arrives, a close is a loss."""
    first = run_shuffled(0, at_the_deadline, (name,), 0.000_001)
    assert first["outcomes"] == {name: "done"}
    ends = {"server close": "LOST_IN_BACKGROUND", "disconnect": "DISCONNECT_CALLED", "frame": "BACKGROUND_TIMEOUT"}
    assert first["statuses"][-1] == ends.get(name, "Connected(1)")
    assert first["events"] == (["TextMessage"] if name == "frame" else [])
    assert len(first["dials"]) == 1
    for seed in range(1, SCHEDULINGS):
        assert run_shuffled(seed, at_the_deadline, (name,), 0.000_001) == first, seed
