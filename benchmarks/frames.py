"""The messages that the servers send: CometChat's text messages of about 600 bytes, encoded before the measurement."""

from __future__ import annotations

import json

__all__ = [
    "AUTH",
    "AUTH_REPLY",
    "CLOSE",
    "DEVICE",
    "LENGTH",
    "LOGIN",
    "ME",
    "PONG",
    "TOKEN",
    "frame",
    "in_empty_fragments",
    "in_fragments",
    "message",
]

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
LOGIN = json.dumps({"data": {"uid": ME, "name": "Bot One", "authToken": TOKEN, "jwt": TOKEN, "settings": {}}}).encode()
"""The response to each request of a login."""

PONG = b'{"action":"pong"}'
_SHORT, _LONG, _MEDIUM = 126, 127, 1 << 16


def frame(payload: bytes, opcode: int = 1, *, final: bool = True) -> bytes:
    """Return *payload* as one WebSocket frame of a server, by default a whole text frame."""
    first, size = (0x80 if final else 0) | opcode, len(payload)
    if size < _SHORT:
        return bytes((first, size)) + payload
    if size < _MEDIUM:
        return bytes((first, _SHORT)) + size.to_bytes(2, "big") + payload
    return bytes((first, _LONG)) + size.to_bytes(8, "big") + payload


def in_fragments(text: bytes, size: int) -> bytes:
    """Return *text* as a message in fragments of *size* bytes."""
    pieces = [text[start : start + size] for start in range(0, len(text), size)]
    last = len(pieces) - 1
    return b"".join(frame(piece, 0 if number else 1, final=number == last) for number, piece in enumerate(pieces))


def in_empty_fragments(text: bytes, count: int) -> bytes:
    """Return *text* as a message whose first fragment has all of it, followed by *count* empty ones."""
    return frame(text, final=False) + frame(b"", 0, final=False) * (count - 1) + frame(b"", 0)


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
