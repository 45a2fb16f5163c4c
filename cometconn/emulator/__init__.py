"""A CometChat server for tests and demos: REST and WebSocket on one loopback port.

For example::

    async with open_emulator(users=("zed-1", "amy-2")) as server:
        async with cometconn.open_client("APP", AppSettings(), endpoints=server.endpoints) as chat:
            await chat.login(uid="zed-1", auth_key="KEY")
            await server.wait_connected("zed-1")
            server.say("amy-2", "hello", receiver="zed-1")

It behaves unless told otherwise (`Emulator.set`, `Emulator.drop`, ...), and its log
(`Emulator.log`) tells what really went over the wire. `World` is the same server
without sockets, for doors of other kinds.
"""

from __future__ import annotations

from .devices import Close as Close
from .devices import Device as Device
from .devices import Line as Line
from .devices import Order as Order
from .devices import Send as Send
from .faults import Faults as Faults
from .log import Entry as Entry
from .log import Kind as Kind
from .log import ServerLog as ServerLog
from .running import Emulator as Emulator
from .server import open_emulator as open_emulator
from .world import World as World

__all__ = [
    "Close",
    "Device",
    "Emulator",
    "Entry",
    "Faults",
    "Kind",
    "Line",
    "Order",
    "Send",
    "ServerLog",
    "World",
    "open_emulator",
]
