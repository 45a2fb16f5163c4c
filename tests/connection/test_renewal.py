"""An attempt that is not accepted: the renewal of the token, the delay of the next attempt, and the error's text."""

from __future__ import annotations

import functools
from collections.abc import Awaitable, Callable
from typing import Any

import attrs
import pytest
import trio
from trio.testing import MockClock

import cometconn
from cometconn import AppSettings, MemoryStore, Reason, Timing, Waiting
from cometconn.emulator import Kind
from cometconn.environment import Request, Response
from cometconn.errors import ConnectError
from cometconn.testing import open_memory_server

from .harness import Pair, background, open_pair, settle

HTML = b"<html>503</html>"


async def refused(pair: Pair) -> None:
    """Log in where the server refuses every JWT on the socket."""
    pair.server.set(auth="refuse")
    await pair.chat.login(uid="zed-1", auth_key="KEY")


def answering(status: int, body: bytes = b"", **headers: str) -> Callable[[Request], Awaitable[Response]]:
    """Return a request function that returns this response to every request."""

    async def request(_: Request) -> Response:
        await trio.lowlevel.checkpoint()
        return Response(status, {name.replace("_", "-"): value for name, value in headers.items()}, body)

    return request


@pytest.mark.parametrize("status", [408, 425, 429, 500, 503, 599])
async def test_a_transient_answer_to_the_renewal_is_retried(status: int, autojump_clock: MockClock) -> None:
    """408, 425, 429 and 5xx to GET /me only fail the attempt; Retry-After is a floor for the delay of the next one."""
    async with open_pair(login=False) as pair:
        await refused(pair)
        pair.server.set(rest=status, retry_after=120)
        await settle()
        seen = pair.chat.status
        assert isinstance(seen, Waiting)
        assert (seen.attempt, seen.retry_at) == (2, 120.0)
        assert f"{status}" in repr(getattr(seen.cause.__cause__, "status", None))  # type: ignore[union-attr]
        pair.server.heal()
        await pair.wait_status(cometconn.Connected)
        assert trio.current_time() == 120.0


@pytest.mark.parametrize(
    ("request_function", "retry_at"),
    [
        (answering(503, HTML, retry_after="90"), 90.0),
        (answering(429, retry_after="90"), 90.0),
        (answering(429, retry_after="Sun, 06 Nov 1994 08:50:37 GMT", date="Sun, 06 Nov 1994 08:49:37 GMT"), 60.0),
        (answering(429, retry_after="Sun, 06 Nov 1994 08:50:37 GMT"), 1.0),  # a date that nothing judges
        (answering(503, HTML, retry_after="100000"), 300.0),
        (answering(502, HTML), 1.0),
        (answering(200, b"<html>Welcome to our Wi-Fi</html>"), 1.0),
        (answering(302, location="http://portal.example/"), 1.0),
        (answering(200, b'{"data": []}'), 1.0),
    ],
)
async def test_a_proxys_answer_to_the_renewal_is_transient(
    request_function: Any, retry_at: float, autojump_clock: MockClock
) -> None:
    """An answer that is no JSON has a status and Retry-After, too; a captive portal does not log the user out."""
    async with open_pair(login=False) as pair:
        await refused(pair)
        pair.chat._login.api.request = request_function
        await settle()
        seen = pair.chat.status
        assert isinstance(seen, Waiting)
        assert seen.retry_at == retry_at


async def test_which_calls_override_retry_after(autojump_clock: MockClock) -> None:
    """connect() and the return to the foreground override Retry-After of GET /me; retry_now() does not."""
    async with open_pair(login=False) as pair:
        await refused(pair)
        pair.server.set(rest=429, retry_after=120)
        await settle()
        pair.chat.retry_now()
        assert pair.now() == "Waiting(2)"
        pair.chat.enter_background()
        pair.chat.enter_foreground()
        assert pair.now() == "Connecting(1)"
        await settle()
        assert isinstance(seen := pair.chat.status, Waiting)
        assert seen.retry_at == 120.0
        pair.server.heal()
        await pair.chat.connect()
        assert trio.current_time() == 0.0


async def test_connect_does_not_wait_for_the_delay(autojump_clock: MockClock) -> None:
    """A failed connect() raises at once, with the server's answer as its cause, and a second one dials at once."""
    async with open_pair(login=False, manual=True) as pair:
        await refused(pair)
        pair.server.set(rest=429, retry_after=120)
        with pytest.raises(ConnectError) as caught:
            await pair.chat.connect()
        assert caught.value.reason is Reason.CONNECT_FAILED
        assert (caught.value.__cause__.status, caught.value.__cause__.retry_after) == (429, 120.0)  # type: ignore[union-attr]
        pair.server.heal()
        await pair.chat.connect()


@pytest.mark.parametrize("status", [400, 401, 403, 404, 422])
async def test_another_4xx_to_the_renewal_is_final(status: int, autojump_clock: MockClock) -> None:
    """Any other 4xx to GET /me is final, whatever its Retry-After."""
    async with open_pair(login=False) as pair:
        await refused(pair)
        pair.server.set(rest=status, retry_after=5)
        await settle()
        assert pair.now() == "AUTHENTICATION_FAILED"


