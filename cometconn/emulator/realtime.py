"""What the server does with the frames of a WebSocket, and which frames it makes.

Nothing here is awaited: a frame in, frames into the outboxes of others, done.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from .jsontext import Json, parse
from .log import Kind

if TYPE_CHECKING:
    from .devices import Device
    from .people import Person
    from .receipts import Mark
    from .world import World

__all__ = ["announce", "message_frame", "note_receipt", "received"]

_RELAYED = frozenset({"receipts", "transient_message", "typing_indicator"})
_STEPS: Final[dict[Mark, tuple[Mark, ...]]] = {"delivered": ("delivered",), "read": ("delivered", "read")}
_TO_ALL: Final[dict[Mark, str]] = {"delivered": "deliveredToAll", "read": "readByAll"}


def received(world: World, device: Device, text: str) -> None:
    """Act upon one text frame of a client."""
    frame = parse(text)
    kind = _text(frame.get("type")) if frame is not None else ""
    if frame is None:
        _ignore(world, device, "not a JSON object")
    elif frame.get("action") == "ping":
        if world.faults.pong:
            device.send_json({"action": "pong", **({"ack": frame["ack"]} if "ack" in frame else {})})
    elif kind == "auth":
        _authenticate(world, device, frame)
    elif not device.authenticated:
        _ignore(world, device, "not authenticated")
    elif kind in _RELAYED:
        _relay(world, device, frame)
    else:
        _ignore(world, device, "unknown type")


def announce(world: World, person: Person, *, online: bool) -> None:
    """Tell everybody who subscribed to this user's presence."""
    action = "online" if online else "offline"
    frame: Json = {
        "appId": world.app_id,
        "sender": person.uid,
        "deviceId": "",
        "type": "presence",
        "body": {"action": action, "timestamp": world.now(), "user": world.public(person.uid)},
    }
    for device in world.devices(authenticated=True):
        if device.uid != person.uid and _follows(world, device, person):
            device.send_json(frame)


def message_frame(world: World, body: Json, *, device_id: str) -> Json:
    """Put a message into the envelope in which it goes over the socket."""
    return {
        "appId": world.app_id,
        "receiver": body["receiver"],
        "receiverType": body["receiverType"],
        "sender": body["sender"],
        "deviceId": device_id,
        "type": "message",
        "body": body,
    }


def note_receipt(world: World, message: Json, uid: str, mark: Mark) -> None:
    """Note how far a user got. Once everybody did, the messages say when; of a group's the author is told."""
    receipts, everybody = world.messages.receipts, world.concerned(message)
    receipts.mark(message, uid, mark)
    news = [
        (other, step)
        for other in world.messages.up_to(message)
        for step in _STEPS[mark]
        if f"{step}At" not in other and receipts.reached_by_all(other, everybody, step)
    ]
    for other, step in news:
        other[f"{step}At"] = world.now()
    if message["receiverType"] == "group" and any(other is message and step == mark for other, step in news):
        user, to_all = world.public(uid), _TO_ALL[mark]
        body = {"action": to_all, "messageId": message["id"], "user": user, "timestamp": world.now()}
        envelope = message_frame(world, {**message, "sender": uid}, device_id="")
        frame = {**envelope, "type": "receipts", "messageSender": message["sender"], "body": body}
        world.deliver({message["sender"]}, frame)


def _ignore(world: World, device: Device, why: str) -> None:
    world.log.add(Kind.IGNORED, device.number, device.uid, why=why)


def _authenticate(world: World, device: Device, frame: Json) -> None:
    body: dict[str, Any] = frame["body"] if isinstance(frame.get("body"), dict) else {}
    jwt = body.get("auth")
    uid = world.sessions.user_of_jwt(jwt) if isinstance(jwt, str) else None
    claimed, app_id = _text(frame.get("sender")), _text(frame.get("appId"))
    if device.uid is None and (uid or claimed in world.people):
        device.uid = uid or claimed
    device.device_id = _text(frame.get("deviceId")) or _text(body.get("deviceId"))
    if world.faults.auth == "silent":
        world.log.add(Kind.AUTH, device.number, device.uid, outcome="unanswered")
        return
    good = uid is not None and uid == device.uid and claimed in {uid, ""} and app_id in {world.app_id, ""}
    if not good or world.faults.auth == "refuse":
        _refuse(world, device)
        return
    device.subscription = _text(body.get("presenceSubscription")) or "NONE"
    roles = body.get("roles")
    device.roles = frozenset(filter(None, map(_text, roles))) if isinstance(roles, list) else frozenset()
    world.log.add(Kind.AUTH, device.number, uid, outcome="accepted")
    device.send_json(_auth_reply(world, device, code="200", status="OK"))
    world.authenticated(device)


def _refuse(world: World, device: Device) -> None:
    world.log.add(Kind.AUTH, device.number, device.uid, outcome="refused")
    device.send_json(_auth_reply(world, device, code="401", status="ERROR"))
    if world.faults.auth_close:
        device.close(world.faults.auth_close, "authentication failed")


def _auth_reply(world: World, device: Device, *, code: str, status: str) -> Json:
    return {
        "appId": world.app_id,
        "receiver": "",
        "receiverType": "",
        "sender": device.uid or "",
        "deviceId": device.device_id,
        "type": "auth",
        "body": {"code": code, "status": status},
    }


def _relay(world: World, device: Device, frame: Json) -> None:
    """Pass typing, receipts and transient messages on, in the sender's true name."""
    sender, body = device.uid or "", frame.get("body")
    receiver, receiver_type = _text(frame.get("receiver")), _text(frame.get("receiverType"))
    audience = world.audience(sender, receiver, receiver_type)
    if audience is None or not isinstance(body, dict):
        _ignore(world, device, "no such receiver" if audience is None else "no body")
        return
    passed: Json = {
        "appId": world.app_id,
        "receiver": receiver,
        "receiverType": receiver_type,
        "sender": sender,
        "deviceId": device.device_id,
        "type": frame["type"],
        "body": {**body, "user": world.public(sender)},
    }
    if frame["type"] == "receipts":
        passed["messageSender"] = author = _text(frame.get("messageSender"))
        passed["body"]["timestamp"] = world.now()
        audience = (audience & {author}) or audience  # a receipt concerns the author, where one is named
    world.deliver(audience - {sender}, passed)
    if frame["type"] == "receipts":
        _note(world, sender, body)


def _note(world: World, uid: str, body: Json) -> None:
    """Keep what a receipt says, if it is about a message that its sender can know."""
    message = world.messages.get(str(body.get("messageId")))
    if message is None or uid not in world.concerned(message):
        return
    match body.get("action"):
        case "delivered" | "read" as mark:
            note_receipt(world, message, uid, mark)


def _follows(world: World, device: Device, person: Person) -> bool:
    """Tell whether this device's `presenceSubscription` covers that user."""
    match device.subscription:
        case "ALL_USERS":
            return True
        case "ROLES":
            return person.role in device.roles
        case "FRIENDS":
            return device.uid is not None and person.uid in world.people[device.uid].friends
        case _:
            return False


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""
