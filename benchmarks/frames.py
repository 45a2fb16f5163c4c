"""The messages that the servers send: CometChat's text messages of about 600 bytes, encoded before the measurement."""

from __future__ import annotations

import json

__all__ = ["AUTH", "AUTH_REPLY", "CLOSE", "DEVICE", "LENGTH", "ME", "PONG", "TOKEN", "frame", "message"]

APP = "app0bench"
ME = "bot-01"
DEVICE = "BENCH-1"
TOKEN = "bench-token"  # noqa: S105 - not a secret
DIGITS = 7  # all messages have the same length, so that counting bytes counts messages
SENDERS = 20

AUTH = json.dumps(
    {"appId": APP, "deviceId": DEVICE, "type": "auth", "sender": ME, "body": {"auth": TOKEN, "deviceId": DEVICE}}
)
"""The first frames that the clients other than ours send."""

AUTH_REPLY = b'{"type":"auth","appId":"app0bench","receiver":"bot-01","body":{"code":"200","status":"OK"}}'
PONG = b'{"action":"pong"}'
_SHORT, _MEDIUM = 126, 1 << 16


def frame(payload: bytes, opcode: int = 1) -> bytes:
    """Return *payload* as one whole WebSocket frame of a server, a text frame by default."""
    size = len(payload)
    if size < _SHORT:
        return bytes((0x80 | opcode, size)) + payload
    if size >= _MEDIUM:
        message = "no frame here is that long"
        raise ValueError(message)
    return bytes((0x80 | opcode, _SHORT)) + size.to_bytes(2, "big") + payload


CLOSE = frame((1000).to_bytes(2, "big"), 8)


def message(number: int) -> bytes:
    """Return the text message with that *number* as its id, as CometChat's server writes it."""
    sender = f"amy-{number % SENDERS:02d}"
    sent_at = 1_800_000_000
    body = {
        "id": f"{10**DIGITS + number}",
        "conversationId": f"{sender}_user_{ME}",
        "sender": sender,
        "receiverType": "user",
        "receiver": ME,
        "category": "message",
        "type": "text",
        "data": {
            "text": f"No. {number:0{DIGITS}d}: shall we meet at the station, or is it too far?",
            "metadata": {"colour": "blue"},
            "entities": {
                "sender": {
                    "entity": {"uid": sender, "name": "Amy Two", "role": "default", "status": "online"},
                    "entityType": "user",
                },
                "receiver": {"entity": {"uid": ME, "name": "Bot One", "role": "default"}, "entityType": "user"},
            },
        },
        "sentAt": sent_at,
        "updatedAt": sent_at,
        "muid": f"m-{number:0{DIGITS}d}",
    }
    envelope = {
        "appId": APP,
        "receiver": ME,
        "receiverType": "user",
        "deviceId": "WEB-4_2_0-amy",
        "sender": sender,
        "type": "message",
        "body": body,
    }
    return json.dumps(envelope, separators=(",", ":")).encode()


LENGTH = len(frame(message(0)))
"""Bytes of every message with its frame."""
