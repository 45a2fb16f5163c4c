"""What every public await leaves behind if it is cancelled at its first checkpoint, its second, and so on."""

from __future__ import annotations

import itertools
from contextlib import AsyncExitStack
from typing import TYPE_CHECKING, Any

import pytest
import trio
from trio.testing import MockClock

import cometconn
from cometconn import AppSettings, Connected, EventStream, MemoryStore
from cometconn.emulator.log import Kind
from cometconn.errors import CometConnError
from cometconn.events import Gap, TextMessage
from cometconn.testing import MemoryServer, open_memory_server

from .harness import Pair, open_pair, settle

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

PATIENCE = 500  # checkpoints; nothing here has that many


class CancelAt(trio.abc.Instrument):
    """Cancels a scope when this task waits for the n-th time, or, with *any_task*, after the n-th step of any task."""

    def __init__(self, n: int, *, any_task: bool = False) -> None:
        self._left = n
        self._any_task = any_task
        self.scope = trio.CancelScope()
        self.fired = False
        self._task: trio.lowlevel.Task | None = None

    def after_task_step(self, task: trio.lowlevel.Task) -> None:
        """Count the steps of the task under test."""
        if self._any_task or task is self._task:
            self._left -= 1
            if self._left == 0:
                self.fired = True
                self.scope.cancel(reason="the test")

    async def run(self, call: Callable[[], Awaitable[Any]]) -> None:
        """Await *call* until it ends, or is cancelled at the n-th checkpoint."""
        self._task = trio.lowlevel.current_task()
        trio.lowlevel.add_instrument(self)
        try:
            with self.scope:
                await call()
        except CometConnError:
            pass
        finally:
            trio.lowlevel.remove_instrument(self)


def message(sender: str, receiver: str, text: str) -> dict[str, Any]:
    """What `World.post` takes."""
    return {
        "receiver": receiver,
        "receiverType": "user",
        "category": "message",
        "type": "text",
        "data": {"text": text},
    }


def go_silent(server: MemoryServer) -> None:
    """Let the server neither answer nor read from now on."""
    for device in server.world.devices():
        device.silence()
    server.set(rest="hang", upgrade="hang", auth="silent")
    server.ignore_close = True
    server.stop_reading()


def heal(server: MemoryServer) -> None:
    """Let the server work again, without the silent connections."""
    server.set(rest="accept", upgrade="accept", auth="accept")
    server.ignore_close = False
    server.read_again()
    for device in server.world.devices():
        if device.silent:
            device.reset()


async def check_usable(pair: Pair) -> None:
    """Check that the client still works, in whatever state it was left."""
    await settle()
    if pair.chat.get_logged_in_user() is None:
        await pair.chat.login(uid="zed-1", auth_key="KEY")
    await pair.chat.connect(retry=True)
    assert await pair.chat.ping() >= 0
    async with pair.chat.events(TextMessage) as events:
        pair.server.world.post("amy-2", message("amy-2", "zed-1", "still there?"))
        while isinstance(event := await anext(events), Gap):
            pass
        assert isinstance(event, TextMessage)
        assert event.text == "still there?"
    assert isinstance(pair.chat.status, Connected)
    assert pair.seen[-1] is pair.chat.status
    assert pair.server.world.connections("zed-1") == 1, "one socket"


def check_wire(server: MemoryServer) -> None:
    """Check that every frame came whole and that no socket is left."""
    assert not server.world.log.of(Kind.IGNORED)
    assert not server.world.devices(), "no socket is left"


async def _login(pair: Pair) -> None:
    await pair.chat.login(uid="zed-1", auth_key="KEY")


async def _login_another(pair: Pair) -> None:
    await pair.chat.login(uid="amy-2", auth_key="KEY")
    await pair.chat.login(uid="zed-1", auth_key="KEY")


async def _login_again(pair: Pair) -> None:
    await pair.chat.login(uid="zed-1", auth_key="KEY")


async def _keep_alive(pair: Pair) -> None:
    with trio.move_on_after(25):
        await pair.chat.keep_alive(10)


async def _receipt(pair: Pair, action: str) -> None:
    got = TextMessage(
        id=1, category="message", sender=cometconn.User("amy-2"), receiver=cometconn.User("zed-1"), text="x"
    )
    await getattr(pair.chat, action)(got)


async def _typing(pair: Pair) -> None:
    async with pair.chat.typing("amy-2"):
        await pair.chat.ping()


async def _events(pair: Pair) -> None:
    async with pair.chat.events():
        await trio.lowlevel.checkpoint()


async def _statuses(pair: Pair) -> None:
    async with pair.chat.statuses() as statuses:
        await anext(statuses)


CALLS: dict[str, tuple[dict[str, bool], Callable[[Pair], Awaitable[object]]]] = {
    "login": ({"login": False}, _login),
    "login of another user": ({"connect": True}, _login_another),
    "login again": ({"connect": True}, _login_again),
    "logout": ({"connect": True}, lambda pair: pair.chat.logout()),
    "connect": ({}, lambda pair: pair.chat.connect()),
    "connect, connected": ({"connect": True}, lambda pair: pair.chat.connect()),
    "connect(retry=True)": ({}, lambda pair: pair.chat.connect(retry=True)),
    "disconnect": ({"connect": True}, lambda pair: pair.chat.disconnect()),
    "disconnect, disconnected": ({}, lambda pair: pair.chat.disconnect()),
    "ping": ({"connect": True}, lambda pair: pair.chat.ping()),
    "keep_alive": ({"connect": True}, _keep_alive),
    "start_typing": ({"connect": True}, lambda pair: pair.chat.start_typing("amy-2")),
    "end_typing": ({"connect": True}, lambda pair: pair.chat.end_typing("amy-2")),
    "mark_as_read": ({"connect": True}, lambda pair: _receipt(pair, "mark_as_read")),
    "mark_as_delivered": ({"connect": True}, lambda pair: _receipt(pair, "mark_as_delivered")),
    "typing": ({"connect": True}, _typing),
    "send_transient": ({"connect": True}, lambda pair: pair.chat.send_transient("amy-2", {"a": 1})),
    "events": ({"connect": True}, _events),
    "statuses": ({"connect": True}, _statuses),
}


