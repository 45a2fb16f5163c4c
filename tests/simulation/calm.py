"""What must be true of a client some time after all faults have ended."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING

import attrs
import trio

from cometconn import AppState, Connected, Connecting, Disconnected, Waiting

from .program import SILENCE, UID
from .reader import ReaderPlan

if TYPE_CHECKING:
    from collections.abc import Callable

    from cometconn import CometChat

    from .program import Program, World

__all__ = ["Calm", "client_tasks"]

_ATTEMPT = 20.0  # seconds: the longest attempt, with a renewal
_BACKOFF = 60.0  # the longest wait between two attempts: `retry_cap`, or the longest Retry-After of a script
_RECONNECTS_WITHIN = SILENCE + _ATTEMPT + _BACKOFF + _ATTEMPT
_DELIVERS_WITHIN = 120.0
_MOST_TASKS = 9
_OF_OTHERS = ("cometconn.testing.", "cometconn files")  # the server's, and what stands for a thread


@attrs.frozen
class Calm:
    """Brings a running program to rest, with server, network and disk healthy, and checks it."""

    world: World
    program: Program

    async def run(self) -> None:
        """Check that the client opens, reconnects, delivers what is missing, and leaves no socket and no task behind."""
        disk = self.program.disk.disk
        late = max(0.0, disk.last_trouble() - trio.current_time())  # a call that has begun holds the lock so long
        await self._until(lambda: self.program.chat is not None, late + 20, "the client is not open")
        for scope in list(self.program.calls.values()):
            scope.cancel(reason="calm")
        await self._until(lambda: not self.program.calls, 10, "calls do not end when they are cancelled")
        chat = self.program.chat
        assert chat is not None
        if not self.world.server.world.sessions.tokens_of(UID):
            self.world.server.drop(UID, "reset")  # the client learns now that its token is unknown, and not later on
        if self.program.reader.plan.may_pause:  # while a stream is full, nothing is read, and no silence is noticed
            self.program.reader.change("break", ReaderPlan())
        await self._come_back_alone(chat)
        await self._connect(chat)
        self.program.reader.change("break", ReaderPlan())
        for _ in range(2):
            self.world.say("amy-2", False, 2)
            self.world.say("bob-3", True, 2)
            await trio.sleep(1)
        if self.world.messages.is_fetch_refused:
            self.world.server.drop(UID, "reset")
            await self._come_back_alone(chat)
        await self._until(
            lambda: self.world.messages.is_settled, _DELIVERS_WITHIN, "messages are not delivered", self._owed
        )
        self.world.messages.settled()
        devices = self.world.server.world.connections(UID)
        if devices != 1 or self.program.open_sockets != 1:
            self.world.fail(f"the server has {devices} connections of the user, the client {self.program.open_sockets}")
        tasks = client_tasks()
        if len(tasks) > _MOST_TASKS:
            self.world.fail(f"there are {len(tasks)} tasks: {tasks}")
        if self.program.sleeps and not self.program.reader.resumes:
            self.world.fail("the computer has slept, and no Resumed came")
        self._judge_sends()

    def _owed(self) -> str:
        return str(list(self.world.messages.owed)[:10])

    async def _until(
        self, reached: Callable[[], bool], within: float, otherwise: str, more: Callable[[], object] = str
    ) -> None:
        end = trio.current_time() + within
        while not reached():
            if trio.current_time() >= end:
                self.world.fail(f"within {within} s: {otherwise} {more()}")
                await trio.sleep_forever()
            await trio.sleep(0.5)

    async def _come_back_alone(self, chat: CometChat) -> None:
        """A client that wishes to be connected connects by itself once the server is healthy."""
        is_back = functools.partial(self._is_connected, chat)
        if chat.app_state is AppState.FOREGROUND and isinstance(chat.status, Connected | Connecting | Waiting):
            await self._until(
                lambda: is_back() or isinstance(chat.status, Disconnected),
                _RECONNECTS_WITHIN,
                "the client does not reconnect",
                lambda: chat.status,
            )

    def _is_connected(self, chat: CometChat) -> bool:
        devices = self.world.server.world.devices(UID, authenticated=True)
        return isinstance(chat.status, Connected) and any(not device.silent for device in devices)

    async def _connect(self, chat: CometChat) -> None:
        self.program.enter_foreground()
        end = trio.current_time() + 2 * _RECONNECTS_WITHIN
        while not self._is_connected(chat):
            if trio.current_time() >= end:
                self.world.fail(f"the client does not connect: {chat.status}")
            with trio.move_on_at(end):
                if chat.get_logged_in_user() is None:
                    await self.program.attempt("login", self.program.login)
                await self.program.attempt("connect_with_retries", functools.partial(self.program.connect, retry=True))
            await trio.sleep(1)

    def _judge_sends(self) -> None:
        texts = [
            message["data"].get("text") for message in self.world.server.world.messages if message["sender"] == UID
        ]
        for text, was_sent in self.world.sends.items():
            count = texts.count(text)
            if count > 1 or (was_sent is not None and count != was_sent):
                self.world.fail(f"{text!r} was sent {count} times, and the program knows: {was_sent}")
        self.world.sends = dict.fromkeys(self.world.sends)


def client_tasks() -> list[str]:
    """Return the names of all tasks of clients, also of those that are no children of the program's."""
    names = [task.name for task in _tasks() if task.name.startswith(("cometconn", "trio_websocket"))]
    return sorted(name for name in names if not name.startswith(_OF_OTHERS))


def _tasks() -> list[trio.lowlevel.Task]:
    found, waiting = [], [trio.lowlevel.current_root_task()]
    while waiting:
        task = waiting.pop()
        if task is not None:
            found.append(task)
            waiting.extend(child for nursery in task.child_nurseries for child in nursery.child_tasks)
    return found
