"""REST requests as the logged-in user: what is repeated, for how long, and what ends them."""

from __future__ import annotations

import functools
import json
from typing import TYPE_CHECKING, Any

import attrs
import pytest
import trio

from cometconn import MemoryStore, Timing
from cometconn.environment import Request, Response
from cometconn.errors import ApiError, NotLoggedInError, SettingsError
from cometconn.testing import open_memory_server
from tests.connection.harness import Pair, background, open_pair, settle

if TYPE_CHECKING:
    from trio.testing import MockClock


@attrs.define
class Scripted:
    """Answers the first requests with these, and then lets them reach the server."""

    pair: Pair
    answers: list[Any]
    times: list[float] = attrs.field(factory=list)
    requests: list[Request] = attrs.field(factory=list)

    async def __call__(self, request: Request) -> Response:
        """Answer one."""
        await trio.lowlevel.checkpoint()
        self.requests.append(request)
        self.times.append(trio.current_time())
        if not self.answers:
            return await self.pair.server.request(request)
        answer = self.answers.pop(0)
        if answer == "hang":
            await trio.sleep_forever()
        if isinstance(answer, Exception):
            raise answer
        status, headers = answer if isinstance(answer, tuple) else (answer, {})
        return Response(status, headers, json.dumps({"error": {"code": "ERR_X", "message": "no"}}).encode())


def scripted(pair: Pair, *answers: Any) -> Scripted:
    """Let the next requests of the client have these answers."""
    made = Scripted(pair, list(answers))
    pair.chat._core.login.api.request = made
    return made


async def test_data_is_returned(autojump_clock: MockClock) -> None:
    """The request is made as the user, with query and JSON; `data` is returned, whatever it is."""
    async with open_pair(manual=True) as pair:
        script = scripted(pair)
        users = await pair.chat.request("GET", "/users", query={"per_page": 5, "status": "offline"})
        assert [user["uid"] for user in users] == ["amy-2"]
        sent = await pair.chat.request(
            "POST",
            "/messages",
            json={
                "receiver": "amy-2",
                "receiverType": "user",
                "category": "message",
                "type": "text",
                "data": {"text": "x"},
            },
        )
        assert sent["id"] == "1"
        get, post = script.requests
        assert get.url.endswith("/v3.0/users?per_page=5&status=offline")
        assert (get.body, post.headers["Content-Type"]) == (None, "application/json")
        assert all("token-" in request.headers["authToken"] for request in script.requests)


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE"])
async def test_a_passing_failure_is_repeated(autojump_clock: MockClock, method: Any) -> None:
    """The same bytes are sent again, after a delay that grows and is not below Retry-After."""
    async with open_pair(manual=True) as pair:
        answers = [OSError("cut"), 503, (429, {"retry-after": "7"}), 500]
        script = scripted(pair, *answers)
        body = None if method == "GET" else {"name": "x"}
        data = await pair.chat.request(method, "/me", json=body)
        assert data
        assert len({request.body for request in script.requests}) == 1
        # The jitter of the server in memory is 0.5, so the delays are half of 2, 4, 8 and 16 s.
        assert [later - earlier for earlier, later in zip(script.times, script.times[1:], strict=False)] == [1, 2, 7, 8]


async def test_it_ends_when_the_next_attempt_would_be_too_late(autojump_clock: MockClock) -> None:
    """The last error is raised at once then, with the number of attempts; with 0 there is one attempt."""
    async with open_pair(manual=True) as pair:
        pair.server.set(rest=429, retry_after=4)
        for retry_for, attempts, took in ((0, 1, 0), (3.9, 1, 0), (4, 2, 4), (20, 5, 20)):
            began = trio.current_time()
            with pytest.raises(ApiError, match="TOO_MANY_REQUEST") as caught:
                await pair.chat.request("GET", "/users", retry_for=retry_for)
            assert caught.value.retry_after == 4
            assert trio.current_time() - began == took
            assert (f"{attempts} attempts were made." in str(caught.value)) == (attempts > 1)


@pytest.mark.parametrize("answer", [OSError("cut"), "hang", 503, 500])
async def test_a_post_is_not_repeated_when_it_may_have_been_done(autojump_clock: MockClock, answer: Any) -> None:
    """There is one attempt, and without an answer the error states what is not known."""
    async with open_pair(manual=True) as pair:
        script = scripted(pair, answer)
        with pytest.raises(ApiError) as caught:
            await pair.chat.request("POST", "/groups", json={"guid": "g"})
        assert len(script.requests) == 1
        assert ("may have carried it out" in str(caught.value)) == (caught.value.status is None)
        assert caught.value.sent


@pytest.mark.parametrize("answer", [(429, {"retry-after": "2"}), ConnectionRefusedError("no")])
async def test_a_post_is_repeated_when_nothing_was_done(autojump_clock: MockClock, answer: Any) -> None:
    """The server has refused it unread, or there was no connection."""
    async with open_pair(manual=True) as pair:
        script = scripted(pair, answer, answer)
        made = await pair.chat.request("POST", "/groups", json={"guid": "g", "name": "G", "type": "public"})
        assert made["guid"] == "g"
        assert len(script.requests) == 3


