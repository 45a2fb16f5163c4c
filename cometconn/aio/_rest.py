"""`CometChat.messages`, `conversations`, `users` and `groups` for asyncio.

Made from `cometconn._rest.listing`, `cometconn._rest.messages`, `cometconn._rest.conversations`, `cometconn._rest.users`, `cometconn._rest.groups` by `python -m tests.aio.twins --write`: change it there.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Generic, final, overload

from cometconn._arguments import check, made_by
from cometconn._rest.conversations import _conversation_key, _ConversationPager, _counts
from cometconn._rest.groups import _all_added, _group_path
from cometconn._rest.hints import with_hint
from cometconn._rest.history_pager import HistoryPager
from cometconn._rest.listing import T_co
from cometconn._rest.messages import _bound, _filters, _history_path
from cometconn._rest.pager import ListPager
from cometconn._rest.places import conversation_path, id_of, message_id, positive
from cometconn._rest.request_call import segments
from cometconn._rest.users import _all_changed, _is_blocked
from cometconn.errors import SettingsError
from cometconn.events import Conversation, Group, GroupMember, Message, User

from ._reading import next_element

if TYPE_CHECKING:
    import datetime
    from collections.abc import Awaitable, Callable, Coroutine, Mapping, Sequence
    from typing import Any, Literal

    from cometconn._rest.context import Context
    from cometconn._rest.conversations import UnreadCounts
    from cometconn._rest.messages import M
    from cometconn._rest.pager import Pager

    from ._calls import Calls

__all__ = ["Conversations", "Groups", "Listing", "Messages", "Users"]


@final
@made_by("the calls for lists, such as `chat.users.list()`")
class Listing(Generic[T_co]):
    """An async iterator over a list that the server returns page by page. Made by the calls for lists, not by you.

    `async for user in chat.users.list(): ...` fetches a page when the one before is used up, so one page is in memory, and
    what the loop does not want any more is not fetched. Nothing has to be closed when the loop is left early, and a
    further `async for` goes on where the last one stopped.

    An element that could not be read is left out; `statistics().frames_unreadable` counts it, and a WARNING has the reason.
    """

    def __init__(self, pager: Pager[T_co], calls: Calls) -> None:
        self._pager = pager
        self._run = calls.run

    def __aiter__(self) -> Listing[T_co]:
        """Return the iterator itself."""
        return self

    def __anext__(self) -> Coroutine[Any, Any, T_co]:
        """Return the next element; fetch the next page if there is no other.

        Raises:
            ApiError: the next page could not be fetched, although it was tried again for 30 s. The iterator stays where
                it is, so the next call tries again. With the code `INVALID_LIST` the server does not list on, and a
                retry does not help.
            NotLoggedInError: no user is logged in any more, another one is, or the client was left.
            RuntimeError: another task waits for the next page of this iterator.

        If cancelled, no element is lost. At most 30 s and `request_timeout`, and three times
        `request_timeout` more with a new token.
        """
        return next_element(self._pager, self._run)


@final
@made_by("`chat.messages`")
class Messages:
    """Messages that were sent, to and by the logged-in user. `CometChat.messages` is one; it needs no connection."""

    def __init__(self, context: Context, calls: Calls) -> None:
        self._context = context
        self._calls = calls
        self._run = calls.run

    @overload
    def history(
        self,
        *,
        user: str | User | None = None,
        group: str | Group | None = None,
        thread: int | Message | None = None,
        before: int | Message | datetime.datetime | None = None,
        after: int | Message | datetime.datetime | None = None,
        limit: int | None = None,
    ) -> Listing[Message]: ...

    @overload
    def history(
        self,
        *,
        user: str | User | None = None,
        group: str | Group | None = None,
        thread: int | Message | None = None,
        before: int | Message | datetime.datetime | None = None,
        after: int | Message | datetime.datetime | None = None,
        kinds: Sequence[type[M]],
        limit: int | None = None,
    ) -> Listing[M]: ...

    def history(
        self,
        *,
        user: str | User | None = None,
        group: str | Group | None = None,
        thread: int | Message | None = None,
        before: int | Message | datetime.datetime | None = None,
        after: int | Message | datetime.datetime | None = None,
        kinds: Sequence[type[Message]] = (),
        limit: int | None = None,
    ) -> Listing[Message]:
        """Return an iterator over the messages of a conversation: `async for message in chat.messages.history(user="amy-2")`.

        The newest message comes first, and each that follows is older. With *after* the oldest comes first, and each that
        follows is newer, up to *before* if that is given as well. Each message comes once, also if others are sent
        meanwhile. It comes in its present form: `edited_at` and `deleted_at` are set if it was changed. Replies in threads
        are among the others and have a `parent_message_id`. Actions in a group and calls are messages, too; edits and
        deletions, and kinds without a class, are left out.

        Args:
            user: the conversation with this user.
            group: the conversation of this group, of which the logged-in user is a member.
            thread: only the replies in the thread that this message begins, or belongs to. Without one of the three, the
                messages of all conversations of the logged-in user.
            before: only messages before this one, which is given as a message or its id, or before this time, an aware
                `datetime`. It is not among them.
            after: only messages after this one, or after this time. 0 begins with the oldest message that there is.
            kinds: only messages of these classes, such as `[TextMessage, MediaMessage]`. A base class names its subclasses.
            limit: end after so many messages.

        Returns:
            The iterator. It fetches pages of at most 100 messages when it needs them, and has one of them in memory. What it
            raises, and how long it takes, is documented at `Listing`.

        Raises:
            SettingsError: an argument is invalid.
            NotLoggedInError: no user is logged in, or the client was left.

        Source: `GET /messages`, `/users/{uid}/messages`, `/groups/{guid}/messages` and `/messages/{id}/thread`, as both
        official SDKs' `MessagesRequest` does it.
        """
        check(Messages.history, locals())
        where = "history(...)"
        path = _history_path(where, user, group, thread)
        first, last = (_bound("history(after=...)", after), _bound("history(before=...)", before))
        forward = first is not None
        positive("history(limit=...)", limit)
        return Listing(
            HistoryPager(
                reader=self._context.reader("messages.history()"),
                path=path,
                query=_filters(tuple(kinds)),
                left=limit,
                forward=forward,
                kinds=tuple(kinds) or (Message,),
                begin=first if forward else last,
                end=last if forward else None,
            ),
            self._calls,
        )

    async def get(self, id: int) -> Message:
        """Return one message of the logged-in user's conversations, in its present form.

        Args:
            id: the message's id.

        Raises:
            SettingsError: *id* is no id of a message.
            NotLoggedInError: no user is logged in, or the client was left meanwhile.
            ApiError: the server refused (`ERR_MESSAGE_ID_NOT_FOUND`: there is no such message in the user's
                conversations), or there is no class for this kind of message (`INVALID_RESPONSE`). Worth retrying if
                `worth_retrying` is true; it was tried again for 30 s.

        If cancelled, nothing is changed. At most 30 s and `request_timeout`, and three times
        `request_timeout` more with a new token. Source: `GET /messages/{id}`, as the browser SDK does it.
        """
        check(Messages.get, locals())
        path = segments("messages", message_id("get(id=...)", id))
        return await self._run(self._context.message("messages.get()", path))


@final
@made_by("`chat.conversations`")
class Conversations:
    """The conversations of the logged-in user. `CometChat.conversations` is one; it needs no connection."""

    def __init__(self, context: Context, calls: Calls) -> None:
        self._context = context
        self._calls = calls
        self._run = calls.run

    def list(
        self,
        *,
        conversation_type: Literal["user", "group"] | None = None,
        unread: bool = False,
        search: str | None = None,
        tags: Sequence[str] = (),
        limit: int | None = None,
    ) -> Listing[Conversation]:
        """Return an iterator over the conversations, the one with the newest message first.

        A conversation that gets a message while the list is read moves to its beginning: it comes once if it was
        returned before, and not at all if its place had not been reached. A program that must not miss one has its events.

        Args:
            conversation_type: only conversations with users, or only those of groups.
            unread: only conversations with messages that the logged-in user has not read.
            search: only conversations with a user or a group whose name contains this.
            tags: only conversations with one of these tags.
            limit: end after so many conversations.

        Returns:
            The iterator. It fetches pages of at most 50 conversations when it needs them. What it raises, and how long it
            takes, is documented at `Listing`.

        Raises:
            SettingsError: an argument is invalid.
            NotLoggedInError: no user is logged in, or the client was left.

        Source: `GET /conversations`, as both official SDKs' `ConversationsRequest` does it.
        """
        check(Conversations.list, locals())
        positive("list(limit=...)", limit)
        query: dict[str, str | int] = {"conversationType": conversation_type} if conversation_type else {}
        query |= {"unread": 1} if unread else {}
        query |= {"searchKey": search} if search else {}
        query |= {"tags": ",".join(tags)} if tags else {}
        return Listing(
            _ConversationPager(
                reader=self._context.reader("conversations.list()"),
                path=segments("conversations"),
                query=query,
                left=limit,
                kind=Conversation,
                key=_conversation_key,
            ),
            self._calls,
        )

    async def get(self, *, user: str | User | None = None, group: str | Group | None = None) -> Conversation:
        """Return the conversation with a user, or of a group.

        Args:
            user: the other user.
            group: the group, of which the logged-in user is a member.

        Raises:
            SettingsError: not exactly one of the two is given, or it has no usable id.
            NotLoggedInError: no user is logged in, or the client was left meanwhile.
            ApiError: the server refused for the reason in `code`; there may be no such conversation yet. Worth retrying
                if `worth_retrying` is true; it was tried again for 30 s.

        If cancelled, nothing is changed. At most 30 s and `request_timeout`, and three times
        `request_timeout` more with a new token. Source: `GET /users/{uid}/conversation` and `/groups/{guid}/conversation`, as
        both official SDKs do it.
        """
        check(Conversations.get, locals())
        path = conversation_path("get()", user, group, "conversation")
        return await self._run(self._context.value("conversations.get()", Conversation, path))

    async def mark_as_read(
        self, *, user: str | User | None = None, group: str | Group | None = None, message: int | Message | None = None
    ) -> None:
        """Mark a conversation as read, with a request over REST: `CometChat.mark_as_read()` needs a connection.

        Args:
            user: the conversation with this user, or
            group: the one of this group.
            message: mark it as read up to this message; by default up to the newest one, which costs a further request.

        Raises:
            SettingsError: not exactly one of the two is given, or an id is invalid.
            NotLoggedInError: no user is logged in, or the client was left meanwhile.
            ApiError: the server refused for the reason in `code`. If `status` is `None`, it may be marked all the same; the
                same call can be made again.

        If cancelled, the conversation was marked or was not. At most twice what `get()` takes. Source:
        `POST .../conversation/read`, as the React Native SDK does it without a connection.
        """
        check(Conversations.mark_as_read, locals())
        return await self._run(self._mark(user, group, message))

    async def delete(self, *, user: str | User | None = None, group: str | Group | None = None) -> None:
        """Delete a conversation, for the logged-in user alone. Other members keep theirs.

        Args:
            user: the conversation with this user, or
            group: the one of this group.

        Raises:
            SettingsError: not exactly one of the two is given, or it has no usable id.
            NotLoggedInError: no user is logged in, or the client was left meanwhile.
            ApiError: the server refused for the reason in `code`. Worth retrying if `worth_retrying` is true; it was tried
                again for 30 s.

        If cancelled, the conversation was deleted or was not. At most as `get()`. Source:
        `DELETE .../conversation`, as both official SDKs do it.
        """
        check(Conversations.delete, locals())
        path = conversation_path("delete()", user, group, "conversation")
        return await self._run(self._context.change("conversations.delete()", "DELETE", path))

    async def unread_counts(self) -> UnreadCounts:
        """Return how many messages of each conversation the logged-in user has not read.

        Raises:
            NotLoggedInError: no user is logged in, or the client was left meanwhile.
            ApiError: the server refused for the reason in `code`. Worth retrying if `worth_retrying` is true; it was tried
                again for 30 s.

        If cancelled, nothing is changed. At most as `get()`. Source: `GET /messages?unread=1&count=1`, as both
        official SDKs' `getUnreadMessageCount` does it.
        """
        query = {"unread": 1, "count": 1}
        wait = self._context.requests.request("conversations.unread_counts()", "GET", segments("messages"), query=query)
        return await self._run(partial(_counts, wait))

    def _mark(
        self, user: str | User | None, group: str | Group | None, message: int | Message | None
    ) -> Callable[[], Awaitable[None]]:
        call = "conversations.mark_as_read()"
        path = conversation_path("mark_as_read()", user, group, "conversation")
        if message is not None:
            json = {"messageId": message_id("mark_as_read(message=...)", message)}
            return self._context.change(call, "POST", f"{path}/read", json)
        newest = self._context.value(call, Conversation, path)
        return partial(with_hint, partial(self._mark_newest, call, path, newest))

    async def _mark_newest(self, call: str, path: str, newest: Callable[[], Awaitable[Conversation]]) -> None:
        conversation = await newest()
        last = conversation.last_message
        number = conversation.latest_message_id or (None if last is None else last.id)
        if number is not None:
            await self._context.change(call, "POST", f"{path}/read", {"messageId": str(number)})()


@final
@made_by("`chat.users`")
class Users:
    """The users of the app, as the logged-in user sees them. `CometChat.users` is one; it needs no connection."""

    def __init__(self, context: Context, calls: Calls) -> None:
        self._context = context
        self._calls = calls
        self._run = calls.run

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

    async def get(self, uid: str) -> User:
        """Return one user.

        Args:
            uid: the user's id.

        Raises:
            SettingsError: *uid* cannot be a uid.
            NotLoggedInError: no user is logged in, or the client was left meanwhile.
            ApiError: the server refused (`ERR_UID_NOT_FOUND`: there is no such user). Worth retrying if
                `worth_retrying` is true; it was tried again for 30 s.

        If cancelled, nothing is changed. At most 30 s and `request_timeout`, and three times
        `request_timeout` more with a new token. Source: `GET /users/{uid}`, as both official SDKs do it.
        """
        check(Users.get, locals())
        return await self._run(self._context.value("users.get()", User, segments("users", id_of("get(uid=...)", uid))))

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

        If cancelled, the users are blocked or not. At most `request_timeout`, longer if the server asks for a
        delay of less than 30 s. Source: `POST /blockedusers`, as both official SDKs do it.
        """
        check(Users.block, locals())
        return await self._run(self._change("block", "POST", uids))

    async def unblock(self, *uids: str | User) -> None:
        """Let users and the logged-in user send each other messages again. Like `block()`.

        Args:
            uids: the users' ids, or the users.

        Source: `DELETE /blockedusers`, as both official SDKs do it.
        """
        check(Users.unblock, locals())
        return await self._run(self._change("unblock", "DELETE", uids))

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
            ),
            self._calls,
        )

    def _change(self, name: str, method: str, uids: tuple[str | User, ...]) -> Callable[[], Awaitable[None]]:
        if not uids:
            message = f"{name}() needs at least one uid."
            raise SettingsError(message)
        call, json = (f"users.{name}()", {"blockedUids": [id_of(f"{name}(uids=...)", uid) for uid in uids]})
        wait = self._context.requests.request(call, method, segments("blockedusers"), json=json)
        return partial(with_hint, partial(_all_changed, call, wait))


