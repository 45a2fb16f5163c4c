"""A D-Bus daemon of one's own, and the part of systemd-logind that sleep is about."""

from __future__ import annotations

import os
import pathlib
import shutil
import signal
import subprocess
import tempfile
import threading
import zlib
from contextlib import asynccontextmanager
from functools import partial
from typing import TYPE_CHECKING, Any

import attrs
import pytest
import trio
from jeepney import DBusAddress, HeaderFields, MessageType, new_error, new_method_return, new_signal
from jeepney.bus_messages import message_bus
from jeepney.io.trio import DBusConnection, open_dbus_connection

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

NAME = "org.freedesktop.login1"
MANAGER = DBusAddress("/org/freedesktop/login1", NAME, "org.freedesktop.login1.Manager")

# Nothing of the machine's own: no services to start, no folders to watch, no security module to ask.
CONFIGURATION = """\
<!DOCTYPE busconfig PUBLIC "-//freedesktop//DTD D-Bus Bus Configuration 1.0//EN"
 "http://www.freedesktop.org/standards/dbus/1.0/busconfig.dtd">
<busconfig>
  <type>session</type>
  <listen>{address}</listen>
  <auth>EXTERNAL</auth>
  <apparmor mode="disabled"/>
  <policy context="default">
    <allow send_destination="*" eavesdrop="true"/>
    <allow eavesdrop="true"/>
    <allow own="*"/>
  </policy>
</busconfig>
"""


def socket_name(folder: pathlib.Path) -> str:
    """Return the name of an abstract socket for *folder*: the path of one in it can be longer than sockets' may be."""
    return f"cometconn-{zlib.crc32(bytes(folder)):08x}"


def _command(folder: pathlib.Path) -> list[str]:
    address = f"unix:abstract={socket_name(folder)}"
    configuration = folder / "bus.conf"
    configuration.write_text(CONFIGURATION.format(address=address))
    return ["dbus-daemon", f"--config-file={configuration}", "--nofork", "--nopidfile", "--print-address"]


def why_not() -> str:
    """Why no bus can be run on this machine, now; nothing if one can."""
    if shutil.which("dbus-daemon") is None:
        return "dbus-daemon is not installed (Debian: apt-get install dbus-daemon)"
    with tempfile.TemporaryDirectory() as folder:
        pipe = subprocess.PIPE
        with subprocess.Popen(_command(pathlib.Path(folder)), stdout=pipe, stderr=pipe, text=True) as daemon:
            assert daemon.stdout is not None
            patience = threading.Timer(10, daemon.kill)
            patience.start()
            address = daemon.stdout.readline()
            daemon.terminate()
            _, words = daemon.communicate()
            patience.cancel()
    return "" if address else f"dbus-daemon does not run here: {words.strip() or daemon.returncode}"


needs_daemon = pytest.mark.usefixtures("message_bus")


@asynccontextmanager
async def open_daemon(folder: pathlib.Path) -> AsyncGenerator[str, None]:
    """Run a real dbus-daemon that nobody else uses; give its address. It is the same one each time."""
    async with trio.open_nursery() as nursery:
        process: trio.Process = await nursery.start(
            partial(trio.run_process, _command(folder), stdout=subprocess.PIPE, stderr=subprocess.PIPE, check=False)
        )
        assert process.stdout is not None
        assert process.stderr is not None
        with trio.fail_after(10):
            address, _, guid = (await process.stdout.receive_some()).decode().partition(",guid=")
            assert guid, f"the daemon is gone: {await process.stderr.receive_some()!r}"
        try:
            yield address
        finally:
            process.terminate()


@attrs.define(eq=False)
class Inhibitor:
    """A lock that somebody has taken, with our end of its pipe."""

    words: tuple[str, ...]
    end: trio.lowlevel.FdStream

    async def released(self) -> None:
        """Wait until nobody holds it any more."""
        with trio.fail_after(5):
            assert await self.end.receive_some() == b""

    @property
    def held(self) -> bool:
        """Whether it is held at this moment."""
        try:
            return os.read(self.end.fileno(), 1) != b""
        except BlockingIOError:
            return True


