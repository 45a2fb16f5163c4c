"""`open_emulator()`: a CometChat server on this machine, for as long as a block lasts."""

from __future__ import annotations

import ipaddress
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import trio

from cometconn._groups import open_nursery, protected
from cometconn.errors import SettingsError

from .advertised import place_of
from .app import make_app
from .control import answer_control
from .door import Door
from .listener import listen
from .running import Emulator
from .world import World

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Iterable, Mapping

__all__ = ["open_emulator"]

_GOODBYE = 0.5
"""So many seconds the clients have to answer the goodbye when the server stops."""


@protected
@asynccontextmanager
@trio.lowlevel.enable_ki_protection
async def open_emulator(
    *,
    app_id: str = "APP",
    auth_key: str = "KEY",
    users: Iterable[str] = ("zed-1", "amy-2"),
    groups: Mapping[str, Iterable[str]] | None = None,
    host: str = "127.0.0.1",
    port: int = 0,
    allow_remote: bool = False,
    control: bool = False,
    public: str | None = None,
) -> AsyncGenerator[Emulator, None]:
    """Run a CometChat server on this machine for as long as the block lasts.

    Everything is in memory and gone with the block. Leaving it says goodbye (close code
    1001) to the clients, gives them half a second, and closes what is left by force.

    Args:
        app_id: the app it serves.
        auth_key: the app's auth key.
        users: uids that can log in.
        groups: guid and members (uids) of each group; a group `hikers` of all users unless given.
        host: an IP address or `localhost`. There is no encryption: others than loopback are refused.
        port: 0 for a free one.
        allow_remote: permit other hosts. Whoever reaches the port can then read everything.
        control: offer the levers of `Emulator` below `/control/`, too. Loopback only.
        public: what the server's settings call its host and port, such as `localhost:9443`, when
            something stands in front of it (official SDKs speak TLS only); itself unless given.

    Raises:
        SettingsError: an argument makes no sense.
        OSError: the port cannot be had; the message names host and port.
    """
    address = _check_host(host, allow_remote=allow_remote and not control)
    uids = tuple(users)
    named_groups = {"hikers": uids} if groups is None else groups
    advertised = None if public is None else place_of(public)
    world = World(app_id=app_id, auth_key=auth_key, users=uids, groups=named_groups)
    listener = listen(address, port)
    world.host, world.port = advertised or listener.socket.getsockname()[:2]
    emulator: Emulator
    door = Door(make_app(world, (lambda request: answer_control(emulator, request)) if control else None), listener)
    emulator = Emulator(world, door, allow_insecure=allow_remote)
    try:
        async with open_nursery() as nursery:
            await nursery.start(door.serve)
            try:
                yield emulator
            finally:
                with trio.move_on_after(_GOODBYE, shield=True):
                    for device in world.devices():
                        device.close(1001, "The emulator stops.")
                    await door.stop()
                door.cut()
                nursery.cancel_scope.cancel(reason="the emulator was left")
    finally:
        door.refuse_connections()  # were the nursery cancelled before it began


def _check_host(host: str, *, allow_remote: bool) -> str:
    """Give the IP address to listen on; refuse what is not loopback unless told otherwise."""
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
