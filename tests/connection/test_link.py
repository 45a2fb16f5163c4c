"""What the tasks of one WebSocket share."""

from __future__ import annotations

import pytest
import trio

from cometconn import Reason
from cometconn._connection.link import Link
from cometconn._lifecycle.heartbeat import Heartbeat
from cometconn.errors import ConnectionLostError, PongTimeoutError


def link() -> Link:
    """A link that is authenticated at 0."""
    made = Link(1, Heartbeat(15.0, 5.0), 10.0, False, trio.lowlevel.ParkingLot())
    made.heartbeat.start(0.0)
    return made


async def test_pongs_answer_pings_in_order() -> None:
    """The first pong is the first ping's."""
    one = link()
    first, second = one.ping("p", 1.0), one.ping("p", 2.0)
    one.pong(4.0)
    assert first.outcome() == 3.0
    one.pong(4.5)
    assert second.outcome() == 2.5
    one.pong(5.0)  # asked for by nobody


async def test_a_ping_given_up_leaves_the_queue() -> None:
    """A pong that comes too late for the first is the second's."""
    one = link()
    first, second = one.ping("p", 0.0), one.ping("p", 4.0)
    one.pong(5.0)
    with pytest.raises(PongTimeoutError, match="5 s"):
        first.outcome()
    assert second.outcome() == 1.0


async def test_a_call_that_still_waits_gets_a_pong_that_was_read_late() -> None:
    """The process was held up; but a pong that may answer a ping sent meanwhile answers that one."""
    one = link()
    first = one.ping("p", 0.0)
    with first:
        one.pong(35.0)
    assert first.outcome() == 35.0
    second = one.ping("p", 40.0)
    with second:
        third = one.ping("p", 45.0)
        one.pong(45.0)
    with pytest.raises(PongTimeoutError):
        second.outcome()
    assert third.outcome() == 0.0


async def test_the_end_answers_everybody() -> None:
    """Pings and frames that wait hear of it, the lease is cancelled, and nothing more is queued to be written."""
    one = link()
    waiter, frame = one.ping("p", 0.0), one.send("text")
    one.end(Reason.DISCONNECT_CALLED, OSError("cause"))
    with pytest.raises(ConnectionLostError) as caught:
        waiter.outcome()
    assert caught.value.reason is Reason.DISCONNECT_CALLED
    assert isinstance(frame.error, ConnectionLostError)
    assert frame.done.is_set()
    assert one.over
    assert one.lease.cancel_called
    assert not one.outbox


async def test_the_close_frame_goes_first() -> None:
    """When it is written nothing has been cancelled or answered yet: that all takes time."""
    one, seen = link(), list[tuple[bool, bool]]()
    waiter = one.ping("p", 0.0)

    class Socket:
        def close_nowait(self) -> None:
            """Look."""
            seen.append((one.lease.cancel_called, waiter.answered.is_set()))

    one.websocket = Socket()  # type: ignore[assignment]
    one.end(Reason.IN_BACKGROUND, None)
    assert seen == [(False, False)]


async def test_a_lease_that_has_ended_ends_the_scope_it_is_put_into() -> None:
    """What runs in it is cancelled at once; otherwise it gets the lease's deadline."""
    one, other = link(), link()
    one.lease.deadline = 7.0
    with trio.CancelScope() as scope:
        one.run_in(scope)
        assert scope.deadline == 7.0
        await trio.lowlevel.checkpoint()
    other.end(Reason.DISCONNECT_CALLED, None)
    with trio.fail_after(1), trio.CancelScope() as scope:
        other.run_in(scope)
        await trio.sleep_forever()
    assert scope.cancelled_caught


async def test_a_frame_is_taken_back_unless_it_is_being_written() -> None:
    """The first in the queue may be half on its way; the others may still be taken back."""
    one = link()
    first, second = one.send("1"), one.send("2")
    one.withdraw(first)
    one.withdraw(second)
    one.withdraw(second)
    assert list(one.outbox) == [first]


async def test_texts_are_not_shown() -> None:
    """A frame may hold a token."""
    assert "secret" not in repr(link().send("secret"))


async def test_pings_that_nobody_writes_do_not_pile_up() -> None:
    """To a server that does not read: a ping given up takes its frame back, but for the one being written."""
    one = link()
    for number in range(200):
        one.ping("p", number * 5.0)
    assert len(one.outbox) == 2
