"""A CometChat server for tests and demos: REST and WebSocket on one loopback port.

For example::

    async with open_emulator(users=("zed-1", "amy-2")) as server:
        async with cometconn.open_client("APP", AppSettings(), endpoints=server.endpoints) as chat:
            await chat.login(uid="zed-1", auth_key="KEY")
            await server.wait_connected("zed-1")
            server.say("amy-2", "hello", receiver="zed-1")

The server has no faults unless a test sets some (`Emulator.set`, `Emulator.drop`, ...), and its
log (`Emulator.log`) shows what really went over the wire. `World` is the same server without
sockets, for transports of other kinds.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from cometconn._modules import needs_extra, public_names

with needs_extra(__name__, "emulator"):
    from .backend.sans_io import World as World
    from .certificate import Certificate as Certificate
    from .faults import Faults as Faults
    from .limits import ServerLimits as ServerLimits
    from .log import Entry as Entry
    from .log import Kind as Kind
    from .log import ServerLog as ServerLog
    from .server import Emulator as Emulator
    from .server import open_emulator as open_emulator
    from .server_controls import ServerControls as ServerControls
    from .world.devices import Close as Close
    from .world.devices import Device as Device
    from .world.devices import Line as Line
    from .world.devices import Order as Order
    from .world.devices import Send as Send

Levers = ServerControls
"""The old name of `ServerControls`."""

__all__ = [
    "Certificate",
    "Close",
    "Device",
    "Emulator",
    "Entry",
    "Faults",
    "Kind",
    "Levers",
    "Line",
    "Order",
    "Send",
    "ServerControls",
    "ServerLimits",
    "ServerLog",
    "World",
    "open_emulator",
]

if not TYPE_CHECKING:  # otherwise a type checker would accept every name
    __getattr__, __dir__ = public_names(__name__, __all__)
