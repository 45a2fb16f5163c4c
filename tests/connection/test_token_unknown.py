"""When the server no longer knows the auth token, the client logs in anew with the auth key of `login()`, or logs out."""

from __future__ import annotations

import functools
import gc
import logging
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest
import trio
from trio.testing import MockClock

from cometconn import AppSettings, CometChat, Connected, Disconnected, MemoryStore, Reason, Waiting
from cometconn.emulator import Kind
from cometconn.environment import Request, Response
from cometconn.errors import ApiError, ConnectError, LoginInProgressError, NotLoggedInError
from cometconn.events import Gap
from cometconn.testing import MemoryServer, open_memory_server

from .harness import Pair, background, open_pair, settle

UNKNOWN = "AUTH_ERR_AUTH_TOKEN_NOT_FOUND"
ANEW = ["POST", "PUT"]
KEY = "A-KEY-THAT-NOBODY-SHOWS"


@asynccontextmanager
async def forgotten(
    *, manual: bool = True, login: bool = True, hooks: Any = (), catch_up: bool = False
) -> AsyncGenerator[Pair, None]:
    """A client whose saved token the server has forgotten; with *login*, login() was called with the key."""
    store = MemoryStore()
    with trio.fail_after(1000):
        async with open_memory_server(groups={"hikers": ("zed-1", "amy-2")}) as server:
            async with open_pair(manual=True, store=store, given=server):
                pass
            server.forget_tokens()
            server.world.auth_key = KEY
            settings = AppSettings(auto_establish_socket_connection=not manual, catch_up=catch_up)
            async with open_pair(store=store, given=server, login=False, settings=settings, hooks=hooks) as pair:
                if login:
                    await pair.chat.login(uid="zed-1", auth_key=KEY)
                yield pair


def methods(pair: Pair) -> list[str]:
    """The REST requests of the second client so far."""
    return [entry.detail["method"] for entry in pair.log(Kind.REST)][2:]


def key(chat: CometChat) -> str | None:
    """The key that the client keeps."""
    return chat._login.renewal.key.value


def warnings(caplog: pytest.LogCaptureFixture) -> list[str]:
    """The library's warnings."""
    return [r.message for r in caplog.records if r.name == "cometconn" and r.levelno == logging.WARNING]


@pytest.mark.parametrize("manual", [False, True])
async def test_a_login_with_a_key_replaces_the_dead_token(
    manual: bool, autojump_clock: MockClock, caplog: pytest.LogCaptureFixture
) -> None:
    """One new login within the attempt replaces the token: connect() returns, and the user is not logged out."""
    async with forgotten(manual=manual) as pair, pair.chat.events():
        before = pair.chat.get_logged_in_user()
        await pair.chat.connect()
        assert await pair.trail() == [
            "NOT_REQUESTED" if manual else "Connecting(1)", *(["Connecting(1)"] if manual else []), "Connected(1)",
        ]  # fmt: skip
        assert pair.chat.get_logged_in_user() == before
        assert methods(pair) == ["GET", *ANEW]
        assert key(pair.chat) is None
        assert warnings(caplog) == []
        message = await pair.chat.send_text("amy-2", "hi")
        assert message.text == "hi"


async def test_the_new_session_is_saved(autojump_clock: MockClock) -> None:
    """The session of the new login is saved, so the next program needs no login."""
    store = MemoryStore()
    async with open_memory_server() as server:
        async with open_pair(manual=True, store=store, given=server):
            pass
        server.forget_tokens()
        async with open_pair(manual=True, store=store, given=server, login=False) as pair:
            await pair.chat.login(uid="zed-1", auth_key="KEY")
            await pair.chat.connect()
            requests = len(pair.log(Kind.REST))
        async with open_pair(manual=True, store=store, given=server, login=False) as pair:
            await pair.chat.connect()
            assert len(pair.log(Kind.REST)) == requests


