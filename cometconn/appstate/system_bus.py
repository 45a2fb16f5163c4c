"""D-Bus as far as it is needed here, in one task. The only importer of jeepney."""

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
"""The bus's own name: what carries it as its sender is from the bus itself."""

_PATIENCE = 5.0  # seconds for the bus to answer
_BACKLOG = 64  # signals that may wait while nobody asks for them; the newest say what holds


class BusError(Exception):
    """The bus cannot be reached, or is gone, or does not answer."""


class RefusedError(BusError):
    """A call was answered with an error; the bus is still there."""


@attrs.frozen
class BusSignal:
    """A signal.

    Attributes:
        sender: the unique name of who sent it, vouched for by the bus.
        member: the signal's name, with its interface before it.
        body: its arguments.
    """

    sender: str
    member: str
    body: tuple[Any, ...]


@attrs.define(eq=False)
class Bus:
    """A connection to a bus, for one task: signals that come during a call are kept for later."""

    _connection: DBusConnection
    _signals: deque[BusSignal] = attrs.field(factory=lambda: deque(maxlen=_BACKLOG), init=False)

    async def call(
        self, name: str, path: str, member: str, signature: str | None = None, body: tuple[Any, ...] = ()
    ) -> tuple[Any, ...]:
        """Call the method *member*, its interface before it; return what it returns.

        Raises `RefusedError` for an error as the answer, else `BusError`. At most 5 s.
        """
        interface, _, method = member.rpartition(".")
        message = new_method_call(DBusAddress(path, name, interface), method, signature, body)
        serial = next(self._connection.outgoing_serial)
        with trio.move_on_after(_PATIENCE):
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
                gone = f"{member}: the bus is gone"
                raise BusError(gone) from error
        silence = f"{member}: no answer within {_PATIENCE:g} s"
        raise BusError(silence)

    async def subscribe(self, rule: str) -> None:
        """Ask for signals by a match rule."""
        await self.call(BUS, "/org/freedesktop/DBus", f"{BUS}.AddMatch", "s", (rule,))

    async def next_signal(self) -> BusSignal:
        """Wait for the next signal. Raises `BusError` when the bus is gone; if cancelled, none is lost."""
        while not self._signals:
            try:
                self._keep(await self._connection.receive())
            except (OSError, trio.BrokenResourceError, trio.EndOfChannel) as error:
                gone = "the bus is gone"
                raise BusError(gone) from error
        return self._signals.popleft()

    def _keep(self, message: Message) -> None:
        fields = message.header.fields
        if message.header.message_type is MessageType.signal:
            member = f"{fields.get(HeaderFields.interface)}.{fields.get(HeaderFields.member)}"
            self._signals.append(BusSignal(fields.get(HeaderFields.sender, ""), member, tuple(message.body)))
        else:  # perhaps the answer to a call that was given up, with a lock that nobody would let go
            _close_all(message.body)

    def drop(self) -> None:
        """Let go of what came and was not read to its end: a call that was cancelled may have got half an answer."""
        _close_all(self._connection.parser.fds)


def _close_all(values: Iterable[object]) -> None:
    for value in values:
        if isinstance(value, FileDescriptor):
            value.close()


@protected
@asynccontextmanager
@trio.lowlevel.enable_ki_protection
async def open_bus(address: str | None) -> AsyncGenerator[Bus, None]:
    """Connect to the bus at *address*; `None` means the system's.

    Raises `BusError` when that is not possible, within 5 s for each of its three steps.
    """
    try:
        stream = await trio.open_unix_socket(get_bus(address or "SYSTEM"))
    except (OSError, RuntimeError, ValueError) as error:
        message = f"no bus at {address or 'the place of the system bus'}: {error}"
        raise BusError(message) from error
    try:
        bus = await _greeted(stream)
        try:
            yield bus
        finally:
            bus.drop()
    finally:
        stream.socket.close()


async def _greeted(stream: trio.SocketStream) -> Bus:
    """Authenticate as our user, and say hello, which has to be the first message."""
    # Not jeepney's own open_dbus_connection(): that one leaks the socket when it is cancelled
    # or refused, and spins when the bus hangs up.
    authenticator = Authenticator(enable_fds=True)
    with trio.move_on_after(_PATIENCE):
        try:
            for line in authenticator:
                await stream.send_all(line)
                authenticator.feed(await stream.receive_some() or _HUNG_UP)
            await stream.send_all(BEGIN)
        except (trio.BrokenResourceError, AuthenticationError) as error:
            message = f"the bus does not let us in: {error}"
            raise BusError(message) from error
        bus = Bus(DBusConnection(stream.socket, enable_fds=True))
        await bus.call(BUS, "/org/freedesktop/DBus", f"{BUS}.Hello")
        return bus
    message = f"the bus did not let us in within {_PATIENCE:g} s"
    raise BusError(message)


_HUNG_UP = b"(it hung up)\r\n"
