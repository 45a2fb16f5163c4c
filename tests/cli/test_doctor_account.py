"""`cometconn doctor`: the saved session, keys and tokens."""

from __future__ import annotations

from typing import Any

import pytest
import trio

import cometconn
from cometconn import AppSettings, FileStore
from cometconn.emulator import Emulator, Kind, open_emulator
from tests.test_security import answering

MANUAL = AppSettings(auto_establish_socket_connection=False)


def client(doctor_runner: Any, server: Emulator) -> Any:
    """Return a client with the same session file."""
    return cometconn.open_client("APP", MANUAL, store=FileStore(doctor_runner.session), endpoints=server.endpoints)


async def test_the_saved_session_is_used_and_left_as_it_is(doctor_runner: Any) -> None:
    """With a saved session no key or uid is needed; the token stays valid, and the file is not written."""
    async with open_emulator() as server:
        async with client(doctor_runner, server) as chat:
            await chat.login(uid="zed-1", auth_key="KEY")
        before = doctor_runner.session.read_bytes()
        found = await doctor_runner.diagnose(endpoint=server.url)
        assert found.status == 0
        assert "zed-1 in " in found.of("saved session")["words"]
        assert found.of("log in")["words"] == "zed-1, by the saved token"
        assert "log out ok" not in found.outcomes
        assert doctor_runner.session.read_bytes() == before
        async with client(doctor_runner, server) as chat:
            await chat.connect()


async def test_a_running_client_is_not_disturbed(doctor_runner: Any) -> None:
    """The session file of a running client is not opened, and its connection stays; with a key, the doctor logs in itself."""
    async with open_emulator() as server, client(doctor_runner, server) as chat:
        await chat.login(uid="zed-1", auth_key="KEY")
        await chat.connect()
        found = await doctor_runner.diagnose(endpoint=server.url)
        assert found.status == 6
        assert "in use by a running client" in found.of("saved session")["words"]
        doctor_runner.patch.setenv("COMETCONN_AUTH_KEY", "KEY")
        found = await doctor_runner.diagnose(endpoint=server.url, uid="zed-1")
        assert found.status == 0
        assert await chat.ping() >= 0
        assert chat.statistics().attempts == 1


async def test_another_user_than_the_saved_one(doctor_runner: Any) -> None:
    """The user of --uid takes precedence over that of the saved session."""
    async with open_emulator() as server:
        async with client(doctor_runner, server) as chat:
            await chat.login(uid="zed-1", auth_key="KEY")
        doctor_runner.patch.setenv("COMETCONN_AUTH_KEY", "KEY")
        found = await doctor_runner.diagnose(endpoint=server.url, uid="amy-2")
    assert (found.status, found.of("auth")["words"]) == (0, "amy-2")


async def test_a_token_of_the_users_own_stays_valid(doctor_runner: Any) -> None:
    """A token that the user gave stays valid: only one that the doctor made is deleted."""
    async with open_emulator() as server:
        doctor_runner.patch.setenv("COMETCONN_AUTH_TOKEN", server.world.sessions.issue_token("zed-1"))
        found = await doctor_runner.diagnose(endpoint=server.url)
        assert (found.status, found.of("log in")["words"]) == (0, "zed-1")
        assert not [entry for entry in server.log.of(Kind.REST) if entry.detail["method"] == "DELETE"]


async def test_a_session_file_that_cannot_be_read(doctor_runner: Any) -> None:
    """An invalid session file fails its step, as it would fail a client; the other steps are run."""
    doctor_runner.session.mkdir()
    doctor_runner.patch.setenv("COMETCONN_AUTH_KEY", "KEY")
    async with open_emulator() as server:
        found = await doctor_runner.diagnose(endpoint=server.url, uid="zed-1")
    assert (found.status, found.failed["step"]) == (4, "saved session")
    assert "--session" in found.failed["advice"]
    assert found.of("ping")["outcome"] == "ok"


@pytest.mark.parametrize(
    ("body", "advice"),
    [
        (b'{"error": {"code": "AUTH_ERR_AUTH_TOKEN_NOT_FOUND", "message": "no"}}', "no longer accepts the token"),
        (b'{"error": {"code": "ERR_UID_NOT_FOUND", "message": "no"}}', "no such user"),
        (b"<html>Welcome to our hotel</html>", "is not CometChat"),
        (b'{"error": {"code": "X", "message": "no"}}', "belong to this app"),
    ],
)
async def test_refusals_of_the_server(doctor_runner: Any, body: bytes, advice: str) -> None:
    """Each refusal has an advice of its own, without the key."""
    doctor_runner.patch.setenv("COMETCONN_AUTH_KEY", "K3Y")
    async with answering(body, []) as url:
        found = await doctor_runner.diagnose(endpoint=url, uid="zed-1")
    assert (found.status, found.failed["step"]) == (4, "new token")
    assert advice in found.failed["advice"]
    assert "K3Y" not in str(found)


@pytest.mark.parametrize(("fault", "advice"), [("hang", "does not reply"), (503, "a problem of its own")])
async def test_a_server_with_a_problem(doctor_runner: Any, fault: Any, advice: str) -> None:
    """No reply, or a status of 500 and more: the advice is to try again later."""
    doctor_runner.patch.setenv("COMETCONN_AUTH_KEY", "KEY")
    async with open_emulator() as server:
        server.set(rest=fault)
        with trio.fail_after(20):
            found = await doctor_runner.diagnose(endpoint=server.url, uid="zed-1", patience=0.5)
    assert (found.status, found.failed["step"]) == (4, "new token")
    assert advice in found.failed["advice"]
