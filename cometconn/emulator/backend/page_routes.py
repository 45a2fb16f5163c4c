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
    message = call.message()
    return {"data": {**call.view(message), "receipts": {"data": _receipts(call, message)}}}


def _receipts(call: Call, message: Json) -> list[Json]:
    """Return how far the message got with each other user that it was sent to."""
    receipts, found = call.app.messages.receipts, []
    for uid in sorted(call.app.concerned(message) - {message["sender"]}):
        times = {
            "deliveredAt": receipts.reached_at(message, uid, "delivered"),
            "readAt": receipts.reached_at(message, uid, "read"),
        }
        known = {name: at for name, at in times.items() if at is not None}
        if known:
            found.append({"recipient": call.app.public(uid), **known})
    return found


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
    person, app = call.person(), call.app
    unread, with_reactions, saved = call.flag("unread"), call.flag("hasReactions"), call.flag("saved")
    receiver_type = call.query.get("receiverType")
    hidden = person.blocked if call.flag("hideMessagesFromBlockedUsers") else frozenset()

    def visible(message: Json) -> bool:
        return (
            wanted(message)
            and call.visible(message)
            and (not unread or call.is_unread(message))
            and receiver_type in {None, message["receiverType"]}
            and (not with_reactions or bool(app.messages.reactions.of(message)))
            and (not saved or (person.uid, message["id"]) in app.messages.saved)
            and not (message["sender"] in hidden and message["receiverType"] == "user")
        )

    if call.flag("count"):
        return _count(call, visible)
    try:
        request = page_request(call.query)
    except ValueError as error:
        raise Refusal(400, "ERR_BAD_REQUEST", str(error)) from error
    body = page_body(app.messages.page(request, visible))
    return {**body, "data": [call.view(message) for message in body["data"]]}


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
