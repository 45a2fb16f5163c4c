"""The part of D-Bus that `follow_logind()` needs, for one task. The only importer of jeepney."""

from __future__ import annotations

from collections import deque
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import attrs
import trio
from jeepney import DBusAddress, DBusErrorResponse, HeaderFields, Message, MessageType, new_method_call
from jeepney.auth import BEGIN, AuthenticationError, Authenticator
from jeepney.bus import get_bus
from jeepney.fds import FileDescriptor
from jeepney.io.trio import DBusConnection
from jeepney.wrappers import unwrap_msg

from cometconn._groups import protected

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Iterable

__all__ = ["Bus", "BusError", "BusSignal", "RefusedError", "open_bus"]

BUS = "org.freedesktop.DBus"
"""The name of the bus daemon itself, as a destination and as a sender."""

_REPLY_TIMEOUT = 5.0  # seconds
_BACKLOG = 64  # signals that may wait to be read; older ones are dropped, since the newest hold the current state


class BusError(Exception):
    """The bus cannot be reached, has disconnected, or does not reply in time."""


class RefusedError(BusError):
    """The reply to a call is an error; the connection to the bus stays usable."""


@attrs.frozen
class BusSignal:
    """A D-Bus signal.

    Attributes:
        sender: the sender's unique name, which the bus itself fills in.
        member: the interface and the name, as `org.freedesktop.DBus.NameOwnerChanged`.
        body: its arguments.
    """

    sender: str
    member: str
    body: tuple[Any, ...]


@attrs.define(eq=False)
class Bus:
    """A connection to a bus, for one task. Signals that arrive during a call wait for `next_signal()`."""

    _connection: DBusConnection
    _signals: deque[BusSignal] = attrs.field(factory=lambda: deque(maxlen=_BACKLOG), init=False)

    async def call(
        self, name: str, path: str, member: str, signature: str | None = None, body: tuple[Any, ...] = ()
    ) -> tuple[Any, ...]:
        """Call the method *member*, an interface and a name, and return the reply's values.

        Takes at most 5 s. Raises `RefusedError` if the reply is an error, `BusError` if there
        is no reply.
        """
        interface, _, method = member.rpartition(".")
        message = new_method_call(DBusAddress(path, name, interface), method, signature, body)
        serial = next(self._connection.outgoing_serial)
        with trio.move_on_after(_REPLY_TIMEOUT):
            try:
                await self._connection.send(message, serial=serial)
                while True:
                    received = await self._connection.receive()
                    if received.header.fields.get(HeaderFields.reply_serial) == serial:
                        return tuple(unwrap_msg(received))
                    self._keep(received)
            except DBusErrorResponse as error:
                refusal = f"{member}: {error}"
                raise RefusedError(refusal) from error
            except (OSError, trio.BrokenResourceError, trio.EndOfChannel) as error:
                gone = f"{member}: the bus has disconnected"
                raise BusError(gone) from error
        silence = f"{member}: no reply within {_REPLY_TIMEOUT:g} s"
        raise BusError(silence)

    async def subscribe(self, rule: str) -> None:
        """Subscribe to the signals of a match rule."""
        await self.call(BUS, "/org/freedesktop/DBus", f"{BUS}.AddMatch", "s", (rule,))

    async def next_signal(self) -> BusSignal:
        """Wait for the next signal. Raises `BusError` when the bus has disconnected; a cancel loses no signal."""
        while not self._signals:
            try:
                self._keep(await self._connection.receive())
            except (OSError, trio.BrokenResourceError, trio.EndOfChannel) as error:
                gone = "the bus has disconnected"
                raise BusError(gone) from error
        return self._signals.popleft()

    def _keep(self, message: Message) -> None:
        fields = message.header.fields
        if message.header.message_type is MessageType.signal:
            member = f"{fields.get(HeaderFields.interface)}.{fields.get(HeaderFields.member)}"
            self._signals.append(BusSignal(fields.get(HeaderFields.sender, ""), member, tuple(message.body)))
        else:  # perhaps the reply to a cancelled call: an open descriptor in it would hold the lock
            _close_all(message.body)

    def drop(self) -> None:
        """Close the descriptors of a half-received message, such as the reply to a cancelled call."""
        _close_all(self._connection.parser.fds)


def _close_all(values: Iterable[object]) -> None:
    for value in values:
        if isinstance(value, FileDescriptor):
            value.close()


@protected
@asynccontextmanager
@trio.lowlevel.enable_ki_protection
async def open_bus(address: str | None) -> AsyncGenerator[Bus, None]:
    """Connect to the bus at *address*; `None` means the system bus.

    Raises `BusError` when that is not possible. Each of its three steps takes at most 5 s.
    """
    try:
        stream = await trio.open_unix_socket(get_bus(address or "SYSTEM"))
    except (OSError, RuntimeError, ValueError) as error:
        message = f"no bus at {address or 'the address of the system bus'}: {error}"
        raise BusError(message) from error
    try:
        bus = await _authenticated(stream)
        try:
            yield bus
        finally:
            bus.drop()
    finally:
        stream.socket.close()


async def _authenticated(stream: trio.SocketStream) -> Bus:
    """Authenticate as the process's user, and call `Hello`, which D-Bus wants as the first message."""
    # Not jeepney's open_dbus_connection(), which leaks the socket when it is cancelled or
    # refused, and loops without end when the bus closes the connection.
    authenticator = Authenticator(enable_fds=True)
    with trio.move_on_after(_REPLY_TIMEOUT):
        try:
            for line in authenticator:
                await stream.send_all(line)
                authenticator.feed(await stream.receive_some() or _CLOSED)
            await stream.send_all(BEGIN)
        except (trio.BrokenResourceError, AuthenticationError) as error:
            message = f"the bus refuses the connection: {error}"
            raise BusError(message) from error
        bus = Bus(DBusConnection(stream.socket, enable_fds=True))
        await bus.call(BUS, "/org/freedesktop/DBus", f"{BUS}.Hello")
        return bus
    message = f"the bus did not accept the connection within {_REPLY_TIMEOUT:g} s"
    raise BusError(message)


_CLOSED = b"(connection closed)\r\n"  # in place of a line, so that jeepney raises an error that contains it
