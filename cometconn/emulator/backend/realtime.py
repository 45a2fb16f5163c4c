"""Acts upon the text frames that clients send over WebSockets. Nothing here waits: frames go into queues."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from cometconn.emulator.jsontext import Json, parse
from cometconn.emulator.log import Kind
from cometconn.emulator.world.frames import auth_frame, frame

if TYPE_CHECKING:
    from cometconn.emulator.faults import Faults
    from cometconn.emulator.log import ServerLog
    from cometconn.emulator.world.chat_app import ChatApp
    from cometconn.emulator.world.devices import Device

__all__ = ["received", "relay"]

_RELAYED = frozenset({"receipts", "transient_message", "typing_indicator"})


def received(app: ChatApp, device: Device, text: str, *, faults: Faults, log: ServerLog) -> None:
    """Act upon one text frame of a client; record in *log* why, if it is ignored."""
    came = parse(text)
    kind = _text(came.get("type")) if came is not None else ""
    ignored: str | None = None
    if came is None:
        ignored = "not a JSON object"
    elif came.get("action") == "ping":
        if faults.pong:
            device.send_json({"action": "pong", **({"ack": came["ack"]} if "ack" in came else {})})
    elif kind == "auth":
        _authenticate(app, device, came, faults, log)
    elif not device.authenticated:
        ignored = "not authenticated"
    elif kind in _RELAYED:
        ignored = relay(app, device.uid or "", came, device_id=device.device_id)
    else:
        ignored = "unknown type"
    if ignored is not None:
        log.add(Kind.IGNORED, device.number, device.uid, why=ignored)


def _authenticate(app: ChatApp, device: Device, came: Json, faults: Faults, log: ServerLog) -> None:
    body: dict[str, Any] = came["body"] if isinstance(came.get("body"), dict) else {}
    jwt = body.get("auth")
    uid = app.sessions.user_of_jwt(jwt) if isinstance(jwt, str) else None
    claimed, app_id = _text(came.get("sender")), _text(came.get("appId"))
    if device.uid is None and (uid or claimed in app.people):
        device.uid = uid or claimed
    device.device_id = _text(came.get("deviceId")) or _text(body.get("deviceId"))
    if faults.auth == "silent":
        log.add(Kind.AUTH, device.number, device.uid, outcome="unanswered")
        return
    good = uid is not None and uid == device.uid and claimed in {uid, ""} and app_id in {app.app_id, ""}
    accepted = good and faults.auth != "refuse"
    log.add(Kind.AUTH, device.number, device.uid, outcome="accepted" if accepted else "refused")
    reply = auth_frame(app.app_id, device.uid or "", device_id=device.device_id, accepted=accepted)
    device.send_json(reply)
    if accepted:
        device.subscription = _text(body.get("presenceSubscription")) or "NONE"
        params = body.get("params")
        device.client = params if isinstance(params, dict) else {}
        roles = body.get("roles")
        device.roles = frozenset(filter(None, map(_text, roles))) if isinstance(roles, list) else frozenset()
        app.authenticated(device)
    elif faults.auth_close:
        device.close(faults.auth_close, "authentication failed")


def relay(app: ChatApp, sender: str, came: Json, *, device_id: str = "") -> str | None:
    """Pass a typing indicator, receipt or transient message on; return why not, if the frame is not valid.

    *sender* is the authenticated user, whatever the frame claims, and *device_id* the device that the frame came from.
    """
    body = came.get("body")
    receiver, receiver_type = _text(came.get("receiver")), _text(came.get("receiverType"))
    audience = app.audience(sender, receiver, receiver_type)
    if audience is None or not isinstance(body, dict):
        return "no such receiver" if audience is None else "no body"
    passed = frame(
        app.app_id,
        came["type"],
        {**body, "user": app.public(sender)},
        sender=sender,
        receiver=receiver,
        receiver_type=receiver_type,
        device_id=device_id,
    )
    if came["type"] != "receipts":
        app.deliver(audience - {sender}, passed)
        return None
    passed["messageSender"] = author = _text(came.get("messageSender"))
    passed["body"]["timestamp"] = app.now()
    audience = (audience & {author}) or audience  # a receipt concerns the author, where the frame names one
    app.deliver(audience - {sender}, passed)
    _record_receipt(app, sender, body)
    return None


def _record_receipt(app: ChatApp, uid: str, body: Json) -> None:
    """Record a receipt, if it is about a message in a conversation of its sender."""
    message = app.messages.get(str(body.get("messageId")))
    if message is None or uid not in app.concerned(message):
        return
    match body.get("action"):
        case "delivered" | "read" as mark:
            app.record_receipt(message, uid, mark)


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""
