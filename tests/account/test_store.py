"""The stores, on a real disk and in memory."""

from __future__ import annotations

import errno
import json
import logging
import os
import pathlib
import sys
from typing import Any

import attrs
import pytest

from cometconn import FileStore, MemoryStore
from cometconn._account.file_store import default_path
from cometconn._account.session import Session
from cometconn.errors import StoreError
from cometconn.stores import SavedSession

SESSION = Session("APP", "zed-1", "A-TOKEN", "A-JWT", {"uid": "zed-1"}, {"CHAT_HOST": "ws.example"})


@pytest.fixture
def path(tmp_path: pathlib.Path) -> pathlib.Path:
    """The session file, in a folder that does not exist yet."""
    return tmp_path / "state" / "session.json"


async def test_what_is_saved_is_loaded_again(path: pathlib.Path) -> None:
    """Session and device id are loaded again; only the owner can access the file and its folder."""
    store = FileStore(path)
    first = await store.load("APP")
    assert first.session is None
    await store.save(attrs.evolve(first, session=SESSION))
    await store.aclose()
    assert path.stat().st_mode & 0o777 == 0o600
    assert path.parent.stat().st_mode & 0o777 == 0o700
    again = await store.load("APP")
    assert again.session == SESSION
    assert again.device_id == first.device_id
    await store.aclose()
    assert "A-TOKEN" not in repr(store)


async def test_forgetting_keeps_the_device(path: pathlib.Path) -> None:
    """Logging out removes the session and its tokens, not the device id."""
    store = FileStore(path)
    device_id = (await store.load("APP")).device_id
    await store.save(SavedSession("APP", device_id, SESSION))
    await store.forget()
    await store.aclose()
    assert "A-TOKEN" not in path.read_text()
    saved = await store.load("APP")
    assert (saved.device_id, saved.session) == (device_id, None)
    await store.aclose()


async def test_one_client_at_a_time(path: pathlib.Path) -> None:
    """A second client on the same file, or on the same FileStore, is refused while the first is open."""
    first, second = FileStore(path), FileStore(path)
    await first.load("APP")
    with pytest.raises(StoreError, match="in use by another client"):
        await second.load("APP")
    with pytest.raises(StoreError, match="in use by another client"):
        await first.load("APP")
    await first.aclose()
    await second.load("APP")
    await second.aclose()


GOOD: dict[str, Any] = {"schema": 1, "app_id": "APP", "device_id": "d", "session": None}
PERSON: dict[str, Any] = {"uid": "u", "auth_token": "t", "jwt": None, "user": {}, "settings": {}}


@pytest.mark.parametrize(
    "content",
    [
        "",
        "not json",
        "\x00\x7f\x80ELF",
        "[]",
        "[" * 100_000,
        json.dumps({**GOOD, "schema": 3}),
        json.dumps({**GOOD, "app_id": "OTHER"}),
        json.dumps({**GOOD, "device_id": 3}),
        json.dumps({**GOOD, "session": {}}),
        json.dumps({**GOOD, "session": {**PERSON, "uid": 3}}),
        json.dumps({**GOOD, "session": {**PERSON, "user": []}}),
        json.dumps({**GOOD, "session": PERSON})[:-9],
    ],
    ids=range(12),
)
async def test_an_unreadable_file_is_moved_aside(
    path: pathlib.Path, content: str, caplog: pytest.LogCaptureFixture
) -> None:
    """An incomplete, invalid or foreign file, or one of a newer version, is renamed with a WARNING, and no user is logged in."""
    path.parent.mkdir(mode=0o700)
    path.write_text(content)
    store = FileStore(path)
    with caplog.at_level(logging.WARNING, "cometconn"):
        saved = await store.load("APP")
    await store.aclose()
    assert saved.session is None
    (kept,) = path.parent.glob("*.unreadable-*")
    assert kept.read_text() == content
    assert str(kept) in caplog.text
    assert not path.exists()


async def test_a_session_with_the_fewest_values(path: pathlib.Path) -> None:
    """A session with only the values that it needs is loaded."""
    path.parent.mkdir(mode=0o700)
    path.write_text(json.dumps({**GOOD, "session": PERSON}))
    store = FileStore(path)
    saved = await store.load("APP")
    await store.aclose()
    assert saved.session == Session("APP", "u", "t", None, {}, {})


async def test_links_are_not_followed(path: pathlib.Path) -> None:
    """A symbolic link in place of the file is refused, and its target is not changed."""
    path.parent.mkdir(mode=0o700)
    target = path.parent / "target"
    target.write_text("{}")
    path.symlink_to(target)
    store = FileStore(path)
    with pytest.raises(StoreError, match="links are not followed"):
        await store.load("APP")
    assert target.read_text() == "{}"


async def test_a_folder_and_another_users_file_are_refused(path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Only a regular file of the same user is read."""
    path.mkdir(parents=True)
    with pytest.raises(StoreError, match="plain file|cannot be opened"):
        await FileStore(path).load("APP")
    path.rmdir()
    (path.parent / "session.json.lock").unlink(missing_ok=True)
    path.write_text("{}")
    monkeypatch.setattr(os, "geteuid", lambda: 12345)
    with pytest.raises(StoreError, match="plain file of yours"):
        await FileStore(path).load("APP")


async def test_a_path_that_cannot_be_written(tmp_path: pathlib.Path) -> None:
    """A file in place of the folder raises StoreError."""
    (tmp_path / "file").write_text("")
    with pytest.raises(StoreError, match="cannot be locked"):
        await FileStore(tmp_path / "file" / "session.json").load("APP")


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EROFS, errno.EIO, errno.EDQUOT], ids=errno.errorcode.get)
@pytest.mark.parametrize("call", ["open", "fsync", "replace"])
async def test_a_failing_save_leaves_the_old_session(
    path: pathlib.Path, call: str, number: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """If the disk refuses, the old session is unchanged, and no incomplete file is left beside it."""
    store = FileStore(path)
    await store.save(attrs.evolve(await store.load("APP"), session=SESSION))

    def refuse(*_: object, **__: object) -> None:
        raise OSError(number, os.strerror(number))

    with monkeypatch.context() as patch:
        patch.setattr(os, call, refuse)
        with pytest.raises(StoreError, match=os.strerror(number)):
            await store.forget()
    await store.aclose()
    assert sorted(file.name for file in path.parent.iterdir()) == ["session.json", "session.json.lock"]
    assert (await store.load("APP")).session == SESSION
    await store.aclose()


async def test_memory_keeps_a_session_as_long_as_the_object() -> None:
    """A MemoryStore returns what was saved for an app, to one client at a time."""
    store = MemoryStore()
    await store.forget()
    device_id = (await store.load("APP")).device_id
    with pytest.raises(StoreError, match="another client"):
        await store.load("APP")
    await store.save(SavedSession("APP", device_id, SESSION))
    await store.aclose()
    saved = await store.load("APP")
    assert (saved.device_id, saved.session) == (device_id, SESSION)
    await store.forget()
    await store.aclose()
    assert (await store.load("APP")).session is None


def test_the_default_path_depends_on_the_app() -> None:
    """Two apps have two files."""
    assert default_path("A") != default_path("B")
    assert default_path("A").name == "A.json"
    assert sys.platform
