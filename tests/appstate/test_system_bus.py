"""Buses that are not there, do not let us in, hang up, or do not answer."""

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

GREETED = b"OK 0123456789abcdef0123456789abcdef\r\n", b"AGREE_UNIX_FD\r\n"


@pytest.mark.parametrize("address", ["nonsense", "tcp:host=127.0.0.1,port=1", "unix:path=nowhere/at/all", "unix:path"])
async def test_no_bus_at_that_address(address: str) -> None:
    """Whatever is wrong with it, the address is named."""
    with pytest.raises(BusError, match=address):
        async with open_bus(address):
            raise AssertionError


async def test_the_system_bus_is_the_default(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its place may come from the environment."""
    monkeypatch.setenv("DBUS_SYSTEM_BUS_ADDRESS", "unix:path=nowhere")
    with pytest.raises(BusError, match="the place of the system bus"):
        async with open_bus(None):
            raise AssertionError


async def meet(folder: pathlib.Path, bus: Callable[[trio.SocketStream], Awaitable[object]]) -> None:
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


async def hang_up(stream: trio.SocketStream) -> None:
    """Take the first line, and leave."""
    await stream.receive_some()


async def refuse(stream: trio.SocketStream) -> None:
    """Let nobody in."""
    await stream.receive_some()
    await stream.send_all(b"REJECTED ANONYMOUS\r\n")
    await trio.sleep_forever()


async def leave_after_the_greeting(stream: trio.SocketStream) -> None:
    """Let us in, take the hello, and leave."""
    for line in GREETED:
        await stream.receive_some()
        await stream.send_all(line)
    await stream.receive_some()


async def say_nothing(stream: trio.SocketStream) -> None:
    """Accept, and no more."""
    del stream
    await trio.sleep_forever()


async def say_nothing_after_the_greeting(stream: trio.SocketStream) -> None:
    """Let us in, and no more."""
    for line in GREETED:
        await stream.receive_some()
        await stream.send_all(line)
    await trio.sleep_forever()


@pytest.mark.parametrize(
    ("bus", "words"),
    [
        (hang_up, "hung up"),
        (refuse, "REJECTED"),
        (leave_after_the_greeting, "the bus is gone"),
        (say_nothing, "did not let us in within"),
        (say_nothing_after_the_greeting, "no answer within|did not let us in"),
    ],
    ids=lambda value: getattr(value, "__name__", ""),
)
async def test_a_bus_that_does_not_behave(
    bus: Callable[[trio.SocketStream], Awaitable[object]],
    words: str,
    tmp_path: pathlib.Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """One error, in time, and no socket is left."""
    monkeypatch.setattr(system_bus, "_PATIENCE", 0.1)
    with pytest.RaisesGroup(pytest.RaisesExc(BusError, match=words)):
        await meet(tmp_path, bus)


@needs_daemon
async def test_refused_mute_and_gone(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An error as the answer is told from no answer, and that from no bus; signals that come during a call are kept."""
    with trio.fail_after(30):
        async with open_daemon(tmp_path) as address, open_logind(address) as logind, open_bus(address) as bus:
            await bus.subscribe(f"type='signal',sender='{NAME}'")
            with pytest.raises(RefusedError, match="UnknownMethod"):
                await bus.call(BUS, "/", f"{BUS}.NoSuchMethod")
            monkeypatch.setattr(system_bus, "_PATIENCE", 0.1)
            logind.is_mute = True
            with pytest.raises(BusError, match="no answer"):
                await bus.call(NAME, "/", f"{NAME}.Manager.Inhibit")
            for somebody in await names(address):  # to call us is not to signal
                await logind.connection.send(new_method_call(DBusAddress("/", somebody, "a.b"), "Hello"))
            await logind.prepare_for_sleep(True)
            with pytest.raises(BusError, match="no answer"):
                await bus.call(NAME, "/", f"{NAME}.Manager.Inhibit")
            signal = await bus.next_signal()
            assert (signal.sender, signal.member) == (BUS, f"{BUS}.NameAcquired")  # what every greeting brings
            signal = await bus.next_signal()
            assert (signal.member, signal.body) == (f"{NAME}.Manager.PrepareForSleep", (True,))
            await kill_daemon(address)
            with pytest.raises(BusError, match="gone"):
                await bus.next_signal()
            with pytest.raises(BusError, match="gone"):
                await bus.call(BUS, "/", f"{BUS}.GetId")


class Held:
    """A descriptor on its way in the answer to the first call on a bus, as a lock of logind's is."""

    def __init__(self) -> None:
        ours, self.theirs = socket.socketpair()
        self.bus = Bus(DBusConnection(trio.socket.from_stdlib_socket(ours), enable_fds=True))
        self.end, self._sent = os.pipe()
        serial = next(self.bus._connection.outgoing_serial) + 1
        fields = {HeaderFields.reply_serial: serial, HeaderFields.signature: "h"}
        header = Header(Endianness.little, MessageType.method_return, 0, 1, 0, 9, fields)
        self.words = Message(header, (self._sent,)).serialise(9, fds=array.array("i"))

    def answer(self, most: int | None = None) -> None:
        """Send the answer, or its first bytes, with the descriptor."""
        socket.send_fds(self.theirs, [self.words[:most]], [self._sent])
        os.close(self._sent)

    def is_let_go(self) -> bool:
        """Tell whether nobody has the descriptor any more."""
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


async def give_up(call: Callable[..., Awaitable[object]], *arguments: str) -> None:
    """Cancel a call when it has read all that is there."""
    async with trio.open_nursery() as nursery:
        nursery.start_soon(call, *arguments)
        await trio.testing.wait_all_tasks_blocked()
        nursery.cancel_scope.cancel()


async def test_half_an_answer_with_a_descriptor_is_let_go(
    tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A call is cancelled when the first bytes of its answer have come: leaving the bus closes what came with them."""
    with Held() as held, trio.socket.socket(trio.socket.AF_UNIX) as listener:

        async def greeted(stream: trio.SocketStream) -> Bus:
            del stream  # it was met before
            await trio.lowlevel.checkpoint()
            return held.bus

        monkeypatch.setattr(system_bus, "_greeted", greeted)
        name = socket_name(tmp_path)
        await listener.bind(f"\0{name}")
        listener.listen()
        held.answer(20)
        async with open_bus(f"unix:abstract={name}") as bus:
            await give_up(bus.call, NAME, "/", f"{NAME}.Manager.Inhibit")
            assert not held.is_let_go()
        assert held.is_let_go()


async def test_an_answer_that_comes_too_late_is_let_go() -> None:
    """Nobody waits for it any more: its descriptor is closed, or a lock would be held by nobody."""
    with Held() as held:
        await give_up(held.bus.call, NAME, "/", f"{NAME}.Manager.Inhibit")
        held.answer()
        await give_up(held.bus.next_signal)
        assert held.is_let_go()
