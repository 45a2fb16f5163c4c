"""The keepalive task. See also `test_section4` and `test_sleep`."""

from __future__ import annotations

from typing import Any

import attrs
import pytest
import trio
from trio.testing import MockClock

from cometconn import Connected, Waiting
from cometconn._transport.read_turns import wait_read_turn
from cometconn.emulator import Kind
from cometconn.errors import ConnectionLostError, PongTimeoutError
from cometconn.events import UnknownEvent

from .harness import Pair, ask_in_vain, background, open_pair, settle


@attrs.define(eq=False)
class Steps(trio.abc.Instrument):
    """Counts the steps of all tasks with one name."""

    name: str
    count: int = 0

    def before_task_step(self, task: trio.lowlevel.Task) -> None:
        self.count += task.name == self.name


@pytest.mark.parametrize("jitter", [0.0, 0.5, 1.0])
async def test_it_wakes_up_once_a_ping(autojump_clock: MockClock, jitter: float) -> None:
    """An answered ping leaves no deadline that wakes the task later, which would be slow with thousands of clients."""
    steps = Steps("cometconn.keepalive")
    async with open_pair() as pair:
        pair.server.jitter = jitter
        await pair.chat.connect()
        await settle()
        trio.lowlevel.add_instrument(steps)
        await trio.sleep(151)
        trio.lowlevel.remove_instrument(steps)
        pings = [entry for entry in pair.log(Kind.FRAME_IN) if entry.detail["frame"].get("action") == "ping"]
    assert steps.count == len(pings) == 10


async def test_clients_that_connect_together_ping_apart(autojump_clock: MockClock) -> None:
    """The pings of clients that connect together are spread, the first ones and the later ones."""
    async with open_pair() as pair:
        pair.server.jitter = 1.0
        await pair.chat.connect()
        await trio.sleep(31)
        pings = [entry.at for entry in pair.log(Kind.FRAME_IN) if entry.detail["frame"].get("action") == "ping"]
    assert pings == pytest.approx([15.05, 30.05])


async def ping_and_go(pair: Pair) -> float:
    """Ping a server that has become silent, without waiting for the pong. Return the time."""
    pair.server.drop(None, "silent")
    with trio.CancelScope() as scope:
        scope.cancel()
        await pair.chat.ping()
    return trio.current_time()


async def test_silence_after_a_ping_that_no_call_waits_for(autojump_clock: MockClock) -> None:
    """Silence after a keepalive ping is noticed at `pong_timeout`, not at the next ping."""
    async with open_pair(connect=True) as pair:
        await settle()
        pinged = await ping_and_go(pair)
        lost = await pair.wait_status(Waiting)
        assert lost.at == pinged + 5.0


async def test_silence_counts_from_when_the_reader_goes_on(autojump_clock: MockClock) -> None:
    """The time of a ping sent while a full stream stops the reader begins when the reader continues: the pong may be unread."""
    async with open_pair(connect=True) as pair, pair.chat.events(max_events=1) as events:
        pair.device.send('{"type":"fills it"}')
        await settle()
        await ping_and_go(pair)
        await trio.sleep(3.0)
        assert isinstance(await anext(events), UnknownEvent)
        await ask_in_vain(events)
        read = trio.current_time()
        lost = await pair.wait_status(Waiting)
        assert lost.at == read + 5.0


PONG = b'\x81\x21{"action": "pong", "ack": "true"}'


@pytest.mark.parametrize("late", [0.0, 0.1, 0.6, 30.0])
async def test_an_answered_ping_is_no_silence_however_late_it_is_read(late: float, autojump_clock: MockClock) -> None:
    """A pong in the socket of a process held up past `pong_timeout` counts: the link stays, and `ping()` returns."""
    async with open_pair(connect=True) as pair:
        await settle()
        pair.server.set(pong=False)
        async with background(pair.chat.ping) as outcome:
            await trio.sleep(4.5)
            arrives(pair, PONG)
            autojump_clock.jump(0.5 + late)
            assert isinstance(pair.chat.status, Connected)
            await settle()
            assert isinstance(pair.chat.status, Connected)
        assert outcome == [pytest.approx(5.0 + late)]


