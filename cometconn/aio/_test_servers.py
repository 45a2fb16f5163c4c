"""`open_fault_proxy()` and `open_replay()` for asyncio.

Made from `cometconn.testing.fault_proxy`, `cometconn.testing.replay` by `python -m tests.aio.twins --write`: change it there.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import cometconn.testing
from cometconn._groups import WrappedBlock, usage_of
from cometconn.testing.line_faults import LineFaults

from ._blocks import Block

if TYPE_CHECKING:
    import os
    from collections.abc import Iterable
    from contextlib import AbstractAsyncContextManager

    from cometconn.testing.fault_proxy import FaultProxy
    from cometconn.testing.replay import Replay

__all__ = ["open_fault_proxy", "open_replay"]


def open_fault_proxy(
    target: str, plan: Iterable[LineFaults] = (), *, rest: LineFaults = LineFaults(), seed: int = 0, port: int = 0
) -> AbstractAsyncContextManager[FaultProxy]:
    """Run a proxy on this computer in front of a server, over real sockets.

    Each WebSocket through it has the next faults of *plan*, and none after the plan's end. `random_faults(seed)` is a
    plan without end. The methods of the proxy end, refuse and accept connections at any time::

        async with open_emulator() as server, open_fault_proxy(server.url) as proxy:
            async with cometconn.aio.open_client("APP", AppSettings(), endpoints=proxy.endpoints) as chat:
                await chat.login(uid="amy-2", auth_key="KEY")
                await chat.connect()
                proxy.end("half-open")

    Args:
        target: the URL of the server, such as `emulator.url`. Only its host and port are used.
        plan: the faults of the WebSockets, in the order in which they are opened.
        rest: the faults of REST connections.
        seed: the seed of the jitter; the same seed and connections give the same delays.
        port: the port on 127.0.0.1; 0 lets the operating system choose.

    Raises:
        SettingsError: *target* has no host or no port.
        OSError: the port is in use.

    When the block is left, every connection through it is closed at once.
    """
    return WrappedBlock(
        Block(
            lambda: cometconn.testing.open_fault_proxy(target, plan, rest=rest, seed=seed, port=port),
            lambda proxy, _: proxy,
        ),
        usage_of("open_fault_proxy"),
    )


def open_replay(path: str | os.PathLike[str]) -> AbstractAsyncContextManager[Replay]:
    """Replay the server's side of a transcript for the duration of the block.

    Pass what this yields to `open_client()` as the `environment`, and its `endpoints` as the `endpoints`.

    The client must do what it did when `record()` wrote the transcript: the same requests (with any key, token or
    `muid`), and on each connection the same frames in the same order, except for keepalive pings. A response takes as
    long as it took. A frame of the server is sent at its recorded time, counted from the dial, but never before the client has
    sent the frames that preceded it. It is replayed in real time. A client may
    stop early or close a connection early: see `Replay.unplayed`.

    Args:
        path: the transcript.

    Raises:
        ReplayError: the client made a request, sent a frame or dialled a connection that the transcript does not have.
            The block is cancelled at once, because it might wait for a response that never comes, and the error is
            raised where the block ends.
        SettingsError: the file is not a transcript.
        OSError: it cannot be read.

    When the block is left, every connection is closed.
    """
    return WrappedBlock(
        Block(lambda: cometconn.testing.open_replay(path), lambda replay, _: replay), usage_of("open_replay")
    )
