"""`cometconn fleet keys rotate`: what it prints, and when it lets an operator remove a key."""

from __future__ import annotations

import base64
import json
import pathlib

import pytest

from cometconn.cli.fleet.engine_options import EngineOptions
from cometconn.cli.fleet.keys import rotate
from cometconn.errors import SettingsError
from cometconn.fleet import Account, Incarnation, KeyRing, SQLiteEngine
from cometconn.fleet.values import Append, Claim, Claimed, LogEvent, Save

OLD, NEW = b"o" * 32, b"n" * 32


def options(folder: pathlib.Path, **keys: bytes) -> EngineOptions:
    """The options with a file of keys."""
    lines = [f"{key_id}:{base64.b64encode(key).decode()}" for key_id, key in keys.items()]
    (folder / "keys").write_text("\n".join(lines))
    return EngineOptions(app_id="APP", engine=str(folder / "fleet.db"), keys=folder / "keys")


async def fill(folder: pathlib.Path, keys: KeyRing | None, *uids: str, messages: bool = False) -> None:
    """Save a session of each account, and append a message of each."""
    async with SQLiteEngine(folder / "fleet.db", keys=keys, encrypt_messages=messages).connect("APP") as connection:
        worker = Incarnation(f"w-{uids[0]}")
        await connection.lease(worker, 60.0, joining=True)
        await connection.administration.add([Account(uid) for uid in uids])
        for claimed in await connection.claim(worker, [Claim(uid) for uid in uids]):
            assert isinstance(claimed, Claimed)
            await connection.save([Save(claimed.key, claimed.word, b"{}", 1)])
            await connection.append([Append(claimed.key, claimed.word, 1, (LogEvent(1, b"{}"),))])


async def test_a_rotation(tmp_path: pathlib.Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A dry run changes nothing; then the old key is needed by no session, but by the log until that is trimmed."""
    await fill(tmp_path, KeyRing({"old": OLD}), "amy", "bob", messages=True)
    both = options(tmp_path, new=NEW, old=OLD)
    await rotate(both, plain=False, dry_run=True, as_json=False)
    assert capsys.readouterr().out.splitlines() == [
        "0 of 2 sessions have the first key.",
        "Keep old: 2 sessions and 2 entries of the log need it.",
    ]
    await rotate(both, plain=False, dry_run=False, as_json=False)
    assert capsys.readouterr().out.splitlines() == [
        "2 sessions were encrypted anew, with new.",
        "2 of 2 sessions have the first key.",
        "Keep old: 0 sessions and 2 entries of the log need it.",
    ]
    async with SQLiteEngine(tmp_path / "fleet.db").connect("APP") as connection:
        assert await connection.administration.trim(0) == 2
    await rotate(both, plain=False, dry_run=False, as_json=False)
    assert capsys.readouterr().out.splitlines()[-1] == "old is not needed any more: remove it from all rings."
    await rotate(both, plain=False, dry_run=True, as_json=True)
    assert json.loads(capsys.readouterr().out) == {
        "first": "new",
        "rotated": 0,
        "sessions": {"new": 2},
        "unreadable": 0,
        "entries": {},
        "removable": ["old"],
    }


async def test_sessions_that_are_not_encrypted(tmp_path: pathlib.Path, capsys: pytest.CaptureFixture[str]) -> None:
    """They are left alone, unless --plain is given; those of an unknown key are left in any case."""
    await fill(tmp_path, None, "amy")
    await fill(tmp_path, KeyRing({"lost": OLD}), "bob")
    new = options(tmp_path, new=NEW)
    await rotate(new, plain=False, dry_run=False, as_json=False)
    assert capsys.readouterr().out.splitlines()[1:] == [
        "0 of 2 sessions have the first key.",
        "1 sessions are not encrypted: --plain encrypts them.",
        "1 sessions cannot be decrypted with these keys: their accounts have to log in again.",
    ]
    await rotate(new, plain=True, dry_run=False, as_json=False)
    assert capsys.readouterr().out.splitlines() == [
        "1 sessions were encrypted anew, with new.",
        "1 of 2 sessions have the first key.",
        "1 sessions cannot be decrypted with these keys: their accounts have to log in again.",
    ]


async def test_without_keys(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The error names the option."""
    monkeypatch.delenv("COMETCONN_FLEET_KEYS", raising=False)
    with pytest.raises(SettingsError, match="needs --keys"):
        await rotate(EngineOptions(app_id="APP", engine="x"), plain=False, dry_run=False, as_json=False)
