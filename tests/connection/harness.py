"""A client and a server in memory, in virtual time: what the tests of this folder share."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager, nullcontext
from typing import Any

import attrs
import trio
import trio.testing

import cometconn
from cometconn import AppSettings, CometChat, EventStream, MemoryStore, Status, Timing
from cometconn.emulator.log import Entry, Kind
from cometconn.testing import MemoryServer, open_memory_server


@attrs.frozen(eq=False)
class Pair:
    """A client, its server, and every status that the client went through."""

    chat: CometChat
    server: MemoryServer
    seen: list[Status]

    def log(self, *kinds: Kind) -> list[Entry]:
        """The server's entries of these kinds."""
        return list(self.server.world.log.of(*kinds))

    @property
    def device(self) -> Any:
        """The server's side of the one connection there is."""
        (device,) = self.server.world.devices()
        return device

    async def wait_status(self, kind: type, **attributes: object) -> Status:
        """Wait until the current status is of *kind* with these attributes; an hour is too long, in virtual time too."""
        with trio.fail_after(3600):
            return await self._wait_status(kind, attributes)

    async def _wait_status(self, kind: type, attributes: dict[str, object]) -> Status:
        async with self.chat.statuses() as changes:
            async for _ in changes:
                current = self.chat.status
                if isinstance(current, kind) and all(getattr(current, k) == v for k, v in attributes.items()):
                    return current
        raise AssertionError("the client was left")

    async def trail(self) -> list[str]:
        """The statuses so far in words, for comparing at a glance."""
        await settle()
        return [words(status) for status in self.seen]

    def now(self) -> str:
        """The current status in words."""
        return words(self.chat.status)


def words(status: Status) -> str:
    """A status without its times and causes."""
    if isinstance(status, cometconn.Disconnected):
        return status.reason.name
    return f"{type(status).__name__}({status.attempt})"


@asynccontextmanager
async def open_pair(
    *,
    manual: bool = False,
    login: bool = True,
    connect: bool = False,
    store: Any = None,
    timing: Timing | None = None,
    settings: AppSettings | None = None,
    given: MemoryServer | None = None,
    hooks: Any = (),
    **world: Any,
) -> AsyncGenerator[Pair, None]:
    """Open both (or a client for the *given* server), log zed-1 in, and with *connect* wait until connected."""
    world.setdefault("groups", {"hikers": ("zed-1", "amy-2")})
    settings = settings or AppSettings(auto_establish_socket_connection=not manual, timing=timing or Timing())
    async with (
        open_memory_server(**world) if given is None else nullcontext(given) as server,
        trio.open_nursery() as nursery,
        cometconn.open_client(
            "APP",
            settings,
            store=store or MemoryStore(),
            endpoints=server.endpoints,
            environment=server,
            hooks=hooks,
        ) as chat,
    ):
        pair = Pair(chat, server, [])
        await nursery.start(_watch, pair)
        if login and chat.get_logged_in_user() is None:
            await chat.login(uid="zed-1", auth_key="KEY")
        if connect:
            await chat.connect()
        yield pair


async def _watch(pair: Pair, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
    async with pair.chat.statuses() as changes:
        task_status.started()
        async for change in changes:
            pair.seen.append(change.current)


async def settle() -> None:
    """Wait until every task is blocked. No time passes."""
    await trio.testing.wait_all_tasks_blocked()


@asynccontextmanager
async def background(call: Any, *args: Any) -> AsyncGenerator[list[Any], None]:
    """Run an async call beside the block; its result or exception ends up in the list."""
    outcome: list[Any] = []

    async def run() -> None:
        try:
            outcome.append(await call(*args))
        except Exception as error:
            outcome.append(error)

    async with trio.open_nursery() as nursery:
        nursery.start_soon(run)
        await settle()
        yield outcome


async def ask_in_vain(events: EventStream) -> None:
    """Request the next event and cancel at once: what was handed out is acknowledged, and there is room for another."""
    with trio.CancelScope() as scope:
        scope.cancel()
        await anext(events)
