"""A connection to an engine that encrypts what it keeps."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Sequence
from typing import TypeAlias

import attrs

from .engine import EngineAdministration, EngineConnection
from .errors import EngineError
from .gcra import Rate
from .key_ring import KeyRing, UnreadableError
from .values import (
    Ack,
    Acked,
    Append,
    AppendResult,
    Claim,
    Claimed,
    ClaimResult,
    EntryKind,
    Fenced,
    Incarnation,
    LeaseGrant,
    LogEntry,
    LogEvent,
    Read,
    ReadResult,
    Release,
    Save,
    Saved,
)

__all__ = ["EncryptedConnection", "Keys", "encrypted", "without_keys"]

Keys: TypeAlias = KeyRing | Callable[[], Awaitable[KeyRing]]
"""A ring, or an async function that fetches it, for example from a key management service."""

_LOG = logging.getLogger("cometconn")
_FLEET = "cometconn.fleet"


async def encrypted(connection: EngineConnection, keys: Keys | None, *, messages: bool) -> EngineConnection:
    """Return a connection that encrypts with these keys; the same connection without keys."""
    if keys is None:
        return connection
    return EncryptedConnection(connection, keys if isinstance(keys, KeyRing) else await keys(), messages=messages)


def without_keys(connection: EngineConnection) -> EngineConnection:
    """Return a connection that shows what the engine keeps, not decrypted."""
    return connection._connection if isinstance(connection, EncryptedConnection) else connection  # noqa: SLF001 - ours


class EncryptedConnection:
    """Encrypts sessions, and the bodies of events if wanted, each bound to its app and account.

    Args:
        connection: to the engine.
        keys: the ring.
        messages: whether to encrypt the bodies of messages and signals, too. Holes are not encrypted.
    """

    def __init__(self, connection: EngineConnection, keys: KeyRing, *, messages: bool) -> None:
        self._connection = connection
        self._keys = keys
        self._messages = messages
        self.app_id: str = connection.app_id
        self.partitions: int = connection.partitions
        self.administration: EngineAdministration = connection.administration

    async def lease(
        self, incarnation: Incarnation, ttl: float, *, joining: bool = False, draining: bool = False, info: str = ""
    ) -> LeaseGrant:
        return await self._connection.lease(incarnation, ttl, joining=joining, draining=draining, info=info)

    async def release(self, releases: Sequence[Release]) -> tuple[Fenced | None, ...]:
        return await self._connection.release(releases)

    async def admit(self, rate: Rate, *, throttled: bool = False) -> float:
        return await self._connection.admit(rate, throttled=throttled)

    async def ack(self, acks: Sequence[Ack]) -> tuple[Acked | Fenced, ...]:
        return await self._connection.ack(acks)

    async def claim(self, incarnation: Incarnation, claims: Sequence[Claim]) -> tuple[ClaimResult, ...]:
        return tuple(map(self._claimed, await self._connection.claim(incarnation, claims)))

    def _claimed(self, result: ClaimResult) -> ClaimResult:
        if not isinstance(result, Claimed) or result.session is None:
            return result
        try:
            session = self._keys.decrypt_session(result.session, self.app_id, result.key)
        except UnreadableError as error:
            _LOG.warning(
                "The saved session of %r cannot be decrypted, so a new login is needed: %s.", result.key, error
            )
            return attrs.evolve(result, session=None)
        return attrs.evolve(result, session=session)

    async def save(self, saves: Sequence[Save]) -> tuple[Saved | Fenced, ...]:
        return await self._connection.save([self._saved(save) for save in saves])

    def _saved(self, save: Save) -> Save:
        if save.session is None:
            return save
        session = self._keys.encrypt_session(save.session, self.app_id, save.account)
        return attrs.evolve(save, session=session)

    async def append(self, appends: Sequence[Append]) -> tuple[AppendResult, ...]:
        if self._messages:
            appends = [
                attrs.evolve(each, events=tuple(self._event(each.account, e) for e in each.events)) for each in appends
            ]
        return await self._connection.append(appends)

    def _event(self, uid: str, event: LogEvent) -> LogEvent:
        if event.body is None or event.kind is EntryKind.HOLE:
            return event
        return attrs.evolve(event, body=self._keys.encrypt(event.body, _FLEET, "message", self.app_id, uid))

    async def read(self, reads: Sequence[Read], *, wait: float = 0.0) -> tuple[ReadResult, ...]:
        results = await self._connection.read(reads, wait=wait)
        if not self._messages:
            return results
        return tuple(attrs.evolve(each, entries=tuple(map(self._entry, each.entries))) for each in results)

    def _entry(self, entry: LogEntry) -> LogEntry:
        if entry.kind is EntryKind.HOLE:
            return entry
        try:
            body = self._keys.decrypt(entry.body, _FLEET, "message", self.app_id, entry.account)
        except UnreadableError as error:
            message = f"An entry of {entry.account!r} cannot be decrypted: {error}."
            raise EngineError(message, code="UNREADABLE_ENTRY", worth_retrying=False) from error
        return attrs.evolve(entry, body=body)
