"""Hooks and stores that an asyncio program hands in: they run in asyncio, not in Trio."""

from __future__ import annotations

import asyncio
import contextvars
import logging
import sys
from typing import Any

import pytest
import sniffio

from cometconn import AppSettings, MemoryStore, Timing
from cometconn.aio.emulator import open_emulator
from cometconn.emulator import Kind
from cometconn.errors import ApiError, SettingsError, StoreError
from cometconn.instrumentation import Detail, console_hook
from cometconn.stores import SavedSession

from .harness import Server, client, connected, in_trio, run

variable = contextvars.ContextVar[str]("variable", default="none")


def test_hooks_are_called_by_the_loop(server: Server) -> None:
    """In order, each once, outside of Trio, all of them before the block has been left."""
    first: list[Detail] = []
    second: list[Detail] = []
    libraries: set[str] = set()

    def hook(detail: Detail) -> None:
        first.append(detail)
        libraries.add(str(sniffio.thread_local.name))
        if len(first) == 1:
            tasks.append(asyncio.get_running_loop().create_task(note_library()))

    async def note_library() -> None:
        libraries.add(sniffio.current_async_library())

    tasks: list[Any] = []

    async def main() -> None:
        async with connected(server, hooks=[hook, second.append]):
            pass
        assert first == second
        assert first

    run(main)
    assert libraries == {"None", "asyncio"}
    assert [detail.at for detail in first] == sorted(detail.at for detail in first)


def test_a_console_hook_sends_from_trio() -> None:
    """A task of the client sends its details, so it is none of the hooks that the loop calls."""

    async def main() -> None:
        async with open_emulator(control=True) as local:
            hook = console_hook(local.url)
            async with connected(local, hooks=[hook]):
                pass
            assert (hook.waiting, hook.dropped) == (0, 0)
            assert hook.sent == len(local.log.of(Kind.TRACE)) > 5
            assert {entry.connection for entry in local.log.of(Kind.TRACE)} == {None, 1}

    run(main)


def test_a_hook_that_fails(server: Server, caplog: pytest.LogCaptureFixture) -> None:
    """Its first error is logged, and nothing else happens."""

    def hook(detail: Detail) -> None:
        raise LookupError

    async def main() -> None:
        async with connected(server, hooks=[hook]) as chat:
            assert await chat.ping() > 0

    run(main)
    (record,) = [record for record in caplog.records if record.levelno >= logging.WARNING]
    assert "A hook failed" in record.message


def test_admission_runs_in_asyncio(server: Server) -> None:
    """Before the login and before the dial, in a task of asyncio's; what it raises makes `login()` fail."""
    libraries: list[str] = []

    async def admit() -> None:
        await asyncio.sleep(0)
        libraries.append(sniffio.current_async_library())

    async def refuse() -> None:
        message = "not now"
        raise LookupError(message)

    async def main() -> None:
        async with connected(server, admission=admit):
            assert libraries == ["asyncio", "asyncio"]
        async with client(server, admission=refuse) as chat:
            with pytest.raises(ApiError, match="not now"):
                await chat.login(uid="zed-1", auth_key="KEY")

    run(main)


@pytest.mark.parametrize("hooks", [5, [5]])
def test_what_is_no_hook_is_refused(server: Server, hooks: Any) -> None:
    """As `cometconn.open_client()` refuses it."""

    async def main() -> None:
        with pytest.raises(SettingsError, match="hooks"):
            async with client(server, hooks=hooks):
                raise AssertionError

    run(main)


class AsyncioStore:
    """A store that is written for asyncio. *wait*: how long each call takes, in seconds."""

    def __init__(self, wait: float = 0.0) -> None:
        self.wait = wait
        self.calls: list[str] = []
        self.saved: SavedSession | None = None
        self.cancelled = 0

    async def _call(self, name: str) -> None:
        assert sniffio.current_async_library() == "asyncio"
        assert asyncio.current_task() is not None
        self.calls.append(f"{name} {variable.get()}")
        try:
            async with asyncio.timeout(20):
                await asyncio.sleep(self.wait)
        except asyncio.CancelledError:
            self.cancelled += 1
            raise

    async def load(self, app_id: str) -> SavedSession:
        """Load."""
        await self._call("load")
        return self.saved or SavedSession.new(app_id)

    async def save(self, saved: SavedSession) -> None:
        """Save."""
        await self._call("save")
        self.saved = saved

    async def forget(self) -> None:
        """Forget."""
        await self._call("forget")
        assert self.saved is not None
        self.saved = self.saved.logged_out()

    async def aclose(self) -> None:
        """Close."""
        await self._call("aclose")


def test_a_store_runs_in_asyncio(server: Server) -> None:
    """All of its calls do, also when the block is left; what it saves is used by the next client."""
    store = AsyncioStore()

    async def main() -> None:
        variable.set("mine")
        async with connected(server, store=store):
            pass
        async with client(server, store=store) as chat:
            assert chat.get_logged_in_user() is not None
            await chat.logout()
        async with client(server, store=store) as chat:
            assert chat.get_logged_in_user() is None

    run(main)
    assert {call.split()[0] for call in store.calls} == {"load", "save", "forget", "aclose"}
    assert {call.split()[1] for call in store.calls} == {"mine"}


@pytest.mark.skipif(sys.version_info < (3, 12), reason="Python 3.12 and later have eager tasks")
def test_with_eager_tasks(server: Server) -> None:
    """A task that begins at once begins in asyncio, wherever the client makes it."""
    store = AsyncioStore()

    async def main() -> None:
        asyncio.get_running_loop().set_task_factory(asyncio.eager_task_factory)  # type: ignore[attr-defined]
        async with connected(server, store=store, hooks=[lambda _: None]) as chat, chat.events() as events:
            task = asyncio.create_task(events.__anext__())
            server.say("hello")
            assert (await task).text == "hello"  # type: ignore[attr-defined]
            assert await asyncio.create_task(chat.ping()) > 0

    run(main)


def test_a_store_that_hangs_is_cancelled(server: Server) -> None:
    """After the limit that the client has for it; its task has ended by then."""
    store = AsyncioStore()
    timing = Timing(close_timeout=0.1)

    async def main() -> None:
        async with client(server, AppSettings(timing=timing), store=store):
            store.wait = 30
        assert store.cancelled == 1
        assert not in_trio()

    run(main)


def test_a_store_whose_task_is_cancelled_by_the_program(server: Server) -> None:
    """The call fails, with a `StoreError`, and nothing else is cancelled."""
    store = AsyncioStore()

    async def main() -> None:
        async with client(server, store=store) as chat:
            store.wait = 10
            login = asyncio.create_task(chat.login(uid="zed-1", auth_key="KEY"))
            while len(store.calls) < 2:
                await asyncio.sleep(0.01)
            (task,) = (task for task in asyncio.all_tasks() if task.get_name() == "cometconn.handed_in")
            store.wait = 0
            task.cancel()
            with pytest.raises(StoreError):
                await login

    run(main)


@pytest.mark.parametrize("store", [MemoryStore, 5])
def test_what_is_no_store_is_refused(server: Server, store: Any) -> None:
    """As `cometconn.open_client()` refuses it."""

    async def main() -> None:
        with pytest.raises(SettingsError, match="store"):
            async with client(server, store=store):
                raise AssertionError

    run(main)
