"""A private D-Bus daemon, and a stand-in for the part of systemd-logind that announces sleep."""

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

# Independent of the machine: no services to start, no folders to watch, no security module.
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
    """Return the name of an abstract socket for *folder*, whose path may be too long for a socket."""
    return f"cometconn-{zlib.crc32(bytes(folder)):08x}"


def _command(folder: pathlib.Path) -> list[str]:
    address = f"unix:abstract={socket_name(folder)}"
    configuration = folder / "bus.conf"
    configuration.write_text(CONFIGURATION.format(address=address))
    return ["dbus-daemon", f"--config-file={configuration}", "--nofork", "--nopidfile", "--print-address"]


def why_not() -> str:
    """Return why no bus can run on this machine; an empty string if one can."""
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
    """Run a real, private dbus-daemon and yield its address, which is the same for each daemon in *folder*."""
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
    """A lock that was taken, with our end of its pipe."""

    words: tuple[str, ...]
    end: trio.lowlevel.FdStream

    async def released(self) -> None:
        """Wait until it is released."""
        with trio.fail_after(20):
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
    """Owns logind's bus name, gives locks, and sends what the test wants."""

    connection: DBusConnection
    preparing: bool = False
    refuses: bool = False
    is_mute: bool = False
    locks: list[Inhibitor] = attrs.field(factory=list)
    calls: trio.lowlevel.ParkingLot = attrs.field(factory=trio.lowlevel.ParkingLot)

    async def prepare_for_sleep(self, sleeping: bool) -> None:
        """Broadcast the signal."""
        self.preparing = sleeping
        await self.connection.send(new_signal(MANAGER, "PrepareForSleep", "b", (sleeping,)))

    async def lock(self, number: int = 1) -> Inhibitor:
        """Wait for the lock with this number, from 1."""
        with trio.fail_after(20):
            while len(self.locks) < number:
                await self.calls.park()
        return self.locks[number - 1]

    async def serve(self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        """Reply to calls."""
        task_status.started()
        while True:
            try:
                message = await self.connection.receive()
            except trio.EndOfChannel:
                return  # the bus has disconnected
            if message.header.message_type is MessageType.method_call and not self.is_mute:
                await self._reply(message)
            self.calls.unpark_all()

    async def _reply(self, message: Any) -> None:
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
    """Run a stand-in for logind on that bus."""
    async with await open_dbus_connection(address, enable_fds=True) as connection:
        await _call(connection, message_bus.RequestName(NAME))
        logind = FakeLogind(connection)
        try:
            async with trio.open_nursery() as nursery:
                await nursery.start(logind.serve)
                yield logind
                nursery.cancel_scope.cancel()
        finally:
            for lock in logind.locks:
                await trio.aclose_forcefully(lock.end)


async def send_false_signal(address: str, to: str) -> None:
    """Send logind's announcement of sleep to one program, without owning logind's name."""
    async with await open_dbus_connection(address) as connection:
        words = new_signal(MANAGER, "PrepareForSleep", "b", (True,))
        words.header.fields[HeaderFields.destination] = to
        await connection.send(words)
        await _call(connection, message_bus.GetId())  # when it replies, the bus has delivered the signal


async def kill_daemon(address: str) -> None:
    """Kill the daemon, whatever is connected to it."""
    async with await open_dbus_connection(address) as connection:
        (pid,) = await _call(connection, message_bus.GetConnectionUnixProcessID("org.freedesktop.DBus"))
    os.kill(pid, signal.SIGKILL)


async def names(address: str) -> list[str]:
    """Return the unique names of all other connections to the bus."""
    async with await open_dbus_connection(address) as connection:
        (all_names,) = await _call(connection, message_bus.ListNames())
        return [name for name in all_names if name.startswith(":") and name != connection.unique_name]


async def _call(connection: DBusConnection, message: Any) -> tuple[Any, ...]:
    async with connection.router() as router:
        return (await router.send_and_get_reply(message)).body
