"""The only task that reads the socket: what it takes, what it leaves, and when."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import attrs
import pytest
import trio
from trio.testing import MockClock

from cometconn import Reason
from cometconn._connection.receive_loop import _Reader, receive_loop
from cometconn._json.values import parse_in_steps
from cometconn._transport.abc import Received
from cometconn._transport.text_frame_scanner import TextFrameScanner
from cometconn._wire.decoder import Decoder
from cometconn.errors import PongTimeoutError
from cometconn.events import TextMessage, UnknownEvent, UnreadableFrame

from .harness import Pair, ask_in_vain, open_pair, settle

if TYPE_CHECKING:
    from cometconn._connection.link import Link

NEWS = json.dumps({"type": "novelty", "body": {}})


def reader(pair: Pair) -> tuple[_Reader, Link]:
    """A reader of the pair's link, beside the one that runs."""
    core = pair.chat._core
    link = core.machine._link
    assert link is not None
    return _Reader(core.machine, link, core.identity, core.streams, None), link


async def reconnect_unanswered(pair: Pair) -> None:
    """Lose the connection, and have another whose auth frame the server does not answer."""
    pair.device.reset()
    pair.server.set(auth="silent")
    await trio.sleep(1.5)


async def test_a_frame_that_arrives_with_the_deadline_is_not_taken(autojump_clock: MockClock) -> None:
    """A frame that was read at the very instant at which the lease ends is not taken: the deadline counts first."""
    async with open_pair(manual=True, connect=True) as pair, pair.chat.events() as events:
        taker, link = reader(pair)
        pair.chat.enter_background()
        # The deadline is now, and no task has run in between, as when the frame is still in the kernel's buffer.
        machine = pair.chat._core.machine
        machine._life = attrs.evolve(machine._life, last_life=trio.current_time() - 30.0)
        taker.take(NEWS)
        assert link.over
        assert pair.now() == Reason.BACKGROUND_TIMEOUT.name
        assert events.statistics().events == 0


async def test_events_before_the_answer_are_kept_behind_the_gap(autojump_clock: MockClock) -> None:
    """Events that the server sends before it accepts our auth frame are not lost, and come after the gap."""
    async with open_pair(connect=True) as pair, pair.chat.events() as events:
        await reconnect_unanswered(pair)
        (device,) = pair.server.world.devices()
        device.send(NEWS)
        await settle()
        assert events.statistics().events == 0
        device.send_json({"type": "auth", "body": {"code": "200", "status": "OK"}})
        kinds = [type(await anext(events)).__name__ for _ in range(2)]
        assert kinds == ["Gap", "UnknownEvent"]


async def test_an_answer_that_comes_when_the_attempt_ends_does_not_count(autojump_clock: MockClock) -> None:
    """If the time of the attempt runs out at the moment of the answer, no gap and no early event is published."""
    async with open_pair(connect=True) as pair, pair.chat.events() as events:
        await reconnect_unanswered(pair)
        machine = pair.chat._core.machine
        machine._life = attrs.evolve(machine._life, attempt_ends=trio.current_time())
        link = machine._link
        assert link is not None
        taker = _Reader(machine, link, pair.chat._core.identity, pair.chat._core.streams, None)
        taker._streams.early.put(UnknownEvent("novelty", {}), 1)
        taker.take_some([json.dumps({"type": "auth", "body": {"code": "200", "status": "OK"}})])
        assert link.over
        assert not link.authenticated
        assert events.statistics().events == 0


async def test_a_second_answer_changes_nothing(autojump_clock: MockClock) -> None:
    """Only the first answer to the auth frame counts; a refusal after it changes nothing."""
    async with open_pair(connect=True) as pair, pair.chat.events() as events:
        pair.device.send_json({"type": "auth", "body": {"code": "401", "status": "ERROR"}})
        pair.device.send(NEWS)
        assert isinstance(await anext(events), UnknownEvent)
        assert pair.now() == "Connected(1)"


async def test_binary_frames_count_by_their_length(autojump_clock: MockClock) -> None:
    """The size of an event is that of its frame in bytes; of text, in UTF-8."""
    async with open_pair(connect=True) as pair, pair.chat.events() as events:
        taker, _ = reader(pair)
        for message, size in ((b"\xff\xff", 2), ("aé", 3), ("abc", 3)):
            before = events.statistics().size
            taker.take(message)
            assert events.statistics().size - before == size


