"""`Admin`: the calls of a backend."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, final

import trio

from cometconn._arguments import check, made_by

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from cometconn.events import User

    from .calls import AdminCalls

__all__ = ["Admin"]


@final
@made_by("`async with open_admin(...) as admin`")
class Admin:
    """What a backend does with the app's REST API key. Made by `open_admin()`, not by you.

    Several tasks may call it at a time; at most 8 requests are under way, and others wait for their turn. Each request uses
    a connection of its own.
    """

    def __init__(self, requests: AdminCalls) -> None:
        self._requests = requests

    def __repr__(self) -> str:
        return f"<Admin of {self._requests.api.app_id!r}>"

    @trio.lowlevel.enable_ki_protection
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

        A checkpoint. If cancelled, the user may be created or changed, or not; another call does the rest. Takes at most
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
        return await self._requests.ensure_user(uid, fields, retry_for)()

    @trio.lowlevel.enable_ki_protection
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

        A checkpoint. If cancelled, there may be a token that nothing uses. Takes at most *retry_for* and one
        `request_timeout`. Source: CometChat's REST API, `POST /users/{uid}/auth_tokens`.
        """
        check(Admin.create_auth_token, locals())
        return await self._requests.create_auth_token(uid, retry_for)()

    @trio.lowlevel.enable_ki_protection
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

        A checkpoint. If cancelled, the token may be revoked or not. Takes at most *retry_for* and one
        `request_timeout`. Source: CometChat's REST API, `DELETE /users/{uid}/auth_tokens/{token}`.
        """
        check(Admin.revoke_auth_token, locals())
        await self._requests.revoke_auth_token(uid, token, retry_for)()
