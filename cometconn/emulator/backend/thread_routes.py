"""REST for threads: lists of them, and subscriptions."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from .call import Call, Route
from .query import list_page, number
from .responses import Refusal

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from cometconn.emulator.jsontext import Json

__all__ = ["THREAD_ROUTES"]


def _everywhere(call: Call) -> Json:
    return _list(call, lambda _: True)


def _in_conversation(call: Call) -> Json:
    conversation = call.conversation()
    return _list(call, lambda message: message["conversationId"] == conversation)


def _list(call: Call, wanted: Callable[[Json], bool]) -> Json:
    """List threads, the one with the newest reply first. A page begins with the thread that the URL names by time and id."""
    try:
        _, limit = list_page(call.query)
        updated_at, identifier = number(call.query, "updatedAt"), number(call.query, "id")
    except ValueError as error:
        raise Refusal(400, "ERR_BAD_REQUEST", str(error)) from error
    replies: dict[str, list[Json]] = {}
    for message in filter(call.visible, call.app.messages):
        if "parentId" in message and wanted(message):
            replies.setdefault(message["parentId"], []).append(message)
    mine = [
        _thread(call, parent, found)
        for parent_id, found in replies.items()
        if (parent := call.app.messages.get(parent_id)) is not None
        and (not call.flag("participatedByMe") or _takes_part(call, parent, found))
    ]
    mine.sort(key=_age, reverse=True)
    bound = (math.inf if updated_at is None else updated_at, math.inf if identifier is None else identifier)
    return {"data": [thread for thread in mine if _age(thread) <= bound][:limit], "meta": {}}


def _age(thread: Json) -> tuple[float, float]:
    return (thread["updatedAt"], int(thread["id"]))


def _takes_part(call: Call, parent: Json, replies: Sequence[Json]) -> bool:
    uid = call.person().uid
    return any(message["sender"] == uid for message in (parent, *replies)) or call.subscribed(parent)


def _thread(call: Call, parent: Json, replies: Sequence[Json]) -> Json:
    """Describe a thread: its first message, and what became of it."""
    return {
        **call.view(parent),
        "replyCount": len(replies),
        "lastReply": call.view(replies[-1]),
        "updatedAt": replies[-1]["sentAt"],
        "unreadReplyCount": sum(map(call.is_unread, replies)),
    }


def _subscribe(call: Call) -> Json:
    return _set(call, subscribed=True)


def _unsubscribe(call: Call) -> Json:
    return _set(call, subscribed=False)


def _set(call: Call, *, subscribed: bool) -> Json:
    message = call.message()
    call.app.messages.subscriptions[call.person().uid, message["id"]] = subscribed
    return {"data": {"success": True, "message": "subscribed" if subscribed else "not subscribed"}}


THREAD_ROUTES: tuple[Route, ...] = (
    ("GET", "threads", _everywhere),
    ("GET", "users/{uid}/threads", _in_conversation),
    ("GET", "groups/{guid}/threads", _in_conversation),
    ("POST", "messages/{id}/thread/subscription", _subscribe),
    ("DELETE", "messages/{id}/thread/subscription", _unsubscribe),
)
