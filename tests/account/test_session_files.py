"""The files of a session: one client at a time, whatever happens to the lock file; the position has its own file."""

from __future__ import annotations

import logging
import os
import pathlib
import stat
import subprocess
import sys

import attrs
import pytest

from cometconn import FileStore
from cometconn._account.session import Session
from cometconn.errors import StoreError
from cometconn.stores import SavedPosition, SavedSession

SESSION = Session("APP", "zed-1", "A-TOKEN", "A-JWT", {"uid": "zed-1"})
POSITION = SavedPosition("APP", "zed-1", 1_700_000_000.5, 7, (9, 12))
POSIX = pytest.mark.skipif(os.name != "posix", reason="an open file cannot be removed there")


@pytest.fixture
def path(tmp_path: pathlib.Path) -> pathlib.Path:
    """The session file."""
    folder = tmp_path / "state"
    folder.mkdir(mode=0o700)
    return folder / "session.json"


async def logged_in(path: pathlib.Path) -> FileStore:
    """Return an open store with a session and a position."""
    store = FileStore(path)
    await store.save(attrs.evolve(await store.load("APP"), session=SESSION))
    await store.save_position(POSITION, durable=True)
    return store


@pytest.mark.parametrize("durable", [False, True])
async def test_the_position_has_a_file_of_its_own(path: pathlib.Path, durable: bool) -> None:
    """It is read again, only its owner can read it, and saving it does not change the session file, inode included."""
    store = FileStore(path)
    await store.save(attrs.evolve(await store.load("APP"), session=SESSION))
    before = path.stat()
    await store.save_position(POSITION, durable=durable)
    assert path.stat() == before
    beside = path.with_name("session.json.position")
    assert beside.stat().st_mode & 0o777 == 0o600
    assert "TOKEN" not in beside.read_text()
    await store.aclose()
    await store.load("APP")
    assert await store.load_position() == POSITION
    await store.forget()
    assert await store.load_position() is None
    assert not beside.exists()
    await store.aclose()


