"""`cometconn doctor` as a user: the saved session, keys and tokens."""

from __future__ import annotations

from typing import Any

import pytest
import trio

import cometconn
from cometconn import AppSettings, FileStore
from cometconn.emulator import Emulator, Kind, open_emulator
from tests.test_security import answering

MANUAL = AppSettings(auto_establish_socket_connection=False)


def client(clinic: Any, server: Emulator) -> Any:
    """A client on the same session file."""
    return cometconn.open_client("APP", MANUAL, store=FileStore(clinic.session), endpoints=server.endpoints)


async def test_the_saved_session_is_used_and_left_as_it_is(clinic: Any) -> None:
    """Neither a key nor a uid is needed, the token stays valid, and the file is not written."""
    async with open_emulator() as server:
        async with client(clinic, server) as chat:
            await chat.login(uid="zed-1", auth_key="KEY")
        before = clinic.session.read_bytes()
        found = await clinic.examine(endpoint=server.url)
        assert found.status == 0
        assert "zed-1 in " in found.of("saved session")["words"]
        assert found.of("log in")["words"] == "zed-1, by the saved token"
        assert "log out ok" not in found.course
        assert clinic.session.read_bytes() == before
        async with client(clinic, server) as chat:
            await chat.connect()


async def test_a_running_client_is_not_disturbed(clinic: Any) -> None:
    """Its session is left alone, its connection stays; with a key the examination goes on without it."""
    async with open_emulator() as server, client(clinic, server) as chat:
        await chat.login(uid="zed-1", auth_key="KEY")
        await chat.connect()
        found = await clinic.examine(endpoint=server.url)
        assert found.status == 6
        assert "in use by a running client" in found.of("saved session")["words"]
        clinic.patch.setenv("COMETCONN_AUTH_KEY", "KEY")
        found = await clinic.examine(endpoint=server.url, uid="zed-1")
        assert found.status == 0
        assert await chat.ping() >= 0
        assert chat.statistics().attempts == 1


async def test_another_user_than_the_saved_one(clinic: Any) -> None:
    """Whoever is named outranks the saved session."""
    async with open_emulator() as server:
        async with client(clinic, server) as chat:
            await chat.login(uid="zed-1", auth_key="KEY")
        clinic.patch.setenv("COMETCONN_AUTH_KEY", "KEY")
        found = await clinic.examine(endpoint=server.url, uid="amy-2")
    assert (found.status, found.of("auth")["words"]) == (0, "amy-2")


async def test_a_token_of_the_users_own_stays_valid(clinic: Any) -> None:
    """Only what was made for the examination is given back."""
    async with open_emulator() as server:
        clinic.patch.setenv("COMETCONN_AUTH_TOKEN", server.world.sessions.issue_token("zed-1"))
        found = await clinic.examine(endpoint=server.url)
        assert (found.status, found.of("log in")["words"]) == (0, "zed-1")
        assert not [entry for entry in server.log.of(Kind.REST) if entry.detail["method"] == "DELETE"]


async def test_a_session_file_that_is_refused(clinic: Any) -> None:
    """It is what a client would meet; the rest is looked at all the same."""
    clinic.session.mkdir()
    clinic.patch.setenv("COMETCONN_AUTH_KEY", "KEY")
    async with open_emulator() as server:
        found = await clinic.examine(endpoint=server.url, uid="zed-1")
    assert (found.status, found.failed["step"]) == (4, "saved session")
    assert "--session" in found.failed["advice"]
    assert found.of("ping")["outcome"] == "ok"


@pytest.mark.parametrize(
    ("body", "advice"),
    [
        (b'{"error": {"code": "AUTH_ERR_AUTH_TOKEN_NOT_FOUND", "message": "no"}}', "not known any more"),
        (b'{"error": {"code": "ERR_UID_NOT_FOUND", "message": "no"}}', "no such user"),
        (b"<html>Welcome to our hotel</html>", "is not CometChat"),
        (b'{"error": {"code": "X", "message": "no"}}', "that of this app"),
    ],
)
async def test_what_the_server_says(clinic: Any, body: bytes, advice: str) -> None:
    """Each refusal has an advice of its own, and shows no key."""
    clinic.patch.setenv("COMETCONN_AUTH_KEY", "K3Y")
    async with answering(body, []) as url:
        found = await clinic.examine(endpoint=url, uid="zed-1")
    assert (found.status, found.failed["step"]) == (4, "new token")
    assert advice in found.failed["advice"]
    assert "K3Y" not in str(found)


@pytest.mark.parametrize(("fault", "advice"), [("hang", "does not answer"), (503, "trouble of its own")])
async def test_a_server_in_trouble(clinic: Any, fault: Any, advice: str) -> None:
    """Silence, or an error of its own: no fault of the user's."""
    clinic.patch.setenv("COMETCONN_AUTH_KEY", "KEY")
    async with open_emulator() as server:
        server.set(rest=fault)
        with trio.fail_after(20):
            found = await clinic.examine(endpoint=server.url, uid="zed-1", patience=0.5)
    assert (found.status, found.failed["step"]) == (4, "new token")
    assert advice in found.failed["advice"]
