"""REST for pinned and saved messages, and for pinned conversations."""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING

from cometconn.emulator.world.frames import frame

from .call import Call, Route
from .conversation_routes import conversation

if TYPE_CHECKING:
    from cometconn.emulator.jsontext import Json

__all__ = ["PIN_ROUTES"]


def _pin(call: Call) -> Json:
    message = call.message()
    message |= {"pinnedAt": call.app.now(), "pinnedBy": call.person().uid}
    return _publish_pin(call, message, "pinned")


def _unpin(call: Call) -> Json:
    message = call.message()
    for name in ("pinnedAt", "pinnedBy"):
        message.pop(name, None)
    return _publish_pin(call, message, "unpinned")


def _publish_pin(call: Call, message: Json, action: str) -> Json:
    body = {"action": action, "message": copy.deepcopy(message)}
    call.publish(message, "message_pin", body, to=call.app.concerned(message))
    return {"data": call.view(message)}


def _save(call: Call) -> Json:
    message = call.message()
    call.app.messages.saved[call.person().uid, message["id"]] = call.app.now()
    return _publish_save(call, message, "saved")


def _unsave(call: Call) -> Json:
    message = call.message()
    call.app.messages.saved.pop((call.person().uid, message["id"]), None)
    return _publish_save(call, message, "unsaved")


def _publish_save(call: Call, message: Json, action: str) -> Json:
    """Saves are private: only the user's other devices get the frame."""
    view = call.view(message)
    call.publish(message, "message_save", {"action": action, "message": view}, to={call.person().uid})
    return {"data": view}


def _pin_conversation(call: Call) -> Json:
    call.app.conversations.pin(call.person().uid, call.conversation(), now=call.app.now())
    return _publish_conversation(call, "pinned")


def _unpin_conversation(call: Call) -> Json:
    call.app.conversations.unpin(call.person().uid, call.conversation())
    return _publish_conversation(call, "unpinned")


def _publish_conversation(call: Call, action: str) -> Json:
    """Pins of conversations are private, too: only the user's other devices get the frame."""
    uid, app, shown = call.person().uid, call.app, conversation(call)
    body = {"action": action, "conversation": shown}
    pin = frame(
        app.app_id, "conversation_pin", body, sender=uid, receiver=uid, receiver_type="user", device_id=call.device_id
    )
    app.deliver({uid}, pin)
    return {"data": shown}


PIN_ROUTES: tuple[Route, ...] = (
    ("POST", "messages/{id}/pin", _pin),
    ("DELETE", "messages/{id}/pin", _unpin),
    ("POST", "messages/{id}/save", _save),
    ("DELETE", "messages/{id}/save", _unsave),
    ("POST", "users/{uid}/conversation/pin", _pin_conversation),
    ("DELETE", "users/{uid}/conversation/pin", _unpin_conversation),
    ("POST", "groups/{guid}/conversation/pin", _pin_conversation),
    ("DELETE", "groups/{guid}/conversation/pin", _unpin_conversation),
)
