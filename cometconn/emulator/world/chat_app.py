"""One CometChat app: its users, groups, tokens, messages and connected devices.

What changes is published at once: a frame goes into the queue of every device concerned. The transport that
made a device writes the queue out.
"""

from __future__ import annotations

import copy
import re
import time
from typing import TYPE_CHECKING, Final

from cometconn._arguments import checked
from cometconn.emulator.jsontext import Json, render
from cometconn.emulator.limits import DEFAULT_LIMITS, ServerLimits, most_tokens
from cometconn.errors import SettingsError

from .calls import Calls
from .conversations import Conversations
from .files import FileStore
from .frames import frame, message_frame, presence_frame
from .messages import MessageStore
from .people import Group, Person, group_conversation, private_conversation
from .receipts import Mark
from .sessions import Sessions, random_secret
from .webhooks import Trigger, connection_data, receipt_data, webhook_body

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from .devices import Device

__all__ = ["ChatApp"]

_IMPLIED: Final[dict[Mark, tuple[Mark, ...]]] = {"delivered": ("delivered",), "read": ("delivered", "read")}
_TO_ALL: Final[dict[Mark, str]] = {"delivered": "deliveredToAll", "read": "readByAll"}
_RECEIPT_TRIGGERS: Final[dict[Mark, tuple[Trigger, Trigger]]] = {
    "delivered": ("message_delivery_receipt", "message_delivered_to_all"),
    "read": ("message_read_receipt", "message_read_by_all"),
}
_MENTION: Final = re.compile(r"<@uid:([^<>]+)>")


