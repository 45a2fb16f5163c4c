"""The REST calls: what they send, and how they read the response."""

from __future__ import annotations

import json
import traceback
from types import SimpleNamespace
from typing import Any

import pytest
import trio
from trio.testing import MockClock

from cometconn._account.api import Api, is_refusal, is_token_unknown
from cometconn._account.pages import Cursor
from cometconn._account.session import Hosts, Session
from cometconn.environment import Request, Response
from cometconn.errors import ApiError, SettingsError

ME = {"uid": "zed-1", "name": "Zed", "jwt": "JWT", "settings": {"CHAT_HOST": "ws.example"}}


class Server:
    """Returns the given responses in turn."""

    def __init__(self, *answers: Any) -> None:
        self.answers = list(answers)
        self.requests: list[Request] = []

    async def __call__(self, request: Request) -> Response:
        self.requests.append(request)
        await trio.lowlevel.checkpoint()
        answer = self.answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        status, body = answer if isinstance(answer, tuple) else (200, answer)
        return Response(status, {}, body if isinstance(body, bytes) else json.dumps(body).encode())


def api(server: Any) -> Api:
    """An Api in front of *server*."""
    return Api("APP", Hosts("APP", "eu", None), server, "SESSION", "DEVICE", "0.1.0", 10.0)


def saved() -> Session:
    """A session."""
    return Session("APP", "zed-1", "TOKEN", "OLD", {"uid": "zed-1"}, {"CLIENT_API_HOST": "c.example"})


async def test_login_by_key() -> None:
    """At a login by key, the key is sent to the admin host in a header, and the uid is percent-encoded."""
    server = Server({"data": {"uid": "a/b", "authToken": "TOKEN"}})
    assert await api(server).create_auth_token("a/b", "KEY") == "TOKEN"
    (request,) = server.requests
    assert (request.method, request.url) == ("POST", "https://APP.api-eu.cometchat.io/v3.0/users/a%2Fb/auth_tokens")
    assert request.headers["apiKey"] == "KEY"
    assert request.headers["resource"] == "SESSION"
    assert json.loads(request.body or b"")["deviceId"] == "DEVICE"
    assert "KEY" not in repr(request)


async def test_login_by_token() -> None:
    """PUT /me returns the session; if the response has no token, the session has the one that was sent."""
    server = Server({"data": ME}, {"data": {**ME, "authToken": "NEW", "jwt": None}})
    session = await api(server).put_me("TOKEN")
    assert (session.uid, session.auth_token, session.jwt) == ("zed-1", "TOKEN", "JWT")
    assert session.settings == {"CHAT_HOST": "ws.example"}
    again = await api(server).put_me("TOKEN")
    assert (again.auth_token, again.jwt) == ("NEW", None)


async def test_settings_are_fetched_when_put_me_has_none() -> None:
    """If the response of PUT /me has no settings, they are fetched."""
    server = Server({"data": {"uid": "zed-1"}}, {"data": {"CHAT_HOST": "ws.example"}})
    session = await api(server).put_me("TOKEN")
    assert session.settings == {"CHAT_HOST": "ws.example"}
    assert server.requests[1].url.endswith("/settings")


async def test_settings_are_judged_when_they_come(caplog: pytest.LogCaptureFixture) -> None:
    """What cannot be used is left out with a WARNING, and a login without a host of the WebSocket fails, but for given endpoints."""
    odd = {"CHAT_HOST": "a.example/x", "CLIENT_API_HOST": "127.0.0.1:99999", "MODE": 5}
    for answers in ({"data": {**ME, "settings": odd}},), ({"data": {"uid": "zed-1"}}, {"data": odd}):
        with pytest.raises(ApiError, match=r"^The server's settings have no usable .* \(CHAT_HOST\)") as caught:
            await api(Server(*answers)).put_me("TOKEN")
        assert (caught.value.code, caught.value.status, caught.value.worth_retrying) == ("INVALID_RESPONSE", 200, False)
    caplog.clear()
    good = {**odd, "CHAT_HOST_APP_SPECIFIC": "b.example"}
    server = Server({"data": {**ME, "settings": good}}, {"data": {"jwt": "NEW"}})
    made = api(server)
    session = await made.put_me("TOKEN")
    assert session.settings == {"CHAT_HOST_APP_SPECIFIC": "b.example"}
    assert sorted(record.getMessage().split(" (")[0].rpartition(" ")[2] for record in caplog.records) == sorted(odd)
    await made.get_me("TOKEN", session)
    assert server.requests[1].url == "https://APP.apiclient-eu.cometchat.io/v3.0/me"


