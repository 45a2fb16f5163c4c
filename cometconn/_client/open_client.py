"""`open_client()`: from settings to a running client, and back to nothing."""

from __future__ import annotations

import itertools
import os
from collections.abc import Iterable
from contextlib import asynccontextmanager, nullcontext
from typing import TYPE_CHECKING, Literal, cast

import trio

from cometconn._account.api import Api
from cometconn._account.bounded_store import BoundedStore
from cometconn._account.file_store import FileStore, default_path
from cometconn._account.session import Hosts, new_session_id
from cometconn._connection.identity import Identity
from cometconn._connection.machine import Machine
from cometconn._connection.position import PositionKeeper
from cometconn._connection.supervisor import watcher
from cometconn._groups import open_nursery, protected
from cometconn._lifecycle.states import Mode
from cometconn._streams.streams import Streams
from cometconn._text.secret_names import is_secret_name
from cometconn.errors import SettingsError
from cometconn.settings import AppSettings, Endpoints

from .client import CometChat
from .core import ClientCore
from .login import Login
from .network_arguments import checked_headers
from .system_environment import SystemEnvironment
from .version import client_info

if TYPE_CHECKING:
    import ssl
    from collections.abc import AsyncGenerator, Mapping

    from cometconn._account.store import Store
    from cometconn._environment import Environment
    from cometconn._telemetry.hook_dispatcher import HookDispatcher
    from cometconn._telemetry.step_observer import StepObserver
    from cometconn.instrumentation.detail import Hook
    from cometconn.settings import Timing

__all__ = ["open_client"]

