"""centrifuge-python, with its JSON protocol: its publication callback gets dicts."""

from __future__ import annotations

import asyncio

import centrifuge

from benchmarks.encryption import client_context, url

from .stopwatch import Reading, Stopwatch

__all__ = ["receive"]


class _Events(centrifuge.SubscriptionEventHandler):
    def __init__(self, warm: int, count: int) -> None:
        self.done: asyncio.Future[Reading] = asyncio.get_running_loop().create_future()
        self._left, self._count, self._watch = warm + count, count, Stopwatch()

    async def on_publication(self, ctx: centrifuge.PublicationContext) -> None:
        self._left -= 1
        if self._left == self._count:
            self._watch = Stopwatch()
        elif not self._left:
            self.done.set_result(self._watch.read(self._count))


async def _receive(port: int, warm: int, count: int) -> Reading:
    client = centrifuge.Client(url(port), proxy=None, ssl_context=client_context())
    events = _Events(warm, count)
    await client.connect()
    await client.new_subscription("room", events=events).subscribe()
    reading = await events.done
    await client.disconnect()
    return reading


def receive(port: int, warm: int, count: int) -> Reading:
    """Receive dicts in its callback."""
    return asyncio.run(_receive(port, warm, count))
