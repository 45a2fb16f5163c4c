"""Messages that were sent: `CometChat.messages`."""

from __future__ import annotations

import datetime
from typing import TYPE_CHECKING, TypeVar, final, overload

import trio

from cometconn._arguments import check, made_by, refused
from cometconn._wire.kinds import KINDS, parse_paths
from cometconn.errors import SettingsError
from cometconn.events import Group, Message, User

from .history_pager import Bound, HistoryPager
from .listing import Listing
from .places import conversation_path, message_id, positive
from .request_call import segments

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from .context import Context

__all__ = ["Messages"]

M = TypeVar("M", bound=Message)


@final
@made_by("`chat.messages`")
class Messages:
    """Messages that were sent, to and by the logged-in user. `CometChat.messages` is one; it needs no connection."""

    def __init__(self, context: Context) -> None:
        self._context = context

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
        first, last = _bound("history(after=...)", after), _bound("history(before=...)", before)
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
            )
        )

    @trio.lowlevel.enable_ki_protection
    async def get(self, id: int) -> Message:  # noqa: A002 - the attribute of a message
        """Return one message of the logged-in user's conversations, in its present form.

        Args:
            id: the message's id.

        Raises:
            SettingsError: *id* is no id of a message.
            NotLoggedInError: no user is logged in, or the client was left meanwhile.
            ApiError: the server refused (`ERR_MESSAGE_ID_NOT_FOUND`: there is no such message in the user's
                conversations), or there is no class for this kind of message (`INVALID_RESPONSE`). Worth retrying if
                `worth_retrying` is true; it was tried again for 30 s.

        A checkpoint. If cancelled, nothing is changed. At most 30 s and `request_timeout`, and three times
        `request_timeout` more with a new token. Source: `GET /messages/{id}`, as the browser SDK does it.
        """
        check(Messages.get, locals())
        path = segments("messages", message_id("get(id=...)", id))
        return await self._context.message("messages.get()", path)()


def _history_path(where: str, user: str | User | None, group: str | Group | None, thread: int | Message | None) -> str:
    if (user is not None) + (group is not None) + (thread is not None) > 1:
        message = f"{where}: give one of user, group and thread."
        raise SettingsError(message)
    if thread is not None:
        begins = thread.parent_message_id or thread if isinstance(thread, Message) else thread
        return segments("messages", message_id("history(thread=...)", begins), "thread")
    if user is None and group is None:
        return segments("messages")
    return conversation_path(where, user, group, "messages")


def _bound(where: str, value: int | Message | datetime.datetime | None) -> Bound | None:
    if value is None:
        return None
    if isinstance(value, datetime.datetime):
        if value.utcoffset() is None:
            remedy = ": give it a time zone, such as datetime.UTC"
            raise refused(where, "an aware datetime, a message or its id", value, remedy)
        return Bound(time=value)
    return Bound(id=int(message_id(where, value, least=0)))


def _filters(kinds: tuple[type[Message], ...]) -> Mapping[str, str]:
    """Return the parameters by which the server leaves out most of the other kinds.

    The rows of the vocabulary do not name every type of every kind, so the classes decide in the end.
    """
    category, kind = parse_paths("category"), parse_paths("type")
    rows = [row for row in KINDS if "message" in row.frames and kinds and issubclass(row.event, kinds)]
    categories = {word for row in rows for word in row.words.get(category, ())}
    types = [row.words.get(kind, ()) for row in rows]
    found = {"categories": ",".join(sorted(categories))} if categories else {}
    if types and all(types):
        found["types"] = ",".join(sorted({word for words in types for word in words}))
    return found
