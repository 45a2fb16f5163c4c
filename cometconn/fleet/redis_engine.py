"""The engine of many machines: Redis or Valkey."""

from __future__ import annotations

import re
import ssl
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, final

import attrs
import trio

from cometconn._arguments import checked
from cometconn._groups import async_block, open_nursery
from cometconn.errors import SettingsError

from .checks import DEFAULT_PARTITIONS, check_arguments, check_call_timeout, check_fleet
from .encrypted_connection import Keys, encrypted
from .engine import EngineConnection
from .errors import EngineError
from .redis_address import RedisAddress
from .redis_scripts import META
from .values import new_nonce

if TYPE_CHECKING:
    from .redis_lanes import Lane

__all__ = ["RedisEngine"]

_NAMESPACE = re.compile(r"[A-Za-z0-9._-]{1,64}")
_OLDEST = (6, 2)


@final
@checked
class RedisEngine:
    """Keeps a fleet in Redis (6.2 or newer) or Valkey: for any number of machines. Needs `pip install cometconn[fleet]`.

    All keys begin with `{namespace}:`, so that a cluster keeps them on one node. Redis may forget what it acknowledged, after
    a failover or a power cut: the workers notice, and fetch what is missing from CometChat. It must never evict keys.

    The URL is `redis://`, `rediss://` (TLS) or `unix://`, each with `[username:][password@]`, percent-encoded; then host and
    port with `/database`, or the path of the socket with `?db=`. Unencrypted connections are refused, but to this
    machine: sessions and messages pass them.

    Args:
        url: where Redis is.
        namespace: 1 to 64 letters, digits, `.`, `_` and `-`. Fleets in one Redis need different ones.
        ssl_context: for `rediss://`. By default the system's certificates are trusted.
        allow_insecure: allow `redis://` to other machines.
        keys: encrypt sessions with them: a `KeyRing`, or an async function that returns one. Without keys, sessions are
            readable for all that can read Redis.
        encrypt_messages: encrypt the bodies of messages and signals, too. For new fleets only: what is in the log already
            would be unreadable.
        call_timeout: seconds after which a call raises `EngineError`, more than 0. Leases are renewed with 1 s at most, so that
            a connection whose peer is gone is replaced before the lease is over.

    Raises:
        SettingsError: an argument is invalid.
    """

    def __init__(
        self,
        url: str,
        *,
        namespace: str = "cometconn",
        ssl_context: ssl.SSLContext | None = None,
        allow_insecure: bool = False,
        keys: Keys | None = None,
        encrypt_messages: bool = False,
        call_timeout: float = 5.0,
    ) -> None:
        check_call_timeout(call_timeout)
        if not _NAMESPACE.fullmatch(namespace):
            message = "`namespace` must have 1 to 64 characters, each a letter, a digit, '.', '_' or '-'."
            raise SettingsError(message)
        self._address = RedisAddress.from_url(url, allow_insecure=allow_insecure, ssl_context=ssl_context)
        self._namespace = namespace
        self._keys, self._encrypt_messages = keys, encrypt_messages
        self._call_timeout = call_timeout

    def __repr__(self) -> str:
        return f"RedisEngine({str(self._address)!r}, namespace={self._namespace!r})"

    @async_block("engine.connect", "connection")
    @asynccontextmanager
    async def connect(self, app_id: str, *, partitions: int | None = None) -> AsyncGenerator[EngineConnection, None]:
        """Give a connection. See `Engine.connect`. Its calls work until the block is left, also in a shielded scope.

        The first call of a process imports coredis, which holds the event loop for about a second.
        """
        check_arguments(app_id, partitions)
        try:
            # An extra, and slow to import.
            from .redis_connection import RedisConnection  # noqa: PLC0415
            from .redis_lanes import Lanes  # noqa: PLC0415
        except ImportError as error:
            message = "RedisEngine needs coredis: run `pip install cometconn[fleet]`."
            raise EngineError(message, worth_retrying=False) from error
        address = self._address
        if address.is_encrypted and address.ssl_context is None:
            address = attrs.evolve(address, ssl_context=await trio.to_thread.run_sync(ssl.create_default_context))
        prefix = f"{{{self._namespace}}}:"
        async with open_nursery() as nursery:
            lanes = Lanes(address, self._call_timeout, nursery)
            try:
                await _check_server(lanes.writes, address)
                known_app, count = await lanes.writes.run(
                    META, prefix, app_id, str(partitions or ""), str(DEFAULT_PARTITIONS), new_nonce()
                )
                check_fleet(known_app.decode(), int(count), app_id, partitions)
                connection = RedisConnection(lanes, prefix, app_id, int(count))
                yield await encrypted(connection, self._keys, messages=self._encrypt_messages)
            finally:
                lanes.close()


async def _check_server(lane: Lane, address: RedisAddress) -> None:
    """Raise `EngineError` if the server is too old, would lose keys, or cannot be written to."""
    lines = (await lane.command(b"INFO")).decode(errors="replace").splitlines()
    info = dict(line.split(":", 1) for line in lines if ":" in line)
    version = info.get("redis_version", "0")
    refusal = None
    if tuple(int(part) for part in re.findall(r"\d+", version)[:2]) < _OLDEST:
        refusal = f"is version {version}: a fleet needs 6.2 or newer, or Valkey"
    elif info.get("maxmemory_policy", "").startswith("allkeys-"):
        refusal = f"evicts keys ({info['maxmemory_policy']}): set `maxmemory-policy noeviction`"
    elif info.get("role") == "slave":
        refusal = "is a replica: use the address of the primary"
    if refusal is not None:
        message = f"Redis at {address} {refusal}."
        raise EngineError(message, code="UNFIT_SERVER", worth_retrying=False)
