"""The frames that the server sends over a WebSocket, as JSON objects."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from cometconn.emulator.jsontext import Json

__all__ = ["auth_frame", "frame", "message_frame", "presence_frame"]


def frame(
    app_id: str, kind: str, body: Json, *, sender: str, receiver: str, receiver_type: str, device_id: str = ""
) -> Json:
    """Return a frame of this type. *device_id* is the session id of the client that caused it."""
    return {
        "appId": app_id,
        "receiver": receiver,
        "receiverType": receiver_type,
        "sender": sender,
        "deviceId": device_id,
        "type": kind,
        "body": body,
    }


def message_frame(app_id: str, message: Json, *, device_id: str) -> Json:
    """Return the frame that carries a message."""
    sender, receiver, receiver_type = message["sender"], message["receiver"], message["receiverType"]
    return frame(
        app_id, "message", message, sender=sender, receiver=receiver, receiver_type=receiver_type, device_id=device_id
    )


def auth_frame(app_id: str, uid: str, *, device_id: str, accepted: bool) -> Json:
    """Return the reply to an auth frame."""
    body = {"code": "200", "status": "OK"} if accepted else {"code": "401", "status": "ERROR"}
    return frame(app_id, "auth", body, sender=uid, receiver="", receiver_type="", device_id=device_id)


def presence_frame(app_id: str, user: Json, *, now: int) -> Json:
    """Return the frame about a user that came online or went offline, as *user* has it under `status`."""
    return {
        "appId": app_id,
        "sender": user["uid"],
        "deviceId": "",
        "type": "presence",
        "body": {"action": user["status"], "timestamp": now, "user": user},
    }
