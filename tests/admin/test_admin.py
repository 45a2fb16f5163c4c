"""`cometconn.admin` against the emulator: over HTTP, and in virtual time where it waits."""

from __future__ import annotations

import logging
from typing import Any

import pytest
import trio

import cometconn
from cometconn import AppSettings, Endpoints, MemoryStore, Timing
from cometconn.admin import Admin, open_admin
from cometconn.emulator import Emulator, Kind
from cometconn.environment import Request, Response, SystemEnvironment
from cometconn.errors import ApiError, SettingsError
from cometconn.testing import MemoryServer

KEY = "REST-KEY"


def requests(server: MemoryServer | Emulator) -> list[str]:
    """The requests that came, each with its status."""
    return [
        f"{entry.detail['method']} {entry.detail['path']} {entry.detail['status']}"
        for entry in server.log.of(Kind.REST)
    ]


async def test_a_user_gets_a_token_and_loses_it(emulator: Emulator, caplog: pytest.LogCaptureFixture) -> None:
    """Over HTTP: the user is created, changed, logs in with the token, and no longer can when it is revoked."""
    caplog.set_level(logging.DEBUG)
    manual = AppSettings(auto_establish_socket_connection=False)
    async with open_admin("APP", api_key=KEY, endpoints=emulator.endpoints) as admin:
        new = await admin.ensure_user("bob-3", "Bob", metadata={"plan": "free"}, tags=["vip"])
        assert (new.uid, new.name, dict(new.metadata)) == ("bob-3", "Bob", {"plan": "free"})
        changed = await admin.ensure_user("bob-3", "Robert", avatar="https://pictures.test/bob.png", role="default")
        assert (changed.name, changed.avatar) == ("Robert", "https://pictures.test/bob.png")
        assert dict(changed.metadata) == {"plan": "free"}
        token, other = [await admin.create_auth_token("bob-3") for _ in range(2)]
        assert token != other
        async with cometconn.open_client("APP", manual, store=MemoryStore(), endpoints=emulator.endpoints) as chat:
            assert (await chat.login(auth_token=token)).name == "Robert"
            for _ in range(2):
                await admin.revoke_auth_token("bob-3", token)
            with pytest.raises(ApiError, match="AUTH_ERR_AUTH_TOKEN_NOT_FOUND"):
                await chat.request("GET", "/users/bob-3")
            await chat.login(auth_token=other)
        assert KEY not in repr(admin)
    assert token not in caplog.text
    assert KEY not in caplog.text


async def test_the_same_user_at_the_same_time(memory_server: MemoryServer) -> None:
    """If another program was first, the user is changed after all; a lost response is no harm."""
    async with admin_of(memory_server) as admin:
        async with trio.open_nursery() as nursery:
            for name in ("Bob", "Robert"):
                nursery.start_soon(admin.ensure_user, "bob-3", name)
        memory_server.set(rest="cut", rest_times=1)
        assert (await admin.ensure_user("eve-4", "Eve")).name == "Eve"
    assert memory_server.world.people["bob-3"].name in {"Bob", "Robert"}
    assert [line for line in requests(memory_server) if "POST" in line and "400" in line]


def admin_of(server: MemoryServer, **options: Any) -> Any:
    """An `Admin` in virtual time."""
    return open_admin("APP", api_key=KEY, endpoints=server.endpoints, environment=server, **options)


@pytest.mark.parametrize(("status", "after"), [(429, 20), (503, 20)])
async def test_what_is_repeated(memory_server: MemoryServer, status: int, after: int) -> None:
    """What can be repeated is, until *retry_for*; a token is created again only after 429. `Retry-After` is respected."""
    async with admin_of(memory_server) as admin:
        token = await admin.create_auth_token("amy-2")
        memory_server.set(rest=status, retry_after=after, rest_times=1)
        began = trio.current_time()
        await admin.revoke_auth_token("amy-2", token)
        assert trio.current_time() - began == pytest.approx(after)
        memory_server.set(rest=status, retry_after=after, rest_times=1)
        if status == 429:
            await admin.create_auth_token("amy-2")
        else:
            with pytest.raises(ApiError, match="ERR_INTERNAL_SERVER_ERROR"):
                await admin.create_auth_token("amy-2")
        memory_server.set(rest=status, retry_after=after, rest_times=9)
        with pytest.raises(ApiError, match="2 attempts were made"):
            await admin.ensure_user("amy-2", "Amy")
        with pytest.raises(ApiError) as caught:
            await admin.ensure_user("amy-2", "Amy", retry_for=0)
        assert caught.value.worth_retrying
        assert caught.value.retry_after == after


async def test_a_lost_response_to_a_new_token(memory_server: MemoryServer) -> None:
    """It is not created twice, and the error mentions that it may be there."""
    async with admin_of(memory_server) as admin:
        memory_server.set(rest="cut", rest_times=1)
        with pytest.raises(ApiError, match="may have carried it out all the same") as caught:
            await admin.create_auth_token("amy-2")
        assert caught.value.worth_retrying
    assert len(requests(memory_server)) == 1


async def test_a_server_that_does_not_respond(memory_server: MemoryServer) -> None:
    """Each attempt takes `request_timeout`, and the last begins within *retry_for*."""
    memory_server.set(rest="hang")
    async with admin_of(memory_server, timing=Timing(request_timeout=3, retry_base=0)) as admin:
        began = trio.current_time()
        with pytest.raises(ApiError, match="4 attempts were made"):
            await admin.revoke_auth_token("amy-2", "a-token", retry_for=10)
        assert trio.current_time() - began == pytest.approx(12)


