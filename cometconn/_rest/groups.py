"""The groups of the app: `CometChat.groups`."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any, Literal, final

import trio

from cometconn._arguments import check, made_by
from cometconn.errors import SettingsError
from cometconn.events import Group, GroupMember, User

from .hints import with_hint
from .listing import Listing
from .outcomes import check_outcomes
from .pager import ListPager
from .places import id_of, positive
from .request_call import segments

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping, Sequence

    from .context import Context

__all__ = ["Groups"]


@final
@made_by("`chat.groups`")
class Groups:
    """The groups of the app, as the logged-in user sees them. `CometChat.groups` is one; it needs no connection.

    A change of a group's members comes to the other members as an event (`GroupMemberJoined`, ...).
    """

    def __init__(self, context: Context) -> None:
        self._context = context

    # Looking.

    def list(
        self,
        *,
        search: str | None = None,
        joined_only: bool = False,
        tags: Sequence[str] = (),
        limit: int | None = None,
    ) -> Listing[Group]:
        """Return an iterator over the groups: `async for group in chat.groups.list(joined_only=True): ...`.

        Private groups are only among them if the logged-in user is a member.

        Args:
            search: only groups whose name contains this.
            joined_only: only groups of which the logged-in user is a member.
            tags: only groups with one of these tags.
            limit: end after so many groups.

        Returns:
            The iterator. It fetches pages of at most 100 groups when it needs them. What it raises, and how long it takes,
            is documented at `Listing`.

        Raises:
            SettingsError: an argument is invalid.
            NotLoggedInError: no user is logged in, or the client was left.

        Source: `GET /groups`, as both official SDKs' `GroupsRequest` does it.
        """
        check(Groups.list, locals())
        positive("list(limit=...)", limit)
        query: dict[str, str | int] = {"searchKey": search} if search else {}
        query |= {"hasJoined": 1} if joined_only else {}
        query |= {"tags": ",".join(tags)} if tags else {}
        return Listing(
            ListPager(
                reader=self._context.reader("groups.list()"),
                path=segments("groups"),
                query=query,
                left=limit,
                kind=Group,
                key=lambda group: group.guid,
            )
        )

    @trio.lowlevel.enable_ki_protection
    async def get(self, guid: str) -> Group:
        """Return one group. Its `has_joined` and `scope` are the logged-in user's.

        Args:
            guid: the group's id.

        Raises:
            SettingsError: *guid* cannot be a guid.
            NotLoggedInError: no user is logged in, or the client was left meanwhile.
            ApiError: the server refused (`ERR_GUID_NOT_FOUND`: there is no such group). Worth retrying if
                `worth_retrying` is true; it was tried again for 30 s.

        A checkpoint. If cancelled, nothing is changed. At most 30 s and `request_timeout`, and three times
        `request_timeout` more with a new token. Source: `GET /groups/{guid}`, as both official SDKs do it.
        """
        check(Groups.get, locals())
        return await self._context.value("groups.get()", Group, _group_path(guid))()

    def members(
        self,
        group: str | Group,
        *,
        search: str | None = None,
        scopes: Sequence[Literal["participant", "moderator", "admin", "owner"]] = (),
        limit: int | None = None,
    ) -> Listing[GroupMember]:
        """Return an iterator over the members of a group, of which the logged-in user must be one. Otherwise like `list()`.

        Args:
            group: the group, or its guid.
            search: only members whose name contains this.
            scopes: only members with one of these scopes.
            limit: end after so many members.

        Source: `GET /groups/{guid}/members`, as both official SDKs' `GroupMembersRequest` does it.
        """
        check(Groups.members, locals())
        query: dict[str, str | int] = {"searchKey": search} if search else {}
        query |= {"scopes": ",".join(scopes)} if scopes else {}
        return self._members("groups.members()", _group_path(group, "members"), query, limit)

    def banned(
        self, group: str | Group, *, search: str | None = None, limit: int | None = None
    ) -> Listing[GroupMember]:
        """Return an iterator over the users who are banned from a group. Otherwise like `members()`.

        Args:
            group: the group, or its guid.
            search: only users whose name contains this.
            limit: end after so many users.

        Source: `GET /groups/{guid}/bannedusers`, as both official SDKs' `BannedMembersRequest` does it.
        """
        check(Groups.banned, locals())
        query: dict[str, str | int] = {"searchKey": search} if search else {}
        return self._members("groups.banned()", _group_path(group, "bannedusers"), query, limit)

    # The logged-in user's own membership.

    @trio.lowlevel.enable_ki_protection
    async def join(self, group: str | Group, *, password: str | None = None) -> None:
        """Become a member of a group.

        Args:
            group: the group, or its guid.
            password: of a group of the type `"password"`.

        Raises:
            SettingsError: an argument is invalid.
            NotLoggedInError: no user is logged in, or the client was left meanwhile.
            ApiError: the server refused, and its text has what to do: `ERR_GUID_NOT_FOUND` (no such group),
                `ERR_WRONG_GROUP_PASS`, `ERR_GROUP_JOIN_NOT_ALLOWED` (a private group), `ERR_BANNED_GROUPMEMBER`,
                `ERR_ALREADY_JOINED`. If `status` is `None`, the user may have joined all the same: the same call then
                raises `ERR_ALREADY_JOINED`.

        A checkpoint. If cancelled, the user has joined or has not. At most `request_timeout`, longer if the server asks for a
        delay of less than 30 s. Source: `POST /groups/{guid}/members`, as both official SDKs do it.
        """
        check(Groups.join, locals())
        json = {} if password is None else {"password": password}
        return await self._context.change("groups.join()", "POST", _group_path(group, "members"), json)()

    @trio.lowlevel.enable_ki_protection
    async def leave(self, group: str | Group) -> None:
        """End the logged-in user's membership in a group.

        Args:
            group: the group, or its guid.

        Raises:
            SettingsError: *group* has no usable id.
            NotLoggedInError: no user is logged in, or the client was left meanwhile.
            ApiError: the server refused, and its text has what to do: `ERR_GROUP_NOT_JOINED`, `ERR_OWNER_EXIT_FORBIDDEN`,
                ... Worth retrying if `worth_retrying` is true; it was tried again for 30 s, and if only the answer was lost,
                the second attempt raises `ERR_GROUP_NOT_JOINED`.

        A checkpoint. If cancelled, the user has left or has not. At most as `get()`. Source:
        `DELETE /groups/{guid}/members`, as both official SDKs do it.
        """
        check(Groups.leave, locals())
        return await self._context.change("groups.leave()", "DELETE", _group_path(group, "members"))()

    # What owners, admins and moderators do.

    @trio.lowlevel.enable_ki_protection
    async def create(
        self,
        guid: str,
        name: str,
        *,
        type: Literal["public", "private", "password"] = "public",  # noqa: A002 - the attribute of a group
        password: str | None = None,
        icon: str | None = None,
        description: str | None = None,
        metadata: Mapping[str, Any] | None = None,
        tags: Sequence[str] = (),
    ) -> Group:
        """Create a group. The logged-in user owns it, and is its first member.

        Args:
            guid: the id: small letters, digits, `-` and `_`.
            name: the name to display.
            type: `"public"`: everyone can join; `"private"`: members are added; `"password"`: who knows the password can
                join.
            password: that of a group of the type `"password"`.
            icon: the URL of a picture.
            description: a description.
            metadata: the app's own data: anything JSON can hold.
            tags: the group's tags.

        Returns:
            The group as the server returned it.

        Raises:
            SettingsError: an argument is invalid, or *type* and *password* do not fit together.
            NotLoggedInError: no user is logged in, or the client was left meanwhile.
            ApiError: the server refused for the reason in `code` (`ERR_GUID_ALREADY_EXISTS`, ...). If `status` is `None`,
                the group may have been created all the same: the same call then raises `ERR_GUID_ALREADY_EXISTS`.

        A checkpoint. If cancelled, the group was created or was not. At most `request_timeout`, longer if the server asks for
        a delay of less than 30 s. Source: `POST /groups`, as both official SDKs do it.
        """
        check(Groups.create, locals())
        if (type == "password") == (password is None):
            message = 'create(password=...) goes with type="password", and only with it.'
            raise SettingsError(message)
        given = {
            "guid": id_of("create(guid=...)", guid),
            "name": name,
            "type": type,
            "password": password,
            "icon": icon,
            "description": description,
            "metadata": metadata,
            "tags": tags,
        }
        json = {key: value for key, value in given.items() if value}
        return await self._context.created("groups.create()", Group, segments("groups"), json)()

    @trio.lowlevel.enable_ki_protection
    async def delete(self, group: str | Group) -> None:
        """Delete a group, with its messages, for all its members. Only its owner can.

        Errors, cancellation and bounds: as for `leave()`.

        Args:
            group: the group, or its guid.

        Source: `DELETE /groups/{guid}`, as both official SDKs do it.
        """
        check(Groups.delete, locals())
        return await self._context.change("groups.delete()", "DELETE", _group_path(group))()

    @trio.lowlevel.enable_ki_protection
    async def add_members(
        self,
        group: str | Group,
        *uids: str | User,
        scope: Literal["participant", "moderator", "admin"] = "participant",
    ) -> None:
        """Add users to a group, whether or not they could join it. One who is a member already stays one.

        Args:
            group: the group, or its guid.
            uids: the users, or their ids.
            scope: what they may do in the group.

        Raises:
            SettingsError: an argument is invalid, or there is no user among them.
            NotLoggedInError: no user is logged in, or the client was left meanwhile.
            ApiError: the server refused, and its text has what to do. Or it refused some of the users, which the error
                names (`details` has its reasons), and added the others. Worth retrying if `worth_retrying` is true; it
                was tried again for 30 s.

        A checkpoint. If cancelled, the users were added or were not. At most as `get()`. Source:
        `PUT /groups/{guid}/members`, as both official SDKs do it.
        """
        check(Groups.add_members, locals())
        return await self._add(_group_path(group, "members"), uids, scope)()

    @trio.lowlevel.enable_ki_protection
    async def kick(self, group: str | Group, user: str | User) -> None:
        """Remove a member from a group. The user can join it again.

        Args:
            group: the group, or its guid.
            user: the member, or the uid.

        Raises:
            SettingsError: an argument has no usable id.
            NotLoggedInError: no user is logged in, or the client was left meanwhile.
            ApiError: the server refused, and its text has what to do (`ERR_NOT_A_MEMBER`, `ERR_GROUP_NOT_JOINED`, or an
                error for missing rights). Worth retrying if `worth_retrying` is true; it was tried again for 30 s.

        A checkpoint. If cancelled, the user was removed or was not. At most as `get()`. Source:
        `DELETE /groups/{guid}/members/{uid}`, as both official SDKs do it.
        """
        check(Groups.kick, locals())
        return await self._context.change(
            "groups.kick()", "DELETE", _group_path(group, "members", id_of("kick(user=...)", user))
        )()

    @trio.lowlevel.enable_ki_protection
    async def ban(self, group: str | Group, user: str | User) -> None:
        """Remove a user from a group, or keep out one who is no member. The user cannot join it. Otherwise like `kick()`.

        Args:
            group: the group, or its guid.
            user: the user, or the uid.

        Source: `POST /groups/{guid}/bannedusers/{uid}`, as both official SDKs do it. It is not repeated by itself as `kick()`
        is, and can be called again.
        """
        check(Groups.ban, locals())
        path = _group_path(group, "bannedusers", id_of("ban(user=...)", user))
        return await self._context.change("groups.ban()", "POST", path)()

    @trio.lowlevel.enable_ki_protection
    async def unban(self, group: str | Group, user: str | User) -> None:
        """Let a banned user join the group again. Otherwise like `kick()`.

        Args:
            group: the group, or its guid.
            user: the user, or the uid.

        Source: `DELETE /groups/{guid}/bannedusers/{uid}`, as both official SDKs do it.
        """
        check(Groups.unban, locals())
        path = _group_path(group, "bannedusers", id_of("unban(user=...)", user))
        return await self._context.change("groups.unban()", "DELETE", path)()

    @trio.lowlevel.enable_ki_protection
    async def change_scope(
        self, group: str | Group, user: str | User, scope: Literal["participant", "moderator", "admin"]
    ) -> None:
        """Change what a member may do in a group. Otherwise like `kick()`.

        Args:
            group: the group, or its guid.
            user: the member, or the uid.
            scope: the new scope.

        Source: `PUT /groups/{guid}/members/{uid}`, as both official SDKs do it.
        """
        check(Groups.change_scope, locals())
        path = _group_path(group, "members", id_of("change_scope(user=...)", user))
        return await self._context.change("groups.change_scope()", "PUT", path, {"scope": scope})()

    def _members(self, call: str, path: str, query: Mapping[str, str | int], limit: int | None) -> Listing[GroupMember]:
        positive(f"{call.removesuffix(')')}limit=...)", limit)
        return Listing(
            ListPager(
                reader=self._context.reader(call),
                path=path,
                query=query,
                left=limit,
                kind=GroupMember,
                key=lambda member: member.user.uid,
            )
        )

    def _add(self, path: str, uids: tuple[str | User, ...], scope: str) -> Callable[[], Awaitable[None]]:
        if not uids:
            message = "add_members() needs at least one uid."
            raise SettingsError(message)
        json = {f"{scope}s": [id_of("add_members(uids=...)", uid) for uid in uids]}
        wait = self._context.requests.request("groups.add_members()", "PUT", path, json=json)
        return partial(with_hint, partial(_all_added, wait))


def _group_path(group: str | Group, *more: str) -> str:
    return segments("groups", id_of("guid", group), *more)


async def _all_added(wait: Callable[[], Awaitable[Any]]) -> None:
    """Await *wait*. The response has an object for each scope, with the outcome for each uid."""
    data = (await wait())["data"]
    for outcomes in data.values() if isinstance(data, dict) else ():
        check_outcomes("groups.add_members()", outcomes)
