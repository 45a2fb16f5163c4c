"""A saved session belongs to the servers of its login: nothing of it goes to others, whatever keeps it."""

from __future__ import annotations

import json
import logging
import pathlib
from collections.abc import AsyncGenerator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any

import attrs
import pytest

from cometconn import AppSettings, Disconnected, Endpoints, FileStore, MemoryStore, Reason
from cometconn.emulator import Emulator, Kind, open_emulator
from cometconn.errors import NotLoggedInError
from cometconn.stores import SavedSession
from tests.account.test_session_files import V1, V1_LOGGED_OUT, V2

from .faces import face as face
from .faces import open_client, with_both_clients

HERE = "https://app.example and wss://app.example"
V2_ORIGIN = json.dumps({**json.loads(V2), "origin": HERE})
FORMS = {V1: None, V1_LOGGED_OUT: None, V2: None, V2_ORIGIN: HERE}
"""One of each text form that was ever saved, and the servers that it names."""


class OwnStore:
    """A program's own store: two texts. It has no positions."""

    text = ""

    async def load(self, app_id: str) -> SavedSession:
        """Load."""
        return SavedSession.from_text(self.text) if self.text else SavedSession.new(app_id)

    async def save(self, saved: SavedSession) -> None:
        """Save."""
        self.text = saved.to_text()

    async def forget(self) -> None:
        """Forget."""
        self.text = SavedSession.from_text(self.text).logged_out().to_text()


STORES: dict[str, Callable[[pathlib.Path], Callable[[], Any]]] = {
    "FileStore": lambda folder: lambda: FileStore(folder / "bot.json"),
    "MemoryStore": lambda _: _kept(MemoryStore()),
    "OwnStore": lambda _: _kept(OwnStore()),
}


def _kept(store: Any) -> Callable[[], Any]:
    return lambda: store


@attrs.frozen
class Opened:
    """Clients with one store, for servers of their own."""

    store: Callable[[], Any]

    def at(self, server: Emulator | Endpoints, **settings: Any) -> AbstractAsyncContextManager[Any]:
        """Open a client of *server*."""
        endpoints = server if isinstance(server, Endpoints) else server.endpoints
        return open_client("APP", AppSettings(**settings), store=self.store(), endpoints=endpoints)


def _requests(server: Emulator) -> list[str]:
    kinds = (Kind.REST, Kind.CONNECT)
    return [f"{entry.detail.get('method', 'connect')} {entry.detail['path']}" for entry in server.world.log.of(*kinds)]


@asynccontextmanager
async def _two() -> AsyncGenerator[tuple[Emulator, Emulator]]:
    async with open_emulator() as one, open_emulator() as other:
        yield one, other


@pytest.mark.parametrize("kind", STORES)
@with_both_clients
async def test_nothing_of_a_session_goes_to_other_servers(
    kind: str, tmp_path: pathlib.Path, caplog: pytest.LogCaptureFixture
) -> None:
    """No user is logged in there, a WARNING names both, and the session stays saved until a login there replaces it."""
    opened = Opened(STORES[kind](tmp_path))
    async with _two() as (one, other):
        async with opened.at(one) as chat:
            await chat.login(uid="zed-1", auth_key="KEY")
            await chat.connect()
        for _ in range(2):  # it stays saved
            caplog.clear()
            async with opened.at(other) as chat:
                assert chat.get_logged_in_user() is None
                assert isinstance(chat.status, Disconnected)
                assert chat.status.reason is Reason.NOT_LOGGED_IN
                with pytest.raises(NotLoggedInError):
                    await chat.logout()
            (record,) = (record for record in caplog.records if record.name == "cometconn")
            assert record.levelno == logging.WARNING
            text = record.getMessage()
            assert "'zed-1'" in text
            assert kind in text
            assert all(server.endpoints.client_url in text for server in (one, other))
            assert _requests(other) == []
            before = len(_requests(one))
            async with opened.at(one) as chat:
                await chat.connect()
            assert [request.split()[0] for request in _requests(one)[before:]] == ["connect"]  # without a login
        async with opened.at(other) as chat:
            await chat.login(uid="zed-1", auth_key="KEY")
            await chat.connect()
        before = len(_requests(one))
        async with opened.at(one) as chat:
            assert chat.get_logged_in_user() is None
        assert len(_requests(one)) == before


async def test_the_position_of_other_servers_is_not_used(tmp_path: pathlib.Path) -> None:
    """Message ids of one server mean nothing to another: the same user begins there without a position."""
    opened = Opened(STORES["FileStore"](tmp_path))
    async with _two() as (one, other):
        async with opened.at(one, catch_up=True) as chat, chat.events() as events:
            await chat.login(uid="zed-1", auth_key="KEY")
            await chat.connect()
            for number in range(5):
                one.say("amy-2", str(number), receiver="zed-1")
            async for event in events:
                if getattr(event, "text", "") == "4":
                    break
        async with opened.at(one, catch_up=True) as chat:
            position = chat.position
            assert position is not None
        async with opened.at(other, catch_up=True) as chat:
            await chat.login(uid="zed-1", auth_key="KEY")
            assert chat.position is None


async def test_a_cancelled_login_elsewhere_leaves_the_session(tmp_path: pathlib.Path) -> None:
    """Only a login that is saved replaces the session of other servers."""
    opened = Opened(STORES["FileStore"](tmp_path))
    async with _two() as (one, other):
        async with opened.at(one) as chat:
            await chat.login(uid="zed-1", auth_key="KEY")
        saved = (tmp_path / "bot.json").read_text()
        async with opened.at(other) as chat:
            with pytest.raises(Exception, match="auth_key|does not|KEY"):
                await chat.login(uid="zed-1", auth_key="WRONG")
        assert (tmp_path / "bot.json").read_text() == saved


@pytest.mark.parametrize("text", FORMS, ids=["1", "1 logged out", "2", "2 with its servers"])
async def test_each_text_form_is_read_and_bound(text: str, tmp_path: pathlib.Path) -> None:
    """A form without servers is that of the first servers it is used with, also if the program ends by force; then it is theirs."""
    opened = Opened(STORES["FileStore"](tmp_path))
    file = tmp_path / "bot.json"
    file.write_text(text)
    file.chmod(0o600)
    saved = SavedSession.from_text(text)
    assert saved.origin == FORMS[text]
    manual = {"auto_establish_socket_connection": False}
    this = Endpoints(admin_url="https://any", client_url="https://APP.example:443/", socket_url="wss://app.example")
    another = attrs.evolve(this, socket_url="wss://other.example")
    async with opened.at(this, **manual) as chat:
        user = chat.get_logged_in_user()
        assert (None if user is None else user.uid) == saved.uid
        bound = SavedSession.from_text(file.read_text())
        assert bound == attrs.evolve(saved, origin=None if saved.uid is None else HERE)
    async with opened.at(another, **manual) as chat:
        assert chat.get_logged_in_user() is None
    assert SavedSession.from_text(file.read_text()) == bound
