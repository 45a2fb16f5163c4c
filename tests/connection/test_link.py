"""What the tasks of one WebSocket share."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import trio
from trio.testing import wait_all_tasks_blocked

from cometconn import Reason
from cometconn._connection.link import Link, LinkState
from cometconn._lifecycle.heartbeat import Heartbeat
from cometconn._lifecycle.states import IllegalInputError
from cometconn._lot import Lot
from cometconn.errors import ConnectionLostError, PongTimeoutError

if TYPE_CHECKING:
    from collections.abc import Callable


def link() -> Link:
    """A link that is authenticated at 0."""
    made = dialled()
    made.accepted(0.0, 0.5)
    return made


def dialled() -> Link:
    """A link whose socket is being dialled."""
    return Link(number=1, heartbeat=Heartbeat(15.0, 5.0), lease=trio.CancelScope(), attempt_ends=10.0, room=Lot())


PATH = (LinkState.DIALLING, LinkState.AUTHENTICATING, LinkState.OPEN, LinkState.OVER, LinkState.CLOSED)


def step(one: Link, state: LinkState) -> None:
    """Do what leads to *state*."""
    steps: dict[LinkState, Callable[[], object]] = {
        LinkState.AUTHENTICATING: lambda: one._enter(LinkState.AUTHENTICATING),
        LinkState.OPEN: lambda: one.accepted(0.0, 0.5),
        LinkState.OVER: lambda: one.end(None, None),
        LinkState.CLOSED: one.note_closed,
    }
    steps[state]()


async def test_a_link_goes_through_its_states_once() -> None:
    """The states are dialling, authenticating, open, over, closed; `over` and `authenticated` follow from the state."""
    one = dialled()
    seen = [(one.state, one.authenticated, one.over)]
    for state in PATH[1:]:
        step(one, state)
        seen.append((one.state, one.authenticated, one.over))
    assert seen == [
        (LinkState.DIALLING, False, False),
        (LinkState.AUTHENTICATING, False, False),
        (LinkState.OPEN, True, False),
        (LinkState.OVER, False, True),
        (LinkState.CLOSED, False, True),
    ]


@pytest.mark.parametrize("after", PATH)
@pytest.mark.parametrize("before", PATH)
async def test_a_transition_that_is_not_legal_is_refused(before: LinkState, after: LinkState) -> None:
    """Only forward transitions are legal; an attempt may end before it was open, and open before the auth frame was sent."""
    one = dialled()
    if before is LinkState.AUTHENTICATING:
        step(one, before)
    elif before is not LinkState.DIALLING:
        for state in PATH[2 : PATH.index(before) + 1]:
            step(one, state)
    legal = {
        (LinkState.DIALLING, LinkState.AUTHENTICATING),
        (LinkState.DIALLING, LinkState.OPEN),
        (LinkState.DIALLING, LinkState.OVER),
        (LinkState.AUTHENTICATING, LinkState.OPEN),
        (LinkState.AUTHENTICATING, LinkState.OVER),
        (LinkState.OPEN, LinkState.OVER),
        (LinkState.OVER, LinkState.CLOSED),
    }
    assert one.state is before
    if (before, after) in legal:
        step(one, after)
        assert one.state is after
    else:
        with pytest.raises(IllegalInputError, match=f"{before.value} cannot become {after.value}"):
            one._enter(after)
        assert one.state is before


async def test_the_auth_frame_of_a_link_that_is_accepted_already_is_sent_all_the_same() -> None:
    """The server may accept the client before it has the auth frame: the link is open, and stays open."""
    early, usual = link(), dialled()
    for one in (early, usual):
        one.send_auth("auth")
        assert [frame.text for frame in one.outbox] == ["auth"]
        assert one.step == "the answer to the auth frame"
    assert early.state is LinkState.OPEN
    assert usual.state is LinkState.AUTHENTICATING


async def test_tasks_that_wait_for_the_end_of_the_socket_are_woken() -> None:
    """Tasks that wait for the end of the socket wake when it is closed, not already at the end of the lease."""
    one = link()
    async with trio.open_nursery() as nursery:
        nursery.start_soon(one.wait_closed)
        one.end(None, None)
        await wait_all_tasks_blocked()
        assert nursery.child_tasks
        one.note_closed()
        await wait_all_tasks_blocked()
        assert not nursery.child_tasks


async def test_pongs_answer_pings_in_order() -> None:
    """The first pong belongs to the first ping."""
    one = link()
    first, second = one.ping("p", 1.0), one.ping("p", 2.0)
    one.pong(4.0)
    assert first.outcome() == 3.0
    one.pong(4.5)
    assert second.outcome() == 2.5
    one.pong(5.0)  # no ping waits for it


async def test_a_ping_given_up_leaves_the_queue() -> None:
    """After a ping was given up, a pong belongs to the next ping."""
    one = link()
    first, second = one.ping("p", 0.0), one.ping("p", 4.0)
    one.pong(5.0)
    with pytest.raises(PongTimeoutError, match="5 s"):
        first.outcome()
    assert second.outcome() == 1.0


async def test_a_call_that_still_waits_gets_a_pong_that_was_read_late() -> None:
    """A pong read late belongs to the call that waits, unless it may belong to a ping that was sent meanwhile."""
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


async def test_the_end_of_the_lease_ends_every_wait() -> None:
    """At its end, pings and frames that wait get an error, the lease is cancelled, and the outbox is empty."""
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


async def test_the_close_frame_is_written_first() -> None:
    """When the close frame is written, nothing has been cancelled and no wait has ended yet, because that takes time."""
    one, seen = link(), list[tuple[bool, bool]]()
    waiter = one.ping("p", 0.0)

    class Socket:
        def close_nowait(self) -> None:
            """Look."""
            seen.append((one.lease.cancel_called, waiter.answered.is_set()))

    one.websocket = Socket()  # type: ignore[assignment]
    one.end(Reason.IN_BACKGROUND, None)
    assert seen == [(False, False)]


async def test_a_frame_is_taken_back_unless_it_is_being_written() -> None:
    """The first frame of the outbox may be half written and stays; the others can be withdrawn."""
    one = link()
    first, second = one.send("1"), one.send("2")
    one.withdraw(first)
    one.withdraw(second)
    one.withdraw(second)
    assert list(one.outbox) == [first]


async def test_texts_are_not_shown() -> None:
    """The repr of a link shows no text of a frame, which may hold a token."""
    assert "secret" not in repr(link().send("secret"))


async def test_pings_that_are_not_written_do_not_accumulate() -> None:
    """If the server does not read, a ping that is given up removes its frame, except the one that is being written."""
    one = link()
    for number in range(200):
        one.ping("p", number * 5.0)
    assert len(one.outbox) == 2
