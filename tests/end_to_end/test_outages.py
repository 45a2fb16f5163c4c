"""Contract section 6 over real sockets: no message is lost and none comes twice, whatever the network does."""

from __future__ import annotations

import trio

from .outages import KINDS, outages


async def test_every_message_is_received_exactly_once_through_thirty_outages() -> None:
    """Every message comes once through losses, background, disconnects and restarts; `nox -s soak` has a thousand outages."""
    with trio.fail_after(55):
        story = await outages(30, seed=4)
    assert story.got == [str(number) for number in range(1, story.said + 1)]
    assert set(story.kinds) == set(KINDS)
    assert story.gaps > 5