async def test_waiting_for_a_turn_to_read_is_no_silence(
    autojump_clock: MockClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A pong in the socket of a client that waits behind many others for its turn to read keeps the link."""

    async def receive_in_turn(stream: Any, most: int) -> bytes:
        while not stream._incoming.buffer:
            await stream._incoming.changed.park()
        await wait_read_turn()
        data: bytes = await stream.receive_some(most)
        return data

    monkeypatch.setattr("cometconn._transport.websocket.receive_some", receive_in_turn)
    async with open_pair(connect=True) as pair, trio.open_nursery() as others:
        await settle()
        pair.server.set(pong=False)
        async with background(pair.chat.ping) as outcome:
            await trio.sleep(4.5)
            for _ in range(200):
                others.start_soon(wait_read_turn)
            await trio.lowlevel.checkpoint()
            arrives(pair, PONG)
            autojump_clock.jump(0.6)
            await settle()
            assert isinstance(pair.chat.status, Connected)
        assert outcome == [pytest.approx(5.1)]


@pytest.mark.parametrize("late", [0.0, 0.1, 0.6, 30.0])
async def test_other_bytes_are_no_silence_however_late_they_are_read(late: float, autojump_clock: MockClock) -> None:
    """Other bytes in the socket keep the link, too; `ping()` raises, because there was no pong among them."""
    async with open_pair(connect=True) as pair:
        await settle()
        pair.server.set(pong=False)
        async with background(pair.chat.ping) as outcome:
            await trio.sleep(4.5)
            arrives(pair, b"\x81\x02{}")
            autojump_clock.jump(0.5 + late)
            assert isinstance(pair.chat.status, Connected)
            await settle()
            assert isinstance(pair.chat.status, Connected)
        assert isinstance(outcome[0], PongTimeoutError)


@pytest.mark.parametrize("late", [0.0, 0.1, 0.6, 30.0])
async def test_silence_is_judged_as_soon_as_nothing_was_found(late: float, autojump_clock: MockClock) -> None:
    """If the socket is empty after `pong_timeout`, the link is lost at that instant, held up or not."""
    async with open_pair(connect=True) as pair:
        await settle()
        pair.server.set(pong=False)
        async with background(pair.chat.ping) as outcome:
            await trio.sleep(4.5)
            autojump_clock.jump(0.5 + late)
            judged = trio.current_time()
            assert isinstance(pair.chat.status, Connected), "no task has run since the jump"
            lost = await pair.wait_status(Waiting)
            assert lost.at == judged
        assert isinstance(outcome[0], ConnectionLostError)


async def test_processing_for_long_is_no_silence(autojump_clock: MockClock) -> None:
    """While messages are processed the socket is not read: a pong after them is found before silence is judged."""
    async with open_pair(connect=True) as pair:
        await settle()
        pair.server.set(pong=False)
        machine = pair.chat._core.machine
        link = machine._link
        assert link is not None
        async with background(pair.chat.ping) as outcome:
            await trio.sleep(4.5)
            link.heartbeat.pause()
            await trio.sleep(1.0)
            assert isinstance(outcome[0], PongTimeoutError)
            assert isinstance(pair.chat.status, Connected)
            arrives(pair, PONG)
            link.heartbeat.resume()
            link.wake_for_silence()
            await settle()
        assert isinstance(pair.chat.status, Connected)


@pytest.mark.parametrize("said", [b"", b"\x89\x00"], ids=["nothing", "a ping"])
async def test_silence_behind_a_blocked_write(said: bytes, autojump_clock: MockClock) -> None:
    """A keepalive ping that cannot be written, because an earlier write is blocked, counts as unanswered."""
    async with open_pair(connect=True) as pair:
        await settle()
        stream_of(pair)._outgoing.capacity = 0
        began = trio.current_time()
        async with background(pair.chat.send_transient, "amy-2", {"filling": "x" * 1_000_000}) as outcome:
            arrives(pair, said)
            with trio.fail_after(30):
                lost = await pair.wait_status(Waiting)
        assert lost.at - began == pytest.approx(20.0, abs=0.1)
        assert isinstance(outcome[0], ConnectionLostError)


async def test_calls_are_bounded_while_a_write_is_blocked(autojump_clock: MockClock) -> None:
    """If the server reads nothing, `ping()` takes `pong_timeout` and `disconnect()` no time, as no close frame can be sent."""
    async with open_pair(connect=True) as pair:
        await settle()
        for call, bound in ((pair.chat.ping, 5.0), (pair.chat.disconnect, 0.0)):
            stream_of(pair)._outgoing.capacity = 0
            async with background(pair.chat.send_transient, "amy-2", {"filling": "x" * 1_000}) as sent:
                arrives(pair, b"\x89\x00")
                await settle()
                began = trio.current_time()
                async with background(call) as outcome:
                    with trio.fail_after(10):
                        while not outcome:
                            await trio.sleep(0.001)
                assert trio.current_time() - began == pytest.approx(bound, abs=0.01)
            assert isinstance(sent[0], ConnectionLostError)
            await pair.chat.connect()


async def test_a_close_that_cannot_be_answered_costs_the_next_connection_little(autojump_clock: MockClock) -> None:
    """If the server closes and reads nothing, the loss is judged at once, and `connect()` waits for no close frame."""
    async with open_pair(connect=True) as pair:
        await settle()
        stream_of(pair)._outgoing.capacity = 0
        began = trio.current_time()
        arrives(pair, b"\x88\x02\x03\xf3")
        lost = await pair.wait_status(Waiting)
        assert lost.at == began
        await pair.chat.connect()
        assert trio.current_time() - began == pytest.approx(0.05)


async def test_a_full_stream_and_a_blocked_write(autojump_clock: MockClock) -> None:
    """While a full stream stops the reader, silence is not judged; `pong_timeout` counts from when the stream is read."""
    async with open_pair(connect=True) as pair, pair.chat.events(max_events=1) as events:
        await settle()
        stream_of(pair)._outgoing.capacity = 0
        async with background(pair.chat.send_transient, "amy-2", {"filling": "x"}) as sent:
            arrives(pair, b"\x89\x00")
            pair.device.send('{"type":"fills it"}')
            await trio.sleep(60.0)
            assert isinstance(pair.chat.status, Connected)
            await anext(events)
            await ask_in_vain(events)
            read = trio.current_time()
            lost = await pair.wait_status(Waiting)
            assert lost.at == pytest.approx(read + 5.0)
        assert isinstance(sent[0], ConnectionLostError)


def stream_of(pair: Pair) -> Any:
    """The client's end of the connection."""
    link = pair.chat._core.machine._link
    assert link is not None
    websocket: Any = link.websocket
    return websocket._stream


def arrives(pair: Pair, data: bytes) -> None:
    """Put *data* into the client's socket, as the network does: no task of ours has run yet."""
    stream = stream_of(pair)
    stream._incoming.buffer += data
    stream._incoming.changed.unpark_all()