async def test_the_position_survives_the_new_login(autojump_clock: MockClock) -> None:
    """Messages sent while the program was closed are fetched from the saved position on, although the token is new."""
    store = MemoryStore()
    settings = AppSettings(catch_up=True)
    with trio.fail_after(1000):
        async with open_memory_server(users=("zed-1", "amy-2")) as server:
            async with (
                open_pair(store=store, given=server, settings=settings, connect=True) as pair,
                pair.chat.events() as events,
            ):
                server.say("amy-2", "one", receiver="zed-1")
                await anext(events)
                await trio.sleep(10)
            server.say("amy-2", "two", receiver="zed-1")
            server.forget_tokens()
            async with open_pair(store=store, given=server, settings=settings, login=False) as pair:
                await pair.chat.login(uid="zed-1", auth_key="KEY")
                async with pair.chat.events() as events:
                    gap = await anext(events)
                    assert isinstance(gap, Gap)
                    assert gap.recovered
                    assert (await anext(events)).text == "two"  # type: ignore[union-attr]


@pytest.mark.parametrize("manual", [False, True])
async def test_without_a_key_the_user_is_logged_out_with_a_cause(
    manual: bool, autojump_clock: MockClock, caplog: pytest.LogCaptureFixture
) -> None:
    """LOGGED_OUT has CometChat's code as its cause, in the status and the error of connect(); a WARNING is logged."""
    async with forgotten(manual=manual, login=False) as pair:
        with pytest.raises((ConnectError, NotLoggedInError)) as caught:
            await pair.chat.connect()
        status = await pair.wait_status(Disconnected, reason=Reason.LOGGED_OUT)
        assert isinstance(status, Disconnected)
        assert isinstance(status.cause, NotLoggedInError)
        assert status.cause.code == UNKNOWN
        assert "no longer knows the auth token" in str(status.cause)
        assert isinstance(status.cause.__cause__, ApiError)
        (warning,) = warnings(caplog)
        assert "logged out" in warning
        assert "no longer knows the auth token" in warning
        assert "no longer knows the auth token" in str(caught.value)


@pytest.mark.parametrize("how", ["renewal", "send", "catch_up"])
async def test_every_way_out_has_a_cause_and_a_warning(
    how: str, autojump_clock: MockClock, caplog: pytest.LogCaptureFixture
) -> None:
    """A token found unknown by the renewal, send_text() or catch-up logs out with a cause and a WARNING."""
    settings = AppSettings(catch_up=how == "catch_up")
    async with open_pair(connect=True, settings=settings, users=("zed-1", "amy-2")) as pair:
        if how == "send":
            pair.server.world.sessions.forget_all()
            with pytest.raises(ApiError) as caught:
                await pair.chat.send_text("amy-2", "hi")
            assert caught.value.code == UNKNOWN
        elif how == "renewal":
            pair.server.forget_tokens()
            pair.device.reset()
        else:
            session = pair.chat._login.identity.session
            assert session is not None
            pair.chat._login.api.request = _unknown(pair.server, "/messages")
            pair.device.reset()
        status = await pair.wait_status(Disconnected, reason=Reason.LOGGED_OUT)
        assert isinstance(status, Disconnected)
        assert status.cause is not None
        assert status.cause.code == UNKNOWN
        assert len(warnings(caplog)) == 1


def _unknown(server: MemoryServer, path: str) -> Callable[[Request], Awaitable[Response]]:
    """Return a request function that refuses every token for *path*."""

    async def request(request: Request) -> Response:
        if path not in request.url:
            return await server.request(request)
        await trio.lowlevel.checkpoint()
        return Response(401, {}, b'{"error": {"code": "%s", "message": "gone"}}' % UNKNOWN.encode())

    return request


async def test_other_ways_to_be_logged_out_have_a_cause_too(
    autojump_clock: MockClock, caplog: pytest.LogCaptureFixture
) -> None:
    """After logout() and login() of another user the status has a cause; as the application called it, there is no WARNING."""
    async with open_pair(connect=True) as pair:
        await pair.chat.logout()
        status = pair.chat.status
        assert isinstance(status, Disconnected)
        assert str(status.cause) == "logout() was called."
        await pair.chat.login(uid="zed-1", auth_key="KEY")
        pair.server.set(rest="hang")
        async with background(functools.partial(pair.chat.login, uid="amy-2", auth_key="KEY")):
            status = pair.chat.status
            assert isinstance(status, Disconnected)
            assert (status.reason, str(status.cause)) == (Reason.LOGGED_OUT, "login() of another user was called.")
        assert warnings(caplog) == []


