"""The calls of CometChat's REST API that a client needs: login, logout, missed messages and sending."""

from __future__ import annotations

import json
import urllib.parse
from collections.abc import AsyncGenerator, Awaitable, Callable, Generator, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import TYPE_CHECKING, Any, NoReturn, TypeVar

import attrs
import trio

from cometconn._environment import Request, Response
from cometconn._json.signs import DEEPEST, UNCOUNTED, at_once, count_items, is_too_deep
from cometconn._json.values import decode_in_steps
from cometconn._network.http_date import read_date, retry_after_seconds
from cometconn._network.loop_watch import excused
from cometconn._network.os_errors import never_connected, os_error_text, without_traceback
from cometconn._network.urls import read_url
from cometconn._text.foreign_text import KnownSecrets
from cometconn.errors import ApiError, ProtocolError, SettingsError

from .pages import Cursor, MessagePage
from .response_body import RESPONSE_LIMIT
from .retrying import add_sentence
from .server_settings import usable_settings
from .session import Hosts, Session, is_token
from .turn import Turn

if TYPE_CHECKING:
    from .streaming import BodyStream, StreamedResponse
    from .transfer import Transfer

__all__ = ["Api", "is_refusal", "is_token_unknown"]

T = TypeVar("T")

_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_CLIENT_ERRORS = 400
_PER_PAGE = 100
_LONGEST_CODE = 100
_MOST_ITEMS = 200_000  # of an answer that is read as a whole
_JSON = "application/json"
_KEY_REFUSED = frozenset({"AUTH_ERR_APIKEY_NOT_FOUND", "AUTH_ERR_INVALID_API_KEY", "AUTH_ERR_NO_ACCESS"})
_WRONG_KEY = "auth_key must be the app's auth key; for a token of the user, use login(auth_token=...)."
_LONG = 16 * 1024  # bytes of an answer of which each pass takes milliseconds, at worst


