"""The users of the app: `CometChat.users`."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any, final

import trio

from cometconn._arguments import check, made_by
from cometconn.errors import SettingsError
from cometconn.events import User

from .hints import with_hint
from .listing import Listing
from .outcomes import check_outcomes
from .pager import ListPager
from .places import id_of, positive
from .request_call import segments

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping, Sequence

    from .context import Context

__all__ = ["Users"]


@final
@made_by("`chat.users`")
class Users:
    """The users of the app, as the logged-in user sees them. `CometChat.users` is one; it needs no connection."""

    def __init__(self, context: Context) -> None:
        self._context = context

    def list(
        self,
        *,
        search: str | None = None,
        roles: Sequence[str] = (),
        friends_only: bool = False,
        limit: int | None = None,
    ) -> Listing[User]:
        """Return an iterator over the users: `async for user in chat.users.list(search="amy"): ...`.

        Args:
            search: only users whose name contains this.
            roles: only users with one of these roles.
            friends_only: only the logged-in user's friends.
            limit: end after so many users.

        Returns:
            The iterator. It fetches pages of at most 100 users when it needs them. What it raises, and how long it takes,
            is documented at `Listing`.

        Raises:
            SettingsError: an argument is invalid.
            NotLoggedInError: no user is logged in, or the client was left.

        Source: `GET /users`, as both official SDKs' `UsersRequest` does it.
        """
        check(Users.list, locals())
        query: dict[str, str | int] = {"searchKey": search} if search else {}
        query |= {"roles": ",".join(roles)} if roles else {}
        query |= {"friendsOnly": 1} if friends_only else {}
        return self._listing("users.list()", segments("users"), query, limit)

    @trio.lowlevel.enable_ki_protection
    async def get(self, uid: str) -> User:
        """Return one user.

        Args:
            uid: the user's id.

        Raises:
            SettingsError: *uid* cannot be a uid.
            NotLoggedInError: no user is logged in, or the client was left meanwhile.
            ApiError: the server refused (`ERR_UID_NOT_FOUND`: there is no such user). Worth retrying if
                `worth_retrying` is true; it was tried again for 30 s.

        A checkpoint. If cancelled, nothing is changed. At most 30 s and `request_timeout`, and three times
        `request_timeout` more with a new token. Source: `GET /users/{uid}`, as both official SDKs do it.
        """
        check(Users.get, locals())
        return await self._context.value("users.get()", User, segments("users", id_of("get(uid=...)", uid)))()

    def blocked(self, *, search: str | None = None, limit: int | None = None) -> Listing[User]:
        """Return an iterator over the users that the logged-in user has blocked. Otherwise like `list()`.

        Args:
            search: only users whose name contains this.
            limit: end after so many users.

        Source: `GET /blockedusers`, as both official SDKs' `BlockedUsersRequest` does it.
        """
        check(Users.blocked, locals())
        query: dict[str, str | int] = {"direction": "blockedByMe"}
        query |= {"searchKey": search} if search else {}
        return self._listing("users.blocked()", segments("blockedusers"), query, limit, _is_blocked)

    @trio.lowlevel.enable_ki_protection
    async def block(self, *uids: str | User) -> None:
        """Block users: neither they nor the logged-in user can send the other messages.

        A user who is blocked already stays so.

        Args:
            uids: the users' ids, or the users.

        Raises:
            SettingsError: there is no user among the arguments, or one cannot be a uid.
            NotLoggedInError: no user is logged in, or the client was left meanwhile.
            ApiError: the server refused; or it refused some of the users, which the error names (`details` has its
                reasons), and the others are blocked. If `status` is `None`, they may be blocked all the same, and the
                same call can be made again.

        A checkpoint. If cancelled, the users are blocked or not. At most `request_timeout`, longer if the server asks for a
        delay of less than 30 s. Source: `POST /blockedusers`, as both official SDKs do it.
        """
        check(Users.block, locals())
        return await self._change("block", "POST", uids)()

    @trio.lowlevel.enable_ki_protection
    async def unblock(self, *uids: str | User) -> None:
        """Let users and the logged-in user send each other messages again. Like `block()`.

        Args:
            uids: the users' ids, or the users.

        Source: `DELETE /blockedusers`, as both official SDKs do it.
        """
        check(Users.unblock, locals())
        return await self._change("unblock", "DELETE", uids)()

    def _listing(
        self,
        call: str,
        path: str,
        query: Mapping[str, str | int],
        limit: int | None,
        wants: Callable[[User], bool] = lambda _: True,
    ) -> Listing[User]:
        positive(f"{call.removesuffix(')')}limit=...)", limit)
        reader = self._context.reader(call)
        return Listing(
            ListPager(
                reader=reader, path=path, query=query, left=limit, kind=User, key=lambda user: user.uid, wants=wants
            )
        )

    def _change(self, name: str, method: str, uids: tuple[str | User, ...]) -> Callable[[], Awaitable[None]]:
        if not uids:
            message = f"{name}() needs at least one uid."
            raise SettingsError(message)
        call, json = f"users.{name}()", {"blockedUids": [id_of(f"{name}(uids=...)", uid) for uid in uids]}
        wait = self._context.requests.request(call, method, segments("blockedusers"), json=json)
        return partial(with_hint, partial(_all_changed, call, wait))


def _is_blocked(user: User) -> bool:
    """Whether the logged-in user has blocked *user*. A server may list those who have blocked the logged-in user as well."""
    return user.blocked_by_me or not user.has_blocked_me


async def _all_changed(call: str, wait: Callable[[], Awaitable[Any]]) -> None:
    check_outcomes(call, (await wait())["data"])
