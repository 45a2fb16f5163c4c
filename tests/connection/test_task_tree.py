"""The shape of a connection, read in Trio's own task tree."""

from __future__ import annotations

from typing import TYPE_CHECKING

import trio
from trio.testing import MockClock

from cometconn._wire.outgoing import ping_frame

from .harness import open_pair, settle

if TYPE_CHECKING:
    from collections.abc import Iterator


def levels(task: trio.lowlevel.Task, level: int = 0) -> Iterator[tuple[str, int]]:
    """Our tasks below *task*, each with the number of nurseries it is in."""
    for depth, nursery in enumerate(task.child_nurseries, level + 1):
        for child in nursery.child_tasks:
            if child.name.startswith("cometconn.") and "testing" not in child.name:
                yield child.name, depth
            yield from levels(child, depth)


async def test_the_tasks_of_a_connection_have_their_names(autojump_clock: MockClock) -> None:
    """Connected: watcher and supervisor; in it the link nursery with the reader of the socket, and within the lease its own.

    The writer exists while a frame has to wait for the socket, as every frame does on a stream in memory; and beside the
    supervisor there is one more task while a save of the position is due.
    """
    async with open_pair(connect=True) as pair:
        await trio.sleep(1)
        level = dict(levels(trio.lowlevel.current_task()))
        client = level["cometconn.watcher"]
        assert level == {
            "cometconn.watcher": client,
            "cometconn.supervisor": client,
            "cometconn.receive_loop": client + 1,
            "cometconn.background_timeout": client + 2,
            "cometconn.keepalive": client + 2,
        }
        pair.chat._machine.ping(ping_frame())
        assert dict(levels(trio.lowlevel.current_task())) == level | {"cometconn.writer": client + 2}
        await settle()
        assert dict(levels(trio.lowlevel.current_task())) == level
        pair.chat._core.streams.moved()
        assert dict(levels(trio.lowlevel.current_task())) == level | {"cometconn.position": client}
        await trio.sleep(0.1)
        assert dict(levels(trio.lowlevel.current_task())) == level


async def test_no_task_is_left_of_a_link_that_is_over(autojump_clock: MockClock) -> None:
    """When disconnected, only the tasks watcher and supervisor are left."""
    async with open_pair(connect=True) as pair:
        pair.chat.enter_background()
        await trio.sleep(1)
        assert {name for name, _ in levels(trio.lowlevel.current_task())} == {
            "cometconn.supervisor",
            "cometconn.watcher",
        }
