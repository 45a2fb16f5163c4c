"""A Redis server of our own, on a unix socket in a temporary folder, and a client of a few lines for what tests do to it."""

from __future__ import annotations

import pathlib
import shutil
import socket
import subprocess
import tempfile
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["PROGRAM", "RedisServer", "call"]

PROGRAM = shutil.which("redis-server") or shutil.which("valkey-server")
_START = 20.0  # seconds


class RedisServer:
    """A running server. `options` are those of its command line."""

    def __init__(self, folder: pathlib.Path, *options: str) -> None:
        assert PROGRAM is not None, "redis-server is installed"
        # The path of a socket has at most 107 bytes, so it is not in *folder*, whose path may be longer.
        self._sockets = tempfile.TemporaryDirectory(prefix="redis-", dir="/tmp")
        self.socket = pathlib.Path(self._sockets.name) / "redis.sock"
        self.url = f"unix://{self.socket}"
        command = [PROGRAM, "--port", "0", "--unixsocket", str(self.socket), "--dir", str(folder), "--save", ""]
        self._command = [*command, "--daemonize", "no", *options]
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start it, and return when it takes commands."""
        self.process = subprocess.Popen(self._command, stdout=subprocess.DEVNULL)
        deadline = time.monotonic() + _START
        while True:
            try:
                call(self.socket, "PING")
            except (OSError, RuntimeError) as error:
                if time.monotonic() > deadline or self.process.poll() is not None:
                    raise
                if "NOAUTH" in str(error):
                    return
                time.sleep(0.01)
            else:
                return

    def stop(self) -> None:
        """Kill it."""
        if self.process is not None:
            self.process.kill()
            self.process.wait()
            self.process = None
        self.socket.unlink(missing_ok=True)

    @contextmanager
    def running(self) -> Iterator[RedisServer]:
        """Start it, and kill it at the end."""
        self.start()
        try:
            yield self
        finally:
            self.stop()
            self._sockets.cleanup()


def call(path: pathlib.Path, *arguments: str | bytes) -> Any:
    """Make one command on a connection of its own. Raises `RuntimeError` if Redis refuses it."""
    parts = [part.encode() if isinstance(part, str) else part for part in arguments]
    request = b"*%d\r\n" % len(parts) + b"".join(b"$%d\r\n%b\r\n" % (len(part), part) for part in parts)
    with socket.socket(socket.AF_UNIX) as connection:
        connection.connect(str(path))
        connection.sendall(request)
        with connection.makefile("rb") as replies:
            return _reply(replies)


def _reply(replies: Any) -> Any:
    kind, text = (line := replies.readline())[:1], line[1:-2]
    if kind == b"-":
        raise RuntimeError(text.decode())
    if kind == b"$":
        return None if text == b"-1" else replies.read(int(text) + 2)[:-2]
    if kind == b"*":
        return [_reply(replies) for _ in range(int(text))]
    return int(text) if kind == b":" else text
