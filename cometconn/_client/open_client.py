"""Opens, runs and closes one client: `open_client()`."""

from __future__ import annotations

import os
from contextlib import asynccontextmanager, nullcontext
from typing import TYPE_CHECKING

import trio

from cometconn._account.bounded_store import BoundedStore
from cometconn._account.file_store import FileStore, default_path
from cometconn._arguments import refused
from cometconn._connection.supervisor import watcher
from cometconn._groups import open_nursery, protected
from cometconn.settings import AppSettings

from .client import CometChat
from .client_options import ClientOptions
from .core import ClientCore
from .system_environment import SystemEnvironment

if TYPE_CHECKING:
    import ssl
    from collections.abc import AsyncGenerator, Awaitable, Callable, Iterable, Mapping
    from contextlib import AbstractAsyncContextManager

    from cometconn._account.store import Store
    from cometconn._environment import Environment
    from cometconn._telemetry.hook_dispatcher import HookDispatcher
    from cometconn.instrumentation.detail import Hook
    from cometconn.settings import Endpoints

__all__ = ["open_client"]

_NO_HOOKS = nullcontext()


@protected
@asynccontextmanager
@trio.lowlevel.enable_ki_protection
async def open_client(
    app_id: str,
    settings: AppSettings = AppSettings(),
    *,
    store: Store | str | os.PathLike[str] | None = None,
    endpoints: Endpoints | None = None,
    ssl_context: ssl.SSLContext | None = None,
    proxy: str | None = None,
    headers: Mapping[str, str] | None = None,
    environment: Environment | None = None,
    hooks: Iterable[Hook] = (),
    admission: Callable[[], Awaitable[object]] | None = None,
    position: int | None = None,
) -> AsyncGenerator[CometChat, None]:
    """Open a client for as long as the `async with` block runs. CometChat calls this `init()`.

    If the store holds a session, its user is logged in without a request, and in auto mode a task of the client
    connects. A session of other servers is not used: a WARNING names both, and it stays saved until the next login. No
    network access takes place before the block begins. After the block the socket is closed and all tasks
    have ended. The session stays saved.

    Args:
        app_id: the app's id, from CometChat's dashboard.
        settings: region, mode, presence, timing. The region can be left out only with *endpoints*.
        store: where the session is saved; by default a file in the platform's folder for user state. A path chooses the
            file; `MemoryStore()` saves nothing; a store of your own is a `cometconn.stores.Store`.
        endpoints: the servers to use instead of CometChat's cloud.
        ssl_context: the TLS settings for REST, the socket and an `https` proxy, for instance with a private CA or a
            client certificate.
        proxy: the proxy for REST and the socket: `http://[user:password@]host:port`, or with `https`, `socks5h` or
            `socks5` (the last two need the extra `socks`). `None` uses the variables `HTTPS_PROXY`, `HTTP_PROXY`,
            `ALL_PROXY` and `NO_PROXY`, but no proxy for loopback addresses. `""` uses no proxy.
        headers: additional headers for REST requests and the upgrade. A header that cometconn sets itself raises
            `SettingsError`.
        environment: network, clock and randomness, for tests. It replaces *ssl_context* and *proxy*.
        hooks: callables. Each is called with a `Detail`, a frozen object, for every step: see
            `cometconn.instrumentation`. The first error of a hook is logged; errors in hooks have no other effect.
        admission: an async callable without arguments, for programs that limit their connections and logins. It is
            awaited before each login and each dial. The status is `Connecting` meanwhile, and the wait is not part of
            `connect_timeout`; it ends with the wish for a connection or with the `login()` call. An exception that it
            raises is a failed attempt, or makes `login()` raise `ApiError` with the code `ADMISSION_FAILED`.
        position: the id of the last handled message, for programs that save it themselves. Missed messages are fetched
            from the next one on, and a saved position is ignored. It applies only to the first user of this client, and
            needs `AppSettings(catch_up=True)`.

    Raises:
        SettingsError: an argument is invalid.
        StoreError: the saved session cannot be read within `request_timeout`, or is in use by another client.

    An exception that the block raises propagates unchanged: no nursery of this library wraps it in an exception group.
    Leaving the block takes at most `close_timeout`, also when cancelled, because closing and saving are shielded for
    that time. With a `console_hook()` it may take half a second more.
    """
    options = ClientOptions.checked(app_id, settings, endpoints, headers, position, admission)
    environment = environment or SystemEnvironment(
        ssl_context=ssl_context, proxy=proxy, headers=headers, endpoints=endpoints
    )
    dispatcher, bounded = _checked_hooks(hooks), _bounded_store(store, options)
    consoles = _NO_HOOKS if dispatcher is None else _sending(dispatcher)
    device_id = (await bounded.load()).device_id
    try:
        async with consoles:
            with dispatcher or _NO_HOOKS:
                async with open_nursery() as nursery:
                    core = ClientCore.build(options, environment, bounded, device_id, dispatcher, nursery)
                    _start_tasks(nursery, core, dispatcher)
                    if bounded.session is not None:
                        core.login.reopen(bounded.session, bounded.position)
                    try:
                        yield CometChat(core)
                    finally:
                        _leave(core, bounded, nursery)
                    nursery.cancel_scope.cancel(reason="cometconn: open_client() was left")
    finally:
        # In a task of its own, because Trio can raise KeyboardInterrupt in the main task even in a shielded scope, but not
        # in another task.
        async with open_nursery() as nursery:
            nursery.cancel_scope.shield = True  # bounded: the store closes within `close_timeout` of `_leave()`
            nursery.start_soon(_close_store, bounded, name="cometconn.close_store")


