"""A Redis server of our own: on a unix socket in a folder of its own, with the settings that a fleet recommends."""

from __future__ import annotations

import importlib.util
import pathlib
import shutil
import socket
import subprocess
import tempfile
import time
from typing import TYPE_CHECKING, Self

from .process import LeftOutError

if TYPE_CHECKING:
    from types import TracebackType

__all__ = ["RedisProcess"]

_START = 20.0  # seconds
_SETTINGS = ("--appendonly", "yes", "--appendfsync", "everysec", "--save", "", "--maxmemory-policy", "noeviction")


class RedisProcess:
    """A running server, for as long as the `with` block runs. `LeftOutError` where none can run, or coredis is missing."""

    def __init__(self) -> None:
        program = shutil.which("redis-server") or shutil.which("valkey-server")
        if program is None:
            message = "redis-server is not installed"
            raise LeftOutError(message)
        if importlib.util.find_spec("coredis") is None:
            message = "coredis is not installed: pip install cometconn[fleet]"
            raise LeftOutError(message)
        # The path of a socket has at most 107 bytes, and that of the system's temporary folder may be longer.
        self._folder = tempfile.TemporaryDirectory(prefix="redis-", dir="/tmp")
        self._socket = pathlib.Path(self._folder.name, "redis.sock")
        self.url = f"unix://{self._socket}"
        command = [program, "--port", "0", "--unixsocket", str(self._socket), "--dir", self._folder.name, *_SETTINGS]
        self._process = subprocess.Popen(command, stdout=subprocess.DEVNULL)  # noqa: S603 - the system's program

    def __enter__(self) -> Self:
        try:
            self._wait_ready()
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()

    @property
    def cpu(self) -> float:
        """The seconds of CPU time that it has used, the kernel's share included."""
        used = self._info("cpu")
        return float(used["used_cpu_user"]) + float(used["used_cpu_sys"])

    @property
    def memory(self) -> int:
        """The bytes that its data takes."""
        return int(self._info("memory")["used_memory"])

    def empty(self) -> None:
        """Remove all keys."""
        self._call("FLUSHALL")

    def close(self) -> None:
        """Kill it: what it has saved is removed, too."""
        self._process.kill()
        self._process.wait()
        self._folder.cleanup()

    def _wait_ready(self) -> None:
        deadline = time.monotonic() + _START
        while True:
            try:
                self._call("PING")
            except OSError:
                if self._process.poll() is not None or time.monotonic() > deadline:
                    message = "redis-server does not start"
                    raise LeftOutError(message) from None
                time.sleep(0.01)
            else:
                return

    def _info(self, section: str) -> dict[str, str]:
        return dict(line.split(":", 1) for line in self._call(f"INFO {section}").splitlines() if ":" in line)

    def _call(self, command: str) -> str:
        with socket.socket(socket.AF_UNIX) as connection:
            connection.connect(str(self._socket))
            connection.sendall(f"{command}\r\n".encode())
            with connection.makefile("rb") as reply:
                first = reply.readline()
                return reply.read(int(first[1:])).decode() if first.startswith(b"$") else first.decode()