@attrs.define(eq=False)
class FakeLogind:
    """Owns logind's name, gives locks, and says what the test wants."""

    connection: DBusConnection
    preparing: bool = False
    refuses: bool = False
    is_mute: bool = False
    locks: list[Inhibitor] = attrs.field(factory=list)
    calls: trio.lowlevel.ParkingLot = attrs.field(factory=trio.lowlevel.ParkingLot)

    async def prepare_for_sleep(self, sleeping: bool) -> None:
        """Announce it to everybody."""
        self.preparing = sleeping
        await self.connection.send(new_signal(MANAGER, "PrepareForSleep", "b", (sleeping,)))

    async def lock(self, number: int = 1) -> Inhibitor:
        """Wait for the so-manieth lock."""
        with trio.fail_after(5):
            while len(self.locks) < number:
                await self.calls.park()
        return self.locks[number - 1]

    async def serve(self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        """Answer calls."""
        task_status.started()
        while True:
            try:
                message = await self.connection.receive()
            except trio.EndOfChannel:
                return  # the bus is gone
            if message.header.message_type is MessageType.method_call and not self.is_mute:
                await self._answer(message)
            self.calls.unpark_all()

    async def _answer(self, message: Any) -> None:
        member = message.header.fields[HeaderFields.member]
        if self.refuses:
            await self.connection.send(new_error(message, "org.freedesktop.DBus.Error.AccessDenied", "s", ("No.",)))
        elif member == "Get":
            assert message.body == (MANAGER.interface, "PreparingForSleep")
            await self.connection.send(new_method_return(message, "v", (("b", self.preparing),)))
        else:
            assert member == "Inhibit"
            ours, theirs = os.pipe()
            os.set_blocking(ours, False)
            self.locks.append(Inhibitor(message.body, trio.lowlevel.FdStream(ours)))
            try:
                await self.connection.send(new_method_return(message, "h", (theirs,)))
            finally:
                os.close(theirs)


@asynccontextmanager
async def open_logind(address: str) -> AsyncGenerator[FakeLogind, None]:
    """Be logind on that bus."""
    async with await open_dbus_connection(address, enable_fds=True) as connection:
        await _ask(connection, message_bus.RequestName(NAME))
        logind = FakeLogind(connection)
        try:
            async with trio.open_nursery() as nursery:
                await nursery.start(logind.serve)
                yield logind
                nursery.cancel_scope.cancel()
        finally:
            for lock in logind.locks:
                await trio.aclose_forcefully(lock.end)


async def lie(address: str, to: str) -> None:
    """Announce sleep in logind's words, to one program, without being logind."""
    async with await open_dbus_connection(address) as connection:
        words = new_signal(MANAGER, "PrepareForSleep", "b", (True,))
        words.header.fields[HeaderFields.destination] = to
        await connection.send(words)
        await _ask(connection, message_bus.GetId())  # so the bus has handled it


async def kill_daemon(address: str) -> None:
    """End the daemon at once, whatever is connected to it."""
    async with await open_dbus_connection(address) as connection:
        (pid,) = await _ask(connection, message_bus.GetConnectionUnixProcessID("org.freedesktop.DBus"))
    os.kill(pid, signal.SIGKILL)


async def names(address: str) -> list[str]:
    """The unique names of everybody on the bus but us."""
    async with await open_dbus_connection(address) as connection:
        (everybody,) = await _ask(connection, message_bus.ListNames())
        return [name for name in everybody if name.startswith(":") and name != connection.unique_name]


async def _ask(connection: DBusConnection, message: Any) -> tuple[Any, ...]:
    async with connection.router() as router:
        return (await router.send_and_get_reply(message)).body
