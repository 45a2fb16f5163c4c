"""Buses that are not there, refuse the connection, close it, or do not reply."""

from __future__ import annotations

import array
import os
import pathlib
import socket
from typing import TYPE_CHECKING, Self

import pytest
import trio
import trio.testing
from jeepney import DBusAddress, Endianness, Header, HeaderFields, Message, MessageType, new_method_call
from jeepney.io.trio import DBusConnection

from cometconn.appstate import system_bus
from cometconn.appstate.system_bus import BUS, Bus, BusError, RefusedError, open_bus

from .fake_logind import NAME, kill_daemon, names, needs_daemon, open_daemon, open_logind, socket_name

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

AUTHENTICATED = b"OK 0123456789abcdef0123456789abcdef\r\n", b"AGREE_UNIX_FD\r\n"


@pytest.mark.parametrize("address", ["nonsense", "tcp:host=127.0.0.1,port=1", "unix:path=nowhere/at/all", "unix:path"])
async def test_no_bus_at_that_address(address: str) -> None:
    """Whatever is wrong with it, the address is named."""
    with pytest.raises(BusError, match=address):
        async with open_bus(address):
            raise AssertionError


async def test_the_system_bus_is_the_default(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its address may come from the environment."""
    monkeypatch.setenv("DBUS_SYSTEM_BUS_ADDRESS", "unix:path=nowhere")
    with pytest.raises(BusError, match="the address of the system bus"):
        async with open_bus(None):
            raise AssertionError


async def connect_to(folder: pathlib.Path, bus: Callable[[trio.SocketStream], Awaitable[object]]) -> None:
    """Connect to a stand-in for a bus."""
    name = socket_name(folder)
    listener = trio.socket.socket(trio.socket.AF_UNIX)
    await listener.bind(f"\0{name}")
    listener.listen()

    async def serve() -> None:
        with listener:
            connection, _ = await listener.accept()
            with connection:
                await bus(trio.SocketStream(connection))

    with trio.fail_after(10):
        async with trio.open_nursery() as nursery:
            nursery.start_soon(serve)
            try:
                async with open_bus(f"unix:abstract={name}"):
                    raise AssertionError
            finally:
                nursery.cancel_scope.cancel()


async def close_early(stream: trio.SocketStream) -> None:
    """Read the first line, and close the connection."""
    await stream.receive_some()


async def refuse(stream: trio.SocketStream) -> None:
    """Refuse the authentication."""
    await stream.receive_some()
    await stream.send_all(b"REJECTED ANONYMOUS\r\n")
    await trio.sleep_forever()


async def close_after_authentication(stream: trio.SocketStream) -> None:
    """Accept the authentication, read `Hello`, and close the connection."""
    for line in AUTHENTICATED:
        await stream.receive_some()
        await stream.send_all(line)
    await stream.receive_some()


async def stay_silent(stream: trio.SocketStream) -> None:
    """Accept the connection, and send nothing."""
    del stream
    await trio.sleep_forever()


async def stay_silent_after_authentication(stream: trio.SocketStream) -> None:
    """Accept the authentication, and send nothing more."""
    for line in AUTHENTICATED:
        await stream.receive_some()
        await stream.send_all(line)
    await trio.sleep_forever()


@pytest.mark.parametrize(
    ("bus", "words"),
    [
        (close_early, "connection closed"),
        (refuse, "REJECTED"),
        (close_after_authentication, "the bus has disconnected"),
        (stay_silent, "did not accept the connection within"),
        (stay_silent_after_authentication, "no reply within|did not accept the connection"),
    ],
    ids=lambda value: getattr(value, "__name__", ""),
)
async def test_a_bus_that_does_not_behave(
    bus: Callable[[trio.SocketStream], Awaitable[object]],
    words: str,
    tmp_path: pathlib.Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """One error, within the timeout, and no socket is left open."""
    monkeypatch.setattr(system_bus, "_REPLY_TIMEOUT", 0.1)
    with pytest.RaisesGroup(pytest.RaisesExc(BusError, match=words)):
        await connect_to(tmp_path, bus)


@needs_daemon
async def test_refusals_and_timeouts_and_disconnects(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An error reply, no reply and a lost bus raise different errors; signals that arrive during a call are kept."""
    with trio.fail_after(30):
        async with open_daemon(tmp_path) as address, open_logind(address) as logind, open_bus(address) as bus:
            await bus.subscribe(f"type='signal',sender='{NAME}'")
            with pytest.raises(RefusedError, match="UnknownMethod"):
                await bus.call(BUS, "/", f"{BUS}.NoSuchMethod")
            monkeypatch.setattr(system_bus, "_REPLY_TIMEOUT", 0.1)
            logind.is_mute = True
            with pytest.raises(BusError, match="no reply"):
                await bus.call(NAME, "/", f"{NAME}.Manager.Inhibit")
            for name in await names(address):  # a method call is not a signal
                await logind.connection.send(new_method_call(DBusAddress("/", name, "a.b"), "Hello"))
            await logind.prepare_for_sleep(True)
            with pytest.raises(BusError, match="no reply"):
                await bus.call(NAME, "/", f"{NAME}.Manager.Inhibit")
            signal = await bus.next_signal()
            assert (signal.sender, signal.member) == (
                BUS,
                f"{BUS}.NameAcquired",
            )  # the bus sends it to each new connection
            signal = await bus.next_signal()
            assert (signal.member, signal.body) == (f"{NAME}.Manager.PrepareForSleep", (True,))
            await kill_daemon(address)
            with pytest.raises(BusError, match="disconnected"):
                await bus.next_signal()
            with pytest.raises(BusError, match="disconnected"):
                await bus.call(BUS, "/", f"{BUS}.GetId")


class Held:
    """A descriptor in the reply to the first call on a bus, as logind sends its lock."""

    def __init__(self) -> None:
        ours, self.theirs = socket.socketpair()
        self.bus = Bus(DBusConnection(trio.socket.from_stdlib_socket(ours), enable_fds=True))
        self.end, self._sent = os.pipe()
        serial = next(self.bus._connection.outgoing_serial) + 1
        fields = {HeaderFields.reply_serial: serial, HeaderFields.signature: "h"}
        header = Header(Endianness.little, MessageType.method_return, 0, 1, 0, 9, fields)
        self.words = Message(header, (self._sent,)).serialise(9, fds=array.array("i"))

    def reply(self, most: int | None = None) -> None:
        """Send the reply, or its first bytes, with the descriptor."""
        socket.send_fds(self.theirs, [self.words[:most]], [self._sent])
        os.close(self._sent)

    def is_closed(self) -> bool:
        """Return whether all copies of the descriptor are closed."""
        os.set_blocking(self.end, False)
        try:
            return os.read(self.end, 1) == b""
        except BlockingIOError:
            return False

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        os.close(self.end)
        self.theirs.close()
        self.bus._connection.socket.close()


async def start_and_cancel(call: Callable[..., Awaitable[object]], *arguments: str) -> None:
    """Start a call, and cancel it once it waits for more bytes."""
    async with trio.open_nursery() as nursery:
        nursery.start_soon(call, *arguments)
        await trio.testing.wait_all_tasks_blocked()
        nursery.cancel_scope.cancel()


async def test_the_descriptor_of_half_a_reply_is_closed(
    tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A call is cancelled after the first bytes of its reply: leaving the bus closes the descriptor that came with them."""
    with Held() as held, trio.socket.socket(trio.socket.AF_UNIX) as listener:

        async def authenticated(stream: trio.SocketStream) -> Bus:
            del stream  # the bus of `held` is used instead
            await trio.lowlevel.checkpoint()
            return held.bus

        monkeypatch.setattr(system_bus, "_authenticated", authenticated)
        name = socket_name(tmp_path)
        await listener.bind(f"\0{name}")
        listener.listen()
        held.reply(20)
        async with open_bus(f"unix:abstract={name}") as bus:
            await start_and_cancel(bus.call, NAME, "/", f"{NAME}.Manager.Inhibit")
            assert not held.is_closed()
        assert held.is_closed()


async def test_the_descriptor_of_a_late_reply_is_closed() -> None:
    """The descriptor of a cancelled call is closed; otherwise the lock would be held until the bus is closed."""
    with Held() as held:
        await start_and_cancel(held.bus.call, NAME, "/", f"{NAME}.Manager.Inhibit")
        held.reply()
        await start_and_cancel(held.bus.next_signal)
        assert held.is_closed()
