"""Connections to Redis, through coredis. This is the only module that knows it.

A lane is one connection, on which all calls are pipelined: Redis makes them in their order, and coredis matches the replies,
also those of cancelled calls. coredis' own pool is not used, and neither are its retries, for three reasons that tests repeat
with coredis 6.9:

* The pool loses a slot whenever a connection ends while it is leased: after `max_connections` cancelled blocking reads, or
  restarts of the server, every command waits for ever.
* A cancelled wait for a connection swallows the wake-up of the next one.
* A client repeats commands by default, so that one which timed out is made several times.
"""

from __future__ import annotations

import contextvars
import logging
from hashlib import sha1
from typing import Any

import anyio
import attrs
import trio
from anyio.abc import ByteStream
from coredis.connection import BaseConnection, TCPLocation, UnixDomainSocketLocation
from coredis.exceptions import (
    AuthenticationError,
    AuthorizationError,
    BusyLoadingError,
    NoScriptError,
    ReadOnlyError,
    RedisError,
    ResponseError,
)

from cometconn._network.os_errors import os_error_text

from .errors import EngineError
from .redis_address import RedisAddress

__all__ = ["Lane", "Lanes"]

_LEASE_TIMEOUT = 1.0  # seconds
_OURS = contextvars.ContextVar("cometconn's own connection to Redis", default=False)


def _is_not_ours(_record: logging.LogRecord) -> bool:
    """Drop coredis' records about our connections: each failed attempt has a traceback, and becomes an error here."""
    return not _OURS.get()


logging.getLogger("coredis").addFilter(_is_not_ours)


class _Connection(BaseConnection):
    """coredis' connection on a byte stream that is open."""

    def __init__(self, stream: ByteStream, address: RedisAddress) -> None:
        location = UnixDomainSocketLocation(address.path) if address.path else TCPLocation(address.host, address.port)
        super().__init__(
            location,
            username=address.username,
            password=address.password,
            db=address.database,
            client_name="cometconn",
        )
        self._opened = stream

    async def _connect(self) -> ByteStream:
        return self._opened

    def describe(self) -> str:
        return f"<connection to {self.location}>"


async def _open(address: RedisAddress) -> ByteStream:
    if address.path:
        return await anyio.connect_unix(address.path)
    if address.ssl_context is None:
        return await anyio.connect_tcp(address.host, address.port)
    return await anyio.connect_tcp(
        address.host, address.port, ssl_context=address.ssl_context, tls_standard_compatible=False
    )


@attrs.define(eq=False)
class Lane:
    """One connection at a time, opened when it is needed.

    Args:
        address: of Redis.
        timeout: seconds after which a call fails. The connection then counts as lost, as the peer may be gone.
        nursery: in which the connection's tasks run.
    """

    address: RedisAddress
    timeout: float
    nursery: trio.Nursery
    _connection: BaseConnection | None = attrs.field(default=None, init=False)
    _scope: trio.CancelScope = attrs.field(factory=trio.CancelScope, init=False)
    _opening: trio.Lock = attrs.field(factory=trio.Lock, init=False)

    async def run(self, script: str, *arguments: str | bytes) -> Any:
        """Run a Lua script, by its hash if Redis knows it. `arguments[0]` is its key.

        Raises:
            EngineError: its result is unknown, or Redis refuses it.
        """
        digest = sha1(script.encode(), usedforsecurity=False).hexdigest()
        try:
            return await self.command(b"EVALSHA", digest, 1, *arguments)
        except EngineError as error:
            if not isinstance(error.__cause__, NoScriptError):
                raise
        return await self.command(b"EVAL", script, 1, *arguments)

    async def command(self, name: bytes, *arguments: str | bytes | int, wait: float = 0.0) -> Any:
        """Make a command. Raises `EngineError` as `run()` does.

        Args:
            name: of the command.
            arguments: its arguments.
            wait: seconds for which Redis may block. If such a command is cancelled, the connection is closed.
        """
        connection = None
        try:
            with trio.fail_after(self.timeout + wait):
                connection = await self._usable()
                return await connection.create_request(name, *arguments, disconnect_on_cancellation=wait > 0)
        except trio.TooSlowError:
            if connection is not None:
                connection.invalidate()
            message = f"Redis at {self.address} did not respond within {self.timeout + wait:g} s."
            raise EngineError(message) from None
        except (RedisError, OSError, anyio.BrokenResourceError, anyio.EndOfStream) as error:
            if connection is not None and _is_read_only(error):
                connection.invalidate()  # after a failover, the address may be that of the new primary
            raise _engine_error(self.address, error) from error

    def close(self) -> None:
        """Close the connection."""
        self._scope.cancel(reason="the engine's connection was left")

    async def _usable(self) -> BaseConnection:
        """Return the connection. Open one if there is none, or if it was lost."""
        async with self._opening:
            if self._connection is None or not self._connection.usable:
                scope = trio.CancelScope()
                self._connection, self._scope = await self.nursery.start(_run_connection, self.address, scope), scope
            return self._connection


