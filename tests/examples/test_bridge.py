"""The bridge to another network, run as a user would run it, killed, and with either server gone for a while."""

from __future__ import annotations

import collections
import contextlib
import json
import os
import pathlib
import random
import signal
import sqlite3
import sys
from typing import TYPE_CHECKING, Any

import attrs
import pytest
import trio

import cometconn
from cometconn import AppSettings, CometChat, MemoryStore
from cometconn.emulator import Emulator, open_emulator

from ..cli.child import running

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from contextlib import AbstractAsyncContextManager

    from ..cli.child import Child

HERE = pathlib.Path(__file__).parent
PROGRAM = (HERE / "bridge.py").read_text(encoding="utf-8")
PAGE = HERE.parents[1] / "docs" / "how-to" / "bridge.md"
SEEDS = int(os.environ.get("COMETCONN_BRIDGE_SEEDS", "1"))
"""How many scenarios are run; `nox -s fuzz` runs more."""


@attrs.define
class Said:
    """A message in the room."""

    nick: str
    text: str
    key: str
    deleted: bool = False


class RoomServer:
    """The other network's server, with one room."""

    def __init__(self) -> None:
        self.messages: dict[int, Said] = {}
        self.events: list[dict[str, Any]] = []
        self.port = 0
        self.answers = True
        self.requests = 0
        self._keys: dict[str, int] = {}
        self._news = trio.lowlevel.ParkingLot()
        self._scope = trio.CancelScope()

    async def serve(self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        """Serve until `stop()`, at the same port every time."""
        with trio.CancelScope() as self._scope:
            listeners = await trio.open_tcp_listeners(self.port, host="127.0.0.1")
            self.port = listeners[0].socket.getsockname()[1]
            async with trio.open_nursery() as nursery:
                await nursery.start(trio.serve_listeners, self._talk, listeners)
                task_status.started()

    def stop(self) -> None:
        """Close every connection and listen no more. The messages stay."""
        self._scope.cancel()

    async def wait(self, count: int) -> None:
        """Wait until so many requests have come."""
        while self.requests < count:
            await self._news.park()

    def act(self, nick: str, action: str, *, id: int = 0, text: str = "", key: str = "") -> int:  # noqa: A002
        """Say, edit or delete; return the message's id."""
        if key and key in self._keys:
            return self._keys[key]
        if action == "say":
            id = len(self.messages) + 1  # noqa: A001
            self.messages[id] = Said(nick, text, key)
            self._keys[key] = id
        message = self.messages[id]
        if nick != message.nick:
            raise PermissionError(f"{nick} did not write message {id}")
        message.text, message.deleted = text, action == "delete"
        event = {"number": len(self.events) + 1, "action": action, "id": id, "nick": nick, "text": text}
        self.events.append({**event, "key": message.key})
        self._news.unpark_all()
        return id

    async def _talk(self, stream: trio.SocketStream) -> None:
        held, writing = b"", trio.Lock()

        async def send(words: dict[str, Any]) -> None:
            async with writing:
                await stream.send_all(json.dumps(words).encode() + b"\n")

        try:
            async with trio.open_nursery() as nursery:
                async for chunk in stream:
                    *lines, held = (held + chunk).split(b"\n")
                    for words in map(json.loads, lines):
                        if "after" in words:
                            nursery.start_soon(self._feed, send, words["after"])
                        else:
                            await self._answer(send, words)
                nursery.cancel_scope.cancel()
        except* (trio.BrokenResourceError, trio.ClosedResourceError):
            pass

    async def _answer(self, send: Callable[[dict[str, Any]], Awaitable[None]], words: dict[str, Any]) -> None:
        answer = {"request": words.pop("request")}
        try:
            answer["id"] = self.act("bridge", **words)
        except PermissionError as error:
            answer["error"] = str(error)
        self.requests += 1
        self._news.unpark_all()
        if self.answers:
            await send(answer)

    async def _feed(self, send: Callable[[dict[str, Any]], Awaitable[None]], after: int) -> None:
        while True:
            while after < len(self.events):
                await send(self.events[after])
                after += 1
            await self._news.park()


class World:
    """Both sides, what was said on them, and what each must show in the end."""

    def __init__(self, server: Emulator, room: RoomServer, amy: CometChat, file: pathlib.Path, seed: int) -> None:
        self.server, self.room, self.amy, self.file = server, room, amy, file
        self.choice = random.Random(seed)
        self.texts: dict[tuple[str, int], str | None] = {}
        self.count = 0

    async def act(self, side: str, action: str) -> None:
        """Do something on a side: `amy` writes in CometChat, `bob` in the room."""
        mine = [number for (other, number), text in self.texts.items() if other == side and text is not None]
        self.count += 1
        text = f"text {self.count}"
        if action == "say" or not mine:
            if side == "amy":
                number = int(self.server.say("amy-2", text, group="hikers")["id"])
            else:
                number = self.room.act("bob", "say", text=text)
            self.texts[side, number] = text
            return
        number = self.choice.choice(mine)
        self.texts[side, number] = None if action == "delete" else text
        if side == "bob":
            self.room.act("bob", action, id=number, text="" if action == "delete" else text)
        elif action == "edit":
            await self.amy.edit(number, text)
        else:
            await self.amy.delete(number)

    async def act_somehow(self, times: int, sides: str = "amy bob") -> None:
        """Do different things on both sides."""
        for _ in range(times):
            await self.act(
                self.choice.choice(sides.split()), self.choice.choice(["say", "say", "edit", "edit", "delete"])
            )

    def shown(self) -> list[collections.Counter[str]]:
        """Return the messages of CometChat's group, and those of the room."""
        names = {"amy-2": "amy", "zed-1": ""}
        here = (
            f"{names[message['sender']]}: {message['data']['text']}".removeprefix(": ")
            for message in self.server.world.messages
            if message["category"] == "message" and "deletedAt" not in message
        )
        there = (
            f"{said.nick}: {said.text}".replace("bridge: Amy 2: ", "amy: ")
            for said in self.room.messages.values()
            if not said.deleted
        )
        return [collections.Counter(here), collections.Counter(there)]

    async def wait_equal(self) -> None:
        """Wait until both sides show every message once, with its last text, and the bridge has read the whole room."""
        wanted = collections.Counter(f"{side}: {text}" for (side, _), text in self.texts.items() if text is not None)
        with trio.move_on_after(60):
            while self.shown() != [wanted, wanted] or self.place() != len(self.room.events):
                await trio.sleep(0.02)
        assert self.shown() == [wanted, wanted]

    def place(self) -> int:
        """Return how far the bridge has read the room."""
        with contextlib.closing(sqlite3.connect(self.file)) as file:
            return int(file.execute("SELECT max(number) FROM place").fetchone()[0] or 0)


def bridge(folder: pathlib.Path, server: Emulator, room: RoomServer) -> AbstractAsyncContextManager[Child]:
    """Start the program, with shorter pauses, in its folder."""
    timing = "timing=cometconn.Timing(retry_base=0.05)"
    program = PROGRAM.replace("http://127.0.0.1:9000", server.url).replace("6667", str(room.port))
    program = program.replace("PAUSE = 2.0", "PAUSE = line_chat.PAUSE = 0.05")
    program = program.replace("catch_up=True)", f"catch_up=True, {timing})")
    (folder / "bridge.py").write_text(program, encoding="utf-8")
    command = ("sh", "-c", f'cd "{folder}" && exec "{sys.executable}" bridge.py')
    path = os.pathsep.join([str(HERE), *filter(None, sys.path)])
    return running(command=command, XDG_STATE_HOME=str(folder), HOME=str(folder), PYTHONPATH=path)


def test_the_page_shows_it() -> None:
    """What is shown is what is run here."""
    page = PAGE.read_text(encoding="utf-8")
    for name in ("bridge.py", "line_chat.py"):
        assert f"{{literalinclude}} ../../tests/examples/{name}\n" in page


@pytest.mark.parametrize("seed", range(1, 1 + SEEDS))
async def test_each_message_is_there_once(tmp_path: pathlib.Path, seed: int) -> None:
    """Through outages of either server and a SIGKILL, each side gets every message once, with its last text."""
    room = RoomServer()
    async with (
        trio.open_nursery() as nursery,
        open_emulator(users=("zed-1", "amy-2")) as server,
        cometconn.open_client("APP", AppSettings(), store=MemoryStore(), endpoints=server.endpoints) as amy,
    ):
        await nursery.start(room.serve)
        await amy.login(uid="amy-2", auth_key="KEY")
        world = World(server, room, amy, tmp_path / "bridge.sqlite", seed)
        async with bridge(tmp_path, server, room) as child:
            await server.wait_connected("zed-1")
            for action in ("say", "edit", "delete", "say", "say", "edit"):
                await world.act("amy", action)
                await world.act("bob", action)
                await world.wait_equal()

            # The other network's server does what it is asked to, and dies before it answers.
            room.answers = False
            await world.act("amy", "say")
            await room.wait(room.requests + 1)
            room.stop()
            await world.act_somehow(5)
            room.answers = True
            await nursery.start(room.serve)
            await world.wait_equal()

            # CometChat stores a message, and is gone before it answers.
            server.set(rest="cut")
            await world.act("bob", "say")
            await sent(server, room)
            server.refuse_connections()
            server.drop(None, "reset")
            await world.act_somehow(5, "bob")
            server.heal()
            await world.act_somehow(5)
            await world.wait_equal()

            # A message is under way in each direction when the bridge is killed.
            room.answers = False
            await world.act("amy", "say")
            await room.wait(room.requests + 1)
            server.set(rest_delay=30)
            await world.act("bob", "say")
            await sent(server, room)
            child.process.kill()
            await child.process.wait()
        await server.wait_gone("zed-1")
        server.heal()
        room.answers = True
        await world.act_somehow(10)
        async with bridge(tmp_path, server, room) as child:
            await world.wait_equal()
            await world.act("amy", "say")  # behind everything else
            await world.act("bob", "say")
            await world.wait_equal()
            assert await child.stop(signal.SIGTERM) == 0
            assert child.errors == b""
        await world.wait_equal()
        nursery.cancel_scope.cancel()


async def sent(server: Emulator, room: RoomServer) -> None:
    """Wait until CometChat has the newest message of the room."""
    muid = f"room-{len(room.messages)}"
    while not any(message.get("muid") == muid for message in server.world.messages):
        await trio.sleep(0.01)