async def test_a_refusal_is_final(autojump_clock: MockClock) -> None:
    """404 is raised at once, for any method."""
    async with open_pair(manual=True) as pair:
        script = scripted(pair)
        with pytest.raises(ApiError, match="ERR_UID_NOT_FOUND") as caught:
            await pair.chat.request("GET", "/users/nobody")
        assert (caught.value.status, len(script.requests)) == (404, 1)


async def test_a_connection_that_was_refused_carries_nothing(autojump_clock: MockClock) -> None:
    """The error of a POST states nothing about what the server may have done."""
    async with open_pair(manual=True) as pair:
        pair.server.refuse_connections()
        with pytest.raises(ApiError) as caught:
            await pair.chat.request("POST", "/groups", json={"guid": "g"}, retry_for=5)
        assert not caught.value.sent
        assert "may have" not in str(caught.value)
        assert "3 attempts were made." in str(caught.value)


async def test_an_unknown_token_is_replaced(autojump_clock: MockClock) -> None:
    """The request is made again with the new token, POST as well: the server has refused the first one. Without a key the user is logged out."""
    store = MemoryStore()
    async with open_memory_server() as server:
        async with open_pair(manual=True, store=store, given=server):
            pass
        server.forget_tokens()
        async with open_pair(manual=True, store=store, given=server, login=False) as pair:
            await pair.chat.login(uid="zed-1", auth_key="KEY")
            made = await pair.chat.request("POST", "/groups", json={"guid": "g", "name": "G", "type": "public"})
            assert made["guid"] == "g"
            server.forget_tokens()
            with pytest.raises(ApiError, match="AUTH_ERR_AUTH_TOKEN_NOT_FOUND"):
                await pair.chat.request("GET", "/users")
            assert pair.chat.get_logged_in_user() is None


async def test_a_logout_ends_the_repetitions(autojump_clock: MockClock) -> None:
    """The next attempt needs a user."""
    async with open_pair(manual=True) as pair:
        scripted(pair, 503)
        async with background(functools.partial(pair.chat.request, "GET", "/users")) as outcome:
            await pair.chat.logout()
        assert isinstance(outcome[0], NotLoggedInError)


@pytest.mark.parametrize(("method", "is_unknown"), [("GET", False), ("POST", True)])
async def test_leaving_the_client_ends_it(autojump_clock: MockClock, method: Any, is_unknown: bool) -> None:
    """The call raises at once; only for a change the error mentions that it may have been carried out."""
    async with trio.open_nursery() as nursery:
        outcome: list[Exception] = []

        async def run(chat: Any) -> None:
            with pytest.raises(NotLoggedInError, match="leaving the client") as caught:
                await chat.request(method, "/groups")
            outcome.append(caught.value)

        async with open_pair(manual=True) as pair:
            pair.server.set(rest="hang")
            nursery.start_soon(run, pair.chat)
            await settle()
            now = trio.current_time()
        await settle()
        assert trio.current_time() == now
        assert ("not known" in str(outcome[0])) == is_unknown


async def test_a_cancel_leaves_the_client_as_it_was(autojump_clock: MockClock) -> None:
    """Cancelled in an attempt and between two."""
    async with open_pair(manual=True) as pair:
        script = scripted(pair, "hang", 503)
        for _ in range(2):
            with trio.move_on_after(0.5) as scope:
                await pair.chat.request("GET", "/users")
            assert scope.cancelled_caught
        assert len(script.requests) == 2
        assert await pair.chat.request("GET", "/users")


async def test_requests_wait_for_their_turn(autojump_clock: MockClock) -> None:
    """At most `requests_at_once` run; the next one was not sent when it had no turn, and is made again."""
    async with open_pair(manual=True, timing=Timing(request_timeout=10)) as pair:
        script = scripted(pair, *["hang"] * 8)
        async with trio.open_nursery() as nursery:
            for _ in range(8):
                nursery.start_soon(pair.chat.request, "GET", "/users")
            await settle()
            with pytest.raises(ApiError, match="requests_at_once") as caught:
                await pair.chat.request("POST", "/groups", json={}, retry_for=0)
            assert not caught.value.sent
            assert len(script.requests) == 8


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"path": "users"}, "path"),
        ({"retry_for": -1}, "retry_for"),
        ({"retry_for": float("inf")}, "retry_for"),
        ({"json": {}, "form": {}}, "not both"),
        ({"method": "HEAD"}, "method"),
    ],
)
async def test_bad_arguments(autojump_clock: MockClock, given: Any, words: str) -> None:
    """They are refused before anything is sent."""
    async with open_pair(manual=True) as pair:
        script = scripted(pair)
        with pytest.raises(SettingsError, match=words):
            await pair.chat.request(**({"method": "POST", "path": "/users"} | given))
        assert not script.requests


async def test_no_token_is_handed_out(autojump_clock: MockClock) -> None:
    """The own user comes without tokens; other data with fields of such names is left as it is."""
    async with open_pair(manual=True) as pair:
        me = await pair.chat.request("GET", "/me")
        assert me["uid"] == "zed-1"
        assert not {"jwt", "authToken", "fat", "wsChannel"} & set(me)
        data = {"text": "x", "metadata": {"token": "a"}}
        message = {"receiver": "amy-2", "receiverType": "user", "category": "message", "type": "text", "data": data}
        sent = await pair.chat.request("POST", "/messages", json=message)
        assert sent["data"]["metadata"] == {"token": "a"}
