"""Hooks, stores and admission of an asyncio program: the client calls them from Trio, and they run in asyncio."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from functools import partial
from typing import TYPE_CHECKING, TypeVar, cast

import trio

from cometconn._account.file_store import FileStore
from cometconn._account.store import MemoryStore
from cometconn._telemetry.hook_dispatcher import call_hook
from cometconn.instrumentation.console import ConsoleHook

if TYPE_CHECKING:
    import os
    from collections.abc import Awaitable, Callable

    from cometconn._account.store import Store
    from cometconn.instrumentation.detail import Detail, Hook

__all__ = ["admitted_in_asyncio", "called_by_loop", "run_in_asyncio"]

T = TypeVar("T")
_CALLS = ("load", "save", "forget")
_OPTIONAL_CALLS = ("load_position", "save_position", "aclose")


def called_by_loop(hooks: Iterable[Hook]) -> Iterable[Hook]:
    """Return hooks that let the running loop call *hooks*, so that these are not called inside of Trio.

    There, a task that a hook starts might begin at once (Python 3.12 and later have eager tasks), and would take Trio for
    the library that runs it. What is no hook stays as it is, for `open_client()` to refuse, and so does a `ConsoleHook`,
    whose details a task of Trio's sends.
    """
    if not isinstance(hooks, Iterable):
        return hooks
    loop = asyncio.get_running_loop()
    reported: set[int] = set()
    return [
        cast("Hook", partial(_call_soon, loop, reported, hook))
        if callable(hook) and not isinstance(hook, type | ConsoleHook)
        else hook
        for hook in hooks
    ]


def _call_soon(loop: asyncio.AbstractEventLoop, reported: set[int], hook: Hook, detail: Detail) -> None:
    loop.call_soon(call_hook, hook, detail, reported)


def run_in_asyncio(
    store: Store | str | os.PathLike[str] | None,
) -> Store | str | os.PathLike[str] | None:
    """Return a store whose calls run those of *store*, one that the program has written, as tasks of asyncio.

    cometconn's own stores run in Trio. What is no store stays as it is, for `open_client()` to refuse.
    """
    ours = isinstance(store, FileStore | MemoryStore | type)
    if ours or not all(callable(getattr(store, name, None)) for name in _CALLS):
        return store
    named = type(type(store).__name__, (_AsyncioStore,), {})  # errors and WARNINGs name the class of a store
    return cast("Store", named(store))


def admitted_in_asyncio(
    admission: Callable[[], Awaitable[object]] | None,
) -> Callable[[], Awaitable[object]] | None:
    """Return an async callable that runs *admission* as a task of asyncio. What is none stays, to be refused."""
    return partial(_run_in_asyncio, asyncio.get_running_loop(), admission) if callable(admission) else admission


class _AsyncioStore:
    """Has the calls that the program's store has: some are optional."""

    def __init__(self, store: object) -> None:
        loop = asyncio.get_running_loop()
        for name in (*_CALLS, *_OPTIONAL_CALLS):
            call = getattr(store, name, None)
            if callable(call):
                setattr(self, name, partial(_run_in_asyncio, loop, call))


async def _run_in_asyncio(
    loop: asyncio.AbstractEventLoop, call: Callable[..., Awaitable[T]], *args: object, **options: object
) -> T:
    """Call *call* in a task of asyncio's, from a task of Trio's. Cancelling this one cancels that one, and waits for it."""
    done = trio.Event()
    tasks: list[asyncio.Task[T]] = []

    async def run() -> T:
        return await call(*args, **options)

    def begin() -> None:
        task = loop.create_task(run(), name="cometconn.handed_in")
        tasks.append(task)
        task.add_done_callback(lambda _: done.set())

    handle = loop.call_soon(begin)  # outside of Trio: an eager task begins at once
    try:
        await done.wait()
    except trio.Cancelled:
        handle.cancel()
        if tasks:
            tasks[0].cancel()
            with trio.CancelScope(shield=True):  # as short as the call's own clean-up, because it can be cancelled
                await done.wait()
        raise
    try:
        return tasks[0].result()
    except asyncio.CancelledError as error:
        message = "the asyncio task of the store's or the admission's call was cancelled"
        raise RuntimeError(message) from error
