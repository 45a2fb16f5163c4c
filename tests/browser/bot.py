"""The other side of the browser: amy-2, a client of cometconn, whose actions the steps call by name."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, Any

import trio

from cometconn.emulator import Entry, Kind
from cometconn.events import Event, as_json

if TYPE_CHECKING:
    from cometconn import CometChat
    from cometconn.emulator import Emulator

PICTURE = bytes.fromhex(
    "89504e470d0a1a0a0000000d49484452000000010000000108060000001f15c4890000000d49444154789c6360f8cf"
    "f01f000500018dff7f0b0000000049454e44ae426082"
)
"""A file of one point."""

_TIMEOUT = 20.0  # seconds for an event, on a machine that is busy


class Bot:
    """A connected client that records every event it gets."""

    def __init__(self, chat: CometChat, server: Emulator) -> None:
        self._chat = chat
        self._server = server
        self._events: list[dict[str, Any]] = []
        self._news = trio.Event()

    async def listen(self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        """Record events until cancelled."""
        async with self._chat.events(Event) as events:
            task_status.started()
            async for event in events:
                self._events.append(as_json(event))
                self._news.set()
                self._news = trio.Event()

    async def act(self, action: str, *arguments: Any) -> Any:
        """Do what a step wants; return what JSON can hold."""
        return await getattr(self, f"_{action}")(*arguments)

    async def _event(self, kind: str, fields: dict[str, Any] | None = None) -> dict[str, Any]:
        """Wait for an event of this class; each is found once. *fields*: its user's uid, or its group's guid."""
        wanted = fields or {}
        with trio.move_on_after(_TIMEOUT):
            while True:
                for event in self._events:
                    parts = [event, *(event.get(name) or {} for name in ("user", "group"))]
                    fits = all(any(part.get(name) == value for part in parts) for name, value in wanted.items())
                    if event["event"] == kind and fits:
                        self._events.remove(event)
                        return event
                await self._news.wait()
        raise TimeoutError(f"no {kind} came, but {', '.join(event['event'] for event in self._events)}")

    async def _forget(self) -> None:
        self._events.clear()

    async def _request(self, method: str, path: str, body: Any) -> Any:
        return await self._chat.request(method, f"/{path}", json=body)

    async def _text(self, text: str, uid: str | None, guid: str | None) -> None:
        await self._chat.send_text(guid or uid or "", text, receiver_type="group" if guid else "user")

    async def _reply(self, parent: int, text: str) -> None:
        await self._chat.send_text("zed-1", text, parent_message_id=parent)

    async def _file(self, name: str, uid: str) -> None:
        await self._chat.send_media(uid, PICTURE, name=name)

    async def _document(self, name: str, uid: str) -> None:
        await self._chat.send_media(uid, b"%PDF-1.4", name=name)

    async def _bytes(self, url: str) -> str:
        file = io.BytesIO()
        await self._chat.download(url, file)
        return file.getvalue().hex()

    async def _quote(self, message: int, text: str) -> None:
        await self._chat.send_text("zed-1", text, quoted_message_id=message)

    async def _delete(self, message: int) -> None:
        await self._chat.delete(message)

    async def _start_typing(self, uid: str | None, guid: str | None) -> None:
        await self._chat.start_typing(guid or uid or "", receiver_type="group" if guid else "user")

    async def _end_typing(self, uid: str | None, guid: str | None) -> None:
        await self._chat.end_typing(guid or uid or "", receiver_type="group" if guid else "user")

    async def _add(self, guid: str, uid: str) -> None:
        await self._request("PUT", f"groups/{guid}/members", {"participants": [uid]})

    async def _call(self, uid: str, kind: str) -> str:
        call = await self._request("POST", "calls", {"receiver": uid, "receiverType": "user", "type": kind})
        session: str = call["data"]["entities"]["on"]["entity"]["sessionid"]
        return session

    async def _say(self, sender: str, text: str, uid: str | None, guid: str | None) -> str:
        identifier: str = self._server.say(sender, text, receiver=uid, group=guid)["id"]
        return identifier

    async def _lines(self, sender: str, number: int) -> None:
        for each in range(number):
            self._server.say(sender, f"line {each}", receiver="zed-1")

    async def _users(self, number: int) -> None:
        for each in range(number):
            self._server.world.add_user(f"many-{each:02}")

    async def _requested(self, method: str, end: str) -> None:
        """Wait until the browser's user has made such a request, and it was answered."""

        def fits(entry: Entry) -> bool:
            detail = entry.detail
            made = entry.kind is Kind.REST and entry.uid == "zed-1" and detail["method"] == method
            return made and detail["path"].endswith(end) and detail["status"] == 200

        with trio.fail_after(_TIMEOUT):
            await self._server.log.wait_for(fits)

    async def _edit(self, message: int, text: str) -> None:
        await self._chat.edit(message, text)

    async def _react(self, message: int, emoji: str) -> None:
        await self._chat.react(message, emoji)

    async def _unreact(self, message: int, emoji: str) -> None:
        await self._chat.unreact(message, emoji)

    async def _typing(self, uid: str) -> None:
        async with self._chat.typing(uid):
            pass

    async def _transient(self, uid: str, data: dict[str, Any]) -> None:
        await self._chat.send_transient(uid, data)

    async def _mark(self, mark: str, message: int) -> None:
        found = await self._request("GET", f"messages/{message}", None)
        uid = found["sender"]
        await self._request("POST", f"users/{uid}/conversation/{mark}", {"messageId": found["id"]})

    async def _all(self, guid: str, message: str) -> None:
        """Every member but the author marks a message of a group as read; what has no client does it on the server."""
        world = self._server.world
        stored = world.messages.get(message)
        assert stored is not None
        for uid in world.groups[guid].members:
            if uid != stored["sender"]:
                world.record_receipt(stored, uid, "delivered")
        for uid in world.groups[guid].members:
            if uid != stored["sender"]:
                world.record_receipt(stored, uid, "read")

    async def _disconnect(self) -> None:
        await self._chat.disconnect()

    async def _connect(self) -> None:
        await self._chat.connect()

    async def _drop(self, uid: str) -> None:
        self._server.drop(uid, "close", code=1011)