@pytest.mark.parametrize("catch_up", [False, True])
@pytest.mark.parametrize("how", ["token unknown", "logout", "another user"])
async def test_after_a_logout_by_the_server_the_same_user_has_a_gap(
    how: str, catch_up: bool, autojump_clock: MockClock
) -> None:
    """What the user missed between a logout by the server and the next login is a `Gap`, with or without catching up.

    After `logout()`, and for another user, there is none.
    """
    settings = AppSettings(catch_up=catch_up)
    async with open_pair(connect=True, settings=settings) as pair, pair.chat.events() as events:
        if how == "token unknown":
            pair.server.forget_tokens()
            with pytest.raises(ApiError):
                await pair.chat.send_text("amy-2", "hi")
        elif how == "logout":
            await pair.chat.logout()
        await trio.sleep(100)
        await pair.chat.login(uid="amy-2" if how == "another user" else "zed-1", auth_key="KEY")
        await pair.wait_status(Connected)
        await trio.sleep(1)
        gaps = await events.batch() if events.statistics().events else []
        assert [type(gap) for gap in gaps] == ([Gap] if how == "token unknown" else [])


async def test_a_key_that_is_refused_logs_out_at_once(
    autojump_clock: MockClock, caplog: pytest.LogCaptureFixture
) -> None:
    """A refused new login is LOGGED_OUT with both reasons: it is tried once, and the key is dropped."""
    async with forgotten() as pair:
        pair.chat._login.api.request = _refusing_keys(pair.server)
        with pytest.raises(ConnectError, match="auth_key that login"):
            await pair.chat.connect()
        assert pair.now() == "LOGGED_OUT"
        assert pair.chat.get_logged_in_user() is None
        assert key(pair.chat) is None
        (warning,) = warnings(caplog)
        assert "no such app key" in warning
        assert KEY not in warning
        await trio.sleep(100)
        assert len(pair.log(Kind.REST)) == 3  # the first client's two, and GET /me


def _refusing_keys(server: MemoryServer) -> Callable[[Request], Awaitable[Response]]:
    async def request(request: Request) -> Response:
        if request.method != "POST":
            return await server.request(request)
        await trio.lowlevel.checkpoint()
        said = f'{{"error": {{"code": "AUTH_ERR_APIKEY", "message": "no such app key {KEY}"}}}}'
        return Response(401, {}, said.encode())

    return request


async def test_another_uid_in_the_answer_is_no_login(autojump_clock: MockClock) -> None:
    """A new login that returns another uid is LOGGED_OUT: the position of one user never becomes another's."""
    async with forgotten() as pair:

        async def request(request: Request) -> Response:
            if request.method != "PUT":
                return await pair.server.request(request)
            await trio.lowlevel.checkpoint()
            return Response(200, {}, b'{"data": {"uid": "amy-2", "settings": {}}}')

        pair.chat._login.api.request = request
        with pytest.raises(ConnectError, match="another user"):
            await pair.chat.connect()
        assert pair.now() == "LOGGED_OUT"


@pytest.mark.parametrize("status", [429, 503])
async def test_a_new_login_that_fails_transiently_is_retried(status: int, autojump_clock: MockClock) -> None:
    """429 and 5xx to the new login fail the attempt, Retry-After is waited for, and the key is kept for the next one."""
    async with forgotten(manual=False) as pair:
        answers = [Response(status, {"retry-after": "70"}, b"busy")]

        async def request(request: Request) -> Response:
            if request.method == "POST" and answers:
                await trio.lowlevel.checkpoint()
                return answers.pop()
            return await pair.server.request(request)

        pair.chat._login.api.request = request
        seen = await pair.wait_status(Waiting)
        assert isinstance(seen, Waiting)
        assert seen.retry_at == 70.0
        assert key(pair.chat) == KEY
        await pair.wait_status(Connected)
        assert key(pair.chat) is None
        assert trio.current_time() == 70.0


