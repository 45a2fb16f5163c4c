"""The requests behind an `Admin`: what they send, when they are made again, and the hints in their errors."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any, Final, TypeVar

import attrs

from cometconn._account.retrying import Retrying, add_sentence, checked_retrying
from cometconn._account.session import is_token
from cometconn._arguments import refused
from cometconn._rest.encoding import json_bytes
from cometconn._rest.request_call import segments
from cometconn.errors import ApiError, DecodeError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping

    from cometconn._account.api import Api
    from cometconn._rest.running_calls import RunningCalls
    from cometconn.events import User

__all__ = ["AdminCalls"]

T = TypeVar("T")

_NO_USER: Final = "ERR_UID_NOT_FOUND"
_IS_THERE: Final = "ERR_UID_ALREADY_EXISTS"
_NO_TOKEN: Final = frozenset({"AUTH_ERR_AUTH_TOKEN_NOT_FOUND", "ERR_AUTH_TOKEN_NOT_FOUND"})
_NO_ACCESS: Final = "The key may not do that: it is perhaps the app's auth key, and api_key must be its REST API key."
_NO_KEY: Final = "api_key must be the REST API key of this app, from CometChat's dashboard, and neither a token nor the key of another app."
_HINTS: Final = {
    "AUTH_ERR_NO_ACCESS": _NO_ACCESS,
    "AUTH_ERR_APIKEY_NOT_FOUND": _NO_KEY,
    "AUTH_ERR_EMPTY_APIKEY": _NO_KEY,
    "AUTH_ERR_INVALID_API_KEY": _NO_KEY,
    _NO_USER: "ensure_user() creates the user.",
}
"""What to do about a refusal, by its code."""


@attrs.define(eq=False)
class AdminCalls:
    """Makes requests with the app's REST API key.

    Attributes:
        api: CometChat's REST API.
        running: those that are under way.
    """

    api: Api
    running: RunningCalls
    _api_key: str = attrs.field(alias="api_key", repr=False)
    _is_left: bool = attrs.field(default=False, init=False)

    def ensure_user(self, uid: str, fields: Mapping[str, Any], retry_for: float) -> Callable[[], Awaitable[User]]:
        """Begin to create or change a user, and return the wait for it; see `Admin.ensure_user`."""
        call = "ensure_user()"
        given = {name: value for name, value in fields.items() if value is not None}
        path, body = segments("users", uid), json_bytes(call, given)
        new = json_bytes(call, {"uid": uid, **given})
        attempt = partial(self._create_or_change, path, body, new)
        return self._begin(call, attempt, checked_retrying(call, retry_for, repeats=True))

    async def _create_or_change(self, path: str, body: bytes, new: bytes) -> User:
        """Change the user; if there is none, create it; if another program was first, change that one.

        The user of most calls exists, so the request that changes it comes first. Each step may be taken again, even if
        it is not known whether the server has carried it out.
        """
        data = await self._unless(_NO_USER, "PUT", path, body)
        if data is None:
            data = await self._unless(_IS_THERE, "POST", "/users", new)
        if data is None:
            data = await self._request("PUT", path, body)
        from cometconn._wire.decoder import decode_user  # noqa: PLC0415 - it takes 40 ms

        try:
            user, cause = decode_user(data), None
        except (DecodeError, TypeError) as error:
            user, cause = None, error
        if user is None or not user.uid:
            message = "ensure_user(): the user was created or changed, but the server's response holds no user."
            raise ApiError(message, code="INVALID_RESPONSE", status=200) from cause
        return user

    async def _unless(self, code: str, method: str, path: str, body: bytes) -> Any:
        """Make a request; return `None` if it is refused with *code*."""
        try:
            return await self._request(method, path, body)
        except ApiError as error:
            if error.code != code:
                raise
        return None

    def create_auth_token(self, uid: str, retry_for: float) -> Callable[[], Awaitable[str]]:
        """Begin to create a token, and return the wait for it; see `Admin.create_auth_token`."""
        call = "create_auth_token()"
        path = segments("users", uid, "auth_tokens")
        return self._begin(
            call, partial(self._create_auth_token, path), checked_retrying(call, retry_for, repeats=False)
        )

    async def _create_auth_token(self, path: str) -> str:
        # `force`: otherwise CometChat may return a token that it has created before, and revoking it would log out others.
        data = await self._request("POST", path, b'{"force":true}')
        token = data.get("authToken") if isinstance(data, dict) else None
        if not is_token(token):
            message = "The server's response has no valid authToken."
            raise ApiError(message, code="INVALID_RESPONSE", status=200)
        return token

    def revoke_auth_token(self, uid: str, token: str, retry_for: float) -> Callable[[], Awaitable[None]]:
        """Begin to revoke a token, and return the wait for the end; see `Admin.revoke_auth_token`."""
        call = "revoke_auth_token()"
        self.api.secrets.learn(token)
        if not is_token(token):
            where = f"{call}: token"
            raise refused(where, "a token from create_auth_token()", type(token))
        path = segments("users", uid, "auth_tokens", token)
        return self._begin(call, partial(self._revoke, path), checked_retrying(call, retry_for, repeats=True))

    async def _revoke(self, path: str) -> None:
        try:
            await self._request("DELETE", path, None)
        except ApiError as error:
            if error.code not in _NO_TOKEN:  # such a token is revoked, perhaps by an attempt whose response was lost
                raise

    def leave(self) -> None:
        """End the calls that are under way, and forget the key: the block is being left."""
        self._is_left, self._api_key = True, ""
        self.running.end("cometconn: open_admin() was left")

    async def _request(self, method: str, path: str, body: bytes | None) -> Any:
        return await self.api.admin_request(self._api_key, method, path, body)

    def _begin(self, call: str, attempt: Callable[[], Awaitable[T]], retrying: Retrying) -> Callable[[], Awaitable[T]]:
        self._check_open(call)
        return partial(self._until_left, call, attempt, retrying)

    async def _until_left(self, call: str, attempt: Callable[[], Awaitable[T]], retrying: Retrying) -> T:
        self._check_open(call)  # under asyncio the wait begins a moment after the call

        def ended() -> RuntimeError:
            return RuntimeError(
                f"{call} was ended by leaving open_admin(): whether the server has carried it out is not known."
            )

        try:
            return await self.running.make(attempt, retrying, ended)
        except ApiError as error:
            if error.code in _HINTS:
                add_sentence(error, _HINTS[error.code])
            raise

    def _check_open(self, call: str) -> None:
        if self._is_left:
            message = f"{call} came after the block of open_admin() was left: make the call inside of it."
            raise RuntimeError(message)
