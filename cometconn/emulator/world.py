"""The whole of CometChat, in memory and without I/O.

A door brings it requests and frames and takes answers away: the emulator's over
sockets, the testing kit's over memory. Every method returns at once and is to be
called from Trio's thread.
"""

from __future__ import annotations

import email.utils
import time
import urllib.parse
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

import attrs
import trio

from cometconn.errors import SettingsError

from . import realtime, rest
from .faults import Faults
from .jsontext import Json, parse, render
from .log import Kind, ServerLog
from .messages import MessageStore, private_conversation
from .people import Group, Person
from .redact import by_name, by_value
from .sessions import Sessions, random_secret

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from cometconn.environment import Request, Response

    from .devices import Device

__all__ = ["How", "World"]

How: TypeAlias = Literal["close", "cut", "eof", "refused", "reset"]
"""How a connection ended: after the client's close frame, by the server's own closing of the TCP
connection, by the client's, by a refused upgrade, by a reset from either side."""

_SHOWN = 4_096
"""Longer frames stand in the log as text, cut to this many characters."""


class World:
    """Users, groups, tokens, messages, connected devices, and the log of it all.

    Args:
        app_id: the app; other ids are refused.
        auth_key: its auth key.
        users: uids. `people` holds the rest (names, roles, friends) and may be changed.
        groups: guid and members of each group.
        host: where clients reach the server, for the settings it hands out.
        port: the same.
        clock: seconds, for the log.
        wall_clock: seconds since 1970, for messages and the `Date` of answers. `clock_ahead` is added to it.
        make_secret: makes a token from its kind and the uid.
    """

    def __init__(
        self,
        *,
        app_id: str = "APP",
        auth_key: str = "KEY",
        users: Iterable[str] = ("zed-1", "amy-2"),
        groups: Mapping[str, Iterable[str]] | None = None,
        host: str = "127.0.0.1",
        port: int = 0,
        clock: Callable[[], float] = trio.current_time,
        wall_clock: Callable[[], float] = time.time,
        make_secret: Callable[[str, str], str] = random_secret,
    ) -> None:
        self.app_id: str = app_id
        self.auth_key: str = auth_key
        self.host: str = host
        self.port: int = port
        self.log: ServerLog = ServerLog(clock)
        self.faults: Faults = Faults()
        self.sessions: Sessions = Sessions(make_secret)
        self.messages: MessageStore = MessageStore()
        self.people: dict[str, Person] = {}
        self.groups: dict[str, Group] = {}
        self.clock_ahead: float = 0.0
        self._wall_clock = wall_clock
        self._devices: list[Device] = []
        self._connections = 0
        for uid in users:
            self.add_user(uid)
        for guid, members in (groups or {}).items():
            self.add_group(guid, members)

    # People

    def add_user(self, uid: str) -> Person:
        """Create a user."""
        if not uid or uid in self.people:
            message = f"users must be different uids and not empty: {uid!r} is not."
            raise SettingsError(message)
        self.people[uid] = Person(uid, created_at=self.now())
        return self.people[uid]

    def add_group(self, guid: str, members: Iterable[str]) -> Group:
        """Create a group; its first member owns it."""
        uids = tuple(members)
        strangers = [uid for uid in uids if uid not in self.people]
        if not guid or guid in self.groups or strangers:
            message = f"groups: {guid!r} must be new, not empty, and have known members only, not {strangers!r}."
            raise SettingsError(message)
        scopes = {uid: "owner" if uid == uids[0] else "participant" for uid in uids}
        self.groups[guid] = Group(guid, scopes, created_at=self.now())
        return self.groups[guid]

    def now(self) -> int:
        """Give the time that messages and frames are stamped with, in seconds since 1970."""
        return int(self._wall_clock() + self.clock_ahead)

    def date(self) -> dict[str, str]:
        """Give the `Date` header of an answer made now; nothing where the fault `date` is set to `False`."""
        if not self.faults.date:
            return {}
        return {"date": email.utils.formatdate(self.now(), usegmt=True)}

    def public(self, uid: str) -> Json:
        """Give a user as others see it."""
        return self.people[uid].public(online=self.connections(uid) > 0)

    # REST

    def hangs(self, request: Request) -> bool:
        """Tell whether this request is to be left without an answer; if so, it is in the log."""
        if self.faults.rest != "hang":
            return False
        self._log_request(request, status=None)
        return True

    def answer(self, request: Request) -> Response:
        """Answer one REST request. `hangs()` is the door's to ask first."""
        answer = rest.answer(self, request)
        self._log_request(request, status=answer.response.status, uid=answer.uid, code=answer.code)
        return attrs.evolve(answer.response, headers={**answer.response.headers, **self.date()})

    def post(self, sender: str, draft: Json, *, device_id: str = "") -> Json:
        """Store a message and push it to every device concerned but the one it came from.

        *draft* has `receiver`, `receiverType`, `category`, `type` and `data`; the
        message is given back with everything else.
        """
        receiver, is_group = draft["receiver"], draft["receiverType"] == "group"
        entity = self.groups[receiver].public() if is_group else self.public(receiver)
        entities = {
            "sender": {"entityType": "user", "entity": self.public(sender)},
            "receiver": {"entityType": draft["receiverType"], "entity": entity},
        }
        body = {
            "conversationId": f"group_{receiver}" if is_group else private_conversation(sender, receiver),
            "sender": sender,
            **draft,
            "data": {**draft["data"], "resource": device_id, "entities": entities},
        }
        message = self.messages.add(body, now=self.now())
        self.deliver(self.concerned(message), realtime.message_frame(self, message, device_id=device_id))
        return message

    def concerned(self, message: Json) -> set[str]:
        """Give the uids of those whose conversation a message belongs to. A group that was deleted has none."""
        if message["receiverType"] == "user":
            return {message["sender"], message["receiver"]}
        group = self.groups.get(message["receiver"])
        return set() if group is None else set(group.members)

    # Sockets: what a door calls

    def asked(self, device: Device) -> None:
        """Note that a client asked for the upgrade. What to do about it is in `faults.upgrade`."""
        self._connections += 1
        device.number = self._connections
        self._devices.append(device)
        self.log.add(Kind.CONNECT, device.number, path=by_value(device.path, self._secrets()))

    def accepted(self, device: Device) -> None:
        """Note that the WebSocket is open; `asked()` is done here unless it was before."""
        if not device.number:
            self.asked(device)
        device.open = True
        self.log.add(Kind.UPGRADE, device.number, status=101)

    def refused(self, device: Device, status: int) -> None:
        """Note that the upgrade was answered with an HTTP error."""
        self.log.add(Kind.UPGRADE, device.number, status=status)
        self.closed(device, "refused")

    def received(self, device: Device, text: str) -> None:
        """Act upon a text frame. A silent device's frames, and those after its end, are no news."""
        if device.silent or device.gone:
            return
        self.log.add(Kind.FRAME_IN, device.number, device.uid, **self._shown(text))
        realtime.received(self, device, text)

    def sent(self, device: Device, text: str) -> None:
        """Note that a queued frame was written."""
        if not (device.silent or device.gone):
            self.log.add(Kind.FRAME_OUT, device.number, device.uid, **self._shown(text))

    def wire(self, device: Device, kind: Kind, **detail: Any) -> None:
        """Note a close frame, an EOF or a reset below the WebSocket; the connection ends with it when it is time.

        `CLOSE_IN` and `CLOSE_OUT` come with `code`, `RESET` with `by`. Reported after the
        end, or of a connection that has asked for nothing yet, they are no news.
        """
        if device.gone or not device.number:
            return
        self.log.add(kind, device.number, device.uid, **detail)
        if kind is Kind.CLOSE_IN:
            device.close_in = detail["code"] or 0
        elif kind is Kind.CLOSE_OUT:
            device.close_out = True
        elif kind is Kind.EOF or kind is Kind.RESET:
            self.closed(device, "eof" if kind is Kind.EOF else "reset")
        if device.close_in is not None and device.close_out:
            self.closed(device, "close")

    def closed(self, device: Device, how: How) -> None:
        """Note the end of a connection, once; later calls change nothing.

        A close frame of the client outranks *how*: it said goodbye, whatever became of TCP.
        """
        if device.gone:
            return
        device.gone = True
        self._devices.remove(device)
        said_goodbye = device.close_in is not None
        self.log.add(
            Kind.GONE, device.number, device.uid, how="close" if said_goodbye else how, code=device.close_in or None
        )
        if device.authenticated and device.uid is not None and not self.connections(device.uid):
            person = self.people[device.uid]
            person.last_active_at = self.now()
            realtime.announce(self, person, online=False)

    def authenticated(self, device: Device) -> None:
        """Note that a device proved who it is; its user's first one brings the user online."""
        first = device.uid is not None and not self.connections(device.uid)
        device.authenticated = True
        if first and device.uid is not None:
            realtime.announce(self, self.people[device.uid], online=True)

    # HookDispatcher

    def devices(self, uid: str | None = None, *, authenticated: bool = False) -> tuple[Device, ...]:
        """Give the devices that are not gone, of one user or of all, in the order in which they came."""
        return tuple(
            device
            for device in self._devices
            if (uid is None or device.uid == uid) and (device.authenticated or not authenticated)
        )

    def connections(self, uid: str) -> int:
        """Count the user's authenticated sockets, silent ones included: their TCP connection stands."""
        return len(self.devices(uid, authenticated=True))

    def audience(self, sender: str, receiver: str, receiver_type: str) -> set[str] | None:
        """Give the uids that *sender* reaches there; `None` for nobody it may speak to."""
        if receiver_type == "user" and receiver in self.people:
            return {receiver}
        group = self.groups.get(receiver) if receiver_type == "group" else None
        return set(group.members) if group is not None and sender in group.members else None

    def deliver(self, uids: set[str], frame: Json) -> None:
        """Queue a frame for every authenticated device of these users but the one it came from."""
        text = render(frame)
        for device in self.devices(authenticated=True):
            if device.uid in uids and not (device.device_id and (device.uid, device.device_id) == _origin(frame)):
                device.send(text)

    # The log

    def _secrets(self) -> tuple[str, ...]:
        return (*self.sessions.values(), self.auth_key)

    def _shown(self, text: str) -> dict[str, Any]:
        """Make a frame fit for the log: without secrets, and not endless."""
        frame = parse(text)
        if frame is None:
            return {"text": by_value(text, self._secrets())[:_SHOWN]}
        shown = by_value(render(by_name(frame)), self._secrets())
        again = parse(shown) if len(shown) <= _SHOWN else None
        return {"text": shown[:_SHOWN]} if again is None else {"frame": again}

    def _log_request(
        self, request: Request, *, status: int | None, uid: str | None = None, code: str | None = None
    ) -> None:
        parts = urllib.parse.urlsplit(request.url)
        query = by_name(dict(urllib.parse.parse_qsl(parts.query, keep_blank_values=True)))
        secrets = self._secrets()
        self.log.add(
            Kind.REST,
            uid=uid,
            method=request.method,
            path=by_value(urllib.parse.unquote(parts.path), secrets),
            query={by_value(name, secrets): by_value(value, secrets) for name, value in query.items()},
            body=self._shown((request.body or b"{}").decode(errors="replace")).get("frame", {}),
            status=status,
            code=code,
        )


def _origin(frame: Json) -> tuple[object, object]:
    return (frame["sender"], frame["deviceId"])