def _start_tasks(nursery: trio.Nursery, core: ClientCore, dispatcher: HookDispatcher | None) -> None:
    nursery.start_soon(watcher, core.leave, name="cometconn.watcher")
    nursery.start_soon(core.supervisor.run, name="cometconn.supervisor")
    core.positions.begin()
    if dispatcher is not None:
        nursery.start_soon(dispatcher.run, name="cometconn.hooks")


def _leave(core: ClientCore, store: BoundedStore, nursery: trio.Nursery) -> None:
    core.leave()
    # Save while the socket is being closed, so that both together take at most `close_timeout`.
    nursery.start_soon(_save_and_close, core, store, name="cometconn.save_and_close")


@trio.lowlevel.enable_ki_protection
async def _save_and_close(core: ClientCore, store: BoundedStore) -> None:
    store.leave()
    await core.positions.save(durable=True)
    await store.aclose()


@trio.lowlevel.enable_ki_protection
async def _close_store(store: BoundedStore) -> None:
    await store.aclose()


def _bounded_store(store: Store | str | os.PathLike[str] | None, options: ClientOptions) -> BoundedStore:
    if store is None:
        store = FileStore(default_path(options.app_id))
    elif isinstance(store, str | os.PathLike):
        store = FileStore(store)
    timing = options.settings.timing
    return BoundedStore(store, options.app_id, options.hosts.origin, timing.close_timeout, timing.request_timeout)


def _checked_hooks(hooks: Iterable[Hook]) -> HookDispatcher | None:
    given = tuple(hooks)
    wrong = [hook for hook in given if isinstance(hook, type) or not callable(hook)]
    if wrong:
        where, what = "open_client(hooks=...)", "functions that take one Detail, such as LogHook()"
        raise refused(where, what, wrong[0])
    if not given:
        return None
    from cometconn._telemetry.hook_dispatcher import HookDispatcher  # noqa: PLC0415 - imported only with hooks

    return HookDispatcher(given)


def _sending(dispatcher: HookDispatcher) -> AbstractAsyncContextManager[None]:
    """Return the block in which the details of a `ConsoleHook` are sent to its server."""
    from cometconn.instrumentation.console import ConsoleHook  # noqa: PLC0415 - imported only with hooks

    consoles = [hook for hook in dispatcher.hooks if isinstance(hook, ConsoleHook)]
    if not consoles:
        return _NO_HOOKS
    from cometconn._telemetry.trace_sender import sending  # noqa: PLC0415

    # An environment of their own: the client's may be in memory, and adds headers that are not for this server.
    return sending(consoles, lambda hook: SystemEnvironment(ssl_context=hook.ssl_context, proxy="").request)