HINTS: list[tuple[str, str]] = [
    ("KEY", "The key may not do that: it is perhaps the app's auth key, and api_key must be its REST API key."),
    ("a-token", "api_key must be the REST API key of this app"),
]


@pytest.mark.parametrize(("key", "hint"), HINTS)
async def test_a_wrong_key_gets_a_hint(memory_server: MemoryServer, key: str, hint: str) -> None:
    """The auth key, and a key that the app does not have: the error has the remedy, and not the key."""
    options = {"endpoints": memory_server.endpoints, "environment": memory_server}
    async with open_admin("APP", api_key=key, **options) as admin:  # type: ignore[arg-type]
        with pytest.raises(ApiError) as caught:
            await admin.revoke_auth_token("amy-2", "the-token-itself")
    assert hint in str(caught.value)
    assert "the-token-itself" not in str(caught.value)
    assert key not in str(caught.value).replace("API_KEY", "")


async def test_a_user_who_is_not_there(memory_server: MemoryServer) -> None:
    """The code, and what creates the user."""
    async with admin_of(memory_server) as admin:
        for call in (admin.create_auth_token("nobody"), admin.revoke_auth_token("nobody", "x-token")):
            with pytest.raises(ApiError, match=r"ERR_UID_NOT_FOUND.*ensure_user\(\) creates the user"):
                await call


class Answering(SystemEnvironment):
    """An environment whose server sends one response, whatever is requested."""

    def __init__(self, body: bytes) -> None:
        super().__init__()
        self._body = body

    async def request(self, request: Request) -> Response:
        """Return the response."""
        return Response(200, {}, self._body)


@pytest.mark.parametrize(
    "data", ["null", "5", "[]", "{}", '"text"', '{"uid": 5}', '{"authToken": "a\\nb"}', '{"uid": ""}']
)
async def test_a_response_that_is_none(data: str) -> None:
    """What is neither a user nor a token is one error; nothing of it becomes a value."""
    environment = Answering(f'{{"data": {data}}}'.encode())
    async with open_admin("APP", api_key=KEY, region="us", environment=environment) as admin:
        for call in (admin.create_auth_token("amy-2"), admin.ensure_user("amy-2", "Amy")):
            with pytest.raises(ApiError) as caught:
                await call
            assert caught.value.code == "INVALID_RESPONSE"


BAD: list[tuple[dict[str, Any], str]] = [
    ({"api_key": ""}, r"open_admin\(api_key=...\) is empty"),
    ({"api_key": "a key"}, "character"),
    ({"api_key": KEY}, r"open_admin\(region=...\) is needed"),
    ({"api_key": KEY, "region": "e u"}, r"open_admin\(region=...\) must be a CometChat region"),
    ({"api_key": KEY, "region": "us", "headers": {"apiKey": "x"}}, "apiKey is cometconn's own"),
    ({"api_key": KEY, "region": "us", "proxy": "nonsense"}, "proxy"),
]


@pytest.mark.parametrize(("options", "message"), BAD, ids=[row[1] for row in BAD])
async def test_bad_options(options: dict[str, Any], message: str) -> None:
    """One sentence names the argument."""
    with pytest.raises(SettingsError, match=message):
        async with open_admin("APP", **options):
            pass


async def test_bad_arguments() -> None:
    """They are refused before anything is sent, and a token that cannot be one is not shown."""
    async with open_admin("APP", api_key=KEY, endpoints=Endpoints.at("http://127.0.0.1:9")) as admin:
        for call in (
            admin.ensure_user("..", "Amy"),
            admin.ensure_user("", "Amy"),
            admin.ensure_user("amy-2", "Amy", metadata={"x": object()}),
            admin.ensure_user("amy-2", "Amy", retry_for=-1),
            admin.create_auth_token("a\ud83d"),
        ):
            with pytest.raises(SettingsError):
                await call
        with pytest.raises(SettingsError, match="token") as caught:
            await admin.revoke_auth_token("amy-2", "not a token")
        assert "not a token" not in str(caught.value)


async def test_leaving_ends_the_calls(memory_server: MemoryServer) -> None:
    """A call that another task has under way raises, and so does one that comes later."""
    memory_server.set(rest="hang")
    kept: list[Admin] = []

    async def call() -> None:
        with pytest.raises(RuntimeError, match=r"ensure_user\(\) was ended by leaving open_admin\(\)"):
            await kept[0].ensure_user("amy-2", "Amy")

    async with trio.open_nursery() as nursery:
        async with admin_of(memory_server) as admin:
            kept.append(admin)
            nursery.start_soon(call)
            await trio.testing.wait_all_tasks_blocked()
    with pytest.raises(RuntimeError, match="was left"):
        await admin.create_auth_token("amy-2")


async def test_a_cancelled_call(memory_server: MemoryServer) -> None:
    """It ends at once, and the next one works."""
    async with admin_of(memory_server) as admin:
        memory_server.set(rest="hang")
        with trio.move_on_after(5) as scope:
            await admin.ensure_user("amy-2", "Amy")
        assert scope.cancelled_caught
        memory_server.set(rest="accept")
        await admin.ensure_user("amy-2", "Amy")
