"""`open_client()`: from settings to a running client, and back to nothing."""

from __future__ import annotations

import itertools
from collections.abc import Iterable
from contextlib import asynccontextmanager, nullcontext
from typing import TYPE_CHECKING

import trio

from ._account.api import Api
from ._account.session import Hosts, new_session_id
from ._account.store import FileStore, default_path
from ._client import CometChat
from ._connection.catch_up import CatchUp
from ._connection.identity import Identity
from ._connection.machine import Machine
from ._connection.streams import Streams
from ._connection.supervisor import watcher
from ._groups import open_nursery, protected
from ._lifecycle.states import Mode
from ._login import Login
from ._network_arguments import checked_headers
from ._parts import Parts
from ._proxies import choose_proxies
from ._system import SystemEnvironment
from ._version import client_info
from .errors import SettingsError
from .events import Resumed
from .settings import AppSettings, Endpoints

if TYPE_CHECKING:
    import ssl
    from collections.abc import AsyncGenerator, Mapping

    from ._account.store import Saved, Store
    from ._connection.delivery import Delivery
    from ._connection.witness import Witness
    from .environment import Environment
    from .instrumentation.detail import Hook

__all__ = ["open_client"]

_COUNT = itertools.count(1)  # the clients of this process, to tell them apart in logs and traces


@protected
@asynccontextmanager
@trio.lowlevel.enable_ki_protection
async def open_client(
    app_id: str,
    settings: AppSettings,
    *,
    store: Store | None = None,
    endpoints: Endpoints | None = None,
    ssl_context: ssl.SSLContext | None = None,
    proxy: str | None = None,
    headers: Mapping[str, str] | None = None,
    environment: Environment | None = None,
    hooks: Iterable[Hook] = (),
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
            user state. `MemoryStore()` saves nothing, `FileStore(path)` chooses the file.
        endpoints: other servers than CometChat's cloud.
        ssl_context: for REST, socket and an `https` proxy: your own CA, a client certificate.
        proxy: `http://[user:password@]host:port` for REST and socket; also `https`, `socks5h`
            and `socks5` (extra `socks`). `None`: as `HTTPS_PROXY`, `HTTP_PROXY`, `ALL_PROXY`
            and `NO_PROXY` say, and never for this machine. `""`: none.
        headers: more headers for REST requests and the upgrade; not those they have anyway.
        environment: the world, for tests. It replaces *ssl_context* and *proxy*.
        hooks: are told every step, each as a frozen detail: see `cometconn.instrumentation`.
            One that fails is reported once and harms nothing.

    Raises:
        SettingsError: an argument makes no sense.
        StoreError: the saved session cannot be read or is in use by another client.

    What the block raises comes out as it is, never in an exception group of ours. Leaving
    takes at most `close_timeout`, also when cancelled: the goodbye is shielded that long.
    """
    extra = checked_headers(headers)
    hosts = _hosts(app_id, settings, endpoints)
    environment = environment or SystemEnvironment(extra, choose_proxies(proxy, endpoints), ssl_context)
    store = store or FileStore(default_path(app_id))
    delivery = _delivery(hooks)
    saved = await store.open(app_id)
    parts: Parts | None = None
    try:
        parts = _put_together(app_id, settings, endpoints, hosts, extra, environment, store, saved, delivery)
        with nullcontext() if delivery is None else delivery:
            async with open_nursery() as nursery:
                _start_tasks(nursery, parts, delivery)
                if saved.session is not None:
                    parts.take_up(saved.session)
                yield CometChat(parts)
                parts.leave()
                nursery.cancel_scope.cancel(reason="cometconn: open_client() was left")
    finally:
        # Trio raises KeyboardInterrupt in the main task, shielded or not: a task of its own is spared.
        async with open_nursery() as nursery:
            nursery.cancel_scope.shield = True  # bounded: writes, unlocks and closes one small file
            nursery.start_soon(_finish, parts, store, name="cometconn.finish")


def _start_tasks(nursery: trio.Nursery, parts: Parts, delivery: Delivery | None) -> None:
    nursery.start_soon(watcher, parts.leave, name="cometconn.watcher")
    nursery.start_soon(parts.supervisor().run, name="cometconn.supervisor")
    if parts.catch_up is not None:
        nursery.start_soon(parts.keep_position, name="cometconn.position")
    if delivery is not None:
        nursery.start_soon(delivery.run, name="cometconn.hooks")


@trio.lowlevel.enable_ki_protection
async def _finish(parts: Parts | None, store: Store) -> None:
    try:
        if parts is not None:
            await parts.save_position()
    finally:
        await store.aclose()


def _put_together(
    app_id: str,
    settings: AppSettings,
    endpoints: Endpoints | None,
    hosts: Hosts,
    headers: Mapping[str, str],
    environment: Environment,
    store: Store,
    saved: Saved,
    delivery: Delivery | None,
) -> Parts:
    mode = Mode.AUTO if settings.auto_establish_socket_connection else Mode.MANUAL
    streams = Streams()
    client = client_info()
    session_id = new_session_id(client.platform.upper(), client.version)
    identity = Identity(app_id, session_id, saved.device_id, client, settings, endpoints, headers)
    machine = Machine(
        mode,
        settings.timing,
        environment.random,
        streams.room,
        environment.boot_time,
        lambda slept: streams.publish(Resumed(slept), 0),
        identity.secrets,
    )
    if delivery is not None:
        machine.witness = streams.witness = _witness(mode, identity, streams, delivery)
    api = Api(
        app_id=app_id,
        hosts=hosts,
        request=environment.request,
        session_id=session_id,
        device_id=saved.device_id,
        version=client.version,
        timeout=settings.timing.request_timeout,
    )
    login = Login(api, store, identity, machine, streams)
    if settings.catch_up:
        patience = settings.timing.request_timeout
        login.catch_up = CatchUp(identity, streams, api.messages, login.forget, patience)
    return Parts(settings, identity, machine, streams, login, environment, login.catch_up)


def _delivery(hooks: Iterable[Hook]) -> Delivery | None:
    told = tuple(hooks) if isinstance(hooks, Iterable) else None
    if told is None or not all(callable(hook) for hook in told):
        message = "open_client(hooks=...) must be a sequence of hooks: callables that take one detail."
        raise SettingsError(message)
    if not told:
        return None
    from ._connection.delivery import Delivery  # noqa: PLC0415 - who has no hooks does not load their modules

    return Delivery(told)


def _witness(mode: Mode, identity: Identity, streams: Streams, delivery: Delivery) -> Witness:
    from ._connection.witness import Witness  # noqa: PLC0415 - as above

    witness = Witness(f"{identity.app_id}-{next(_COUNT)}", identity, streams, delivery.put)
    witness.opened("auto" if mode is Mode.AUTO else "manual", identity.client.version)
    return witness


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
