"""Runs a script of lifecycle events with a client against the memory server, and records what is seen."""

from __future__ import annotations

import functools
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from typing import TYPE_CHECKING, TypeAlias

import attrs
import trio
import trio.testing

import cometconn
from cometconn import AppSettings, CometChat, Disconnected, MemoryStore, Waiting
from cometconn.emulator.log import Kind
from cometconn.emulator.world.frames import message_frame
from cometconn.errors import CometConnError, ConnectError, ConnectionLostError
from cometconn.events import TextMessage

from . import actions as act
from .memory_server import MemoryServer
from .script_environment import ScriptEnvironment
from .script_report import Step, Transcript, read_log

if TYPE_CHECKING:
    from cometconn import EventStream, Status
    from cometconn.emulator.jsontext import Json

    from .actions import Action

__all__ = ["App", "ScriptRunner"]

App: TypeAlias = Callable[[CometChat], Awaitable[None]]
"""An application under test. It runs while a client of the script is open, and is cancelled when that is left."""


@attrs.define(eq=False)
class _Call:
    """A call of the client that has not returned yet, and the number of its action."""

    number: int
    scope: trio.CancelScope = attrs.field(factory=trio.CancelScope)


@attrs.define(eq=False)
class ScriptRunner:
    """One run of a script.

    Attributes:
        server: the memory server.
        settings: the client's settings.
        app: the application under test, if there is one.
        nursery: runs the calls, the application, and the tasks that record events and statuses.
        failure: what the application raised.
    """

    server: MemoryServer
    settings: AppSettings
    app: App | None
    nursery: trio.Nursery
    began: float = attrs.field(factory=trio.current_time, init=False)
    store: MemoryStore = attrs.field(factory=MemoryStore, init=False)
    environment: ScriptEnvironment = attrs.field(init=False)
    chat: CometChat | None = attrs.field(default=None, init=False)
    failure: Exception | None = attrs.field(default=None, init=False)
    _client: AsyncExitStack = attrs.field(factory=AsyncExitStack, init=False)
    _app_scope: trio.CancelScope = attrs.field(factory=trio.CancelScope, init=False)
    _calls: list[_Call] = attrs.field(factory=list, init=False)
    _statuses: list[str] = attrs.field(factory=list, init=False)
    _outcomes: list[tuple[int, str]] = attrs.field(factory=list, init=False)
    _events: list[str] = attrs.field(factory=list, init=False)
    _pushed: int = attrs.field(default=0, init=False)
    _sockets_left: int = attrs.field(default=0, init=False)
    _returned: str | None = attrs.field(default=None, init=False)

    def __attrs_post_init__(self) -> None:
        """Create the client's environment."""
        self.environment = ScriptEnvironment(self.server)

    # Opening and leaving the client.

    async def open(self) -> None:
        """Open a client, and record its events and statuses."""
        self._client = AsyncExitStack()
        self.environment.watched = trio.Event()
        client = cometconn.open_client(
            "APP", self.settings, store=self.store, endpoints=self.server.endpoints, environment=self.environment
        )
        self.chat = await self._client.enter_async_context(client)
        events = await self._client.enter_async_context(self.chat.events())
        self.nursery.start_soon(self._watch_events, events)
        await self.nursery.start(self._watch_statuses, self.chat)
        self.environment.watched.set()
        self._app_scope = trio.CancelScope()
        if self.app is not None:
            self.nursery.start_soon(self._run_app, self.app, self.chat, self._app_scope)

    async def close(self) -> None:
        """Leave the client."""
        self.chat = None
        self._app_scope.cancel(reason="the script leaves the client")
        await self._client.aclose()
        self._sockets_left += self.environment.open_sockets

    async def _run_app(self, app: App, chat: CometChat, scope: trio.CancelScope) -> None:
        try:
            with scope:
                await app(chat)
        except Exception as error:  # noqa: BLE001 - run_script() raises it after everything is closed
            self.failure = error
            self.nursery.cancel_scope.cancel(reason="the application failed")

    async def _watch_events(self, events: EventStream) -> None:
        async for event in events:
            text = f" {event.text}" if isinstance(event, TextMessage) else ""
            self._events.append(f"{type(event).__name__}{text}")

    async def _watch_statuses(
        self, chat: CometChat, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED
    ) -> None:
        async with chat.statuses() as changes:
            task_status.started()
            async for change in changes:
                self._statuses.append(self._name(change.current))

    def _name(self, status: Status) -> str:
        if isinstance(status, Disconnected):
            return status.reason.name
        if isinstance(status, Waiting):
            return f"Waiting until {round(status.retry_at - self.began, 6):g}"
        return type(status).__name__

    # The steps of the script.

    async def step(self, number: int, action: Action) -> Step:
        """Perform *action*, wait until all tasks are blocked, and return what was seen."""
        await self._perform(number, action)
        await trio.testing.wait_all_tasks_blocked()
        seen = Step(
            action,
            self._now(),
            tuple(self._statuses),
            tuple(self._outcomes),
            tuple(self._events),
            self._returned,
            self._name(self.chat.status) if self.chat is not None else None,
        )
        self._returned = None
        for recorded in (self._statuses, self._outcomes, self._events):
            recorded.clear()
        return seen

    async def _perform(self, number: int, action: Action) -> None:
        if isinstance(action, act.Wait):
            await trio.sleep(action.seconds)
        elif isinstance(action, act.Reopen):
            if self.chat is None:
                await self.open()
        elif not self._perform_on_server(action) and self.chat is not None:
            await self._perform_on_client(number, action, self.chat)

    def _perform_on_server(self, action: Action) -> bool:
        server = self.server
        match action:
            case act.Dialling(how=how):
                server.dialling = how
            case act.Upgrade(how=answer):
                server.set(upgrade=answer)
            case act.TokenAnswer(how=answer):
                server.set(auth=answer)
            case act.Pongs(answered=answered):
                server.set(pong=answered)
            case act.CloseFromServer() | act.Reset() | act.Silence() | act.Garbage() | act.LatePong():
                self._disturb(action)
            case act.CloseUnanswered(code=code):
                for device in self.server.world.devices():
                    if device.uid is not None and not device.authenticated:  # its auth frame was received
                        device.close(code)
            case act.Push() | act.Duplicate() | act.Reordered():
                self._send(action)
            case _:
                return self._perform_on_rest(action)
        return True

    def _perform_on_rest(self, action: Action) -> bool:
        world = self.server.world
        match action:
            case act.RestAnswers(how=how, retry_after=seconds):
                world.faults = attrs.evolve(world.faults, rest=how, retry_after=seconds)
            case act.RestDelay(seconds=seconds):
                self.server.set(rest_delay=seconds)
            case act.ForgetTokens():
                self.server.forget_tokens()
            case _:
                return False
        return True

    def _disturb(self, action: Action) -> None:
        for device in self.server.world.devices(authenticated=True):
            match action:
                case act.CloseFromServer(code=code):
                    device.close(code)
                case act.Reset():
                    device.reset()
                case act.Silence():
                    device.silence()
                case act.LatePong():
                    device.send_json({"action": "pong"})
                case _:
                    device.send("this is not JSON")

    def _send(self, action: Action) -> None:
        if isinstance(action, act.Duplicate):
            self._send_again()
            return
        swapped = isinstance(action, act.Reordered)
        for uid in ("zed-1", "amy-2"):
            bodies = [self._message(uid) for _ in range(2 if swapped else 1)]
            for body in reversed(bodies):
                self.server.world.deliver({uid}, message_frame(self.server.world.app_id, body, device_id="elsewhere"))

    def _message(self, uid: str) -> Json:
        self._pushed += 1
        world = self.server.world
        entities = {"sender": {"entityType": "user", "entity": world.public("bob-3")}}
        draft = {"sender": "bob-3", "receiver": uid, "receiverType": "user", "category": "message", "type": "text"}
        body = {**draft, "conversationId": uid, "data": {"text": str(self._pushed), "entities": entities}}
        return world.messages.add(body, now=world.now())

    def _send_again(self) -> None:
        world = self.server.world
        for device in world.devices(authenticated=True):
            sent = [entry.detail.get("frame", {}) for entry in world.log.of(Kind.FRAME_OUT, uid=device.uid)]
            messages = [frame for frame in sent if frame.get("type") == "message"]
            if messages:
                device.send_json(messages[-1])

    async def _perform_on_client(self, number: int, action: Action, chat: CometChat) -> None:
        match action:
            case act.EnterBackground() | act.EnterForeground() | act.RetryNow():
                self._call_at_once(action, chat)
            case act.CancelCall():
                if self._calls:
                    self._calls[0].scope.cancel(reason="the script")
            case act.Leave():
                await self.close()
            case _:
                self._begin(number, _CALLS[type(action)](chat, action))

    def _call_at_once(self, action: Action, chat: CometChat) -> None:
        match action:
            case act.EnterBackground():
                chat.enter_background()
            case act.EnterForeground():
                chat.enter_foreground()
            case _:
                chat.retry_now()
        self._returned = self._name(chat.status)

    def _begin(self, number: int, call: Callable[[], Awaitable[object]]) -> None:
        waiting = _Call(number)
        self._calls.append(waiting)
        self.nursery.start_soon(self._await, waiting, call)

    async def _await(self, waiting: _Call, call: Callable[[], Awaitable[object]]) -> None:
        outcome = "cancelled"
        with waiting.scope:
            try:
                await call()
                outcome = "ok"
            except CometConnError as error:
                reason = (
                    getattr(error, "reason", None) if isinstance(error, ConnectError | ConnectionLostError) else None
                )
                outcome = type(error).__name__ + (f" {reason.name}" if reason else "")
        self._calls.remove(waiting)
        self._outcomes.append((waiting.number, outcome))

    def transcript(self, steps: list[Step]) -> Transcript:
        """Return what was seen in *steps*, and what the server's log contains."""
        dials = tuple(round(at - self.began, 6) for at in self.server.dials)
        seen = read_log(self.server.world.log, self.began)
        return Transcript(
            tuple(steps), dials, seen.closes, seen.pings, seen.auths, self.environment.most_sockets, self._sockets_left
        )

    def _now(self) -> float:
        return round(trio.current_time() - self.began, 6)


_CALLS: dict[type[Action], Callable[..., Callable[[], Awaitable[object]]]] = {
    act.Login: lambda chat, action: functools.partial(chat.login, uid=action.uid, auth_key="KEY"),
    act.Logout: lambda chat, _: chat.logout,
    act.Connect: lambda chat, action: functools.partial(chat.connect, retry=action.retry),
    act.Disconnect: lambda chat, _: chat.disconnect,
    act.Ping: lambda chat, _: chat.ping,
}