async def test_its_own_echo_is_dropped(autojump_clock: MockClock) -> None:
    """A message with this client's session id is dropped."""
    async with open_pair(connect=True) as pair, pair.chat.events(TextMessage) as events:
        body: dict[str, Any] = {"receiver": "zed-1", "receiverType": "user", "category": "message", "type": "text"}
        session_id = pair.chat._core.identity.session_id
        message = pair.server.world.post("zed-1", {**body, "data": {"text": "echo"}}, device_id="other")
        frame = {"type": "message", "deviceId": session_id, "body": message}
        (first,) = await events.batch()
        pair.device.send_json(frame)
        await settle()
        assert isinstance(first, TextMessage)
        assert events.statistics().events == 0


class OneRead:
    """A WebSocket of which so many bytes have been read, and no more will be."""

    def __init__(self, data: bytes) -> None:
        self._scanner = TextFrameScanner(1 << 20)
        self._scanner.feed(data)
        self._size = len(data)

    async def messages(self, most: int) -> Received:
        if self._scanner.exhausted:
            await trio.sleep_forever()
        await trio.lowlevel.checkpoint()
        size, self._size = self._size, 0
        texts: Any = self._scanner.texts(most) or [self._scanner.next()]
        return Received(texts, size, not self._scanner.exhausted)


def start_loop(nursery: trio.Nursery, pair: Pair, link: Link, websocket: Any) -> None:
    """Start a receive loop for *websocket*, beside the one that runs."""
    core = pair.chat._core
    nursery.start_soon(receive_loop, core.machine, link, websocket, core.identity, core.streams)


class Steps(trio.abc.Instrument):
    """Counts what a task does between two turns of others."""

    def __init__(self) -> None:
        self.counts = [0]

    def after_task_step(self, task: trio.lowlevel.Task) -> None:
        if self.counts[-1]:
            self.counts.append(0)


