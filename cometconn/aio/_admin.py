"""`open_admin()` and `Admin` for asyncio.

Made from `cometconn.admin.open_admin`, `cometconn.admin.admin` by `python -m tests.aio.twins --write`: change it there.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, final

import cometconn.admin
from cometconn._arguments import check, made_by
from cometconn._groups import WrappedBlock, usage_of

from ._blocks import Block

if TYPE_CHECKING:
    import ssl
    from collections.abc import Mapping, Sequence
    from contextlib import AbstractAsyncContextManager
    from typing import Any

    from cometconn._environment import Environment
    from cometconn.admin.calls import AdminCalls
    from cometconn.events import User
    from cometconn.settings import Endpoints, Timing

    from ._calls import Calls

__all__ = ["Admin", "open_admin"]


def open_admin(
    app_id: str,
    *,
    api_key: str,
    region: str | None = None,
    endpoints: Endpoints | None = None,
    timing: Timing | None = None,
    ssl_context: ssl.SSLContext | None = None,
    proxy: str | None = None,
    headers: Mapping[str, str] | None = None,
    environment: Environment | None = None,
) -> AbstractAsyncContextManager[Admin]:
    """Make the calls of a backend, for as long as the `async with` block runs. No user is logged in for them.

    Entering opens no connection and sends nothing. A web service enters it once when it starts, and all its requests use it.

    Args:
        app_id: the app's id, from CometChat's dashboard.
        api_key: the app's REST API key, from the dashboard: the one with full access, and not the auth key. Read it from
            the environment or a file. It is in no error, log or `repr`, and it is forgotten when the block is left.
        region: the app's region: `"us"`, `"eu"`, `"in"`. It can be left out only with *endpoints*.
        endpoints: the servers to use instead of CometChat's cloud; of them only `admin_url` is used.
        timing: `request_timeout` bounds one request; `retry_base` and `retry_cap` bound the waits between two. `Timing()`
            unless given.
        ssl_context: as in `open_client()`.
        proxy: as in `open_client()`.
        headers: as in `open_client()`.
        environment: network and randomness, for tests. Its calls run in Trio. It replaces *ssl_context* and *proxy*.

    Raises:
        SettingsError: an argument is invalid.

    An exception that the block raises propagates unchanged. Leaving the block ends the calls that other tasks have under
    way: they raise `RuntimeError`.
    """
    check(open_admin, locals())
    return WrappedBlock(
        Block(
            lambda: cometconn.admin.open_admin(
                app_id,
                api_key=api_key,
                region=region,
                endpoints=endpoints,
                timing=timing,
                ssl_context=ssl_context,
                proxy=proxy,
                headers=headers,
                environment=environment,
            ),
            lambda admin, calls: Admin(admin._requests, calls),
        ),
        usage_of("open_admin"),
    )


@final
@made_by("`async with open_admin(...) as admin`")
class Admin:
    """What a backend does with the app's REST API key. Made by `open_admin()`, not by you.

    Several tasks may call it at a time; at most 8 requests are under way, and others wait for their turn. Each request uses
    a connection of its own.
    """

    def __init__(self, requests: AdminCalls, calls: Calls) -> None:
        self._requests = requests
        self._run = calls.run

    def __repr__(self) -> str:
        return f"<Admin of {self._requests.api.app_id!r}>"

    async def ensure_user(
        self,
        uid: str,
        name: str,
        *,
        avatar: str | None = None,
        link: str | None = None,
        role: str | None = None,
        metadata: Mapping[str, Any] | None = None,
        tags: Sequence[str] | None = None,
        retry_for: float = 30.0,
    ) -> User:
        """Create a user, or change the one of this uid: afterwards it has these attributes.

        Idempotent, so a backend can call it each time a user logs in to the app. If two programs call it at the same
        time, there is one user. What is not given stays as it is.

        Args:
            uid: the user's id, of letters, digits, `-` and `_`. CometChat changes upper case to lower case when it
                creates a user: the returned `User` has the id that counts.
            name: the name to display.
            avatar: the URL of the user's picture.
            link: the URL of the user's page.
            role: the name of a role that the app has; a new user has `default` unless given.
            metadata: the app's own data about the user. It replaces the previous data as a whole.
            tags: words to find the user by. They replace the previous ones.
            retry_for: how many seconds after the call the last attempt may begin, if there was no response or the
                server responded with 408, 425, 429 or 5xx. 0: there is one attempt.

        Returns:
            The user as the server has it.

        Raises:
            SettingsError: an argument is invalid.
            ApiError: the server refused, or there was no response. A retry can help if `worth_retrying` is true.
            RuntimeError: the block of `open_admin()` was left.

        If cancelled, the user may be created or changed, or not; another call does the rest. Takes at most
        *retry_for* and three `request_timeout`. Source: CometChat's REST API, `PUT /users/{uid}` and `POST /users`.
        """
        check(Admin.ensure_user, locals())
        fields = {
            "name": name,
            "avatar": avatar,
            "link": link,
            "role": role,
            "metadata": None if metadata is None else dict(metadata),
            "tags": None if tags is None else list(tags),
        }
        return await self._run(self._requests.ensure_user(uid, fields, retry_for))

    async def create_auth_token(self, uid: str, *, retry_for: float = 30.0) -> str:
        """Create a token with which a program of the user can log in: `chat.login(auth_token=...)`.

        Create one for each login: so one device can be logged out by revoking its token, while others stay. A token
        does not expire. CometChat keeps the newest 100 tokens of a user.

        Args:
            uid: the user's id. `ensure_user()` creates the user.
            retry_for: how many seconds after the call the last attempt may begin, if the server responded with 429, or
                the request was not sent. Otherwise it is not repeated, because each creates a token. 0: there is one
                attempt.

        Returns:
            The token. Send it only to the user's own program, and only over TLS: a program that has it acts as the user.

        Raises:
            SettingsError: an argument is invalid.
            ApiError: the server refused (`ERR_UID_NOT_FOUND`: there is no such user), or there was no response; then
                there may be a token that nothing uses, and another call is safe if `worth_retrying` is true.
            RuntimeError: the block of `open_admin()` was left.

        If cancelled, there may be a token that nothing uses. Takes at most *retry_for* and one
        `request_timeout`. Source: CometChat's REST API, `POST /users/{uid}/auth_tokens`.
        """
        check(Admin.create_auth_token, locals())
        return await self._run(self._requests.create_auth_token(uid, retry_for))

    async def revoke_auth_token(self, uid: str, token: str, *, retry_for: float = 30.0) -> None:
        """Revoke a token: the server forgets it, and programs that use it are logged out at their next request.

        Idempotent: a token that the server does not know counts as revoked. A socket that is open may stay open.

        Args:
            uid: the user's id.
            token: the token.
            retry_for: as in `ensure_user()`.

        Raises:
            SettingsError: an argument is invalid.
            ApiError: the server refused, or there was no response. A retry can help if `worth_retrying` is true.
            RuntimeError: the block of `open_admin()` was left.

        If cancelled, the token may be revoked or not. Takes at most *retry_for* and one
        `request_timeout`. Source: CometChat's REST API, `DELETE /users/{uid}/auth_tokens/{token}`.
        """
        check(Admin.revoke_auth_token, locals())
        await self._run(self._requests.revoke_auth_token(uid, token, retry_for))
