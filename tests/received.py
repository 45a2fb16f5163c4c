"""The events that a client receives for frames: a whole client, beside a server in memory, in virtual time.

Tests outside of `tests/wire` use it in place of the decoder. A call takes about 30 ms.
"""

from __future__ import annotations

import json
from typing import Any

import trio
from trio.testing import MockClock

import cometconn
from cometconn import AppSettings, MemoryStore
from cometconn.testing import open_memory_server

__all__ = ["message_frame", "received", "received_one"]


def received(*frames: Any, uid: str = "zed-1") -> list[Any]:
    """Return the events that a client of *uid* receives, in order, for frames that are given as objects or as texts."""

    async def main() -> list[Any]:
        async with (
            open_memory_server(users=(uid,)) as server,
            cometconn.open_client(
                "APP", AppSettings(), environment=server, endpoints=server.endpoints, store=MemoryStore()
            ) as chat,
            chat.events() as events,
        ):
            await chat.login(uid=uid, auth_key="KEY")
            await chat.connect()
            for frame in frames:
                assert server.push(uid, frame if isinstance(frame, str) else json.dumps(frame)) == 1
            await chat.ping()  # the pong comes after the frames
            return list(await events.batch()) if events.statistics().events else []

    return trio.run(main, clock=MockClock(autojump_threshold=0))


def received_one(frame: Any, uid: str = "zed-1") -> Any:
    """Return the one event that a client of *uid* receives for this frame."""
    (event,) = received(frame, uid=uid)
    return event


def message_frame(body: Any) -> dict[str, Any]:
    """Return the frame with which a server sends a message that a REST response contains."""
    return {"type": "message", "body": body}