async def test_renewal_and_logout_go_to_the_host_of_the_settings() -> None:
    """GET and DELETE /me use CLIENT_API_HOST; a renewal without a JWT keeps the old one."""
    server = Server({"data": {"uid": "zed-1", "jwt": "NEW"}}, {"data": {}}, {"data": {"success": True}})
    assert (await api(server).get_me("TOKEN", saved())).jwt == "NEW"
    assert (await api(server).get_me("TOKEN", saved())).jwt == "OLD"
    await api(server).delete_me(saved())
    assert [request.method for request in server.requests] == ["GET", "GET", "DELETE"]
    assert {request.url for request in server.requests} == {"https://c.example/v3.0/me"}
    assert server.requests[2].body is None


async def test_the_servers_error_is_raised_whatever_the_status() -> None:
    """The `ApiError` has its code, message and details, even with HTTP status 200."""
    error = {"error": {"code": "ERR_X", "message": "because", "details": {"a": 1}}}
    for status in (200, 404):
        with pytest.raises(ApiError, match="because") as caught:
            await api(Server((status, error))).create_auth_token("u", "KEY")
        assert (caught.value.code, caught.value.details, caught.value.status) == ("ERR_X", {"a": 1}, status)
    with pytest.raises(ApiError, match="refused") as caught:
        await api(Server({"error": {}})).create_auth_token("u", "KEY")
    assert caught.value.code == "UNKNOWN_ERROR"


@pytest.mark.parametrize("body", [b"<html>", b"", b'{"data":', b"[]", b"{}", b"[" * 100_000, b"\xff"])
async def test_a_response_that_is_not_cometchats(body: bytes) -> None:
    """HTML, truncated JSON, and JSON with neither data nor error raise one error with the status."""
    with pytest.raises(ApiError, match="neither data nor error") as caught:
        await api(Server((502, body))).create_auth_token("u", "KEY")
    assert (caught.value.code, caught.value.status) == ("INVALID_RESPONSE", 502)


@pytest.mark.parametrize("data", [3, [], None, "x"])
async def test_data_that_is_not_an_object(data: Any) -> None:
    """A response whose data is not an object is invalid."""
    with pytest.raises(ApiError, match="no object") as caught:
        await api(Server({"data": data})).create_auth_token("u", "KEY")
    assert caught.value.code == "INVALID_RESPONSE"


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
async def test_a_redirect_is_not_followed(status: int) -> None:
    """A redirect raises an error that names the other host, and there is no second request."""

    class Redirecting(Server):
        async def __call__(self, request: Request) -> Response:
            answer = await super().__call__(request)
            return Response(status, {"location": "https://evil.example/v3.0/me?x=1"}, answer.body)

    server = Redirecting({"data": {}})
    with pytest.raises(ApiError, match="redirects to evil.example") as caught:
        await api(server).put_me("TOKEN")
    assert (caught.value.code, caught.value.status) == ("INVALID_RESPONSE", status)
    assert len(server.requests) == 1


@pytest.mark.parametrize("location", ["/v3.0/me", "http://[x", ""])
async def test_a_redirect_without_a_valid_host(location: str) -> None:
    """A redirect within the host, and one to an invalid URL, raise the same error."""

    async def redirecting(request: Request) -> Response:
        await trio.lowlevel.checkpoint()
        return Response(302, {"location": location} if location else {}, b"")

    with pytest.raises(ApiError, match="redirects to elsewhere"):
        await api(redirecting).put_me("TOKEN")


async def test_messages_after_a_cursor() -> None:
    """The list is requested from the host in the settings, and the page has its messages and the next cursor."""
    body = {"id": "8", "sentAt": 80}
    server = Server({"data": [body], "meta": {"pagination": {"total_pages": 2}, "cursor": {}}}, {"data": {}})
    page = await api(server).messages(saved(), Cursor(id=7))
    assert ([json.loads(text) for text in page.messages], page.next) == ([body], Cursor(id=8))
    (request,) = server.requests
    assert request.method == "GET"
    assert request.url == "https://c.example/v3.0/messages?per_page=100&id=7&affix=append"
    assert request.headers["authToken"] == "TOKEN"
    with pytest.raises(ApiError, match="no list"):
        await api(server).messages(saved(), Cursor(sent_at=7))
    assert "sentAt=7" in server.requests[1].url


