"""`cometconn.stores`: the text forms, a program's own store, and what `open_client(store=)` accepts."""

from __future__ import annotations

import json
import logging
import pathlib
import sqlite3
from typing import TYPE_CHECKING, Any

import pytest

import cometconn
from cometconn import AppSettings, Endpoints, MemoryStore, stores
from cometconn.errors import SettingsError, StoreError
from cometconn.stores import SavedPosition, SavedSession
from cometconn.testing import open_memory_server
from tests.account.test_session_files import P1, V1, V2

if TYPE_CHECKING:
    from trio.testing import MockClock

MANUAL = AppSettings(auto_establish_socket_connection=False)
ENDPOINTS = Endpoints.at("http://127.0.0.1:9")


def test_what_is_public() -> None:
    """Five names, each documented, and the front door's are the same."""
    assert stores.__all__ == ["FileStore", "MemoryStore", "SavedPosition", "SavedSession", "Store"]
    assert cometconn.stores is stores
    assert all(getattr(stores, name).__doc__ for name in stores.__all__)
    assert stores.FileStore is cometconn.FileStore


def test_the_text_forms() -> None:
    """All earlier text forms are read, the newest is written, and no token is in a repr."""
    saved = SavedSession.from_text(V2)
    assert SavedSession.from_text(V1) == saved
    assert saved.to_text() == V2
    assert saved.uid == "zed-1"
    assert "TOKEN" not in repr(saved)
    assert "JWT" not in repr(saved)
    assert SavedPosition.from_text(P1).to_text() == P1


class RowStore:
    """A program's own store: rows in a database."""

    def __init__(self, database: sqlite3.Connection) -> None:
        self.database = database
        database.execute("CREATE TABLE IF NOT EXISTS saved (name TEXT PRIMARY KEY, text TEXT)")

    def _read(self, name: str) -> str | None:
        row = self.database.execute("SELECT text FROM saved WHERE name = ?", (name,)).fetchone()
        return row and row[0]

    async def load(self, app_id: str) -> SavedSession:
        text = self._read("session")
        return SavedSession.from_text(text) if text else SavedSession.new(app_id)

    async def save(self, saved: SavedSession) -> None:
        self.database.execute("REPLACE INTO saved VALUES ('session', ?)", (saved.to_text(),))

    async def forget(self) -> None:
        await self.save(SavedSession.from_text(self._read("session") or "").logged_out())
        self.database.execute("DELETE FROM saved WHERE name = 'position'")

    async def load_position(self) -> SavedPosition | None:
        text = self._read("position")
        return SavedPosition.from_text(text) if text else None

    async def save_position(self, saved: SavedPosition, *, durable: bool) -> None:
        self.database.execute("REPLACE INTO saved VALUES ('position', ?)", (saved.to_text(),))


async def test_a_programs_own_store(autojump_clock: MockClock) -> None:
    """Session and position are loaded from it again, and `logout()` removes both."""
    with sqlite3.connect(":memory:") as database:
        settings = AppSettings(catch_up=True)
        async with open_memory_server() as server:

            def client() -> Any:
                store = RowStore(database)
                return cometconn.open_client(
                    "APP", settings, store=store, endpoints=server.endpoints, environment=server
                )

            async with client() as chat:
                await chat.login(uid="zed-1", auth_key="KEY")
                await chat.connect()
            async with client() as chat:
                assert chat.get_logged_in_user() is not None
                assert RowStore(database)._read("position")
                await chat.logout()
            assert RowStore(database)._read("position") is None
            async with client() as chat:
                assert chat.get_logged_in_user() is None
    database.close()


class Half:
    """Not a store: `forget` is missing."""

    async def load(self, app_id: str) -> None:
        """Load."""

    async def save(self, saved: object) -> None:
        """Save."""


@pytest.mark.parametrize("store", ["", b"path", 3, object(), MemoryStore, Half(), {}], ids=range(7))
async def test_what_is_not_a_store(store: Any) -> None:
    """What is no store raises SettingsError, whose message is one sentence and names what is accepted."""
    with pytest.raises(SettingsError, match="path") as caught:
        async with cometconn.open_client("APP", MANUAL, store=store, endpoints=ENDPOINTS):
            pass
    assert caught.value.message.count(". ") == 0


@pytest.mark.parametrize("kind", [str, pathlib.Path])
async def test_a_path_is_a_file_store(kind: type, tmp_path: pathlib.Path) -> None:
    """A text and a path name the session file."""
    path = tmp_path / "session.json"
    async with cometconn.open_client("APP", MANUAL, store=kind(path), endpoints=ENDPOINTS):
        with pytest.raises(StoreError, match="in use"):
            async with cometconn.open_client("APP", MANUAL, store=path, endpoints=ENDPOINTS):
                pass


NONSENSE: list[Any] = [
    None, True, -1, -1e12, 1e400, float("nan"), 10**400, "", "\ud800", "\x00", "a\r\nb", [], [[]], {}, {"a": {}},
]  # fmt: skip
WHOLE: dict[str, Any] = {**json.loads(V1), "schema": 1}
PLACES = [(None, name) for name in WHOLE] + [("session", name) for name in WHOLE["session"]]


@pytest.mark.parametrize(("where", "name"), PLACES, ids=[name for _, name in PLACES])
async def test_no_value_in_the_file_breaks_a_start(
    where: str | None, name: str, tmp_path: pathlib.Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Whatever value is at any place of the file, the client opens; the file is moved aside if the value is invalid."""
    caplog.set_level(logging.ERROR, "cometconn")
    for schema in (1, 2):
        for number, value in enumerate(NONSENSE):
            content = json.loads(json.dumps({**WHOLE, "schema": schema}))
            (content if where is None else content[where])[name] = value
            path = tmp_path / f"{schema}-{number}" / "session.json"
            path.parent.mkdir(mode=0o700)
            path.write_text(json.dumps(content))
            settings = AppSettings(catch_up=True, auto_establish_socket_connection=False)
            async with cometconn.open_client("APP", settings, store=path, endpoints=ENDPOINTS) as chat:
                chat.get_logged_in_user()
                moved = bool(list(path.parent.glob("*.unreadable-*")))
                assert moved != path.exists()
            if name in {"last_seen_at", "last_message_id"} and schema == 1:
                assert moved == (value is not None)
    assert not caplog.records
