"""REST for reading: pages of messages, single ones, and how many are unread."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from .call import Call, Route
from .query import page_request
from .responses import Refusal, page_body

if TYPE_CHECKING:
    from collections.abc import Callable

    from cometconn.emulator.jsontext import Json

__all__ = ["PAGE_ROUTES"]


def _message(call: Call) -> Json:
    return {"data": call.view(call.message())}


def _everywhere(call: Call) -> Json:
    return _page(call, lambda _: True)


def _in_conversation(call: Call) -> Json:
    conversation = call.conversation()
    return _page(call, lambda message: message["conversationId"] == conversation)


def _in_thread(call: Call) -> Json:
    parent = call.message()["id"]
    return _page(call, lambda message: message.get("parentId") == parent)


def _page(call: Call, wanted: Callable[[Json], bool]) -> Json:
    """Return a page of the messages that are *wanted* and that the user may see; only their number with `count`."""
    unread, uid, app = call.flag("unread"), call.person().uid, call.app

    def visible(message: Json) -> bool:
        return wanted(message) and uid in app.concerned(message) and (not unread or _is_unread(call, message))

    if call.flag("count"):
        return _count(call, visible)
    try:
        request = page_request(call.query)
    except ValueError as error:
        raise Refusal(400, "ERR_BAD_REQUEST", str(error)) from error
    body = page_body(app.messages.page(request, visible))
    return {**body, "data": [call.view(message) for message in body["data"]]}


def _is_unread(call: Call, message: Json) -> bool:
    uid, receipts = call.person().uid, call.app.messages.receipts
    return message["category"] != "action" and "deletedAt" not in message and not receipts.reached(message, uid, "read")


def _count(call: Call, visible: Callable[[Json], bool]) -> Json:
    """Count by conversation: by the group, or by the other user."""
    uid, counts = call.person().uid, Counter[tuple[str, str]]()
    for message in filter(visible, call.app.messages):
        to_this_user = message["receiverType"] == "user" and message["receiver"] == uid
        entity = message["sender"] if to_this_user else message["receiver"]
        counts[message["receiverType"], entity] += 1
    return {"data": [{"entityType": kind, "entityId": name, "count": n} for (kind, name), n in counts.items()]}


PAGE_ROUTES: tuple[Route, ...] = (
    ("GET", "messages", _everywhere),
    ("GET", "messages/{id}", _message),
    ("GET", "messages/{id}/thread", _in_thread),
    ("GET", "users/{uid}/messages", _in_conversation),
    ("GET", "groups/{guid}/messages", _in_conversation),
)
