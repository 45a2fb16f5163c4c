"""The task that writes."""

from __future__ import annotations

from typing import Any

import trio

from cometconn._connection.writer import Writer
from cometconn._transport.abc import WebSocketBrokenError

from .test_link import link


class Socket:
    """Takes what is sent, until it breaks."""

    def __init__(self, breaks_at: int) -> None:
        self.sent: list[str] = []
        self._breaks_at = breaks_at

    def send_nowait(self, text: str) -> bool:
        """Take nothing: it would have to wait."""
        return False

    async def send(self, text: str) -> None:
        """Send."""
        await trio.lowlevel.checkpoint()
        if len(self.sent) == self._breaks_at:
            message = "gone"
            raise WebSocketBrokenError(message)
        self.sent.append(text)


class Losses:
    """Records what the writer reports to the machine."""

    frames_sent = 0

    def __init__(self) -> None:
        self.told: list[Any] = []

    def lost(self, which: Any, error: Exception) -> None:
        """Note it."""
        self.told.append((which, error))


async def test_frames_are_written_in_order_until_the_socket_breaks() -> None:
    """Each is done when it is written; a broken socket is reported, and the task ends.

    It also ends when the outbox is empty, and another begins with the next frame.
    """
    one, socket, losses = link(), Socket(2), Losses()
    async with trio.open_nursery() as nursery:
        one.on_send = Writer(losses, one, socket, nursery).begin  # type: ignore[arg-type]
        frames = [one.send("1")]
        await trio.testing.wait_all_tasks_blocked()
        assert not nursery.child_tasks
        frames += [one.send("2"), one.send("3")]
        assert len(nursery.child_tasks) == 1
    assert socket.sent == ["1", "2"]
    assert [frame.done.is_set() for frame in frames] == [True, True, False]
    assert losses.frames_sent == 2
    ((which, error),) = losses.told
    assert which is one
    assert isinstance(error, WebSocketBrokenError)


async def test_a_frame_that_need_not_wait_needs_no_task() -> None:
    """A frame that need not wait is written, counted and done when the call returns; behind one that waits, it waits."""
    one, losses = link(), Losses()

    class Ready(Socket):
        ready = True

        def send_nowait(self, text: str) -> bool:
            if self.ready:
                self.sent.append(text)
            return self.ready

    socket = Ready(9)
    async with trio.open_nursery() as nursery:
        one.on_send = Writer(losses, one, socket, nursery).begin  # type: ignore[arg-type]
        frame = one.send("1")
        assert frame.done.is_set()
        assert not one.outbox
        assert not nursery.child_tasks
        socket.ready = False
        one.send("2")
        socket.ready = True
        one.send("3")
        assert socket.sent == ["1"]
    assert socket.sent == ["1", "2", "3"]
    assert losses.frames_sent == 3


async def test_the_end_of_the_lease_while_a_frame_is_written() -> None:
    """If the lease ends during a write, the outbox is empty afterwards: nothing is done twice, and the task ends."""
    one, losses = link(), Losses()

    class Ending(Socket):
        async def send(self, text: str) -> None:
            await super().send(text)
            one.end(None, None)

    frame = one.send("1")
    async with trio.open_nursery() as nursery:
        await Writer(losses, one, Ending(9), nursery).run()  # type: ignore[arg-type]
    assert frame.error is not None
    assert not losses.told
