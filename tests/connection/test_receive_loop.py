"""The task that alone reads: what it takes, what it leaves, and when."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import attrs
import trio
from trio.testing import MockClock

from cometconn import Reason
from cometconn._connection.receive_loop import _Reader
from cometconn.events import TextMessage, UnknownEvent

from .harness import Pair, open_pair, settle

if TYPE_CHECKING:
    from cometconn._connection.link import Link

NEWS = json.dumps({"type": "novelty", "body": {}})


def reader(pair: Pair) -> tuple[_Reader, Link]:
    """A reader of the pair's link, beside the one that runs."""
    parts = pair.chat._parts
    link = parts.machine.connected_link("the test")
    return _Reader(parts.machine, link, parts.identity, parts.streams, None), link


async def test_a_frame_that_arrives_with_the_deadline_is_not_taken(autojump_clock: MockClock) -> None:
    """Already read, and the lease is over at this very instant: it counts before the frame does."""
    async with open_pair(manual=True, connect=True) as pair, pair.chat.events() as events:
        taker, link = reader(pair)
        pair.chat.enter_background()
        # The deadline is now, and nobody was awake in between: as when the frame lies in the kernel.
        machine = pair.chat._parts.machine
        machine._life = attrs.evolve(machine._life, last_life=trio.current_time() - 30.0)
        taker.take(NEWS)
        assert link.over
        assert pair.now() == Reason.BACKGROUND_TIMEOUT.name
        assert events.statistics().events == 0


async def test_events_before_the_answer_are_kept_behind_the_gap(autojump_clock: MockClock) -> None:
    """The server may push before it has answered our auth frame: nothing is lost, and the gap comes first."""
    async with open_pair(connect=True) as pair, pair.chat.events() as events:
        pair.device.reset()
        pair.server.set(auth="silent")
        await trio.sleep(1.5)
        (device,) = pair.server.world.devices()
        device.send(NEWS)
        await settle()
        assert events.statistics().events == 0
        device.send_json({"type": "auth", "body": {"code": "200", "status": "OK"}})
        kinds = [type(await anext(events)).__name__ for _ in range(2)]
        assert kinds == ["Gap", "UnknownEvent"]


async def test_a_second_answer_changes_nothing(autojump_clock: MockClock) -> None:
    """Only the first answer to the auth frame counts, even a refusal after it."""
    async with open_pair(connect=True) as pair, pair.chat.events() as events:
        pair.device.send_json({"type": "auth", "body": {"code": "401", "status": "ERROR"}})
        pair.device.send(NEWS)
        assert isinstance(await anext(events), UnknownEvent)
        assert pair.now() == "Connected(1)"


async def test_binary_frames_count_by_their_length(autojump_clock: MockClock) -> None:
    """The bytes of an event are those of its frame: of text, in UTF-8."""
    async with open_pair(connect=True) as pair, pair.chat.events() as events:
        taker, _ = reader(pair)
        for message, size in ((b"\xff\xff", 2), ("aé", 3), ("abc", 3)):
            before = events.statistics().size
            taker.take(message)
            assert events.statistics().size - before == size


async def test_its_own_echo_is_dropped(autojump_clock: MockClock) -> None:
    """A message that carries our session id is no news."""
    async with open_pair(connect=True) as pair, pair.chat.events(TextMessage) as events:
        body: dict[str, Any] = {"receiver": "zed-1", "receiverType": "user", "category": "message", "type": "text"}
        session_id = pair.chat._parts.identity.session_id
        message = pair.server.world.post("zed-1", {**body, "data": {"text": "echo"}}, device_id="other")
        frame = {"type": "message", "deviceId": session_id, "body": message}
        (first,) = await events.batch()
        pair.device.send_json(frame)
        await settle()
        assert isinstance(first, TextMessage)
        assert events.statistics().events == 0