async def test_a_response_without_the_token() -> None:
    """A success without the requested token is an error."""
    with pytest.raises(ApiError, match="authToken"):
        await api(Server({"data": {"uid": "u"}})).create_auth_token("u", "KEY")


async def test_no_response() -> None:
    """A broken connection is FAILED_TO_FETCH without a status; the cause is chained, and the key is not in the message."""
    with pytest.raises(ApiError, match="no route") as caught:
        await api(Server(OSError("no route"))).create_auth_token("u", "A-SECRET-KEY")
    assert (caught.value.code, caught.value.status) == ("FAILED_TO_FETCH", None)
    assert isinstance(caught.value.__cause__, OSError)
    assert "A-SECRET-KEY" not in str(caught.value)


async def test_a_request_has_a_bound(autojump_clock: MockClock) -> None:
    """A request to a server that never responds takes exactly request_timeout."""

    async def never(request: Request) -> Response:
        await trio.sleep_forever()
        raise AssertionError

    began = trio.current_time()
    with pytest.raises(ApiError, match="request_timeout"):
        await api(never).put_me("TOKEN")
    assert trio.current_time() - began == 10.0


@pytest.mark.parametrize(
    ("uid", "key", "code"),
    [
        ("", "K", "MISSING_PARAMETERS"),
        ("u", "", "MISSING_PARAMETERS"),
        ("u\n", "K", "INVALID_SETTINGS"),
        ("u", "K EY", "INVALID_SETTINGS"),
        (3, "K", "MISSING_PARAMETERS"),
    ],
)
async def test_bad_arguments_are_refused_before_any_request(uid: Any, key: Any, code: str) -> None:
    """Empty arguments, and characters that a header cannot contain, raise SettingsError before any request."""
    server = Server()
    with pytest.raises(SettingsError) as caught:
        await api(server).create_auth_token(uid, key)
    assert caught.value.code == code
    assert not server.requests


def test_what_errors_mean() -> None:
    """Errors of unknown tokens, transient failures and others are distinguished."""
    assert is_token_unknown(ApiError("x", code="AUTH_ERR_AUTH_TOKEN_NOT_FOUND", status=401))
    assert not is_token_unknown(ApiError("x"))


@pytest.mark.parametrize(
    ("error", "final"),
    [
        (ApiError("x"), False),
        (ApiError("x", status=408), False),
        (ApiError("x", status=425), False),
        (ApiError("x", status=429, code="TOO_MANY_REQUEST"), False),
        (ApiError("x", status=429, code="INVALID_RESPONSE"), False),
        (ApiError("x", status=503), False),
        (ApiError("x", status=599, code="INVALID_RESPONSE"), False),
        (ApiError("x", status=200, code="INVALID_RESPONSE"), False),  # the page of a captive portal
        (ApiError("x", status=302, code="INVALID_RESPONSE"), False),
        (ApiError("x", status=200, code="AUTH_ERR_X"), True),  # CometChat's errors count whatever the status
        (ApiError("x", status=401), True),
        (ApiError("x", status=403, code="INVALID_RESPONSE"), True),
        (ApiError("x", status=422), True),
    ],
)
def test_what_is_a_refusal(error: ApiError, final: bool) -> None:
    """A refusal is a 4xx except 408, 425 and 429, or an error of CometChat with status 200; everything else is none."""
    assert is_refusal(error) is final


async def test_an_error_that_is_nested_too_deeply_is_an_api_error() -> None:
    """An error of the server that is nested too deeply is an ApiError without details."""
    body = b'{"error": {"code": "C", "message": "m", "details": ' + b"[" * 900 + b"]" * 900 + b"}}"
    with pytest.raises(ApiError) as caught:
        await api(Server((400, body))).put_me("TOKEN")
    assert (caught.value.code, caught.value.details, caught.value.status) == ("UNKNOWN_ERROR", None, 400)


def answered(status: int, body: bytes, **headers: str) -> Any:
    """Return a server that always sends this response."""

    async def request(_: Request) -> Response:
        await trio.lowlevel.checkpoint()
        return Response(status, {name.replace("_", "-"): value for name, value in headers.items()}, body)

    return request


NOON = "Sun, 06 Nov 1994 12:00:00 GMT"
ERROR = b'{"error": {"code": "TOO_MANY_REQUEST", "message": "slower"}}'


