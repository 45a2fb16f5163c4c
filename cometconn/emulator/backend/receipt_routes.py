"""REST for receipts: a conversation is marked as delivered or read, up to a message or to its end."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .call import Call, Handler, Route
from .conversation_routes import conversation
from .responses import Refusal

if TYPE_CHECKING:
    from cometconn.emulator.jsontext import Json
    from cometconn.emulator.world.receipts import Mark

__all__ = ["RECEIPT_ROUTES"]


def _mark(mark: Mark) -> Handler:
    """Make the handler that marks a conversation up to a message, or up to its end."""

    def answer(call: Call) -> Json:
        uid, identifier, app = call.person().uid, call.conversation(), call.app
        message = _named(call, identifier) or app.messages.last_for(uid, identifier)
        if message is not None:
            body = {"action": mark, "messageId": message["id"], "user": app.public(uid), "timestamp": app.now()}
            call.publish(message, "receipts", body, to={message["sender"]} - {uid})
            app.record_receipt(message, uid, mark)
        return {"data": {"success": True}}

    return answer


def _named(call: Call, conversation_id: str) -> Json | None:
    """Return the message that the request names; `None` when it names none."""
    identifier = call.body.get("messageId")
    if identifier is None:
        return None
    message = call.message(str(identifier))
    if message["conversationId"] != conversation_id:
        raise Refusal(404, "ERR_MESSAGE_ID_NOT_FOUND", "There is no such message in this conversation.")
    return message


def _mark_unread(call: Call) -> Json:
    """Mark a conversation as unread from a message on, or from its last one on."""
    uid, identifier, app = call.person().uid, call.conversation(), call.app
    message = _named(call, identifier) or app.messages.last_for(uid, identifier)
    if message is not None:
        app.messages.receipts.unmark(message, uid)
    return {"data": {"conversation": conversation(call)}}


RECEIPT_ROUTES: tuple[Route, ...] = (
    ("POST", "users/{uid}/conversation/read", _mark("read")),
    ("POST", "users/{uid}/conversation/delivered", _mark("delivered")),
    ("DELETE", "users/{uid}/conversation/read", _mark_unread),
    ("DELETE", "groups/{guid}/conversation/read", _mark_unread),
    ("POST", "groups/{guid}/conversation/read", _mark("read")),
    ("POST", "groups/{guid}/conversation/delivered", _mark("delivered")),
)
