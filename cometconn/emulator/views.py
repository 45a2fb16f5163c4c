"""What a person wants to see of the server, as JSON without secrets: its state, and a conversation."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import attrs

from .backend.query import page_request
from .faults import Faults
from .log import Kind
from .world.people import group_conversation, private_conversation

if TYPE_CHECKING:
    from .jsontext import Json
    from .server_controls import ServerControls

__all__ = ["ENDED_SHOWN", "MESSAGES_SHOWN", "conversation", "recording", "state"]

ENDED_SHOWN: Final = 200
"""At most this many closed connections are in the state: the last ones in the log."""

MESSAGES_SHOWN: Final = 50
"""At most this many messages of a conversation are shown: the last ones."""


def state(server: ServerControls) -> Json:
    """Return users, groups, connections and faults. `position` is the number of the first entry that is not in it."""
    world = server.world
    changed = attrs.asdict(world.faults)
    usual = attrs.asdict(Faults())
    return {
        "app_id": world.app_id,
        "position": world.log.position,
        "dropped": world.log.dropped,
        "now": world.log.now(),
        "wall": world.wall_time(),
        "clock_ahead": world.clock_ahead,
        "users": [{"uid": uid, "name": person.name} for uid, person in world.people.items()],
        "groups": [
            {"guid": guid, "name": group.name, "members": len(group.members)} for guid, group in world.groups.items()
        ],
        "connections": _connections(server),
        "ended": _ended(server),
        "faults": {name: value for name, value in changed.items() if value != usual[name]},
        "recording": recording(server),
    }


def recording(server: ServerControls) -> Json:
    """Return whether a session is recorded, and how much."""
    kept = server.world.recorded
    return {
        "on": server.world.recording is not None,
        "lines": 0 if kept is None else len(kept),
        "full": kept is not None and kept.full,
    }


def conversation(server: ServerControls, sender: str, receiver: str, receiver_type: str) -> list[Json]:
    """Return the last messages of a conversation, oldest first."""
    world = server.world
    name = group_conversation(receiver) if receiver_type == "group" else private_conversation(sender, receiver)
    request = page_request({"affix": "prepend", "per_page": str(MESSAGES_SHOWN)})
    page = world.messages.page(request, lambda message: bool(message["conversationId"] == name))
    shown = [_with_marks(server, message) for message in page.messages]
    return world.masked(shown)


def _connections(server: ServerControls) -> list[Json]:
    """Return all that are open."""
    shown = [
        {
            "number": device.number,
            "uid": device.uid,
            "since": device.since,
            "device_id": device.device_id,
            "authenticated": device.authenticated,
            "open": device.open,
            "silent": device.silent,
            "waiting": device.waiting,
            "path": device.path,
            "client": device.client,
        }
        for device in server.world.devices()
    ]
    return server.world.masked(shown)


def _ended(server: ServerControls) -> list[Json]:
    """Return the last connections that are over, oldest first."""
    began: dict[int, float] = {}
    ended: list[Json] = []
    for entry in server.log:
        if entry.kind is Kind.CONNECT and entry.connection is not None:
            began[entry.connection] = entry.at
        elif entry.kind is Kind.GONE and entry.connection is not None:
            ended.append(
                {
                    "number": entry.connection,
                    "uid": entry.uid,
                    "since": began.get(entry.connection, entry.at),
                    "until": entry.at,
                    **entry.detail,
                }
            )
    return ended[-ENDED_SHOWN:]


def _with_marks(server: ServerControls, message: Json) -> Json:
    """Return a message, and between two users whether it was delivered to the receiver and read."""
    marks: Json = {}
    if message["receiverType"] == "user":
        for mark in ("delivered", "read"):
            reached = server.world.messages.receipts.reached(message, message["receiver"], mark)
            marks[mark] = reached and message["receiver"] != message["sender"]
    return {**message, "marks": marks}
