"""`open_emulator()`: a CometChat server on this machine, for as long as a block lasts."""

from __future__ import annotations

import functools
import ipaddress
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import trio

from cometconn._arguments import made_by
from cometconn._groups import open_nursery, protected
from cometconn.errors import SettingsError
from cometconn.settings import Endpoints

from .backend.sans_io import World
from .backend.settings_payload import API_VERSION, host_port, parse_host_port
from .control_api import answer_control
from .server_controls import ServerControls
from .transport.asgi_app import make_app
from .transport.http_server import HttpServer
from .transport.listener import Listener, listen
from .webhook import Webhook
from .world.files import STORE_LIMIT

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Iterable, Mapping

__all__ = ["Emulator", "open_emulator"]

_CLOSE_TIMEOUT = 0.5
"""Seconds that the clients have to answer the close frame when the server stops."""


@made_by("open_emulator()")
class Emulator(ServerControls):
    """A running server. `open_emulator()` makes it; do not build it yourself.

    All but the two `wait_` methods act at once and never block. They must be called from
    Trio's thread.

    Attributes:
        world: users, groups, tokens and messages, to read and to change.
        endpoints: what to give to `open_client(endpoints=...)`.
    """

    def __init__(self, world: World, listener: Listener, *, allow_insecure: bool = False) -> None:
        self.world: World = world
        self._listener = listener
        api = f"{self.url}/{API_VERSION}"
        self.endpoints: Endpoints = Endpoints(
            admin_url=api,
            client_url=api,
            socket_url=f"ws://{host_port(*listener.address)}/",
            allow_insecure=allow_insecure,
        )

    def __repr__(self) -> str:
        return f"<Emulator at {self.url}>"

    @property
    def port(self) -> int:
        """The port, also after `refuse_connections()`."""
        return self._listener.address[1]

    @property
    def url(self) -> str:
        """The address, without a path: `http://127.0.0.1:PORT`."""
        return f"http://{host_port(*self._listener.address)}"

    def refuse_connections(self) -> None:
        """Refuse new connections, as a lost network does. Open connections stay. Idempotent."""
        self._listener.refuse_connections()
        self._note("refuse_connections")

    def accept_connections(self) -> None:
        """Listen again, on the same port. Idempotent. Raises `OSError` when another process has taken the port."""
        self._listener.accept_connections()
        self._note("accept_connections")


@protected
@asynccontextmanager
@trio.lowlevel.enable_ki_protection
async def open_emulator(
    *,
    app_id: str = "APP",
    auth_key: str = "KEY",
    api_key: str = "REST-KEY",
    users: Iterable[str] = ("zed-1", "amy-2"),
    groups: Mapping[str, Iterable[str]] | None = None,
    files_limit: int = STORE_LIMIT,
    host: str = "127.0.0.1",
    port: int = 0,
    allow_remote: bool = False,
    control: bool = False,
    public: str | None = None,
    webhook: str | None = None,
    webhook_auth: str | None = None,
) -> AsyncGenerator[Emulator, None]:
    """Run a CometChat server on this machine for as long as the block lasts.

    Everything is in memory, but for uploaded files, which lie in a temporary folder, and is gone with the block. At its end the clients are sent a close
    frame (code 1001), have half a second to answer it, and are then disconnected.

    Args:
        app_id: the app that it serves.
        auth_key: the app's auth key.
        api_key: the app's REST API key, for what an auth key may not do: to list and to revoke auth tokens.
        users: uids that can log in.
        groups: guid and members (uids) of each group; a group `hikers` of all users unless given.
        files_limit: the most bytes of all uploaded files, by default 200 MB; newer files push out the oldest. One file
            has at most 100 MB.
        host: an IP address or `localhost`. There is no encryption: others than loopback are refused.
        port: 0 for a free one.
        allow_remote: permit other hosts. Every machine that reaches the port can then read everything.
        control: offer the controls of `Emulator` over HTTP, too, below `/control/`. Loopback only.
        public: the host and port in the server's settings, such as `localhost:9443`, when a proxy stands
            in front of it (official SDKs use TLS only); the server's own unless given.
        webhook: a URL that gets a POST request for every event of messages, groups and connections, in order, with the
            JSON of CometChat's webhooks. A request that fails is made twice more, after 0.5 and 1 s; then the event is
            dropped. At most 1000 events wait.
        webhook_auth: `USER:PASSWORD` that these requests carry as HTTP Basic authentication.

    Raises:
        SettingsError: an argument is not valid.
        OSError: the server cannot listen on the port; the message names host and port.
    """
    address = _check_host(host, allow_remote=allow_remote and not control)
    uids = tuple(users)
    public_address = None if public is None else parse_host_port(public)
    world = World(
        app_id=app_id,
        auth_key=auth_key,
        api_key=api_key,
        users=uids,
        groups={"hikers": uids} if groups is None else groups,
        files_limit=files_limit,
    )
    hook = None if webhook is None else Webhook(webhook, webhook_auth, world.log)
    listener = Listener(listen(address, port))
    world.host, world.port = public_address or listener.address
    if public is not None:
        world.base_url = f"https://{public}"
    emulator = Emulator(world, listener, allow_insecure=allow_remote)
    app = make_app(world, functools.partial(answer_control, emulator) if control else None)
    http_server = HttpServer(app, listener)
    try:
        async with open_nursery() as nursery:
            await nursery.start(http_server.serve)
            if hook is not None:
                world.on_trigger = hook.offer
                nursery.start_soon(hook.run)
            try:
                yield emulator
            finally:
                with trio.move_on_after(_CLOSE_TIMEOUT, shield=True):
                    for device in world.devices():
                        device.close(1001, "The emulator stops.")
                    await http_server.stop()
                    if hook is not None:
                        await hook.finish()
                http_server.cut()
                nursery.cancel_scope.cancel(reason="the emulator was left")
    finally:
        world.files.close()
        listener.refuse_connections()  # if the nursery was cancelled before the server started


def _check_host(host: str, *, allow_remote: bool) -> str:
    """Return the IP address to listen on; refuse what is not loopback, unless *allow_remote*."""
    try:
        address = ipaddress.ip_address("127.0.0.1" if host == "localhost" else host)
    except ValueError as error:
        message = f'open_emulator(host=) must be an IP address or "localhost", not {host!r}.'
        raise SettingsError(message) from error
    if not address.is_loopback and not allow_remote:
        message = (
            f"open_emulator(host=): {host} is not loopback, and nothing here is encrypted. "
            "Use 127.0.0.1, or allow_remote=True on a network you trust."
        )
        raise SettingsError(message)
    return str(address)
