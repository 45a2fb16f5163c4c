"""`open_emulator()`: a CometChat server on this machine, for as long as a block lasts."""

from __future__ import annotations

import ipaddress
import math
import os
import pathlib
import tempfile
from contextlib import asynccontextmanager, contextmanager
from typing import TYPE_CHECKING

import trio

from cometconn._arguments import made_by
from cometconn._groups import open_nursery, protected
from cometconn.errors import SettingsError
from cometconn.settings import Endpoints

from .backend.sans_io import World
from .backend.settings_payload import API_VERSION, host_port, parse_host_port
from .certificate import Certificate
from .control_api import ControlApi
from .limits import DEFAULT_LIMITS, ServerLimits
from .server_controls import ServerControls
from .transport.asgi_app import make_app
from .transport.http_server import HttpServer
from .transport.listener import Listener, listen
from .webhook import Webhook

if TYPE_CHECKING:
    import ssl
    from collections.abc import AsyncGenerator, Iterable, Iterator, Mapping

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
        certificate: what clients need in order to trust a server with TLS; `None` without TLS.
    """

    def __init__(
        self,
        world: World,
        listener: Listener,
        *,
        allow_insecure: bool = False,
        certificate: Certificate | None = None,
    ) -> None:
        self.world: World = world
        self._listener = listener
        self.certificate: Certificate | None = certificate
        api = f"{self.url}/{API_VERSION}"
        self.endpoints: Endpoints = Endpoints(
            admin_url=api,
            client_url=api,
            socket_url=f"ws{self.url.removeprefix('http')}/",
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
        """The address, without a path: `http://127.0.0.1:PORT`, and `https` with TLS."""
        scheme = "http" if self.certificate is None else "https"
        return f"{scheme}://{host_port(*self._listener.address)}"

    def refuse_connections(self, seconds: float = math.inf) -> None:
        """Refuse new connections for *seconds*, as a lost network does; by default until `accept_connections()` or `heal()`.

        Open connections stay. A further call counts from then on, also when it ends sooner.

        Raises:
            SettingsError: *seconds* is not above 0.
        """
        self._check_seconds(seconds)
        self._listener.refuse_connections(seconds)
        self._note_refusal(seconds)

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
    limits: ServerLimits = DEFAULT_LIMITS,
    host: str = "127.0.0.1",
    port: int = 0,
    allow_remote: bool = False,
    control: bool = False,
    public: str | None = None,
    tls: bool | str | os.PathLike[str] = False,
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
        limits: how much it keeps and takes: tokens, messages, files, frames.
        host: an IP address or `localhost`. Others than loopback are refused, because every program that reaches the
            server can log in.
        port: 0 for a free one.
        allow_remote: permit other hosts. Every machine that reaches the port can then read everything.
        control: offer the controls of `Emulator` over HTTP, too, below `/control/`. Loopback only.
        public: the host and port in the server's settings, such as `localhost:9443`: the name by which clients know
            the server, or the TLS proxy in front of it; its own address unless given. With `tls` the port may be left
            out, and the certificate is for this name, too.
        tls: `True` for `https` and `wss`, which is all that the official SDKs use, with a certificate that is made for
            this block (`Emulator.certificate`). A path is that of a folder in which the certificate is kept, so that it
            has to be trusted only once; it is made there if there is none, and again a week before it expires after a
            year. It is for `localhost`, `127.0.0.1`, `::1`, *host* and *public*. Needs `pip install "cometconn[tls]"`.
        webhook: a URL that gets a POST request for every event of messages, groups and connections, in order, with the
            JSON of CometChat's webhooks. A request that fails is made twice more, after 0.5 and 1 s; then the event is
            dropped.
        webhook_auth: `USER:PASSWORD` that these requests carry as HTTP Basic authentication.

    Raises:
        SettingsError: an argument is not valid, the package that `tls` needs is not installed, or the folder of the
            certificate has one that was not made here.
        OSError: the server cannot listen on the port, and the message names host and port; or the folder of the
            certificate cannot be read or written.
    """
    address = _check_host(host, allow_remote=allow_remote and not control)
    uids = tuple(users)
    # Port 0 stands for the server's own, which the system has not chosen yet.
    public_host, public_port = (None, 0) if public is None else parse_host_port(public, 0 if tls else None)
    world = World(
        app_id=app_id,
        auth_key=auth_key,
        api_key=api_key,
        users=uids,
        groups={"hikers": uids} if groups is None else groups,
        limits=limits,
    )
    if webhook is None and webhook_auth is not None:
        message = "open_emulator(webhook_auth=...) needs open_emulator(webhook=...)."
        raise SettingsError(message)
    hook = None if webhook is None else Webhook(webhook, webhook_auth, world.log, limit=limits.waiting_events)
    names = [address] if public_host is None else [address, public_host]
    with _certificate(names, tls=tls) as (certificate, ssl_context):
        listener = Listener(listen(address, port))
        world.host, world.port = public_host or listener.address[0], public_port or listener.address[1]
        if public is not None or tls:
            world.base_url = f"https://{host_port(world.host, world.port)}"
        emulator = Emulator(world, listener, allow_insecure=allow_remote, certificate=certificate)
        app = make_app(world, ControlApi(emulator) if control else None)
        http_server = HttpServer(app, listener, ssl_context, frame_limit=limits.frame_size)
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


@contextmanager
def _certificate(
    names: list[str], *, tls: bool | str | os.PathLike[str]
) -> Iterator[tuple[Certificate | None, ssl.SSLContext | None]]:
    """Give the certificate and the TLS context that `open_emulator(tls=)` stands for; without a folder, for the block."""
    if tls is False:
        yield None, None
        return
    try:
        from .certificate_files import read_or_make  # noqa: PLC0415 - an extra
    except ModuleNotFoundError as error:
        message = 'open_emulator(tls=) needs cryptography: run `pip install "cometconn[tls]"`.'
        raise SettingsError(message) from error
    if tls is not True:
        yield read_or_make(pathlib.Path(tls), names)
        return
    with tempfile.TemporaryDirectory(prefix="cometconn-") as folder:
        yield read_or_make(pathlib.Path(folder), names)


def _check_host(host: str, *, allow_remote: bool) -> str:
    """Return the IP address to listen on; refuse what is not loopback, unless *allow_remote*."""
    try:
        address = ipaddress.ip_address("127.0.0.1" if host == "localhost" else host)
    except ValueError as error:
        message = f'open_emulator(host=) must be an IP address or "localhost", not {host!r}.'
        raise SettingsError(message) from error
    if not address.is_loopback and not allow_remote:
        message = (
            f"open_emulator(host=): {host} is not loopback, and every program that reaches this server can log in. "
            "Use 127.0.0.1, or allow_remote=True on a network you trust."
        )
        raise SettingsError(message)
    return str(address)
