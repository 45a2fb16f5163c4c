"""An engine with keys keeps no session in plain text, and messages neither if it is told so."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING

import pytest

from cometconn.fleet import Account, EngineConnection, EngineError, Incarnation, KeyRing, SQLiteEngine
from cometconn.fleet.values import Append, Claim, Claimed, EntryKind, LogEvent, Read, Release, Save, partition_of

if TYPE_CHECKING:
    import pathlib

RING = KeyRing({"k1": b"k" * 32})
SESSION, BODY, HOLE = b'{"auth_token": "secret"}', b'{"text": "hello"}', b'{"since": 1}'


async def claim(connection: EngineConnection, uid: str = "amy") -> Claimed:
    """Join as a new worker, and own an account."""
    worker = Incarnation(f"w-{uid}")
    await connection.administration.add([Account(uid)])
    await connection.lease(worker, 5, joining=True)
    (claimed,) = await connection.claim(worker, [Claim(uid)])
    assert isinstance(claimed, Claimed)
    return claimed


async def write(connection: EngineConnection) -> Claimed:
    """Save a session and append three events."""
    claimed = await claim(connection)
    await connection.save([Save("amy", claimed.word, SESSION, 1)])
    events = (LogEvent(1, BODY), LogEvent(None, HOLE, EntryKind.HOLE), LogEvent(2, None))
    await connection.append([Append("amy", claimed.word, 1, events)])
    return claimed


async def bodies(connection: EngineConnection) -> list[bytes]:
    """Return what is in the log of the account."""
    (result,) = await connection.read([Read(partition_of("amy", connection.partitions))])
    return [entry.body for entry in result.entries]


def stored(path: pathlib.Path) -> tuple[bytes, list[bytes]]:
    """Return what is in the file: the session, and the bodies."""
    with closing(sqlite3.connect(path)) as database:
        (session,) = database.execute("SELECT session FROM written").fetchone()
        return session, [body for (body,) in database.execute("SELECT body FROM log ORDER BY number")]


@pytest.mark.parametrize("messages", [False, True])
async def test_what_the_engine_keeps(tmp_path: pathlib.Path, messages: bool) -> None:
    """Sessions are encrypted, messages if wanted, holes never; the caller sees plain text. The ring may be fetched."""

    async def fetch() -> KeyRing:
        return RING

    engine = SQLiteEngine(tmp_path / "fleet.db", keys=fetch, encrypt_messages=messages)
    async with engine.connect("app") as connection:
        claimed = await write(connection)
        assert await bodies(connection) == [BODY, HOLE]
        (again,) = await connection.claim(claimed.word.incarnation, [Claim("amy", claimed.word.nonce)])
        assert isinstance(again, Claimed)
        assert again.session == SESSION
        await connection.save([Save("amy", claimed.word, None, 2)])
        (again,) = await connection.claim(claimed.word.incarnation, [Claim("amy", claimed.word.nonce)])
        assert isinstance(again, Claimed)
        assert again.session is None
        await connection.save([Save("amy", claimed.word, SESSION, 3)])
    session, (body, hole) = stored(tmp_path / "fleet.db")
    assert b"secret" not in session
    assert RING.decrypt(session, "cometconn.fleet", "session", "app", "amy") == SESSION
    assert (body != BODY, hole) == (messages, HOLE)
    assert not messages or RING.decrypt(body, "cometconn.fleet", "message", "app", "amy") == BODY


async def test_an_unreadable_session_needs_a_login(tmp_path: pathlib.Path, caplog: pytest.LogCaptureFixture) -> None:
    """If its key is not in the ring, if it is another account's, or if it is not encrypted. It is never an error."""
    path = tmp_path / "fleet.db"
    async with SQLiteEngine(path, keys=RING).connect("app") as connection:
        claimed = await write(connection)
        eve = await claim(connection, "eve")
        with closing(sqlite3.connect(path)) as database, database:
            database.execute(
                "UPDATE written SET session = (SELECT session FROM written WHERE uid = 'amy') WHERE uid = 'eve'"
            )
        (moved,) = await connection.claim(eve.word.incarnation, [Claim("eve", eve.word.nonce)])
        assert isinstance(moved, Claimed)
        assert moved.session is None
        assert "another account" in caplog.text
        with closing(sqlite3.connect(path)) as database, database:
            database.execute("UPDATE written SET session = ?", (SESSION,))
        (plain,) = await connection.claim(claimed.word.incarnation, [Claim("amy", claimed.word.nonce)])
        assert isinstance(plain, Claimed)
        assert plain.session is None
        assert "not encrypted" in caplog.text
        assert "secret" not in caplog.text
        await connection.save([Save("amy", claimed.word, SESSION, 2)])
        await connection.release([Release("amy", claimed.word)])
    async with SQLiteEngine(path, keys=KeyRing({"k2": b"k" * 32})).connect("app") as connection:
        other = Incarnation("w2")
        await connection.lease(other, 5, joining=True)
        (unknown,) = await connection.claim(other, [Claim("amy")])
        assert isinstance(unknown, Claimed)
        assert unknown.session is None
        assert "'k1' is not in the ring" in caplog.text


async def test_an_unreadable_entry_is_an_error(tmp_path: pathlib.Path) -> None:
    """A consumer must not pass it."""
    path = tmp_path / "fleet.db"
    async with SQLiteEngine(path, keys=RING, encrypt_messages=True).connect("app") as connection:
        await write(connection)
    async with SQLiteEngine(path, keys=KeyRing({"k2": b"k" * 32}), encrypt_messages=True).connect("app") as connection:
        with pytest.raises(EngineError, match="'amy'") as caught:
            await bodies(connection)
        assert not caught.value.worth_retrying
