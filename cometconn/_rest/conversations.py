"""The conversations of the logged-in user: `CometChat.conversations`."""

from __future__ import annotations

from functools import partial
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Literal, final

import attrs
import trio

from cometconn._arguments import check, made_by
from cometconn.events import Conversation, Group, Message, User

from .hints import with_hint
from .listing import Listing
from .pager import ListPager
from .places import conversation_path, message_id, positive
from .request_call import segments

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping, Sequence

    from .context import Context

__all__ = ["Conversations", "UnreadCounts"]


def _shown(counts: Mapping[str, int]) -> str:
    return repr(dict(counts))


def _read_only(counts: Mapping[str, int]) -> Mapping[str, int]:
    return MappingProxyType(dict(counts))


@attrs.frozen
class UnreadCounts:
    """How many messages of each conversation the logged-in user has not read. Conversations without any are not in it.

    Attributes:
        users: by the uid of the other user.
        groups: by the guid.
    """

    users: Mapping[str, int] = attrs.field(factory=dict, converter=_read_only, hash=False, repr=_shown)
    groups: Mapping[str, int] = attrs.field(factory=dict, converter=_read_only, hash=False, repr=_shown)

    @property
    def total(self) -> int:
        """The sum of all."""
        return sum(self.users.values()) + sum(self.groups.values())


class _ConversationPager(ListPager[Conversation]):
    most_per_page = 50  # CometChat's own bound for conversations


@final
@made_by("`chat.conversations`")
class Conversations:
    """The conversations of the logged-in user. `CometChat.conversations` is one; it needs no connection."""

    def __init__(self, context: Context) -> None:
        self._context = context

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
            )
        )

    @trio.lowlevel.enable_ki_protection
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

        A checkpoint. If cancelled, nothing is changed. At most 30 s and `request_timeout`, and three times
        `request_timeout` more with a new token. Source: `GET /users/{uid}/conversation` and `/groups/{guid}/conversation`, as
        both official SDKs do it.
        """
        check(Conversations.get, locals())
        path = conversation_path("get()", user, group, "conversation")
        return await self._context.value("conversations.get()", Conversation, path)()

    @trio.lowlevel.enable_ki_protection
    async def mark_as_read(
        self,
        *,
        user: str | User | None = None,
        group: str | Group | None = None,
        message: int | Message | None = None,
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

        A checkpoint. If cancelled, the conversation was marked or was not. At most twice what `get()` takes. Source:
        `POST .../conversation/read`, as the React Native SDK does it without a connection.
        """
        check(Conversations.mark_as_read, locals())
        return await self._mark(user, group, message)()

    @trio.lowlevel.enable_ki_protection
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

        A checkpoint. If cancelled, the conversation was deleted or was not. At most as `get()`. Source:
        `DELETE .../conversation`, as both official SDKs do it.
        """
        check(Conversations.delete, locals())
        path = conversation_path("delete()", user, group, "conversation")
        return await self._context.change("conversations.delete()", "DELETE", path)()

    @trio.lowlevel.enable_ki_protection
    async def unread_counts(self) -> UnreadCounts:
        """Return how many messages of each conversation the logged-in user has not read.

        Raises:
            NotLoggedInError: no user is logged in, or the client was left meanwhile.
            ApiError: the server refused for the reason in `code`. Worth retrying if `worth_retrying` is true; it was tried
                again for 30 s.

        A checkpoint. If cancelled, nothing is changed. At most as `get()`. Source: `GET /messages?unread=1&count=1`, as both
        official SDKs' `getUnreadMessageCount` does it.
        """
        query = {"unread": 1, "count": 1}
        wait = self._context.requests.request("conversations.unread_counts()", "GET", segments("messages"), query=query)
        return await partial(_counts, wait)()

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
        if number is not None:  # otherwise it has no message that could be read
            await self._context.change(call, "POST", f"{path}/read", {"messageId": str(number)})()


def _conversation_key(conversation: Conversation) -> str:
    other = conversation.conversation_with
    return conversation.conversation_id or ("" if other is None else f"{other.receiver_type} {other.id}")


async def _counts(wait: Callable[[], Awaitable[Any]]) -> UnreadCounts:
    data = (await wait())["data"]
    found: dict[str, dict[str, int]] = {"user": {}, "group": {}}
    for each in data if isinstance(data, list) else ():
        match each:
            case {"entityType": "user" | "group" as kind, "entityId": str(name), "count": int(count)}:
                found[kind][name] = count
            case {"entityType": "user" | "group" as kind, "entityId": str(name), "count": str(count)} if (
                count.isdecimal()
            ):
                found[kind][name] = int(count)
            case _:
                pass
    return UnreadCounts(found["user"], found["group"])