@pytest.mark.parametrize(
    ("status", "body", "headers", "retry_after", "worth_retrying"),
    [
        (429, ERROR, {"retry_after": "7"}, 7.0, True),
        (429, b"", {"retry_after": "7"}, 7.0, True),
        (503, b"<html>", {"retry_after": " 7 "}, 7.0, True),
        (503, b"<html>", {}, None, True),
        (503, b"{}", {"retry_after": "soon"}, None, True),
        (408, b"", {"retry_after": "Sun, 06 Nov 1994 12:01:00 GMT", "date": NOON}, 60.0, True),
        (425, b"", {"retry_after": "Sun, 06 Nov 1994 11:59:00 GMT", "date": NOON}, 0.0, True),
        (503, b"", {"retry_after": "Sun, 06 Nov 1994 12:01:00 GMT"}, None, True),
        (503, b"", {"retry_after": "-7"}, None, True),
        (404, ERROR, {"retry_after": "7"}, 7.0, False),
        (200, ERROR, {"retry_after": "7"}, 7.0, False),
        (302, b"", {"retry_after": "7"}, 7.0, False),
    ],
)
async def test_every_error_has_the_delay_of_retry_after(
    status: int, body: bytes, headers: dict[str, str], retry_after: float | None, worth_retrying: bool
) -> None:
    """The delay of Retry-After, in seconds or as a date compared with `Date`, is in the error, whatever the body."""
    with pytest.raises(ApiError) as caught:
        await api(answered(status, body, **headers)).put_me("TOKEN")
    error = caught.value
    assert (error.status, error.retry_after, error.worth_retrying) == (status, retry_after, worth_retrying)


async def test_the_date_of_the_last_answer_is_kept() -> None:
    """Successes and errors set it; a response without a valid `Date` does not change it."""
    answer = b'{"data": {"uid": "u", "settings": {"CHAT_HOST": "ws.example"}}}'
    made = api(answered(200, answer, date="Thu, 01 Jan 1970 00:01:00 GMT"))
    assert made.response_date is None
    await made.put_me("TOKEN")
    assert made.response_date == 60.0
    for headers, kept in (({"date": "Thu, 01 Jan 1970 00:02:00 GMT"}, 120.0), ({}, 120.0), ({"date": "noon"}, 120.0)):
        made.request = answered(503, b"", **headers)
        with pytest.raises(ApiError):
            await made.put_me("TOKEN")
        assert made.response_date == kept


@pytest.mark.parametrize(
    "raised",
    [
        ValueError("Port out of range SECRET"),
        TypeError("SECRET"),
        RuntimeError("SECRET"),
        KeyError("SECRET"),
        ExceptionGroup("SECRET", [ValueError("SECRET")]),
        trio.BrokenResourceError("SECRET"),
        StopAsyncIteration(),
    ],
    ids=lambda error: type(error).__name__,
)
async def test_any_exception_of_a_request_is_an_api_error(raised: Exception) -> None:
    """The ApiError has no status, is worth retrying, and is chained; the token is not in the traceback, either."""
    with pytest.raises(ApiError, match="was not answered") as caught:
        await api(Server(raised)).put_me("SECRET")
    assert (caught.value.code, caught.value.status) == ("FAILED_TO_FETCH", None)
    assert caught.value.worth_retrying
    assert "SECRET" not in str(caught.value)
    assert caught.value.__cause__ is not None
    assert "SECRET" not in "".join(traceback.format_exception(caught.value.__cause__))


@pytest.mark.parametrize(
    "response",
    [
        None,
        3,
        SimpleNamespace(status=200, headers=None, body=b"{}"),
        SimpleNamespace(status=200, headers={}, body=None),
        SimpleNamespace(status=None, headers={}, body=b""),
    ],
)
async def test_an_invalid_return_value_of_an_environment_is_an_api_error(response: Any) -> None:
    """An invalid return value of an Environment fails only that request."""

    async def request(_: Request) -> Any:
        await trio.lowlevel.checkpoint()
        return response

    with pytest.raises(ApiError):
        await api(request).put_me("TOKEN")


async def test_a_body_may_be_text() -> None:
    """A program's own Environment may have decoded it."""

    async def request(_: Request) -> Any:
        await trio.lowlevel.checkpoint()
        return SimpleNamespace(status=200, headers={}, body=json.dumps({"data": ME}))

    assert (await api(request).put_me("TOKEN")).uid == ME["uid"]