@pytest.mark.parametrize("how", ["disconnect", "logout", "enter_background", "leave"])
async def test_what_ends_the_new_login(how: str, autojump_clock: MockClock) -> None:
    """The end of the lease ends the new login at once; only logout() and leaving drop the key."""
    async with forgotten(manual=False) as pair:
        pair.chat._login.api.request = _hanging(pair.server, "POST")
        await settle()
        assert pair.now() == "Connecting(1)"
        async with background(functools.partial(pair.chat.connect)) as outcome:
            if how == "leave":
                pair.chat._core.leave()
            elif how == "logout":
                pair.chat._login.api.request = pair.server.request
                with pytest.raises(ApiError):
                    await pair.chat.logout()
            elif how == "disconnect":
                await pair.chat.disconnect()
            else:
                pair.chat.enter_background()
            await settle()
            assert isinstance(outcome[0], ConnectError)
        assert trio.current_time() == 0.0
        assert (key(pair.chat) is None) == (how in {"logout", "leave"})
        if how in {"disconnect", "enter_background"}:
            assert pair.chat.get_logged_in_user() is not None
            pair.chat._login.api.request = pair.server.request
            pair.chat.enter_foreground()
            await pair.chat.connect()


def _hanging(server: MemoryServer, method: str) -> Callable[[Request], Awaitable[Response]]:
    async def request(request: Request) -> Response:
        if request.method == method:
            await trio.sleep_forever()
        return await server.request(request)

    return request


async def test_the_new_login_has_the_renewals_budget(autojump_clock: MockClock) -> None:
    """A new login that hangs fails the attempt after one more connect_timeout; the next attempt has the key."""
    async with forgotten() as pair:
        pair.chat._login.api.request = _hanging(pair.server, "PUT")
        with pytest.raises(ConnectError, match=r"new login|request_timeout"):
            await pair.chat.connect()
        assert trio.current_time() == 10.0
        pair.chat._login.api.request = pair.server.request
        await pair.chat.connect()


async def test_login_meanwhile_is_refused(autojump_clock: MockClock) -> None:
    """While the client logs in anew, login() raises LoginInProgressError; after logout() it is free at once."""
    async with forgotten(manual=False) as pair:
        pair.chat._login.api.request = _hanging(pair.server, "POST")
        await settle()
        for uid in ("zed-1", "amy-2"):
            with pytest.raises(LoginInProgressError):
                await pair.chat.login(uid=uid, auth_key="KEY")
        pair.chat._login.api.request = pair.server.request
        with pytest.raises(ApiError):
            await pair.chat.logout()
        await pair.chat.login(uid="amy-2", auth_key=KEY)
        await pair.chat.connect()


async def test_once_for_each_login(autojump_clock: MockClock) -> None:
    """A token that becomes unknown after it was accepted logs out: the key is kept only until then."""
    async with forgotten() as pair:
        await pair.chat.connect()
        assert key(pair.chat) is None
        await pair.chat.login(uid="zed-1", auth_key=KEY)  # the token has been accepted, so the key is not needed
        assert key(pair.chat) is None
        await pair.chat.disconnect()
        pair.server.forget_tokens()
        with pytest.raises(ConnectError):
            await pair.chat.connect()
        assert pair.now() == "LOGGED_OUT"


async def test_another_login_drops_the_key(autojump_clock: MockClock) -> None:
    """login() by the saved token, or with a key that cannot be one, leaves no key behind."""
    async with forgotten() as pair:
        assert key(pair.chat) == KEY
        token = pair.chat._login.identity.session.auth_token  # type: ignore[union-attr]
        await pair.chat.login(auth_token=token)
        assert key(pair.chat) is None
        await pair.chat.login(uid="zed-1", auth_key="no key at all")
        assert key(pair.chat) is None
        with pytest.raises(ConnectError):
            await pair.chat.connect()


async def test_a_refused_token_that_is_known_drops_the_key(autojump_clock: MockClock) -> None:
    """AUTHENTICATION_FAILED drops the key, and a later login() with a key keeps it again."""
    store = MemoryStore()
    async with open_memory_server() as server:
        async with open_pair(manual=True, store=store, given=server):
            pass
        async with open_pair(manual=True, store=store, given=server, login=False) as pair:
            await pair.chat.login(uid="zed-1", auth_key=KEY)
            server.set(auth="refuse")
            with pytest.raises(ConnectError):
                await pair.chat.connect()
            assert pair.now() == "AUTHENTICATION_FAILED"
            assert key(pair.chat) is None
            server.forget_tokens()
            server.world.auth_key = KEY
            server.heal()
            await pair.chat.login(uid="zed-1", auth_key=KEY)
            assert key(pair.chat) == KEY
            await pair.chat.connect()