class ChatApp:
    """Users, groups, tokens, messages and connected devices.

    Args:
        app_id: the app's id.
        auth_key: its auth key.
        api_key: its REST API key, for what an auth key may not do.
        users: uids. `people` holds the rest (names, roles, friends) and may be changed.
        groups: guid and members of each group.
        limits: how much it keeps.
        wall_clock: seconds since 1970, for messages and frames. `clock_ahead` is added to it.
        make_secret: makes a token from its kind and the uid.

    Attributes:
        on_trigger: called with the JSON of every webhook event; `None` for no webhook. It must not block.
    """

    def __init__(
        self,
        *,
        app_id: str = "APP",
        auth_key: str = "KEY",
        api_key: str = "REST-KEY",
        users: Iterable[str] = ("zed-1", "amy-2"),
        groups: Mapping[str, Iterable[str]] | None = None,
        limits: ServerLimits = DEFAULT_LIMITS,
        wall_clock: Callable[[], float] = time.time,
        make_secret: Callable[[str, str], str] = random_secret,
    ) -> None:
        self.app_id: str = app_id
        self.auth_key: str = auth_key
        self.api_key: str = api_key
        uids = tuple(users)
        self.sessions: Sessions = Sessions(make_secret, limit=most_tokens(limits, len(uids)))
        self.messages: MessageStore = MessageStore(limit=limits.messages)
        self.conversations: Conversations = Conversations()
        self.calls: Calls = Calls()
        self.files: FileStore = FileStore(limit=limits.files_size, file_limit=limits.file_size)
        self.on_trigger: Callable[[Json], None] | None = None
        self.people: dict[str, Person] = {}
        self.groups: dict[str, Group] = {}
        self.clock_ahead: float = 0.0
        self._wall_clock = wall_clock
        self._devices: list[Device] = []
        self._connections = 0
        for uid in uids:
            self.add_user(uid)
        for guid, members in (groups or {}).items():
            self.add_group(guid, members)

    def now(self) -> int:
        """Return the time that messages and frames are stamped with, in seconds since 1970."""
        return int(self._wall_clock() + self.clock_ahead)

    def wall_time(self) -> float:
        """Return this machine's time, in seconds since 1970."""
        return self._wall_clock()

    # Users and groups

    @checked
    def add_user(self, uid: str) -> Person:
        """Create a user. Raises `SettingsError` for an empty uid, and for one that exists."""
        if not uid or uid in self.people:
            message = f"users must be different uids and not empty: {uid!r} is not."
            raise SettingsError(message)
        self.people[uid] = Person(uid, created_at=self.now())
        return self.people[uid]

    @checked
    def add_group(self, guid: str, members: Iterable[str]) -> Group:
        """Create a group; its first member owns it. Raises `SettingsError` for a bad guid and for unknown members."""
        uids = tuple(members)
        unknown = [uid for uid in uids if uid not in self.people]
        if not guid or guid in self.groups or unknown:
            message = f"groups: {guid!r} must be new, not empty, and have known members only, not {unknown!r}."
            raise SettingsError(message)
        scopes = {uid: "owner" if uid == uids[0] else "participant" for uid in uids}
        self.groups[guid] = Group(guid, scopes, created_at=self.now())
        return self.groups[guid]

    def public(self, uid: str, *, by: str | None = None) -> Json:
        """Return a user as others see it; with *by* also whether that user has blocked it, or is blocked by it."""
        user = self.people[uid].public(online=self.connections(uid) > 0)
        if by is not None:
            user["hasBlockedMe"] = by in self.people[uid].blocked
            user["blockedByMe"] = uid in self.people[by].blocked
        return user

    def entity(self, kind: str, identifier: str) -> Json:
        """Return a `user` or a `group` as it stands in `data.entities` of a message."""
        shown = self.groups[identifier].public() if kind == "group" else self.public(identifier)
        return {"entityType": kind, "entity": shown}

    # Messages and receipts

    def post(self, sender: str, draft: Json, *, device_id: str = "") -> Json:
        """Store a message and send it to every device concerned but the one that it came from.

        *draft* has `receiver`, `receiverType`, `category`, `type` and `data`; with `quotedMessageId` the message gets
        a copy of that one. Returns the message with all its fields.
        """
        receiver, kind = draft["receiver"], draft["receiverType"]
        is_group = kind == "group"
        entities = {"sender": self.entity("user", sender), "receiver": self.entity(kind, receiver)}
        mentions = self.mentions(draft["data"])
        body = {
            "conversationId": group_conversation(receiver) if is_group else private_conversation(sender, receiver),
            "sender": sender,
            **draft,
            "data": {
                **draft["data"],
                "resource": device_id,
                "entities": entities,
                **({"mentions": mentions} if mentions else {}),
            },
        }
        if (quoted := self.messages.get(str(draft.get("quotedMessageId", "")))) is not None:
            body["quotedMessage"] = copy.deepcopy({n: value for n, value in quoted.items() if n != "quotedMessage"})
        message = self.publish(body, to=self.concerned(body), device_id=device_id)
        self.announce("message_sent", {"message": message})
        if mentions:
            self.announce("user_mentioned", {"message": message})
        return message

    def mentions(self, data: Json) -> Json:
        """Return the users that the text of a message mentions, by uid: its `data.mentions`."""
        found = _MENTION.findall(str(data.get("text", "")))
        return {uid: self.public(uid) for uid in dict.fromkeys(found) if uid in self.people}

    def publish(self, body: Json, *, to: set[str], device_id: str) -> Json:
        """Store a message and send it to these users; return it with its id and times."""
        message = self.messages.add(body, now=self.now())
        self.deliver(to, message_frame(self.app_id, message, device_id=device_id))
        return message

    def record_receipt(self, message: Json, uid: str, mark: Mark) -> None:
        """Record how far a user got in a conversation.

        Once every user concerned did, the messages get the time of it, and of a group's
        message the author is sent that it was delivered to all, or read by all.
        """
        receipts, concerned = self.messages.receipts, self.concerned(message)
        receipts.mark(message, uid, mark, now=self.now())
        trigger, trigger_of_all = _RECEIPT_TRIGGERS[mark]
        if uid != message["sender"]:
            self.announce(trigger, receipt_data(message, self.public(uid), mark, now=self.now()))
        completed = [
            (other, step)
            for other in self.messages.up_to(message)
            for step in _IMPLIED[mark]
            if f"{step}At" not in other and receipts.reached_by_all(other, concerned, step)
        ]
        for other, step in completed:
            other[f"{step}At"] = self.now()
        if message["receiverType"] == "group" and any(other is message and step == mark for other, step in completed):
            body = {
                "action": _TO_ALL[mark],
                "messageId": message["id"],
                "user": self.public(uid),
                "timestamp": self.now(),
            }
            receipt = frame(
                self.app_id, "receipts", body, sender=uid, receiver=message["receiver"], receiver_type="group"
            )
            self.deliver({message["sender"]}, {**receipt, "messageSender": message["sender"]})
            self.announce(trigger_of_all, receipt_data(message, None, _TO_ALL[mark], now=self.now()))

    def concerned(self, message: Json) -> set[str]:
        """Return the uids in the conversation of a message; none for a group that was deleted."""
        if message["receiverType"] == "user":
            return {message["sender"], message["receiver"]}
        group = self.groups.get(message["receiver"])
        return set() if group is None else set(group.members)

    def audience(self, sender: str, receiver: str, receiver_type: str) -> set[str] | None:
        """Return the uids that *sender* reaches there; `None` if there is no such receiver for this sender."""
        if receiver_type == "user" and receiver in self.people:
            return {receiver}
        group = self.groups.get(receiver) if receiver_type == "group" else None
        return set(group.members) if group is not None and sender in group.members else None

    # Devices and presence

    def devices(self, uid: str | None = None, *, authenticated: bool = False) -> tuple[Device, ...]:
        """Return the connected devices, of one user or of all, in the order in which they came."""
        return tuple(
            device
            for device in self._devices
            if (uid is None or device.uid == uid) and (device.authenticated or not authenticated)
        )

    def connections(self, uid: str) -> int:
        """Count the user's authenticated sockets, silent ones included: their TCP connection is still open."""
        return len(self.devices(uid, authenticated=True))

    def deliver(self, uids: set[str], frame: Json) -> None:
        """Queue a frame for every authenticated device of these users but the one that it came from.

        Users that have blocked the sender are left out, but for frames of groups.
        """
        if frame["receiverType"] == "user":
            uids = {uid for uid in uids if frame["sender"] not in self.people[uid].blocked}
        text, origin = render(frame), (frame["sender"], frame["deviceId"])
        for device in self.devices(authenticated=True):
            if device.uid in uids and not (device.device_id and (device.uid, device.device_id) == origin):
                device.send(text)

    def connected(self, device: Device) -> None:
        """Add a device, and set the number of its connection."""
        self._connections += 1
        device.number = self._connections
        self._devices.append(device)

    def authenticated(self, device: Device) -> None:
        """Mark a device as authenticated; the first one of a user brings the user online."""
        first = device.uid is not None and not self.connections(device.uid)
        device.authenticated = True
        if first and device.uid is not None:
            self._publish_presence(self.people[device.uid])
        self._announce_connection(device, "connected", presence_changed=first)

    def disconnected(self, device: Device) -> None:
        """Remove a device; the last authenticated one of a user takes the user offline."""
        self._devices.remove(device)
        if not device.authenticated or device.uid is None:
            return
        last = not self.connections(device.uid)
        if last:
            person = self.people[device.uid]
            person.last_active_at = self.now()
            self._publish_presence(person)
        self._announce_connection(device, "disconnected", presence_changed=last)

    def _publish_presence(self, person: Person) -> None:
        """Send the user's presence to every device that subscribed to it."""
        text = render(presence_frame(self.app_id, self.public(person.uid), now=self.now()))
        for device in self.devices(authenticated=True):
            if device.uid != person.uid and self._follows(device, person):
                device.send(text)

    def _follows(self, device: Device, person: Person) -> bool:
        """Whether this device's `presenceSubscription` covers that user."""
        match device.subscription:
            case "ALL_USERS":
                return True
            case "ROLES":
                return person.role in device.roles
            case "FRIENDS":
                return device.uid is not None and person.uid in self.people[device.uid].friends
            case _:
                return False

    # Webhooks

    def announce(self, trigger: Trigger, data: Json) -> None:
        """Report an event to the webhook, if there is one."""
        if self.on_trigger is not None:
            self.on_trigger(copy.deepcopy(webhook_body(self.app_id, trigger, data)))

    def _announce_connection(self, device: Device, action: str, *, presence_changed: bool) -> None:
        if self.on_trigger is not None and device.uid is not None:
            data = connection_data(
                self.public(device.uid),
                action,
                device.client,
                now=self._wall_clock() + self.clock_ahead,
                presence_changed=presence_changed,
            )
            self.announce("user_connection_status_changed", data)
