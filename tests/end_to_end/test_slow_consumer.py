"""A consumer that does not read, over real sockets: memory stays bounded, and no event is lost."""

from __future__ import annotations

import json

import trio
import trio.lowlevel

from cometconn import CometChat, Connected
from cometconn.emulator import Emulator
from cometconn.events import UnknownEvent


async def test_a_consumer_that_sleeps_loses_nothing_while_the_server_is_patient(
    emulator: Emulator, chat: CometChat
) -> None:
    """While a stream is full, 6 MB wait at the server and the connection stays; afterwards every event comes, in order."""
    count, filling = 6000, "x" * 1000
    with trio.fail_after(50):
        async with chat.events(max_events=200, max_bytes=50_000) as events:
            (device,) = emulator.world.devices("zed-1")
            device.limit = 10 * count
            for number in range(count):
                device.send(json.dumps({"type": str(number), "filling": filling}))
            while not events.statistics().size >= 50_000:
                await trio.lowlevel.checkpoint()
            for _ in range(300):
                await trio.sleep(0.001)
                seen = chat.statistics().streams[0]
                assert seen.events <= 200
                assert seen.size <= 50_000 + 2000
            for number in range(count):
                event = await anext(events)
                assert isinstance(event, UnknownEvent)
                assert event.type == str(number)
            assert isinstance(chat.status, Connected)
            assert chat.statistics().attempts == 1
