"""The closing handshake and what may cut it short."""

from __future__ import annotations

import pytest
import trio
from trio.testing import MockClock

from cometconn import Disconnected, StatusChange
from cometconn._connection.closing_handshake import ClosingHandshake
from cometconn._connection.link_nursery import LinkNursery
from cometconn._lifecycle.states import State
from cometconn._streams.statuses import StatusQueue
from cometconn._transport.websocket import TrioWebSocket
from cometconn.emulator.log import Kind

from .harness import open_pair, settle


async def lasts(handshake: ClosingHandshake) -> float:
    """How long a closing handshake lasts that never ends by itself."""
    began = trio.current_time()
    with handshake.scope:
        await trio.sleep_forever()
    return trio.current_time() - began


async def test_the_earliest_deadline_counts(autojump_clock: MockClock) -> None:
    """A later deadline does not prolong the closing handshake."""
    handshake = ClosingHandshake(trio.CancelScope())
    handshake.end_by(trio.current_time() + 2)
    handshake.end_by(trio.current_time() + 3)
    assert await lasts(handshake) == 2


async def test_the_close_frame_leaves_before_the_state_is_computed_and_published(
    autojump_clock: MockClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`enter_background()` writes the close frame first of all, and the end of the link finds it written."""
    seen: list[tuple[State, int]] = []
    published: list[StatusChange] = []
    monkeypatch.setattr(
        TrioWebSocket, "close_nowait", lambda _: seen.append((pair.chat._machine.state, len(published)))
    )
    monkeypatch.setattr(StatusQueue, "push", lambda _, change: published.append(change))
    async with open_pair(connect=True) as pair:
        published.clear()
        pair.chat.enter_background()
        assert seen == [(State.CONNECTED, 0), (State.IN_BACKGROUND, 0)]
        assert [type(change.current) for change in published] == [Disconnected]


async def test_a_cut_behind_the_close_frame_is_immediate(autojump_clock: MockClock) -> None:
    """Once the close frame is written, a new connection waits for nothing."""
    handshake = ClosingHandshake(trio.CancelScope())
    handshake.note_written()
    handshake.cut()
    assert await lasts(handshake) == 0


async def test_a_cut_before_the_close_frame_leaves_it_a_moment(autojump_clock: MockClock) -> None:
    """After a cut, the close frame may still be written, which ends the handshake; a blocked write takes 50 ms."""
    handshake = ClosingHandshake(trio.CancelScope())
    handshake.cut()
    assert round(await lasts(handshake), 6) == 0.05
    handshake = ClosingHandshake(trio.CancelScope())
    handshake.cut()
    handshake.note_written()
    assert await lasts(handshake) == 0


@pytest.mark.parametrize("left", [True, False])
async def test_a_closing_handshake_that_was_over_at_once_is_observed(left: bool) -> None:
    """Hooks get the close frame written in the call, also when the server's is read before the client waits for it."""
    told: list[str] = []

    class StepObserver:
        def close_frame_written(self) -> None:
            """Note it."""
            told.append("said")

        def socket_closed(self) -> None:
            """Note it."""
            told.append("closed")

    class Closed:
        can_close = False
        close_reply_pending = False
        close_frame_written = left

        async def aclose_forcefully(self) -> None:
            """Close."""

    class Told:
        observer = StepObserver()

    links = LinkNursery(*[Told()] * 6)  # type: ignore[arg-type]
    await links._close(Closed())  # type: ignore[arg-type]
    assert told == (["said", "closed"] if left else ["closed"])


async def test_the_next_connection_does_not_cost_the_close_frame(autojump_clock: MockClock) -> None:
    """With disconnect() and connect() at one instant, the server gets code 1000, and the new socket at that instant."""
    async with open_pair(manual=True, connect=True) as pair:
        pair.server.ignore_close = True
        began = trio.current_time()

        async def disconnect(*, task_status: trio.TaskStatus[None]) -> None:
            task_status.started()
            await pair.chat.disconnect()

        async with trio.open_nursery() as nursery:
            await nursery.start(disconnect)
            await pair.chat.connect()
        assert trio.current_time() == began
        await settle()
        (close,) = pair.log(Kind.CLOSE_IN)
        assert (close.detail["code"], close.at) == (1000, began)