async def test_a_cancelled_request_is_no_error() -> None:
    """A cancelled request raises Cancelled, not an ApiError."""

    async def request(_: Request) -> Response:
        await trio.sleep_forever()
        raise AssertionError

    with trio.move_on_after(0) as scope:
        await api(request).put_me("TOKEN")
    assert scope.cancelled_caught


FULL = b"[1" + b",1" * 200_000 + b"]"


async def test_a_response_with_too_many_items_is_not_parsed() -> None:
    """A response with too many items, which would block Trio for seconds, is an error; items in strings are not counted."""
    answers = [b'{"data":{"uid":"zed-1","x":' + FULL + b"}}", b'{"error":{"code":"X","x":' + FULL + b"}}", FULL]
    for answer in answers:
        with pytest.raises(ApiError, match=r"PUT .* has more than 200,000 items") as caught:
            await api(Server(answer)).put_me("TOKEN")
        assert caught.value.code == "INVALID_RESPONSE"
    fitting = b'{"data":{"uid":"zed-1","settings":{"CHAT_HOST":"ws.example"},"x":"' + b"[{," * 200_000 + b'"}}'
    assert (await api(Server(fitting)).put_me("TOKEN")).uid == "zed-1"


class Steps(trio.abc.Instrument):
    """Counts the steps of all tasks."""

    def __init__(self) -> None:
        self.count = 0

    def before_task_step(self, task: trio.lowlevel.Task) -> None:
        """Count one."""
        self.count += 1


async def test_other_tasks_run_while_a_long_response_is_read() -> None:
    """Other tasks run after each 64 KiB of a long response, whose numbers take long; a usual response takes no extra step."""
    counts = []
    for count in (2, 250):
        steps = Steps()
        trio.lowlevel.add_instrument(steps)
        body = b'{"data":{"uid":"zed-1","settings":{"CHAT_HOST":"ws.example"},"x":[%b]}}' % b",".join(
            [b"7" * 4_000] * count
        )
        await api(Server(body)).put_me("TOKEN")
        trio.lowlevel.remove_instrument(steps)
        counts.append(steps.count)
    assert counts[0] == 1
    assert counts[1] > 250 * 4_000 / 65_536


async def test_a_long_response_that_is_nested_too_deeply_is_an_api_error() -> None:
    """The error says so, with its status."""
    body = b'{"data":{"uid":"zed-1","x":' + b"[" * 100 + b'"%b"' % (b"x" * 70_000) + b"]" * 100 + b"}}"
    with pytest.raises(ApiError, match="HTTP status 200.*is nested too deeply") as caught:
        await api(Server(body)).put_me("TOKEN")
    assert caught.value.code == "INVALID_RESPONSE"


async def test_a_response_that_is_too_long_is_not_parsed() -> None:
    """A response above the limit raises an error here, too, because a program's own Environment may have no limit."""
    with pytest.raises(ApiError, match=r"GET .* is longer than 16,777,216 bytes"):
        await api(Server(b'{"data":[]}' + b" " * (16 << 20))).messages(saved(), Cursor(id=1))


async def test_a_page_of_a_million() -> None:
    """A list of a million elements is refused after the first thousand, and a retry would not help."""
    answer = b'{"data":[1' + b",1" * 1_000_000 + b'],"meta":{}}'
    with pytest.raises(ApiError, match="more than 1,000") as caught:
        await api(Server(answer)).messages(saved(), Cursor(id=1))
    assert caught.value.code == "INVALID_LIST"


async def test_an_invalid_message_does_not_make_a_long_page_unreadable() -> None:
    """All messages are found in a long page that must be split by the slow method."""
    messages = b",".join(b'{"id":"%d","tags":[%s]}' % (number, b"1," * 5_000 + b"NaN") for number in range(2, 22))
    page = await api(Server(b'{"data":[' + messages + b'],"meta":{}}')).messages(saved(), Cursor(id=1))
    assert len(page.messages) == 20
    assert page.next == Cursor(id=21)


async def test_reading_a_page_is_part_of_the_request(autojump_clock: MockClock) -> None:
    """If the time limit of the request expires while the page is read, the request has failed."""
    answer = b'{"data":[NaN' + b",[1]" * 900 + b"]" + b',"meta":{}}'

    async def late(_: Request) -> Response:
        await trio.sleep(1)
        autojump_clock.jump(9)
        return Response(200, {}, answer)

    with trio.fail_after(60), pytest.raises(ApiError, match="within request_timeout, 10 s"):
        await api(late).messages(saved(), Cursor(id=1))
