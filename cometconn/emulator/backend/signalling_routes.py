"""REST for the signalling of calls: each change of a call's status is a message to the other side."""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING, Final

from cometconn.emulator.world.calls import FINAL_STATUSES
from cometconn.emulator.world.people import group_conversation, private_conversation

from .call import Call, Route
from .responses import Refusal
from .send_routes import check_receiver

if TYPE_CHECKING:
    from cometconn.emulator.jsontext import Json

__all__ = ["SIGNALLING_ROUTES"]

_KINDS: Final = frozenset({"audio", "video"})
_STATUSES: Final = FINAL_STATUSES | {"ongoing"}


def _initiate(call: Call) -> Json:
    receiver, receiver_type = check_receiver(call)
    uid, app, kind = call.person().uid, call.app, _kind(call)
    if receiver_type == "user" and receiver == uid:
        raise Refusal(400, "ERR_CALLING_SELF", f"{uid} cannot call itself.")
    call.set_profile({}, metadata=dict)
    is_group = receiver_type == "group"
    session: Json = {
        "conversationId": group_conversation(receiver) if is_group else private_conversation(uid, receiver),
        "sender": uid,
        "receiverType": receiver_type,
        "receiver": receiver,
        "status": "initiated",
        "type": kind,
        "initiatedAt": app.now(),
        "data": {"entities": {"sender": app.entity("user", uid), "receiver": app.entity(receiver_type, receiver)}},
    }
    if call.body.get("metadata"):
        session["data"]["metadata"] = copy.deepcopy(call.body["metadata"])
    return _publish(call, app.calls.begin(session))


def _kind(call: Call) -> str:
    kind = call.text("type")
    if kind not in _KINDS:
        raise Refusal(400, "ERR_BAD_REQUEST", "The field type must be audio or video.")
    return kind


def _session(call: Call) -> Json:
    """Return the call that the path names, which must be one of the request's user."""
    session, uid = call.app.calls.get(call.path["session"]), call.person().uid
    if session is None or uid not in call.app.concerned(session):
        raise Refusal(404, "ERR_CALL_SESSION_NOT_FOUND", "There is no call with this session id among yours.")
    return session


def _change(call: Call) -> Json:
    session, status = _session(call), call.text("status")
    if status not in _STATUSES:
        raise Refusal(400, "ERR_BAD_REQUEST", f"The field status must be one of {', '.join(sorted(_STATUSES))}.")
    if session["status"] in FINAL_STATUSES:
        raise Refusal(400, "ERR_CALL_TERMINATED", f"The call is over: it is {session['status']}.")
    session["status"] = status
    if status == "ongoing":
        session.setdefault("joinedAt", call.app.now())
    elif status in FINAL_STATUSES:
        session["endedAt"] = call.app.now()
    return _publish(call, session)


def _change_kind(call: Call) -> Json:
    """Make a call of sound one of pictures, or the other way round."""
    session = _session(call)
    session["type"] = _kind(call)
    return _publish(call, session)


def _publish(call: Call, session: Json) -> Json:
    """Send all users in the call a message with its status, from the request's user; return the message."""
    app, uid, kind = call.app, call.person().uid, session["receiverType"]
    other = session["receiver"] if kind == "group" or session["sender"] == uid else session["sender"]
    entities = {
        "by": app.entity("user", uid),
        "for": app.entity(kind, other),
        "on": {"entityType": "call", "entity": copy.deepcopy(session)},
    }
    metadata = {"metadata": session["data"]["metadata"]} if "metadata" in session["data"] else {}
    body = {
        "conversationId": session["conversationId"],
        "sender": uid,
        "receiverType": kind,
        "receiver": other,
        "category": "call",
        "type": session["type"],
        "data": {"action": session["status"], "entities": entities, **metadata},
    }
    return {"data": app.publish(body, to=app.concerned(session), device_id=call.device_id)}


SIGNALLING_ROUTES: tuple[Route, ...] = (
    ("POST", "calls", _initiate),
    ("PUT", "calls/{session}", _change),
    ("PATCH", "calls/{session}/type", _change_kind),
)