async def _cancelled_call(name: str, n: int, *, silent: bool, any_task: bool = False) -> bool:
    options, call = CALLS[name]
    cancel_at = CancelAt(n, any_task=any_task)
    store = MemoryStore()
    async with open_memory_server() as server:
        async with open_pair(manual=True, given=server, store=store, **options) as pair:  # type: ignore[arg-type]
            if silent:
                go_silent(server)
            with trio.move_on_after(60):  # connect(retry=True) to a silent server
                await cancel_at.run(lambda: call(pair))
            user, saved = pair.chat.get_logged_in_user(), store._saved["APP"].session
            assert (user and user.uid) == (saved and saved.uid), "what is saved is the truth"
            heal(server)
            await check_usable(pair)
        await settle()
        check_wire(server)
    return cancel_at.fired


@pytest.mark.parametrize("silent", [False, True], ids=["good", "silent"])
@pytest.mark.parametrize("name", CALLS)
def test_every_call(name: str, *, silent: bool, record_property: Any) -> None:
    """Wherever a call is cancelled, the client stays usable, no frame is torn, and no task or socket is left."""
    record_property("checkpoints", run_all(_cancelled_call, name, silent=silent) - 1)


@pytest.mark.parametrize("silent", [False, True], ids=["good", "silent"])
@pytest.mark.parametrize("name", CALLS)
def test_every_call_at_every_step_of_any_task(name: str, *, silent: bool) -> None:
    """A cancel between any two steps of other tasks leaves a usable client, no torn frame, no task and no socket."""
    run_all(_cancelled_call, name, silent=silent, any_task=True)


def run_all(scenario: Callable[..., Awaitable[bool]], *args: Any, **kwargs: Any) -> int:
    """Run *scenario* with n = 1, 2, ... until nothing was cancelled; return that n."""

    async def once() -> bool:
        return await scenario(*args, n, **kwargs)

    for n in itertools.count(1):
        assert n < PATIENCE
        if not trio.run(once, clock=MockClock(autojump_threshold=0)):
            return n
    raise AssertionError


@pytest.mark.parametrize("method", ["anext", "batch"])
def test_no_event_is_lost_or_doubled(method: str) -> None:
    """A cancelled read takes nothing: with what it returned, every message is there once, in order."""

    async def read(events: EventStream, got: list[Any]) -> None:
        if method == "batch":
            got.extend(await events.batch())
        else:
            got.append(await anext(events))

    async def scenario(n: int) -> bool:
        texts = [str(number) for number in range(5)]
        got: list[Any] = []
        cancel_at = CancelAt(n)
        async with open_pair(connect=True) as pair, pair.chat.events(TextMessage) as events:
            for text in texts[:2]:
                pair.server.world.post("amy-2", message("amy-2", "zed-1", text))
            await settle()  # some are there, the others come while the reader waits

            async def three_reads() -> None:
                for _ in range(3):
                    await read(events, got)

            async with trio.open_nursery() as nursery:
                nursery.start_soon(_post_later, pair, texts[2:])
                await cancel_at.run(three_reads)
            await settle()
            with trio.fail_after(1):
                while len(got) < len(texts):
                    got.append(await anext(events))
            assert [event.text for event in got] == texts
        return cancel_at.fired

    run_all(scenario)


async def _post_later(pair: Pair, texts: list[str]) -> None:
    for text in texts:
        await trio.sleep(0.1)
        pair.server.world.post("amy-2", message("amy-2", "zed-1", text))


@pytest.mark.parametrize("silent", [False, True], ids=["good", "silent"])
@pytest.mark.parametrize("connected", [False, True], ids=["idle", "connected"])
def test_opening_and_leaving_the_client(*, silent: bool, connected: bool) -> None:
    """Wherever open_client() is cancelled, going in or out, it ends within its bound and leaves the store free and no socket."""

    async def scenario(n: int) -> bool:
        cancel_at, store = CancelAt(n), MemoryStore()
        async with open_memory_server() as server:

            def client() -> Any:
                return cometconn.open_client(
                    "APP", AppSettings(), store=store, endpoints=server.endpoints, environment=server
                )

            async def whole_life() -> None:
                async with AsyncExitStack() as stack:
                    chat = await stack.enter_async_context(client())
                    if connected:
                        with trio.CancelScope(shield=True):
                            await chat.login(uid="zed-1", auth_key="KEY")
                            await chat.connect()
                    if silent:
                        go_silent(server)

            began = trio.current_time()
            await cancel_at.run(whole_life)
            assert trio.current_time() - began <= AppSettings().timing.close_timeout
            heal(server)
            await settle()
            check_wire(server)
            async with client() as chat:
                if chat.get_logged_in_user() is None:
                    await chat.login(uid="zed-1", auth_key="KEY")
                await chat.connect()
        return cancel_at.fired

    run_all(scenario)
