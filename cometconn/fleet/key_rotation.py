"""Moves the saved sessions of a fleet to the first key of a ring, so that an older key can be removed."""

from __future__ import annotations

import collections
import logging
from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import aclosing

import attrs

from cometconn._arguments import checked

from .encrypted_connection import without_keys
from .engine import EngineConnection
from .key_ring import KeyRing, UnreadableError, key_id_of
from .values import EntryKind, Read, SessionReplacement

__all__ = ["PLAIN", "KeyUse", "key_use", "rotate_sessions"]

PLAIN = ""
"""Stands for no key: what is not encrypted."""

_LOG = logging.getLogger("cometconn.fleet")
_MOST = 256  # sessions in one call
_MOST_ENTRIES = 1000  # of the log in one call
_TRIES = 5  # for a session that its owner saves at the same time


@attrs.frozen(kw_only=True)
class KeyUse:
    """Which keys the engine's data needs.

    Attributes:
        sessions: for each key id, how many saved sessions are encrypted with it. `PLAIN` is the id of those that are not
            encrypted.
        unreadable: how many sessions workers with these keys cannot read: their key is not in the ring, they were changed, or
            they are not encrypted. Their accounts need a new login when they are claimed the next time.
        entries: for each key id, how many entries of the log are encrypted with it; `PLAIN` as before. Holes are not
            counted. `None` if the log was not read.
    """

    sessions: Mapping[str, int]
    unreadable: int
    entries: Mapping[str, int] | None = None

    def needs(self, key_id: str) -> bool:
        """Return whether a session or entry is still encrypted with a key, so that it may not be removed yet."""
        return bool(self.sessions.get(key_id) or (self.entries or {}).get(key_id))


@checked
async def key_use(connection: EngineConnection, keys: KeyRing | None, *, log: bool = False) -> KeyUse:
    """Count the sessions, and with *log* the entries of the log, by the keys with which they are encrypted.

    Args:
        connection: to the engine, with keys or without.
        keys: the ring; `None`: of a fleet without keys, in which only sessions that are not encrypted can be read.
        log: read the whole log, too. Needed if messages are encrypted; takes about 20 us of CPU an entry.

    Raises:
        EngineError: the engine is unreachable. Call again.

    If cancelled, nothing has changed.
    """
    sessions: collections.Counter[str] = collections.Counter()
    unreadable = 0
    async with aclosing(_sessions(connection)) as batches:
        async for batch in batches:
            for uid, session in batch.items():
                sessions[key_id_of(session) or PLAIN] += 1
                unreadable += not _is_readable(keys, connection.app_id, uid, session)
    return KeyUse(sessions=sessions, unreadable=unreadable, entries=await _entries(connection) if log else None)


@checked
async def rotate_sessions(connection: EngineConnection, keys: KeyRing, *, plain: bool = False) -> int:
    """Encrypt every saved session with the first key of the ring.

    It needs no ownership and disturbs no worker. Each session is replaced only if it is still the one that was read, in
    one step, and keeps its revision: a save of its owner wins, before or after. So do it while the fleet runs, after all
    workers have the new key in front; a worker that still has the old ring saves with the old key. `key_use()` then shows
    what is left.

    Args:
        connection: to the engine, with keys or without.
        keys: the ring. Its first key encrypts.
        plain: encrypt also the sessions that are not encrypted. For a fleet that had no keys so far. Otherwise leave it out:
            such a session may come from a program that can write to the engine and does not know the keys.

    Returns:
        how many sessions were encrypted anew.

    Raises:
        EngineError: the engine is unreachable. Call again: what has the first key already is left alone.

    If cancelled, some sessions have the new key and the others their old one.
    """
    rotated = 0
    async with aclosing(_sessions(connection)) as batches:
        async for batch in batches:
            left: Mapping[str, bytes] = batch
            for _ in range(_TRIES):
                made = _replacements(keys, connection.app_id, left, plain=plain)
                if not made:
                    break
                done = await connection.administration.replace_sessions(made)
                rotated += sum(done)
                # Saved meanwhile, or replaced by a call whose result was lost.
                changed = [each.account for each, was_replaced in zip(made, done, strict=True) if not was_replaced]
                left = await connection.administration.sessions(changed)
    return rotated


def _replacements(
    keys: KeyRing, app_id: str, sessions: Mapping[str, bytes], *, plain: bool
) -> Sequence[SessionReplacement]:
    made = []
    for uid, session in sessions.items():
        key_id = key_id_of(session)
        if key_id == keys.first or (key_id is None and not plain):
            continue
        opened = _opened(keys, app_id, uid, session)
        if opened is None:
            _LOG.warning("The saved session of %r cannot be decrypted with these keys, and is left as it is.", uid)
            continue
        made.append(SessionReplacement(uid, session, keys.encrypt_session(opened, app_id, uid)))
    return made


def _is_readable(keys: KeyRing | None, app_id: str, uid: str, session: bytes) -> bool:
    """Return whether a worker with these keys can read a session."""
    if keys is None or key_id_of(session) is None:
        return keys is None and key_id_of(session) is None
    return _opened(keys, app_id, uid, session) is not None


def _opened(keys: KeyRing, app_id: str, uid: str, session: bytes) -> bytes | None:
    """Return a session decrypted, or as it is if it is not encrypted; `None` if it cannot be decrypted."""
    if key_id_of(session) is None:
        return session
    try:
        return keys.decrypt_session(session, app_id, uid)
    except UnreadableError:
        return None


async def _sessions(connection: EngineConnection) -> AsyncGenerator[Mapping[str, bytes], None]:
    """Yield the saved sessions of all accounts, in batches."""
    administration = connection.administration
    uids = [change.uid for change in (await administration.accounts()).changes]
    for start in range(0, len(uids), _MOST):
        yield await administration.sessions(uids[start : start + _MOST])


async def _entries(connection: EngineConnection) -> collections.Counter[str]:
    """Count the entries of the whole log by their keys."""
    found: collections.Counter[str] = collections.Counter()
    for partition in range(connection.partitions):
        cursor: str | None = ""
        while cursor is not None:
            (result,) = await without_keys(connection).read([Read(partition, cursor, _MOST_ENTRIES)])
            found.update(key_id_of(entry.body) or PLAIN for entry in result.entries if entry.kind is not EntryKind.HOLE)
            cursor = result.entries[-1].cursor if result.entries else None
    return found
