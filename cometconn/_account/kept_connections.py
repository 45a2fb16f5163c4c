"""Connections that consecutive requests of one task share, such as the two of a login."""

from __future__ import annotations

from contextlib import asynccontextmanager
from contextvars import ContextVar
from typing import TYPE_CHECKING, Final, TypeAlias

import attrs
import trio

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Hashable

    import httpcore2

__all__ = ["KEPT", "KeptConnections", "keeping_connections"]

Exchanges: TypeAlias = "tuple[httpcore2.AsyncHTTP11Connection, trio.abc.Stream]"


@attrs.define(eq=False)
class KeptConnections:
    """The idle HTTP connections of one `keeping_connections()` block, at most one to each server."""

    _idle: dict[Hashable, Exchanges] = attrs.field(factory=dict, init=False, repr=False)
    _closed: bool = attrs.field(default=False, init=False)

    def take(self, server: Hashable) -> Exchanges | None:
        """Return the idle connection to *server*, which the caller closes or keeps again; `None` if there is none."""
        return self._idle.pop(server, None)

    def keep(self, server: Hashable, exchanges: Exchanges) -> bool:
        """Keep an idle connection to *server*. Return `False` if it is not kept: the caller closes it."""
        if self._closed or server in self._idle:
            return False
        self._idle[server] = exchanges
        return True

    async def aclose(self) -> None:
        """Close every idle connection, without waiting for a server. No later one is kept."""
        self._closed = True
        with trio.CancelScope(shield=True):  # closing by force waits for nothing
            while self._idle:
                _, (_, stream) = self._idle.popitem()
                await trio.aclose_forcefully(stream)


KEPT: Final[ContextVar[KeptConnections | None]] = ContextVar("cometconn's kept connections", default=None)
"""The connections of the innermost `keeping_connections()` block of this task."""


@asynccontextmanager
@trio.lowlevel.enable_ki_protection
async def keeping_connections() -> AsyncGenerator[None, None]:
    """Let the requests that this task makes during the block share one connection to each server.

    This saves a name lookup, a TCP and a TLS handshake for each request after the first. Leaving the block, also by a
    cancel, closes the connections.
    """
    kept = KeptConnections()
    before = KEPT.set(kept)
    try:
        yield
    finally:
        KEPT.reset(before)
        await kept.aclose()