@final
@made_by("`chat.groups`")
class Groups:
    """The groups of the app, as the logged-in user sees them. `CometChat.groups` is one; it needs no connection.

    A change of a group's members comes to the other members as an event (`GroupMemberJoined`, ...).
    """

    def __init__(self, context: Context, calls: Calls) -> None:
        self._context = context
        self._calls = calls
        self._run = calls.run

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
            ),
            self._calls,
        )

    async def get(self, guid: str) -> Group:
        """Return one group. Its `has_joined` and `scope` are the logged-in user's.

        Args:
            guid: the group's id.

        Raises:
            SettingsError: *guid* cannot be a guid.
            NotLoggedInError: no user is logged in, or the client was left meanwhile.
            ApiError: the server refused (`ERR_GUID_NOT_FOUND`: there is no such group). Worth retrying if
                `worth_retrying` is true; it was tried again for 30 s.

        If cancelled, nothing is changed. At most 30 s and `request_timeout`, and three times
        `request_timeout` more with a new token. Source: `GET /groups/{guid}`, as both official SDKs do it.
        """
        check(Groups.get, locals())
        return await self._run(self._context.value("groups.get()", Group, _group_path(guid)))

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

        If cancelled, the user has joined or has not. At most `request_timeout`, longer if the server asks for a
        delay of less than 30 s. Source: `POST /groups/{guid}/members`, as both official SDKs do it.
        """
        check(Groups.join, locals())
        json = {} if password is None else {"password": password}
        return await self._run(self._context.change("groups.join()", "POST", _group_path(group, "members"), json))

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

        If cancelled, the user has left or has not. At most as `get()`. Source:
        `DELETE /groups/{guid}/members`, as both official SDKs do it.
        """
        check(Groups.leave, locals())
        return await self._run(self._context.change("groups.leave()", "DELETE", _group_path(group, "members")))

    async def create(
        self,
        guid: str,
        name: str,
        *,
        type: Literal["public", "private", "password"] = "public",
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

        If cancelled, the group was created or was not. At most `request_timeout`, longer if the server asks for
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
        return await self._run(self._context.created("groups.create()", Group, segments("groups"), json))

    async def delete(self, group: str | Group) -> None:
        """Delete a group, with its messages, for all its members. Only its owner can.

        Errors, cancellation and bounds: as for `leave()`.

        Args:
            group: the group, or its guid.

        Source: `DELETE /groups/{guid}`, as both official SDKs do it.
        """
        check(Groups.delete, locals())
        return await self._run(self._context.change("groups.delete()", "DELETE", _group_path(group)))

    async def add_members(
        self, group: str | Group, *uids: str | User, scope: Literal["participant", "moderator", "admin"] = "participant"
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

        If cancelled, the users were added or were not. At most as `get()`. Source:
        `PUT /groups/{guid}/members`, as both official SDKs do it.
        """
        check(Groups.add_members, locals())
        return await self._run(self._add(_group_path(group, "members"), uids, scope))

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

        If cancelled, the user was removed or was not. At most as `get()`. Source:
        `DELETE /groups/{guid}/members/{uid}`, as both official SDKs do it.
        """
        check(Groups.kick, locals())
        return await self._run(
            self._context.change(
                "groups.kick()", "DELETE", _group_path(group, "members", id_of("kick(user=...)", user))
            )
        )

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
        return await self._run(self._context.change("groups.ban()", "POST", path))

    async def unban(self, group: str | Group, user: str | User) -> None:
        """Let a banned user join the group again. Otherwise like `kick()`.

        Args:
            group: the group, or its guid.
            user: the user, or the uid.

        Source: `DELETE /groups/{guid}/bannedusers/{uid}`, as both official SDKs do it.
        """
        check(Groups.unban, locals())
        path = _group_path(group, "bannedusers", id_of("unban(user=...)", user))
        return await self._run(self._context.change("groups.unban()", "DELETE", path))

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
        return await self._run(self._context.change("groups.change_scope()", "PUT", path, {"scope": scope}))

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
            ),
            self._calls,
        )

    def _add(self, path: str, uids: tuple[str | User, ...], scope: str) -> Callable[[], Awaitable[None]]:
        if not uids:
            message = "add_members() needs at least one uid."
            raise SettingsError(message)
        json = {f"{scope}s": [id_of("add_members(uids=...)", uid) for uid in uids]}
        wait = self._context.requests.request("groups.add_members()", "PUT", path, json=json)
        return partial(with_hint, partial(_all_added, wait))