async def test_send_text_replaces_the_token_too(autojump_clock: MockClock) -> None:
    """In a program that only sends, the message is sent once with the new token, and the user is not logged out."""
    async with forgotten() as pair:
        message = await pair.chat.send_text("amy-2", "hi")
        assert message.text == "hi"
        assert methods(pair) == ["POST", *ANEW, "POST"]
        assert await pair.trail() == ["NOT_REQUESTED"]
        assert key(pair.chat) is None
        await pair.chat.connect()


async def test_send_text_and_an_attempt_log_in_once_together(autojump_clock: MockClock) -> None:
    """If send_text() and an attempt get the refusal at the same time, one new login serves both."""
    async with forgotten() as pair:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(pair.chat.connect)
            for number in range(3):
                nursery.start_soon(pair.chat.send_text, "amy-2", f"message {number}")
        assert methods(pair).count("PUT") == 1
        assert pair.now() == "Connected(1)"


async def test_logout_ends_the_new_login_of_send_text(autojump_clock: MockClock) -> None:
    """After logout() the send_text() raises NotLoggedInError or the server's error at once, and no user is logged in."""
    async with forgotten() as pair:
        pair.chat._login.api.request = _hanging(pair.server, "PUT")
        async with background(functools.partial(pair.chat.send_text, "amy-2", "hi")) as outcome:
            pair.chat._login.api.request = pair.server.request
            with pytest.raises(ApiError):
                await pair.chat.logout()
            await settle()
            assert isinstance(outcome[0], ApiError | NotLoggedInError)
        assert trio.current_time() == 0.0
        assert pair.now() == "LOGGED_OUT"


async def test_a_cancelled_send_text_leaves_the_key(autojump_clock: MockClock) -> None:
    """A send_text() cancelled during its new login leaves a client that can still log in anew."""
    async with forgotten() as pair:
        pair.chat._login.api.request = _hanging(pair.server, "PUT")
        with trio.move_on_after(1):
            await pair.chat.send_text("amy-2", "hi")
        pair.chat._login.api.request = pair.server.request
        assert key(pair.chat) == KEY
        await pair.chat.connect()


async def test_the_key_shows_nowhere(autojump_clock: MockClock, caplog: pytest.LogCaptureFixture) -> None:
    """The key is in no repr, no detail of a hook and no log, while it is kept and afterwards."""
    caplog.set_level(logging.DEBUG)
    told: list[object] = []
    async with forgotten(hooks=[told.append]) as pair:
        core = pair.chat._core
        parts = (pair.chat, core, core.login, core.login.renewal, core.machine, core.identity)
        shown = [repr(part) for part in parts]
        assert key(pair.chat) == KEY
        pair.server.set(rest=503)
        with pytest.raises(ConnectError) as caught:
            await pair.chat.connect()
        shown.append(repr(caught.value) + str(caught.value) + repr(caught.value.__cause__))
        pair.server.heal()
        await pair.chat.connect()
        shown += [repr(pair.chat.status), repr(told), caplog.text]
    assert not [text for text in shown if KEY in text]


async def test_no_key_stays_in_memory(autojump_clock: MockClock) -> None:
    """After the server has accepted the new token, no part of the client holds the key."""
    secret = f"{KEY}-made-just-now"
    async with forgotten(login=False) as pair:
        pair.server.world.auth_key = secret
        await pair.chat.login(uid="zed-1", auth_key=secret)
        login = pair.chat._login
        assert secret in vars_of(login.renewal.key)
        await pair.chat.connect()
        gc.collect()
        parts = (login, login.identity, login.renewal, login.renewal.key)
        assert not any(secret in vars_of(part) for part in parts)


def vars_of(part: object) -> list[object]:
    """The values of a slotted object's fields."""
    return [getattr(part, name) for name in getattr(part, "__slots__", ()) if hasattr(part, name)]
