"""`open_emulator()` for asyncio.

Made from `cometconn.emulator.server` by `python -m tests.aio.twins --write`: change it there.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import cometconn.emulator
from cometconn._groups import WrappedBlock, usage_of
from cometconn.emulator.limits import DEFAULT_LIMITS

from ._blocks import Block
from ._emulator import Emulator

if TYPE_CHECKING:
    import os
    from collections.abc import Iterable, Mapping
    from contextlib import AbstractAsyncContextManager

    from cometconn.emulator.limits import ServerLimits

__all__ = ["open_emulator"]


def open_emulator(
    *,
    app_id: str = "APP",
    auth_key: str = "KEY",
    api_key: str = "REST-KEY",
    users: Iterable[str] = ("zed-1", "amy-2"),
    groups: Mapping[str, Iterable[str]] | None = None,
    limits: ServerLimits = DEFAULT_LIMITS,
    host: str = "127.0.0.1",
    port: int = 0,
    allow_remote: bool = False,
    control: bool = False,
    public: str | None = None,
    tls: bool | str | os.PathLike[str] = False,
    webhook: str | None = None,
    webhook_auth: str | None = None,
) -> AbstractAsyncContextManager[Emulator]:
    """Run a CometChat server on this machine for as long as the block lasts.

    Everything is in memory, but for uploaded files, which lie in a temporary folder, and is gone with the block. At its end the clients are sent a close
    frame (code 1001), have half a second to answer it, and are then disconnected.

    Args:
        app_id: the app that it serves.
        auth_key: the app's auth key.
        api_key: the app's REST API key, for what an auth key may not do: to list and to revoke auth tokens.
        users: uids that can log in.
        groups: guid and members (uids) of each group; a group `hikers` of all users unless given.
        limits: how much it keeps and takes: tokens, messages, files, frames.
        host: an IP address or `localhost`. Others than loopback are refused, because every program that reaches the
            server can log in.
        port: 0 for a free one.
        allow_remote: permit other hosts. Every machine that reaches the port can then read everything.
        control: offer the controls of `Emulator` over HTTP, too, below `/control/`. Loopback only.
        public: the host and port in the server's settings, such as `localhost:9443`: the name by which clients know
            the server, or the TLS proxy in front of it; its own address unless given. With `tls` the port may be left
            out, and the certificate is for this name, too.
        tls: `True` for `https` and `wss`, which is all that the official SDKs use, with a certificate that is made for
            this block (`Emulator.certificate`). A path is that of a folder in which the certificate is kept, so that it
            has to be trusted only once; it is made there if there is none, and again a week before it expires after a
            year. It is for `localhost`, `127.0.0.1`, `::1`, *host* and *public*. Needs `pip install "cometconn[tls]"`.
        webhook: a URL that gets a POST request for every event of messages, groups and connections, in order, with the
            JSON of CometChat's webhooks. A request that fails is made twice more, after 0.5 and 1 s; then the event is
            dropped.
        webhook_auth: `USER:PASSWORD` that these requests carry as HTTP Basic authentication.

    Raises:
        SettingsError: an argument is not valid, the package that `tls` needs is not installed, or the folder of the
            certificate has one that was not made here.
        OSError: the server cannot listen on the port, and the message names host and port; or the folder of the
            certificate cannot be read or written.
    """
    return WrappedBlock(
        Block(
            lambda: cometconn.emulator.open_emulator(
                app_id=app_id,
                auth_key=auth_key,
                api_key=api_key,
                users=users,
                groups=groups,
                limits=limits,
                host=host,
                port=port,
                allow_remote=allow_remote,
                control=control,
                public=public,
                tls=tls,
                webhook=webhook,
                webhook_auth=webhook_auth,
            ),
            Emulator,
        ),
        usage_of("open_emulator"),
    )
