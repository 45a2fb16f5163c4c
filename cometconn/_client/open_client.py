"""`open_client()`: opening, running and closing one client."""

from __future__ import annotations

import os
from collections.abc import Iterable
from contextlib import asynccontextmanager, nullcontext
from typing import TYPE_CHECKING, cast

import trio

from cometconn._account.bounded_store import BoundedStore
from cometconn._account.file_store import FileStore, default_path
from cometconn._connection.supervisor import watcher
from cometconn._groups import open_nursery, protected
from cometconn.errors import SettingsError

from .client import CometChat
from .client_options import ClientOptions
from .core import ClientCore
from .system_environment import SystemEnvironment

if TYPE_CHECKING:
    import ssl
    from collections.abc import AsyncGenerator, Mapping

    from cometconn._account.store import Store
    from cometconn._environment import Environment
    from cometconn._telemetry.hook_dispatcher import HookDispatcher
    from cometconn.instrumentation.detail import Hook
    from cometconn.settings import AppSettings, Endpoints, Timing

__all__ = ["open_client"]

_NO_HOOKS = nullcontext()


@protected
@asynccontextmanager
@trio.lowlevel.enable_ki_protection
async def open_client(
    app_id: str,
    settings: AppSettings,
    *,
    store: Store | str | os.PathLike[str] | None = None,
    endpoints: Endpoints | None = None,
    ssl_context: ssl.SSLContext | None = None,
    proxy: str | None = None,
    headers: Mapping[str, str] | None = None,
    environment: Environment | None = None,
    hooks: Iterable[Hook] = (),
    position: int | None = None,
) -> AsyncGenerator[CometChat, None]:
    """Open a client for as long as the `async with` block runs. CometChat calls this `init()`.

    A user whose session was saved is logged in again without a request, and in auto mode the socket is opened while
    the block runs. Nothing touches the network before the block begins. When the block is left, the socket is closed
    and every task has ended; the saved session stays.

    Args:
        app_id: the app's id, from CometChat's dashboard.
        settings: region, mode, presence, timing.
        store: where the session is saved; by default a file in the platform's folder for user state. A path chooses the
            file; `MemoryStore()` saves nothing; a store of your own is a `cometconn.stores.Store`.
        endpoints: other servers than CometChat's cloud.
        ssl_context: for REST, socket and `https` proxy: your own CA, a client certificate.
        proxy: `http://[user:password@]host:port` for REST and socket; also `https`, `socks5h` and `socks5` (extra
            `socks`). `None`: from `HTTPS_PROXY`, `HTTP_PROXY`, `ALL_PROXY` and `NO_PROXY`, and never for this machine.
            `""`: none.
        headers: more headers for REST requests and the upgrade; not those they have anyway.
        environment: network, clock and randomness, for tests. It replaces *ssl_context* and *proxy*.
        hooks: each is called with a frozen detail of every step: see `cometconn.instrumentation`. The first error of a
            hook is logged; errors in hooks have no other effect.
        position: the id of the last message that is handled, for programs that keep it themselves: fetching begins
            behind it, whatever is saved. It is used for the first user of this client, and needs `catch_up`.

    Raises:
        SettingsError: an argument makes no sense.
        StoreError: the saved session cannot be read within `request_timeout`, or is in use by another client.

    What the block raises comes out as it is, never in an exception group of this library. Leaving takes at most
    `close_timeout`, also when cancelled: closing and saving are shielded that long.
    """
    options = ClientOptions.checked(app_id, settings, endpoints, headers, position)
    environment = environment or SystemEnvironment(
        ssl_context=ssl_context, proxy=proxy, headers=headers, endpoints=endpoints
    )
    dispatcher, bounded = _dispatcher(hooks), _bounded(store, app_id, settings.timing)
    device_id = (await bounded.load()).device_id
    try:
        with dispatcher or _NO_HOOKS:
            async with open_nursery() as nursery:
                core = ClientCore.build(options, environment, bounded, device_id, dispatcher, nursery)
                _start_tasks(nursery, core, dispatcher)
                await _reopen(core, bounded)
                try:
                    yield CometChat(core)
                finally:
                    _leave(core, bounded, nursery)
                nursery.cancel_scope.cancel(reason="cometconn: open_client() was left")
    finally:
        # Trio raises KeyboardInterrupt in the main task, shielded or not, but never in another task.
        async with open_nursery() as nursery:
            nursery.cancel_scope.shield = True  # bounded: `close_timeout` in all, from `_leave()` on
            nursery.start_soon(_close, bounded, name="cometconn.finish")


def _start_tasks(nursery: trio.Nursery, core: ClientCore, dispatcher: HookDispatcher | None) -> None:
    nursery.start_soon(watcher, core.leave, name="cometconn.watcher")
    nursery.start_soon(core.supervisor.run, name="cometconn.supervisor")
    core.positions.begin()
    if dispatcher is not None:
        nursery.start_soon(dispatcher.run, name="cometconn.hooks")


async def _reopen(core: ClientCore, store: BoundedStore) -> None:
    """Log in the user whose session was saved, if there is one."""
    if store.session is not None:
        core.login.reopen(store.session, await store.load_position())


def _leave(core: ClientCore, store: BoundedStore, nursery: trio.Nursery) -> None:
    core.leave()
    # Beside the closing of the socket, so that both together keep close_timeout.
    nursery.start_soon(_finish, core, store, name="cometconn.store")


@trio.lowlevel.enable_ki_protection
async def _finish(core: ClientCore, store: BoundedStore) -> None:
    store.leave()
    await core.positions.save(durable=True)
    await store.aclose()


@trio.lowlevel.enable_ki_protection
async def _close(store: BoundedStore) -> None:
    await store.aclose()


def _bounded(store: object, app_id: str, timing: Timing) -> BoundedStore:
    if store is None:
        store = FileStore(default_path(app_id))
    elif isinstance(store, str | os.PathLike):
        store = FileStore(store)
    elif isinstance(store, type) or not all(
        callable(getattr(store, name, None)) for name in ("load", "save", "forget")
    ):
        what = f"the class {store.__name__}" if isinstance(store, type) else f"of type {type(store).__name__}"
        message = (
            "open_client(store=...) must be a path, FileStore(path), MemoryStore(), or an object with "
            f"async load(), save() and forget() like cometconn.stores.Store, not {what}."
        )
        raise SettingsError(message)
    return BoundedStore(cast("Store", store), app_id, timing.close_timeout, timing.request_timeout)


def _dispatcher(hooks: Iterable[Hook]) -> HookDispatcher | None:
    given = tuple(hooks) if isinstance(hooks, Iterable) else None
    if given is None or not all(callable(hook) for hook in given):
        message = "open_client(hooks=...) must be a sequence of hooks: callables that take one detail."
        raise SettingsError(message)
    if not given:
        return None
    from cometconn._telemetry.hook_dispatcher import HookDispatcher  # noqa: PLC0415 - a client without hooks needs none of it

    return HookDispatcher(given)
