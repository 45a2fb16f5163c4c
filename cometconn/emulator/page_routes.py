"""REST for reading: pages of messages, single ones, and how many are unread."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from .call import Call, Refusal
from .group_routes import joined_group, known_user
from .jsontext import Json
from .message_routes import seen_by, visible_message
from .messages import PageRequest, private_conversation

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["PAGE_ROUTES"]

_TRUE = frozenset({"1", "true"})


def _message(call: Call) -> Json:
    return {"data": seen_by(call, visible_message(call))}


def _everywhere(call: Call) -> Json:
    return _page(call, lambda _: True)


def _with_user(call: Call) -> Json:
    conversation = private_conversation(call.person().uid, known_user(call, call.path["uid"]))
    return _page(call, lambda message: message["conversationId"] == conversation)


def _in_group(call: Call) -> Json:
    conversation = f"group_{joined_group(call, call.path['guid']).guid}"
    return _page(call, lambda message: message["conversationId"] == conversation)


def _in_thread(call: Call) -> Json:
    parent = visible_message(call)["id"]
    return _page(call, lambda message: message.get("parentId") == parent)


def _page(call: Call, wanted: Callable[[Json], bool]) -> Json:
    """Answer with a page of the messages that are *wanted* and the user's to see."""
    unread, uid, world = call.query.get("unread") in _TRUE, call.person().uid, call.world

    def visible(message: Json) -> bool:
        return wanted(message) and uid in world.concerned(message) and (not unread or _is_unread(call, message))

    if call.query.get("count") in _TRUE:
        return _count(call, visible)
    try:
        request = PageRequest.from_query(call.query)
    except ValueError as error:
        raise Refusal(400, "ERR_BAD_REQUEST", str(error)) from error
    page = world.messages.page(request, visible).body()
    return {**page, "data": [seen_by(call, message) for message in page["data"]]}


def _is_unread(call: Call, message: Json) -> bool:
    uid, receipts = call.person().uid, call.world.messages.receipts
    return message["category"] != "action" and "deletedAt" not in message and not receipts.reached(message, uid, "read")


def _count(call: Call, visible: Callable[[Json], bool]) -> Json:
    """Count by conversation: by the group, or by the other user."""
    uid, counts = call.person().uid, Counter[tuple[str, str]]()
    for message in filter(visible, call.world.messages):
        mine_to_user = message["receiverType"] == "user" and message["receiver"] == uid
        entity = message["sender"] if mine_to_user else message["receiver"]
        counts[message["receiverType"], entity] += 1
    return {"data": [{"entityType": kind, "entityId": name, "count": n} for (kind, name), n in counts.items()]}


PAGE_ROUTES: tuple[tuple[str, str, Callable[[Call], Json]], ...] = (
    ("GET", "messages", _everywhere),
    ("GET", "messages/{id}", _message),
    ("GET", "messages/{id}/thread", _in_thread),
    ("GET", "users/{uid}/messages", _with_user),
    ("GET", "groups/{guid}/messages", _in_group),
)
"""As in `routes.ROUTES`."""