@attrs.define
class _Started:
    """The status that coredis reports an open connection to."""

    _connection: BaseConnection
    _scope: trio.CancelScope
    _status: trio.TaskStatus[BaseConnection]
    is_open: bool = attrs.field(default=False, init=False)

    def started(self, value: None = None) -> None:
        # From now on only `Lane.close()` ends it, so that accounts can be released while everything else is cancelled.
        self.is_open = self._scope.shield = True
        self._status.started(self._connection)


async def _run_connection(
    address: RedisAddress, scope: trio.CancelScope, *, task_status: trio.TaskStatus[BaseConnection]
) -> None:
    """Open a connection, and run it until it is lost. Raises only until it is open, to the task that waits for it."""
    _OURS.set(True)
    with scope:
        connection = _Connection(await _open(address), address)
        started = _Started(connection, scope, task_status)
        try:
            await connection.run(task_status=started)
        except RedisError:
            if not started.is_open:
                await trio.lowlevel.checkpoint_if_cancelled()  # coredis makes a ConnectionError of a Cancelled
                raise


class Lanes:
    """Separate connections, so that a lease waits for nothing else, and writers do not wait for readers.

    Args:
        address: of Redis.
        call_timeout: seconds after which a call fails.
        nursery: in which the tasks run.
    """

    def __init__(self, address: RedisAddress, call_timeout: float, nursery: trio.Nursery) -> None:
        self._address = address
        self._call_timeout = call_timeout
        self._nursery = nursery
        self.leases: Lane = Lane(address, min(_LEASE_TIMEOUT, call_timeout), nursery)
        self.writes: Lane = self._new()
        self.reads: Lane = self._new()
        self._idle: list[Lane] = []
        self._all = [self.leases, self.writes, self.reads]

    def _new(self) -> Lane:
        return Lane(self._address, self._call_timeout, self._nursery)

    async def block(self, wait: float, name: bytes, *arguments: str | bytes | int) -> None:
        """Make a command for which Redis blocks, on a connection of its own."""
        if not self._idle:
            self._idle.append(self._new())
            self._all += self._idle
        lane = self._idle.pop()
        try:
            await lane.command(name, *arguments, wait=wait)
        finally:
            self._idle.append(lane)

    def close(self) -> None:
        """Close all connections."""
        for lane in self._all:
            lane.close()


_REFUSALS: tuple[tuple[type[Exception], str, bool], ...] = (
    (AuthenticationError, "Redis at {} refuses the user name or the password.", False),
    (AuthorizationError, "The Redis user at {} may not do what a fleet needs: see the operations page.", False),
    (BusyLoadingError, "Redis at {} is still loading its data.", True),
)


def _is_read_only(error: Exception) -> bool:
    # Redis 6.2 reports it from inside of a script, as a general error.
    return isinstance(error, ReadOnlyError) or (isinstance(error, ResponseError) and "READONLY" in str(error))


def _engine_error(address: RedisAddress, error: Exception) -> EngineError:
    if _is_read_only(error):
        return EngineError(f"Redis at {address} is a replica: use the address of the primary.")
    for kind, sentence, worth_retrying in _REFUSALS:
        if isinstance(error, kind):
            return EngineError(sentence.format(address), worth_retrying=worth_retrying)
    if isinstance(error, ResponseError):
        return EngineError(f"Redis at {address} refuses a call: {str(error)[:200]}")
    reason = f": {os_error_text(error)}" if isinstance(error, OSError) else ""
    return EngineError(f"Redis at {address} is unreachable{reason}.")