async def test_a_renewal_and_its_dial_have_one_budget_together(autojump_clock: MockClock) -> None:
    """A GET /me of 6 s leaves 4 s for the second dial; a slow answer within the budget is accepted."""
    async with open_pair(login=False) as pair:
        pair.server.set(auth="refuse", rest_delay=6.0)
        async with background(functools.partial(pair.chat.login, uid="zed-1", auth_key="KEY")):
            await pair.wait_status(cometconn.Connecting)
            await settle()
            pair.server.set(auth="accept", upgrade="hang")
            began = trio.current_time()
            await pair.wait_status(Waiting)
            assert trio.current_time() - began == 10.0


# Steps.


@pytest.mark.parametrize(
    ("mood", "words"),
    [
        ({}, r"dialling ws://.* \(name lookup, TCP, proxy, TLS\) took longer than connect_timeout, 10 s"),
        ({"upgrade": "hang"}, "the answer to the WebSocket upgrade took longer than connect_timeout, 10 s"),
        ({"auth": "silent"}, r"the answer to the auth frame took longer than connect_timeout, 10 s \(.*not a JWT"),
        ({"auth": "refuse"}, r"the renewal of the token \(GET /me, or a new login\) took longer"),
    ],
)
async def test_a_timeout_names_the_step_that_hung(mood: Any, words: str, autojump_clock: MockClock) -> None:
    """The error of connect() and the status name the step that hung: dialling, upgrade, auth frame or renewal."""
    timing = Timing(request_timeout=60)
    async with open_pair(manual=True, timing=timing) as pair:
        pair.server.set(**mood)
        if not mood:
            pair.server.dialling = "hang"
        if "refuse" in mood.values():
            pair.server.set(rest="hang")
        with trio.fail_after(20.5), pytest.raises(ConnectError, match=words):
            await pair.chat.connect()