_NO_HOOKS = nullcontext()
_COUNT = itertools.count(1)  # the clients of this process, to tell them apart in logs and traces


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

    A user whose session was saved is logged in again without a request, and in auto mode
    the socket is opened in the background. Nothing touches the network before the block
    begins. On leaving the block the socket is closed and every task has ended; the saved
    session stays.

    Args:
        app_id: the app's id, from CometChat's dashboard.
        settings: region, mode, presence, timing.
        store: where the session is saved; by default a file in the platform's folder for
            user state. A path chooses the file; `MemoryStore()` saves nothing; a store of your
            own is a `cometconn.stores.Store`.
        endpoints: other servers than CometChat's cloud.
        ssl_context: for REST, socket and `https` proxy: your own CA, a client certificate.
        proxy: `http://[user:password@]host:port` for REST and socket; also `https`, `socks5h`
            and `socks5` (extra `socks`). `None`: as `HTTPS_PROXY`, `HTTP_PROXY`, `ALL_PROXY`
            and `NO_PROXY` say, and never for this machine. `""`: none.
        headers: more headers for REST requests and the upgrade; not those they have anyway.
        environment: the world, for tests. It replaces *ssl_context* and *proxy*.
        hooks: are told every step, each as a frozen detail: see `cometconn.instrumentation`.
            One that fails is reported once and harms nothing.
        position: the id of the last message that is handled, for programs that keep it themselves: fetching begins
            behind it, whatever is saved. It serves the first user of this client, and needs `catch_up`.

    Raises:
        SettingsError: an argument makes no sense.
        StoreError: the saved session cannot be read within `request_timeout`, or is in use by another client.

    What the block raises comes out as it is, never in an exception group of ours. Leaving takes at
    most `close_timeout`, also when cancelled: closing and saving are shielded that long.
    """
    extra = checked_headers(headers)
    hosts = _hosts(app_id, settings, endpoints)
    _check_position(position, settings)
    environment = environment or _system(ssl_context, proxy, headers, endpoints)
    delivery, bounded = _delivery(hooks), _bounded(store, app_id, settings.timing)
    device_id = (await bounded.load()).device_id
    try:
        parts = _put_together(
            app_id, settings, endpoints, hosts, extra, environment, bounded, device_id, delivery, position
        )
        with delivery or _NO_HOOKS:
            async with open_nursery() as nursery:
                _start_tasks(nursery, parts, delivery)
                await _reopen(parts.login, bounded)
                try:
                    yield CometChat(parts)
                finally:
                    _leave(parts, bounded, nursery)
                nursery.cancel_scope.cancel(reason="cometconn: open_client() was left")
    finally:
        # Trio raises KeyboardInterrupt in the main task, shielded or not: a task of its own is spared.
        async with open_nursery() as nursery:
            nursery.cancel_scope.shield = True  # bounded: `close_timeout` in all, from `_leave()` on
            nursery.start_soon(_close, bounded, name="cometconn.finish")


def _start_tasks(nursery: trio.Nursery, parts: ClientCore, delivery: HookDispatcher | None) -> None:
    nursery.start_soon(watcher, parts.leave, name="cometconn.watcher")
    nursery.start_soon(parts.supervisor().run, name="cometconn.supervisor")
    parts.positions.run_in(nursery)
    if delivery is not None:
        nursery.start_soon(delivery.run, name="cometconn.hooks")


async def _reopen(login: Login, store: BoundedStore) -> None:
    """Take up the session that was saved, if there is one."""
    if store.session is not None:
        login.reopen(store.session, await store.load_position())


def _leave(parts: ClientCore, store: BoundedStore, nursery: trio.Nursery) -> None:
    parts.leave()
    # Beside the closing of the socket, so that both together keep close_timeout.
    nursery.start_soon(_finish, parts, store, name="cometconn.store")


@trio.lowlevel.enable_ki_protection
async def _finish(parts: ClientCore, store: BoundedStore) -> None:
    store.leave()
    await parts.positions.save(durable=True)
    await store.aclose()


@trio.lowlevel.enable_ki_protection
async def _close(store: BoundedStore) -> None:
    await store.aclose()


def _system(
    ssl_context: ssl.SSLContext | None,
    proxy: str | None,
    headers: Mapping[str, str] | None,
    endpoints: Endpoints | None,
) -> Environment:
    return SystemEnvironment(ssl_context=ssl_context, proxy=proxy, headers=headers, endpoints=endpoints)


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


def _put_together(
    app_id: str,
    settings: AppSettings,
    endpoints: Endpoints | None,
    hosts: Hosts,
    headers: Mapping[str, str],
    environment: Environment,
    store: BoundedStore,
    device_id: str,
    delivery: HookDispatcher | None,
    position: int | None,
) -> ClientCore:
    mode = Mode.AUTO if settings.auto_establish_socket_connection else Mode.MANUAL
    streams = Streams()
    client = client_info()
    session_id = new_session_id(client.platform.upper(), client.version)
    hosts.secrets.learn(*(value for name, value in headers.items() if is_secret_name(name)))
    identity = Identity(app_id, session_id, device_id, client, settings, endpoints, headers, hosts.secrets)
    machine = Machine(
        mode,
        settings.timing,
        environment.random,
        streams.room,
        environment.boot_time,
        streams.machine_slept,
        identity.secrets,
    )
    if delivery is not None:
        machine.observer = streams.observer = _observer(mode, identity, streams, delivery)
    api = Api(
        app_id=app_id,
        hosts=hosts,
        request=environment.request,
        session_id=session_id,
        device_id=device_id,
        version=client.version,
        timeout=settings.timing.request_timeout,
        at_once=settings.limits.requests_at_once,
        secrets=identity.secrets,
    )
    positions = PositionKeeper(identity, streams, store, api, settings.catch_up, position)
    login = Login(api, store, identity, machine, streams, positions)
    if settings.catch_up:
        from cometconn._connection.catch_up import CatchUp  # noqa: PLC0415 - as with hooks; the decoders come with it

        login.catch_up = CatchUp(
            identity, streams, api.messages, login.forget, settings.timing, environment.random, positions.start
        )
    return ClientCore(settings, identity, machine, streams, login, positions, environment, login.catch_up)


def _delivery(hooks: Iterable[Hook]) -> HookDispatcher | None:
    told = tuple(hooks) if isinstance(hooks, Iterable) else None
    if told is None or not all(callable(hook) for hook in told):
        message = "open_client(hooks=...) must be a sequence of hooks: callables that take one detail."
        raise SettingsError(message)
    if not told:
        return None
    from cometconn._telemetry.hook_dispatcher import HookDispatcher  # noqa: PLC0415 - who has no hooks does not load their modules

    return HookDispatcher(told)


def _observer(mode: Mode, identity: Identity, streams: Streams, delivery: HookDispatcher) -> StepObserver:
    from cometconn._telemetry.step_observer import StepObserver  # noqa: PLC0415 - as above

    observer = StepObserver(f"{identity.app_id}-{next(_COUNT)}", identity.secrets, streams.counts, delivery.put)
    mode_name: Literal["auto", "manual"] = "auto" if mode is Mode.AUTO else "manual"
    observer.opened(identity.app_id, mode_name, identity.settings, identity.client.version)
    return observer


def _hosts(app_id: str, settings: AppSettings, endpoints: Endpoints | None) -> Hosts:
    _check_kind("settings", settings, AppSettings)
    if endpoints is not None:
        _check_kind("endpoints", endpoints, Endpoints)
    if endpoints is None and settings.region is None:
        message = 'AppSettings.region is needed, e.g. AppSettings(region="us"), unless open_client() gets endpoints.'
        raise SettingsError(message)
    return Hosts(app_id, settings.region, endpoints)


def _check_kind(name: str, value: object, kind: type) -> None:
    if not isinstance(value, kind):
        message = f"open_client({name}=...) must be {kind.__name__}(...), not of type {type(value).__name__}."
        raise SettingsError(message)


def _check_position(position: object, settings: AppSettings) -> None:
    if position is None:
        return
    if not isinstance(position, int) or isinstance(position, bool) or position < 0:
        message = f"open_client(position=...) must be the id of a message, a whole number, not {position!r}."
        raise SettingsError(message)
    if not settings.catch_up:
        message = "open_client(position=...) needs AppSettings(catch_up=True): else nothing is fetched from there."
        raise SettingsError(message)