async def test_a_power_cut_leaves_no_empty_position(path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The content is synced before the rename, whether the position is durable or not; the folder only if it is."""
    store, fsync, replace = await logged_in(path), os.fsync, os.replace
    done: list[str] = []

    def synced(descriptor: int) -> None:
        fsync(descriptor)
        done.append("folder" if stat.S_ISDIR(os.fstat(descriptor).st_mode) else "file")

    def replaced(old: str, new: str) -> None:
        replace(old, new)
        done.append("rename")

    monkeypatch.setattr(os, "fsync", synced)
    monkeypatch.setattr(os, "replace", replaced)
    await store.save_position(POSITION, durable=False)
    assert done == ["file", "rename"]
    await store.save_position(POSITION, durable=True)
    assert done[2:] == (["file", "rename", "folder"] if os.name == "posix" else ["file", "rename"])
    await store.aclose()


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\x00" * 100,
        b"\xff",
        b"[]",
        b"[" * 50_000,
        b"x" * 70_000,
        attrs.evolve(POSITION, app_id="OTHER").to_text().encode(),
        attrs.evolve(POSITION, since=-1e12).to_text().encode(),
        attrs.evolve(POSITION, since=float("nan")).to_text().encode(),
        attrs.evolve(POSITION, message_id=-1).to_text().encode(),
        POSITION.to_text().replace("[9, 12]", "[true]").encode(),
        attrs.evolve(POSITION, acknowledged=tuple(range(1025))).to_text().encode(),
        POSITION.to_text().replace('"schema": 1', '"schema": 2').encode(),
    ],
    ids=range(13),
)
async def test_an_invalid_position_is_moved_aside(
    path: pathlib.Path, content: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    """An invalid position is kept under a new name, and a WARNING is logged; there is no position, and the session stays."""
    await (await logged_in(path)).aclose()
    path.with_name("session.json.position").write_bytes(content)
    store = FileStore(path)
    assert (await store.load("APP")).session == SESSION
    with caplog.at_level(logging.WARNING, "cometconn"):
        assert await store.load_position() is None
    await store.aclose()
    (kept,) = path.parent.glob("session.json.position.unreadable-*")
    assert kept.read_bytes() == content
    assert str(kept) in caplog.text


@POSIX
async def test_a_removed_lock_file_lets_no_second_client_of_this_process_in(path: pathlib.Path) -> None:
    """A second client is refused, with a saved session or without; the next write creates the lock file again."""
    lock = path.with_name("session.json.lock")
    store = FileStore(path)
    saved = await store.load("APP")
    lock.unlink()
    with pytest.raises(StoreError, match="in use by another client"):
        await FileStore(path).load("APP")
    await store.save(attrs.evolve(saved, session=SESSION))
    assert lock.exists()
    lock.unlink()
    with pytest.raises(StoreError, match="in use by another client"):
        await FileStore(path).load("APP")
    await store.aclose()


LOAD = """
import sys, trio, cometconn
async def main():
    try:
        store = cometconn.FileStore(sys.argv[1])
        await store.load("APP")
    except cometconn.errors.StoreError as error:
        print(error.code)
    else:
        print("in")
trio.run(main)
"""


def load_elsewhere(path: pathlib.Path) -> str:
    """Load in another process, and return its output."""
    done = subprocess.run(
        [sys.executable, "-c", LOAD, str(path)], capture_output=True, text=True, check=True, timeout=120
    )
    return done.stdout.strip()


@POSIX
async def test_a_removed_lock_file_lets_no_other_process_in(path: pathlib.Path) -> None:
    """Another process is refused, because the session file is locked, too, and each new one that replaces it."""
    store = await logged_in(path)
    for _ in range(2):
        path.with_name("session.json.lock").unlink()
        assert load_elsewhere(path) == "STORE_IN_USE"
        await store.save(SavedSession("APP", "another device", SESSION))
    await store.aclose()
    path.with_name("session.json.lock").unlink()
    assert load_elsewhere(path) == "in"


@POSIX
async def test_nothing_is_written_without_the_lock(path: pathlib.Path) -> None:
    """If another process could take the lock before this client created it again, this client writes nothing any more."""
    store = FileStore(path)
    saved = await store.load("APP")  # nothing is saved yet: there is no session file to lock
    path.with_name("session.json.lock").unlink()
    program = LOAD.replace('print("in")', 'print("in", flush=True); await trio.sleep(60)')
    other = subprocess.Popen([sys.executable, "-c", program, str(path)], stdout=subprocess.PIPE, text=True)
    try:
        assert other.stdout is not None
        assert other.stdout.readline() == "in\n"
        with pytest.raises(StoreError, match="in use by another client"):
            await store.save(attrs.evolve(saved, session=SESSION))
        assert not path.exists()
    finally:
        other.kill()
        other.wait()
        other.stdout.close()
    await store.aclose()


async def test_the_unfinished_files_of_others_stay(path: pathlib.Path) -> None:
    """Only our own leftovers are removed, because a store with a similar name may be writing in the same folder."""
    ours = [".session.json.abcd_123.saving", ".session.json.position.abcd_123.saving"]
    others = [".session.json.bak.abcd_123.saving", ".session.jsonx.abcd_123.saving", ".session.abcd_123.saving"]
    for name in ours + others:
        (path.parent / name).write_text("half")
    store = FileStore(path)
    await store.load("APP")
    await store.aclose()
    assert sorted(file.name for file in path.parent.iterdir()) == sorted([*others, "session.json.lock"])


V1 = (
    '{"schema": 1, "app_id": "APP", "device_id": "APP_d_1", "session": {"uid": "zed-1", "auth_token": "A-TOKEN", '
    '"jwt": "A-JWT", "user": {"uid": "zed-1"}, "settings": {}, "last_message_id": 41, "last_seen_at": 1700000000.25}}'
)
V1_LOGGED_OUT = '{"schema": 1, "app_id": "APP", "device_id": "APP_d_1", "session": null}'
V2 = (
    '{"schema": 2, "app_id": "APP", "device_id": "APP_d_1", "session": {"uid": "zed-1", "auth_token": "A-TOKEN", '
    '"jwt": "A-JWT", "user": {"uid": "zed-1"}, "settings": {}}}'
)
P1 = '{"schema": 1, "app_id": "APP", "uid": "zed-1", "since": 1700000000.5, "message_id": 7, "acknowledged": [9, 12]}'


async def test_the_text_form_of_version_0_1_0_is_read(path: pathlib.Path) -> None:
    """Its last message is the first position, which is on the disk before the session is saved in the new form."""
    path.write_text(V1)
    store = FileStore(path)
    saved = await store.load("APP")
    assert saved == SavedSession("APP", "APP_d_1", SESSION)
    assert await store.load_position() == SavedPosition("APP", "zed-1", None, 41)
    await store.save(saved)
    await store.aclose()
    assert path.read_text() == V2
    await store.load("APP")
    assert await store.load_position() == SavedPosition("APP", "zed-1", None, 41)
    await store.save_position(POSITION, durable=False)
    await store.aclose()
    assert path.with_name("session.json.position").read_text() == P1


async def test_a_position_file_takes_precedence_over_the_old_form(path: pathlib.Path) -> None:
    """The position in the old form is used only if there is no file; after a logout it is gone."""
    path.write_text(V1)
    path.with_name("session.json.position").write_text(P1)
    store = FileStore(path)
    await store.load("APP")
    assert await store.load_position() == POSITION
    await store.forget()
    assert await store.load_position() is None
    await store.aclose()
    path.write_text(V1_LOGGED_OUT)
    assert await store.load("APP") == SavedSession("APP", "APP_d_1")
    await store.aclose()
