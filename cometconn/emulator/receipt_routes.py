"""REST and frames for receipts: who has got how far, and who hears of it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from . import realtime
from .call import Call, Refusal
from .group_routes import joined_group, known_user
from .jsontext import Json
from .message_routes import tell, visible_message
from .messages import private_conversation

if TYPE_CHECKING:
    from collections.abc import Callable

    from .receipts import Mark

__all__ = ["RECEIPT_ROUTES"]


def _mark(mark: Mark) -> Callable[[Call], Json]:
    """Make the route that marks a conversation up to a message, or up to its end."""

    def answer(call: Call) -> Json:
        uid, conversation = call.person().uid, _conversation(call)
        message = _named(call, conversation) or call.world.messages.last_for(uid, conversation)
        if message is not None:
            now, user = call.world.now(), call.world.public(uid)
            body = {"action": mark, "messageId": message["id"], "user": user, "timestamp": now}
            tell(call, message, "receipts", body, to={message["sender"]} - {uid})
            realtime.note_receipt(call.world, message, uid, mark)
        return {"data": {"success": True}}

    return answer


def _conversation(call: Call) -> str:
    if "guid" in call.path:
        return f"group_{joined_group(call, call.path['guid']).guid}"
    return private_conversation(call.person().uid, known_user(call, call.path["uid"]))


def _named(call: Call, conversation: str) -> Json | None:
    """Give the message that is marked; `None` when the request names none."""
    identifier = call.body.get("messageId")
    if identifier is None:
        return None
    message = visible_message(call, str(identifier))
    if message["conversationId"] != conversation:
        raise Refusal(404, "ERR_MESSAGE_ID_NOT_FOUND", "There is no such message in this conversation.")
    return message


RECEIPT_ROUTES: tuple[tuple[str, str, Callable[[Call], Json]], ...] = (
    ("POST", "users/{uid}/conversation/read", _mark("read")),
    ("POST", "users/{uid}/conversation/delivered", _mark("delivered")),
    ("POST", "groups/{guid}/conversation/read", _mark("read")),
    ("POST", "groups/{guid}/conversation/delivered", _mark("delivered")),
)
"""As in `routes.ROUTES`."""
