"""`open_emulator()` for asyncio.

Made from `cometconn.emulator.server` by `python -m tests.aio.twins --write`: change it there.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import cometconn.emulator
from cometconn._groups import WrappedBlock, usage_of

from ._blocks import Block
from ._emulator import Emulator

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from contextlib import AbstractAsyncContextManager

__all__ = ["open_emulator"]


def open_emulator(
    *,
    app_id: str = "APP",
    auth_key: str = "KEY",
    users: Iterable[str] = ("zed-1", "amy-2"),
    groups: Mapping[str, Iterable[str]] | None = None,
    host: str = "127.0.0.1",
    port: int = 0,
    allow_remote: bool = False,
    control: bool = False,
    public: str | None = None,
) -> AbstractAsyncContextManager[Emulator]:
    """Run a CometChat server on this machine for as long as the block lasts.

    Everything is in memory and gone with the block. At its end the clients are sent a close
    frame (code 1001), have half a second to answer it, and are then disconnected.

    Args:
        app_id: the app that it serves.
        auth_key: the app's auth key.
        users: uids that can log in.
        groups: guid and members (uids) of each group; a group `hikers` of all users unless given.
        host: an IP address or `localhost`. There is no encryption: others than loopback are refused.
        port: 0 for a free one.
        allow_remote: permit other hosts. Every machine that reaches the port can then read everything.
        control: offer the controls of `Emulator` over HTTP, too, below `/control/`. Loopback only.
        public: the host and port in the server's settings, such as `localhost:9443`, when a proxy stands
            in front of it (official SDKs use TLS only); the server's own unless given.

    Raises:
        SettingsError: an argument is not valid.
        OSError: the server cannot listen on the port; the message names host and port.
    """
    return WrappedBlock(
        Block(
            lambda: cometconn.emulator.open_emulator(
                app_id=app_id,
                auth_key=auth_key,
                users=users,
                groups=groups,
                host=host,
                port=port,
                allow_remote=allow_remote,
                control=control,
                public=public,
            ),
            Emulator,
        ),
        usage_of("open_emulator"),
    )
