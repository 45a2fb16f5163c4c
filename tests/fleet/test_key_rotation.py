"""Sessions move to a new key while their owners go on saving, and the operator sees when the old key is not needed."""

from __future__ import annotations

from typing import TYPE_CHECKING

import attrs
import pytest
import trio

from cometconn.fleet import Account, EngineConnection, Incarnation, KeyRing, MemoryEngine
from cometconn.fleet.encrypted_connection import encrypted
from cometconn.fleet.key_ring import UnreadableError
from cometconn.fleet.key_rotation import PLAIN, key_use, rotate_sessions
from cometconn.fleet.values import Append, Claim, Claimed, EntryKind, LogEvent, Save, Saved

from . import engines
from .harness import Line

if TYPE_CHECKING:
    import pathlib

OLD, NEW = b"o" * 32, b"n" * 32
OLD_RING, BOTH, NEW_RING = KeyRing({"old": OLD}), KeyRing({"new": NEW, "old": OLD}), KeyRing({"new": NEW})


async def save(connection: EngineConnection, uid: str, session: bytes) -> Claimed:
    """Own an account, and save its session."""
    worker = Incarnation(f"w-{uid}")
    await connection.administration.add([Account(uid)])
    await connection.lease(worker, 5, joining=True)
    (claimed,) = await connection.claim(worker, [Claim(uid)])
    assert isinstance(claimed, Claimed)
    await connection.save([Save(uid, claimed.word, session, 1)])
    return claimed


@pytest.mark.parametrize("kind", engines.ENGINES)
async def test_sessions_move_to_the_first_key(
    kind: str, tmp_path: pathlib.Path, request: pytest.FixtureRequest
) -> None:
    """Those of living owners, too; what the ring cannot read is left alone; the old key is not needed afterwards."""
    under_test = engines.make(kind, tmp_path, lambda: request.getfixturevalue("redis_server"))
    async with under_test.engine.connect("app") as plain:
        old = await encrypted(plain, OLD_RING, messages=True)
        claims = [await save(old, f"user-{number}", b"session %d" % number) for number in range(300)]
        await save(await encrypted(plain, KeyRing({"lost": NEW}), messages=False), "user-lost", b"?")
        await save(plain, "user-plain", b"plain")
        await old.append(
            [Append("user-7", claims[7].word, 1, (LogEvent(1, b"x"), LogEvent(None, b"h", EntryKind.HOLE)))]
        )
        assert await key_use(old, BOTH) == await key_use(plain, BOTH)
        before = await key_use(old, BOTH, log=True)
        assert (before.sessions, before.unreadable) == ({"old": 300, "lost": 1, PLAIN: 1}, 2)
        assert before.entries == {"old": 1}
        assert await rotate_sessions(old, BOTH) == 300
        assert await rotate_sessions(old, BOTH) == 0
        after = await key_use(plain, NEW_RING, log=True)
        assert (after.sessions, after.unreadable) == ({"new": 300, "lost": 1, PLAIN: 1}, 2)
        assert after.needs("old")  # the log does
        assert not attrs.evolve(after, entries=None).needs("old")
        sessions = await plain.administration.sessions(["user-7", "user-8"])
        assert NEW_RING.decrypt_session(sessions["user-7"], "app", "user-7") == b"session 7"
        with pytest.raises(UnreadableError):
            NEW_RING.decrypt_session(sessions["user-7"], "app", "user-8")
        assert await rotate_sessions(plain, BOTH, plain=True) == 1
        (plain_session,) = (await plain.administration.sessions(["user-plain"])).values()
        assert NEW_RING.decrypt_session(plain_session, "app", "user-plain") == b"plain"
        # An owner that has the old ring goes on with its next revision, and the new owner reads what it saved.
        assert await old.save([Save("user-7", claims[7].word, b"next", 2)]) == (Saved("user-7", 2),)
        assert (await key_use(plain, BOTH)).needs("old")
        assert await rotate_sessions(plain, BOTH) == 1


async def test_an_owner_that_saves_meanwhile_wins(autojump_clock: trio.testing.MockClock) -> None:
    """Between the read and the replacement: the newer session stays, and is rotated itself."""
    engine = MemoryEngine()
    async with engine.connect("app") as plain:
        old = await encrypted(plain, OLD_RING, messages=False)
        claimed = await save(old, "amy", b"first")
        line = Line(engine, hanging={"replace_sessions"})
        async with line.connect("app") as slow, trio.open_nursery() as nursery:
            nursery.start_soon(rotate_sessions, slow, BOTH)
            await trio.testing.wait_all_tasks_blocked()
            assert line.calls["replace_sessions"] == 1
            await old.save([Save("amy", claimed.word, b"second", 2)])
            line.hanging.clear()
        assert line.calls["replace_sessions"] == 2
        (session,) = (await plain.administration.sessions(["amy"])).values()
        assert NEW_RING.decrypt_session(session, "app", "amy") == b"second"


async def test_a_lost_answer_is_found_out(autojump_clock: trio.testing.MockClock) -> None:
    """A call that was made and failed all the same is repeated; nothing is encrypted twice or lost."""
    engine = MemoryEngine()
    async with engine.connect("app") as plain:
        await save(await encrypted(plain, OLD_RING, messages=False), "amy", b"first")
        line = Line(engine, unanswered={"replace_sessions"})
        async with line.connect("app") as failing:
            with pytest.raises(Exception, match="answer was lost"):
                await rotate_sessions(failing, BOTH)
            line.unanswered.clear()
            assert await rotate_sessions(failing, BOTH) == 0
        assert (await key_use(plain, NEW_RING)).sessions == {"new": 1}
        (session,) = (await plain.administration.sessions(["amy"])).values()
        assert NEW_RING.decrypt_session(session, "app", "amy") == b"first"