async def test_closing_the_connection_before_it_is_a_step_too(
    autojump_clock: MockClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """If an attempt times out while the connection before it is being closed, its error names that step."""
    async with open_pair(manual=True, connect=True) as pair:
        link = pair.chat._machine.unclosed_link
        assert link is not None
        websocket = link.websocket
        assert websocket is not None

        async def never(_: object) -> None:
            with trio.CancelScope(shield=True):
                await trio.sleep(30)

        monkeypatch.setattr(type(websocket), "aclose_forcefully", never)
        pair.server.ignore_close = True
        async with background(pair.chat.disconnect):
            with pytest.raises(ConnectError, match="closing the connection before it took longer"):
                await pair.chat.connect()


async def test_three_silences_cause_one_renewal(autojump_clock: MockClock) -> None:
    """If the server never answers the auth frame, the token is renewed at every third attempt in a row."""
    async with open_pair(login=False) as pair:
        pair.server.set(auth="silent")
        await pair.chat.login(uid="zed-1", auth_key="KEY")

        def renewals() -> int:
            return [entry.detail["method"] for entry in pair.log(Kind.REST)].count("GET")

        seen = []
        for _ in range(8):
            await pair.wait_status(Waiting)
            await pair.wait_status(cometconn.Connecting)
            seen.append(renewals())
        # The third attempt has two dials and the second one counts, so the sixth silence causes the next renewal.
        assert seen == [0, 0, 1, 1, 2, 2, 3, 3]
        await settle()
        assert len(pair.server.dials) == 8 + 3 + 1
        pair.server.set(auth="accept")
        await pair.wait_status(cometconn.Connected)


async def test_closes_and_silences_count_together(autojump_clock: MockClock) -> None:
    """After a close, a silence and a close, the third one renews the token within the same attempt."""
    async with open_pair(login=False) as pair:
        pair.server.set(auth="silent")
        await pair.chat.login(uid="zed-1", auth_key="KEY")
        await settle()
        pair.device.close(4000, "later")
        await pair.wait_status(Waiting)
        await pair.wait_status(cometconn.Connecting)
        await pair.wait_status(Waiting)  # silent until connect_timeout
        await pair.wait_status(cometconn.Connecting)
        await settle()
        pair.server.set(auth="accept")
        pair.device.close(4000, "later")
        await pair.wait_status(cometconn.Connected)
        assert pair.now() == "Connected(3)"
        assert [entry.detail["method"] for entry in pair.log(Kind.REST)].count("GET") == 1


@pytest.mark.parametrize("mood", [{"upgrade": "hang"}, {"upgrade": 503}])
async def test_another_failure_between_begins_the_count_anew(mood: Any, autojump_clock: MockClock) -> None:
    """An attempt that fails before the auth frame resets the count: two silences before it and two after renew nothing."""
    async with open_pair(login=False) as pair:
        pair.server.set(auth="silent")
        await pair.chat.login(uid="zed-1", auth_key="KEY")
        for number in range(5):
            pair.server.heal()
            pair.server.set(auth="silent", **(mood if number == 2 else {}))
            await pair.wait_status(Waiting)
            await pair.wait_status(cometconn.Connecting)
        assert [entry.detail["method"] for entry in pair.log(Kind.REST)].count("GET") == 0


async def test_background_during_the_third_silence_renews_nothing(autojump_clock: MockClock) -> None:
    """If the lease ends at the instant of the third silence, no renewal and no dial follow."""
    async with open_pair(login=False) as pair:
        pair.server.set(auth="silent")
        await pair.chat.login(uid="zed-1", auth_key="KEY")
        for _ in range(2):
            await pair.wait_status(Waiting)
            await pair.wait_status(cometconn.Connecting)
        await trio.sleep(10)
        pair.chat.enter_background()
        dials = len(pair.server.dials)
        await trio.sleep(60)
        assert pair.now() == "IN_BACKGROUND"
        assert len(pair.server.dials) == dials


# Whatever an environment or a server's settings do.


@pytest.mark.parametrize(
    "error",
    [
        ValueError("odd"),
        TypeError("odd"),
        RuntimeError("odd"),
        KeyError("odd"),
        AssertionError("odd"),
        ExceptionGroup("odd", [ValueError("one"), OSError("two")]),
        OSError("odd"),
    ],
    ids=lambda error: type(error).__name__,
)
async def test_what_a_request_raises_is_a_failed_attempt(error: Exception, autojump_clock: MockClock) -> None:
    """If the request of a renewal raises any Exception, the attempt fails and is retried; open_client() raises nothing."""

    async def request(_: Request) -> Response:
        await trio.lowlevel.checkpoint()
        raise error

    async with open_pair(login=False) as pair:
        await refused(pair)
        working, pair.chat._login.api.request = pair.chat._login.api.request, request
        await settle()
        assert pair.now() == "Waiting(2)"
        pair.chat._login.api.request = working
        pair.server.heal()
        await pair.wait_status(cometconn.Connected)


@pytest.mark.parametrize(
    "error", [ValueError("odd"), RuntimeError("odd"), ExceptionGroup("odd", [ValueError("one")])], ids=repr
)
async def test_what_a_dial_raises_is_a_failed_attempt(error: Exception, autojump_clock: MockClock) -> None:
    """If a dial raises any Exception, the attempt fails and is retried; open_client() raises nothing."""
    async with open_memory_server() as server:

        class Odd:
            request, boot_time, random = server.request, server.boot_time, server.random

            async def dial(self, url: str) -> trio.abc.Stream:
                await trio.lowlevel.checkpoint()
                if trio.current_time() < 1:
                    raise error
                return await server.dial(url)

        async with cometconn.open_client(
            "APP", AppSettings(), store=MemoryStore(), endpoints=server.endpoints, environment=Odd()
        ) as chat:
            await chat.login(uid="zed-1", auth_key="KEY")
            with pytest.raises(ConnectError, match="odd|one"):
                await chat.connect()
            await chat.connect(retry=True)


@pytest.mark.parametrize(
    "settings",
    [
        {"CLIENT_API_HOST": "127.0.0.1:99999"},
        {"CLIENT_API_HOST": "127.0.0.1:0"},
        {"CLIENT_API_HOST": "a..b"},
        {"CLIENT_API_HOST": "x" * 70},
        {"CLIENT_API_HOST": 3},
        {"CLIENT_API_HOST": "a b"},
        {"CLIENT_API_HOST": "127.0.0.1", "CHAT_API_VERSION": "../x"},
        {"CHAT_HOST": "a..b"},
        {"CHAT_HOST": "127.0.0.1:99999"},
        {"CHAT_HOST": "127.0.0.1", "CHAT_WSS_PORT": "99999"},
        {"CHAT_HOST": "127.0.0.1", "CHAT_WSS_PORT": True},
        {"CHAT_HOST_OVERRIDE": ["a"]},
        {},
    ],
    ids=repr,
)
async def test_invalid_settings_of_the_server_raise_at_no_start(settings: Any) -> None:
    """With invalid hosts and ports in the settings every attempt and call raises a clear error, but opening raises none."""
    store = MemoryStore()
    async with open_pair(store=store, login=False) as pair:
        await pair.chat.login(uid="zed-1", auth_key="KEY")
        session = pair.chat._login.identity.session
        assert session is not None
    odd = {"CHAT_HOST": "127.0.0.1", "CHAT_WSS_PORT": 1, "CLIENT_API_HOST": "127.0.0.1:1", **settings}
    if not settings:
        odd = {}
    await store.save(attrs.evolve(store._saved["APP"], origin=None, session=attrs.evolve(session, settings=odd)))
    for _ in range(2):
        async with cometconn.open_client(
            "APP", AppSettings(region="us", timing=Timing(retry_base=60, retry_cap=60)), store=store, proxy=""
        ) as chat:
            with trio.fail_after(30):
                if odd.get("CLIENT_API_HOST") is not None:
                    with pytest.raises(cometconn.errors.CometConnError):
                        await chat.send_text("amy-2", "hi")
                    with pytest.raises(cometconn.errors.CometConnError):
                        await chat._login.renewal.renew(trio.lowlevel.checkpoint)
                with pytest.raises(ConnectError):
                    await chat.connect()