@pytest.mark.parametrize("policy", ["drop_oldest", "pause"])
async def test_no_step_holds_the_loop_for_more_than_a_few_messages(
    policy: Any, autojump_clock: MockClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of 32,768 empty frames in one read, other tasks run after every 64, with full streams or without."""
    steps = Steps()

    def counted(*args: Any, **kwargs: Any) -> Any:
        steps.counts[-1] += 1
        return decode(*args, **kwargs)

    decode = Decoder.decode
    monkeypatch.setattr(Decoder, "decode", counted)
    async with open_pair(connect=True) as pair, pair.chat.events(max_events=1000, overflow=policy) as events:
        link = reader(pair)[1]
        websocket: Any = OneRead(b"\x81\x00" * 32_768)
        steps.counts[:] = [0]
        trio.lowlevel.add_instrument(steps)
        async with trio.open_nursery() as nursery:
            start_loop(nursery, pair, link, websocket)
            got = 0
            while got < (1000 if policy == "drop_oldest" else 32_768):
                got += len([event for event in await events.batch() if isinstance(event, UnreadableFrame)])
                await settle()
            nursery.cancel_scope.cancel()
        trio.lowlevel.remove_instrument(steps)
    assert sum(steps.counts) == 32_768
    assert max(steps.counts) == 64


async def test_a_long_message_is_decoded_in_steps_of_its_own(
    autojump_clock: MockClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Other tasks run after it was read, no silence is judged meanwhile, and a cancel at that moment does not lose it."""
    steps, paused = Steps(), []

    class CancelledRead(OneRead):
        async def messages(self, most: int) -> Received:
            received = await super().messages(most)
            steps.counts[-1] += 1
            nursery.cancel_scope.cancel()
            return received

    def counted(*args: Any, **kwargs: Any) -> Any:
        steps.counts[-1] += 1
        paused.append(link.heartbeat._paused)
        return decode(*args, **kwargs)

    def parsed(text: str, max_items: int) -> Any:
        monkeypatch.setattr("cometconn._wire.decoder.parse_in_steps", None)  # it is not parsed a second time
        parsing = parse_in_steps(text, max_items)
        while True:
            steps.counts[-1] += 1
            try:
                next(parsing)
            except StopIteration as end:
                return end.value
            yield

    decode = Decoder.decode
    payload = b'{"type":"novelty","body":"' + b"x" * (256 * 1024) + b'"}'
    async with open_pair(connect=True) as pair, pair.chat.events() as events:
        link = reader(pair)[1]
        monkeypatch.setattr(Decoder, "decode", counted)
        monkeypatch.setattr("cometconn._wire.decoder.parse_in_steps", parsed)
        websocket: Any = CancelledRead(b"\x81\x7f" + len(payload).to_bytes(8, "big") + payload)
        steps.counts[:] = [0]
        trio.lowlevel.add_instrument(steps)
        async with trio.open_nursery() as nursery:
            start_loop(nursery, pair, link, websocket)
        trio.lowlevel.remove_instrument(steps)
        assert events.statistics().events == 1
        assert paused == [True]
        assert not link.heartbeat._paused
    assert max(steps.counts) == 1
    assert sum(steps.counts) > 8  # it is read, counted in two steps, parsed in chunks, and decoded


async def test_a_long_message_among_others_is_decoded_in_steps_of_its_own(
    autojump_clock: MockClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Wherever it is among what was read at once; the order stays, and what is behind it waits for it."""
    steps: list[list[str]] = [[]]

    class EachStep(trio.abc.Instrument):
        def before_task_step(self, task: trio.lowlevel.Task) -> None:
            steps.append([])

    def decoded(decoder: Decoder, text: str) -> Any:
        steps[-1].append(f"decode {len(text)}")
        return decode(decoder, text)

    def parsed(text: str, max_items: int) -> Any:
        steps[-1] += [f"parse {len(text)}"] * (len(text) > 1_000)
        return (yield from parse_in_steps(text, max_items))

    def text_of(length: int) -> str:
        return '{"type":"novelty","body":"%s"}' % ("x" * (length - 28))

    decode = Decoder.decode
    lengths = [100, 20_000, 101, 102, 30_000, 20_001, 103]
    payloads = [text_of(length).encode() for length in lengths]
    frames = b"".join(
        (b"\x81" + bytes([len(each)]) if len(each) < 126 else b"\x81\x7e" + len(each).to_bytes(2, "big")) + each
        for each in payloads
    )
    async with open_pair(connect=True) as pair, pair.chat.events() as events:
        link = reader(pair)[1]
        monkeypatch.setattr(Decoder, "decode", decoded)
        monkeypatch.setattr("cometconn._wire.decoder.parse_in_steps", parsed)
        trio.lowlevel.add_instrument(watch := EachStep())
        async with trio.open_nursery() as nursery:
            start_loop(nursery, pair, link, OneRead(frames))
            await settle()
            nursery.cancel_scope.cancel()
        trio.lowlevel.remove_instrument(watch)
        assert [
            len(event.raw["body"]) + 28 for event in await events.batch() if isinstance(event, UnknownEvent)
        ] == lengths
    assert [step for step in steps if step] == [
        ["decode 100"],
        ["parse 20000"],
        ["decode 20000", "decode 101", "decode 102"],
        ["parse 30000"],
        ["decode 30000"],
        ["parse 20001"],
        ["decode 20001", "decode 103"],
    ]


async def test_a_stream_that_fills_stops_the_taking_there(autojump_clock: MockClock) -> None:
    """Of messages that came together, those after the one that fills a pausing stream stay in the WebSocket."""
    async with open_pair(connect=True) as pair, pair.chat.events(max_events=3) as events:
        link = reader(pair)[1]
        websocket: Any = OneRead((b"\x81" + bytes([len(NEWS)]) + NEWS.encode()) * 10)
        async with trio.open_nursery() as nursery:
            start_loop(nursery, pair, link, websocket)
            for left in (3, 3, 3, 1):
                await settle()
                assert events.statistics().events == left
                assert len(await events.batch()) == left
                await ask_in_vain(events)
            nursery.cancel_scope.cancel()


async def test_the_lease_that_ends_in_the_middle_leaves_the_rest(autojump_clock: MockClock) -> None:
    """Of messages that came together, those after a refusal of the token are not taken."""
    async with open_pair(connect=True) as pair, pair.chat.events() as events:
        await reconnect_unanswered(pair)
        taker, link = reader(pair)
        refusal = json.dumps({"type": "auth", "body": {"code": "401"}})
        assert taker.take_some([NEWS, refusal, NEWS]) == 3
        assert link.over
        assert pair.chat._core.streams.early.statistics().events == 1
        assert events.statistics().events == 0


async def test_traffic_does_not_wake_the_keepalive_task(autojump_clock: MockClock) -> None:
    """A message does not wake the keepalive task, which would cost a quarter of the message; its next ping is no sooner."""
    turns: list[str] = []

    class Turns(trio.abc.Instrument):
        def before_task_step(self, task: trio.lowlevel.Task) -> None:
            turns.append(task.name)

    async with open_pair(connect=True) as pair, pair.chat.events() as events:
        await settle()
        watch = Turns()
        trio.lowlevel.add_instrument(watch)
        for _ in range(20):
            pair.device.send(NEWS)
            await anext(events)
        trio.lowlevel.remove_instrument(watch)
    assert "cometconn.receive_loop" in turns
    assert "cometconn.keepalive" not in turns


async def test_a_ping_sent_during_a_pause_is_judged_after_it(autojump_clock: MockClock) -> None:
    """The time of a ping stands still while a full stream stops the reader, and continues when it reads again."""
    async with open_pair(connect=True) as pair, pair.chat.events(max_events=2) as events:
        for _ in range(2):
            pair.device.send(NEWS)
        await settle()
        pair.server.set(pong=False)
        with pytest.raises(PongTimeoutError):
            await pair.chat.ping()
        assert pair.now() == "Connected(1)"
        await events.batch()
        await ask_in_vain(events)
        await trio.sleep(4.5)
        assert pair.now() == "Connected(1)"
        await trio.sleep(1.0)
        assert pair.now() != "Connected(1)"


async def test_a_gap_that_fills_a_stream_stops_the_taking_too(autojump_clock: MockClock) -> None:
    """If the gap fills a stream of one event, nothing after the acceptance is taken until it has been read."""
    async with open_pair(connect=True) as pair, pair.chat.events(max_events=1) as events:
        await reconnect_unanswered(pair)
        taker, _ = reader(pair)
        accepted = json.dumps({"type": "auth", "body": {"code": "200"}})
        assert taker.take_some([accepted, NEWS]) == 1
        assert events.statistics().events == 1


def text(number: int, **envelope: Any) -> str:
    """A text message's frame."""
    entities = {"sender": {"entity": {"uid": "amy-2"}}, "receiver": {"entity": {"uid": "zed-1"}}}
    data = {"text": f"é{number}", "entities": entities}
    body = {"id": number, "receiver": "zed-1", "receiverType": "user", "category": "message", "type": "text"}
    return json.dumps({"type": "message", **envelope, "body": {**body, "data": data}})


async def test_what_comes_together_is_taken_in_order_whatever_is_between(autojump_clock: MockClock) -> None:
    """Messages in one read with an unknown frame, an echo, a pong and an unreadable frame are taken as if each came alone."""
    async with open_pair(connect=True) as pair, pair.chat.events() as events:
        taker, link = reader(pair)
        session_id = pair.chat._core.identity.session_id
        texts = [
            text(1),
            text(2),
            text(1),
            NEWS,
            text(3),
            text(4, deviceId=session_id),
            '{"action":"pong"}',
            "é",
            text(5),
        ]
        waiter = link.ping("{}", trio.current_time())
        before = pair.chat.statistics()
        assert taker.take_some(texts) == len(texts)
        assert waiter.round_trip == 0
        got = [getattr(event, "text", type(event).__name__) for event in await events.batch()]
        assert got == ["é1", "é2", "UnknownEvent", "é3", "UnreadableFrame", "é5"]
        after = pair.chat.statistics()
        assert (after.events_received - before.events_received, after.duplicates - before.duplicates) == (7, 1)
        assert taker.take_some([text(6), text(7).replace("\\u00e9", "é")]) == 2
        assert events.statistics().size == len(text(6)) + len(text(7).replace("\\u00e9", "é").encode())


async def test_what_comes_together_before_the_answer_waits_for_it(autojump_clock: MockClock) -> None:
    """Dozens of messages before the acceptance wait until the gap is in the stream, and then follow it."""
    async with open_pair(connect=True) as pair, pair.chat.events() as events:
        await reconnect_unanswered(pair)
        taker, _ = reader(pair)
        assert taker.take_some([text(1), text(2)]) == 2
        assert (pair.chat._core.streams.early.statistics().events, events.statistics().events) == (2, 0)
        accepted = json.dumps({"type": "auth", "body": {"code": "200"}})
        assert taker.take_some([text(3), accepted, text(4)]) == 3
        got = [getattr(event, "text", type(event).__name__) for event in await events.batch()]
        assert got == ["Gap", "é1", "é2", "é3", "é4"]


async def test_what_comes_together_after_the_lease_is_not_taken(autojump_clock: MockClock) -> None:
    """Of messages that came together after the lease, none is taken."""
    async with open_pair(connect=True) as pair, pair.chat.events() as events:
        taker, link = reader(pair)
        await pair.chat.disconnect()
        assert link.over
        assert taker.take_some([text(1), text(2)]) == 2
        assert events.statistics().events == 0
