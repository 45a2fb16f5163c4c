"""What is done to a message that was sent: edit, delete, react."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar

import attrs
import trio

from cometconn._account.retrying import Retrying
from cometconn._arguments import refused
from cometconn._groups import ShortTraceback
from cometconn._rest.request_call import segments
from cometconn._wire.outgoing import edit_draft
from cometconn.errors import ApiError
from cometconn.events import Message, MessageDeleted, MessageEdited, TextMessage, UnreadableFrame

from .message_sender import check_sent, decoded

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping, Sequence

    from cometconn._account.session import Session
    from cometconn._streams.streams import Streams
    from cometconn.settings import Limits

    from .requester import Requester

__all__ = ["MessageChanges"]

M = TypeVar("M", bound=Message)

_RETRY_FOR = 30.0  # seconds after the call in which the last attempt may begin


@attrs.frozen(eq=False)
class MessageChanges:
    """Changes messages over REST. Each method takes its arguments, and returns the wait for the changed message.

    Attributes:
        requester: makes the requests.
        streams: get the id of each change: should the server send it back, it is a duplicate.
        limits: bounds of what may be sent.
    """

    requester: Requester
    streams: Streams
    limits: Limits

    def edit(
        self,
        message: TextMessage | int,
        text: str,
        metadata: Mapping[str, Any] | None,
        tags: Sequence[str] | None,
    ) -> Callable[[], Awaitable[TextMessage]]:
        """Give *message* another text."""
        if isinstance(message, TextMessage):  # the SDKs send the whole message: what is left out may be lost
            metadata = message.metadata or None if metadata is None else metadata
            tags = message.tags or None if tags is None else tags
        draft = edit_draft(text=text, metadata=metadata, tags=tags)
        check_sent("edit()", draft, self.limits)
        return self._change("edit()", "PUT", [message], TextMessage, draft.encode())

    def delete(self, message: Message | int) -> Callable[[], Awaitable[Message]]:
        """Delete *message*."""
        return self._change("delete()", "DELETE", [message], Message)

    def react(self, message: Message | int, emoji: str) -> Callable[[], Awaitable[Message]]:
        """Add a reaction to *message*."""
        return self._change("react()", "POST", [message, "reactions", _checked_emoji("react", emoji)], Message)

    def unreact(self, message: Message | int, emoji: str) -> Callable[[], Awaitable[Message]]:
        """Remove a reaction from *message*."""
        return self._change("unreact()", "DELETE", [message, "reactions", _checked_emoji("unreact", emoji)], Message)

    def _change(
        self, call: str, method: str, names: Sequence[Message | int | str], kind: type[M], body: bytes | None = None
    ) -> Callable[[], Awaitable[M]]:
        path = segments("messages", *(str(each.id) if isinstance(each, Message) else str(each) for each in names))

        async def attempt(session: Session) -> tuple[Session, dict[str, Any]]:
            return session, await self.requester.api.program_request(session, method, path, body, "application/json")

        wait = self.requester.begin(call, attempt, Retrying(_RETRY_FOR, repeats=method != "POST"))
        return partial(self._changed, call, wait, kind)

    @trio.lowlevel.enable_ki_protection
    async def _changed(
        self, call: str, wait: Callable[[], Awaitable[tuple[Session, dict[str, Any]]]], kind: type[M]
    ) -> M:
        with ShortTraceback():
            session, answer = await wait()
            event = decoded(answer["data"], session.uid, self.streams.note_unread)
            result = event
            if isinstance(event, MessageEdited | MessageDeleted):  # an action message, as its frame to the other users
                if event.id is not None and self.requester.identity.is_current(session):
                    self.streams.note_sent(event.id)
                result = event.message
            if not isinstance(result, kind):
                message = f"{call}: it was carried out, but the server's answer is no {kind.__name__}."
                cause = event.error if isinstance(event, UnreadableFrame) else None
                raise ApiError(message, code="INVALID_RESPONSE", status=200) from cause
            return result


def _checked_emoji(call: str, emoji: str) -> str:
    if not emoji or "/" in emoji:
        where = f"{call}(emoji=...)"
        raise refused(where, "an emoji: a text without a slash and not empty", emoji)
    return emoji