@attrs.define(eq=False)
class Api:
    """The REST calls. Each takes at most `timeout` seconds, not counting those in which the event loop was blocked.

    If a call is cancelled, its connection is closed.

    A response with `data` is a success and one with `error` a failure, whatever the HTTP status: both official SDKs
    decide so. Failures raise `ApiError`.

    Attributes:
        app_id, session_id, device_id, version: what identifies this client to the server.
        hosts: the base URLs.
        request: makes one HTTP request.
        timeout: the bound of each call in seconds, including the wait for one of the *at_once* places. For a file that is
            sent or received it is the bound of each piece.
        at_once: how many requests may run at a time. At most half of them send or receive files, so that long files do
            not hold up the others.
        open_response: makes one HTTP request that sends or receives a file; `None` if the environment has no such call.
        response_date: the `Date` header of the last response that had one, in seconds since 1970; `None` before the
            first.
        secrets: the keys and tokens sent and received so far: no error message contains one of them.
    """

    app_id: str
    hosts: Hosts
    request: Callable[[Request], Awaitable[Response]]
    session_id: str
    device_id: str
    version: str
    timeout: float
    at_once: int = 8
    open_response: Callable[..., AbstractAsyncContextManager[StreamedResponse]] | None = None
    secrets: KnownSecrets = attrs.field(factory=KnownSecrets, repr=False)
    response_date: float | None = attrs.field(default=None, init=False)
    # A client may need no request, and none for a file.
    _turns: trio.Semaphore | None = attrs.field(default=None, init=False, repr=False)
    _file_turns: trio.Semaphore | None = attrs.field(default=None, init=False, repr=False)

    async def create_auth_token(self, uid: str, auth_key: str) -> str:
        """Create an auth token for *uid* with the app's auth key."""
        check_secret("auth_key", auth_key)
        check_secret("uid", uid)
        if uid in {".", ".."}:  # which mean something else in a path, quoted or not
            message = f"uid must not be {uid!r}."
            raise SettingsError(message)
        url = f"{self.hosts.admin()}/users/{urllib.parse.quote(uid, safe='')}/auth_tokens"
        try:
            data = await self._call("POST", url, {"apiKey": auth_key}, self._about_us())
        except ApiError as error:
            if error.code in _KEY_REFUSED:
                add_sentence(error, _WRONG_KEY)
            raise
        return _token(data, "authToken") or _absent("authToken")

    async def put_me(self, auth_token: str) -> Session:
        """Log in with an auth token, and return the session.

        The settings are judged here, so that nothing in them can raise later. What cannot be used, and is not needed, is
        left out of them with a WARNING. Without a host of the WebSocket `ApiError` is raised; a retry does not help.
        """
        check_secret("auth_token", auth_token)
        base = self.hosts.client({})
        data = await self._call("PUT", f"{base}/me", {"authToken": auth_token}, self._about_us())
        settings = data.get("settings")
        if not isinstance(settings, Mapping):
            settings = await self._call("GET", f"{base}/settings", {"authToken": auth_token}, None)
        token = _token(data, "authToken") or auth_token
        in_cloud = self.hosts.endpoints is None
        settings = usable_settings(settings, self.secrets, hosts=in_cloud)
        session = Session(self.app_id, _uid(data), token, _token(data, "jwt"), data, settings)
        if in_cloud:
            try:
                session.socket_url()
            except ProtocolError as error:
                raise ApiError(error.message, code="INVALID_RESPONSE", status=200) from None
        return session

    async def get_me(self, auth_token: str, previous: Session) -> Session:
        """Return *previous* with a new JWT."""
        url = f"{self.hosts.client(previous.settings)}/me"
        data = await self._call("GET", url, {"authToken": auth_token}, None)
        return attrs.evolve(previous, jwt=_token(data, "jwt") or previous.jwt)

    async def delete_me(self, session: Session) -> None:
        """Log out: the server forgets the auth token."""
        url = f"{self.hosts.client(session.settings)}/me"
        await self._call("DELETE", url, {"authToken": session.auth_token}, None)

    async def messages(self, session: Session, behind: Cursor) -> MessagePage:
        """Return one page of the messages after *behind* in all of the user's conversations, oldest first."""
        query = urllib.parse.urlencode({"per_page": _PER_PAGE, **behind.query(), "affix": "append"})
        return await MessagePage.read(await self.undecoded(session, f"/messages?{query}"), behind)

    async def undecoded(self, session: Session, target: str) -> dict[str, bytes]:
        """Make a `GET` request, and return the undecoded JSON of the members of the response, which has `data`.

        So a list of any length is read in short steps, and an element that is invalid leaves the others as they are.

        Args:
            session: the logged-in user's.
            target: the path below the base URL, and the query.
        """
        url, secret = f"{self.hosts.client(session.settings)}{target}", {"authToken": session.auth_token}
        async with self._turn("GET", url, secret) as turn:
            what = turn.what
            response = await self._respond(what, "GET", url, secret)
            members = await MessagePage.members(response.body)
            if "data" not in members or members.get("error", b"").startswith(b"{"):
                await _read(what, response, self.secrets)  # raises the error with its reason
                raise _invalid(what, response.status, "could not be read")
            return members

    async def program_request(
        self, session: Session, method: str, target: str, body: bytes | BodyStream | None, content_type: str
    ) -> dict[str, Any]:
        """Make the request of a program, and return the whole response, which has `data`.

        Args:
            session: the logged-in user's.
            method: the HTTP method.
            target: the path below the base URL, and the query.
            body: the body; `None` for none.
            content_type: that of the body.
        """
        url = f"{self.hosts.client(session.settings)}{target}"
        secret = {"authToken": session.auth_token}
        if body is None or isinstance(body, bytes):
            return await self._answer(method, url, secret, body, content_type)
        request = Request(method, url, self._headers(secret, content_type))
        async with self.transfer(request, body) as transfer:
            return await _read(transfer.what, await transfer.whole(), self.secrets)

    @asynccontextmanager
    async def transfer(self, request: Request, body: BodyStream | None = None) -> AsyncGenerator[Transfer, None]:
        """Make a request that sends or receives a file, and yield its response, which is read during the block.

        There is no limit for the whole. Each piece, the wait for the response, and the wait for one of the *at_once* places
        take at most `timeout`. The wait for others that send or receive files does not count.

        What *body* and the block raise is raised as it is, and every failure of the network as `ApiError`.

        Args:
            request: the request; its secrets are known already.
            body: sent in place of the request's own.

        Raises:
            SettingsError: the environment cannot send and receive files.
        """
        from .transfer import Transfer, WatchedBody  # noqa: PLC0415 - most clients never send or receive a file

        if self.open_response is None:
            message = "This environment cannot send or receive files: it has no open_response()."
            raise SettingsError(message)
        turns = self._file_turns = self._file_turns or trio.Semaphore(max(1, self.at_once // 2))
        async with turns, self._turn(request.method, request.url, {}) as turn:
            sent = None if body is None else WatchedBody(body, turn.progressed)
            opening = self.open_response(request, sent)
            try:
                streamed = await opening.__aenter__()
            except Exception as error:  # noqa: BLE001 - a program's own Environment may raise anything
                if sent is not None and sent.raised is not None:
                    raise sent.raised from None
                raise self._no_answer(turn.what, error) from self.secrets.error(without_traceback(error))
            turn.pause()
            try:
                yield Transfer(turn, streamed, self._no_answer, self.secrets)
            finally:
                await opening.__aexit__(None, None, None)

    async def admin_request(self, api_key: str, method: str, target: str, body: bytes | None) -> Any:
        """Make a request that needs the app's REST API key, and return the `data` of the response.

        Args:
            api_key: the key.
            method: the HTTP method.
            target: the path below the base URL.
            body: JSON; `None` for none.
        """
        return (await self._answer(method, f"{self.hosts.admin()}{target}", {"apiKey": api_key}, body, _JSON))["data"]

    async def send_message(self, session: Session, draft: str) -> dict[str, Any]:
        """Send the message whose JSON is *draft*, and return the message that the server made of it."""
        url = f"{self.hosts.client(session.settings)}/messages"
        return await self._call("POST", url, {"authToken": session.auth_token}, draft)

    def _about_us(self) -> str:
        info = {"version": f"v{self.version}", "apiVersion": "v3.0", "userAgent": f"cometconn/{self.version}"}
        return json.dumps({"platform": "PYTHON", "deviceId": self.device_id, "appInfo": info})

    async def _call(self, method: str, url: str, secret: Mapping[str, str], body: str | None) -> dict[str, Any]:
        """Make a request, and return the `data` of the response, which must be an object."""
        content = None if body is None else body.encode()
        data = (await self._answer(method, url, secret, content, _JSON))["data"]
        if not isinstance(data, dict):
            raise _invalid(_shown(method, url), 200, "holds no object as its data")
        return data

    async def _answer(
        self, method: str, url: str, secret: Mapping[str, str], body: bytes | None, content_type: str
    ) -> dict[str, Any]:
        async with self._turn(method, url, secret) as turn:
            what = turn.what
            return await _read(what, await self._respond(what, method, url, secret, body, content_type), self.secrets)

    @asynccontextmanager
    async def _turn(self, method: str, url: str, secret: Mapping[str, str]) -> AsyncGenerator[Turn, None]:
        """Bound a request, from waiting for its turn to reading the response."""
        self.secrets.learn(*secret.values())
        what = self.secrets.masked_line(_shown(method, url))
        turns = self._turns = self._turns or trio.Semaphore(self.at_once)
        turn = Turn(
            what, self.timeout, f"was not sent: {self.at_once} others (Limits.requests_at_once) were under way for"
        )
        try:
            with trio.fail_after(self.timeout) as scope, excused(scope):
                turn.scope = scope
                if turns.value:
                    turns.acquire_nowait()
                else:
                    await turns.acquire()
                turn.began("was not answered within")
                try:
                    yield turn
                finally:
                    turns.release()
        except trio.TooSlowError as error:
            message = f"{what} {turn.fault} request_timeout, {self.timeout:g} s."
            raise ApiError(message, sent=turn.is_sent) from error

    async def _respond(
        self,
        what: str,
        method: str,
        url: str,
        secret: Mapping[str, str],
        body: bytes | None = None,
        content_type: str = _JSON,
    ) -> Response:
        request = Request(method, url, self._headers(secret, content_type), body)
        try:
            response = await self.request(request)
            response_date = read_date(response.headers.get("date", ""))
        except Exception as error:  # noqa: BLE001 - a program's own Environment may raise anything
            raise self._no_answer(what, error) from self.secrets.error(without_traceback(error))
        self.response_date = self.response_date if response_date is None else response_date
        if isinstance(response.body, bytes) and len(response.body) > RESPONSE_LIMIT:
            raise _invalid(what, response.status, f"is longer than {RESPONSE_LIMIT:,} bytes")
        return response

    def _headers(self, secret: Mapping[str, str], content_type: str) -> dict[str, str]:
        return {
            "resource": self.session_id,
            "appId": self.app_id,
            "Accept": "application/json",
            "Content-Type": content_type,
            "sdk": f"python@{self.version}",
            **secret,
        }

    def _no_answer(self, what: str, error: Exception) -> ApiError:
        message = f"{what} was not answered: {self.secrets.masked_line(os_error_text(error))}."
        return ApiError(message, sent=not never_connected(error))


def _shown(method: str, url: str) -> str:
    parts = urllib.parse.urlsplit(url)
    return f"{method} {parts.netloc}{parts.path}"


def _host_of(location: str) -> str:
    target = read_url(location.partition("?")[0].partition("#")[0])
    return "elsewhere" if target is None else target.host


async def _read(what: str, response: Response, secrets: KnownSecrets) -> dict[str, Any]:
    """Return the response, which has `data`, or raise the `ApiError` that it holds, without the secrets in it.

    While it reads a long response it lets other tasks run between its passes, each of which takes milliseconds. If it
    is cancelled there, the response is lost, as if the request were cancelled just before the response arrives.
    """
    steps = _decode(what, response)
    try:
        if not isinstance(response.body, bytes) or len(response.body) <= _LONG:
            return _parse(what, response, at_once(steps), secrets)
        result = _parse(what, response, await _with_checkpoints(steps), secrets)
        await trio.lowlevel.checkpoint()
    except ApiError as error:
        error.retry_after = retry_after_seconds(
            response.headers.get("retry-after", ""), response.headers.get("date", "")
        )
        raise
    return result


async def _with_checkpoints(steps: Generator[None, None, T]) -> T:
    while True:
        try:
            next(steps)
        except StopIteration as end:
            result: T = end.value
            return result
        await trio.lowlevel.checkpoint()


def _decode(what: str, response: Response) -> Generator[None, None, Any]:
    """Return the JSON value in the response; `None` if it has none."""
    body = response.body
    if not isinstance(body, bytes | str):  # an Environment made something else; text is read all the same
        return None
    items = yield from count_items(body, _MOST_ITEMS)
    if items > _MOST_ITEMS and len(body) > UNCOUNTED:
        raise _invalid(what, response.status, f"has more than {_MOST_ITEMS:,} items: it is not read")
    yield
    try:
        return (yield from decode_in_steps(body, items))[0]
    except ValueError:
        return None
    except RecursionError:
        raise _invalid(what, response.status, "is nested too deeply") from None


def _parse(what: str, response: Response, answer: Any, secrets: KnownSecrets) -> dict[str, Any]:
    too_deep = False
    if isinstance(answer, dict):
        too_deep = is_too_deep(answer, DEEPEST + 1)  # one level is around the data
        secrets.learn_fields(answer.get("data"))
    if isinstance(answer, dict) and isinstance(error := answer.get("error"), dict):
        # CometChat's message for an unknown token contains it: "The auth token ... does not exist".
        error = {} if too_deep else error
        secrets.learn_fields(error)
        secrets.learn_fields(error.get("details"))
        code, text = error.get("code"), error.get("message")
        message = (
            f"{what}: {secrets.masked_line(text) if isinstance(text, str) and text.strip() else 'the server refused'}"
        )
        raise ApiError(
            message,
            code=secrets.masked_line(code, _LONGEST_CODE) if isinstance(code, str) and code else "UNKNOWN_ERROR",
            details=secrets.details(error.get("details")),
            status=response.status,
        )
    if response.status in _REDIRECTS:
        target = secrets.masked_line(_host_of(response.headers.get("location", "")))
        raise _invalid(what, response.status, f"redirects to {target}, which is not followed: tokens would go there")
    if isinstance(answer, dict) and "data" in answer:
        if too_deep:
            raise _invalid(what, response.status, "is nested too deeply")
        return answer
    raise _invalid(what, response.status, "has neither data nor error: is this CometChat?")


def _invalid(what: str, status: int, fault: str) -> ApiError:
    message = f"{what}: the answer (HTTP status {status}) {fault}"
    return ApiError(message, code="INVALID_RESPONSE", status=status)


def _absent(key: str) -> NoReturn:
    message = f"The server's response has no valid {key}."
    raise ApiError(message, code="INVALID_RESPONSE", status=200)


def _uid(data: Mapping[str, Any]) -> str:
    value = data.get("uid")
    # isprintable() is also False for half a surrogate pair, which cannot be encoded and so cannot be sent.
    return value if isinstance(value, str) and value and value.isprintable() else _absent("uid")


def _token(data: Mapping[str, Any], key: str) -> str | None:
    """Return the token *key* of a response, or `None`. It is validated, because it will be sent as a header."""
    value = data.get(key)
    if value is None or value == "":
        return None
    return value if is_token(value) else _absent(key)


def check_secret(name: str, value: object) -> None:
    """Raise `SettingsError` if *value* cannot be a uid, key or token. The message does not contain it."""
    if not isinstance(value, str) or not value:
        message = f"{name} is empty."
        raise SettingsError(message, code="MISSING_PARAMETERS")
    if not is_token(value):
        message = f"{name} contains a character that it cannot have."
        raise SettingsError(message)


def is_token_unknown(error: ApiError) -> bool:
    """Return whether the server no longer knows the auth token."""
    return error.code == "AUTH_ERR_AUTH_TOKEN_NOT_FOUND"


def is_refusal(error: ApiError) -> bool:
    """Return whether the server has refused the request for good.

    A missing response, 408, 425, 429 and 5xx are no refusal. Neither is a response below 400 that is not CometChat's:
    a captive portal sends such a page or redirect in place of the server.
    """
    foreign = error.code == "INVALID_RESPONSE" and error.status is not None and error.status < _CLIENT_ERRORS
    return not error.worth_retrying and not foreign
