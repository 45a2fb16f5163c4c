"""A server of login requests, a process of its own: `python -m benchmarks.rest_server`. It prints its port.

Each line of its input is answered with the number of connections so far. It ends with its input.
"""

from __future__ import annotations

import contextlib
import json
import socket
import sys
import threading

from .encryption import encrypted
from .frames import LOGIN
from .sockets import Peer

__all__ = ["main"]

_HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n"


class _Server:
    """Handles each connection in a thread of its own."""

    def __init__(self) -> None:
        self.connections = 0

    def serve(self, listener: socket.socket) -> None:
        """Accept connections until the process ends."""
        while True:
            connection, _ = listener.accept()
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self.connections += 1
            threading.Thread(target=self._serve_one, args=(connection,), daemon=True).start()

    def _serve_one(self, connection: socket.socket) -> None:
        with contextlib.suppress(OSError, EOFError), Peer(encrypted(connection)) as peer:
            while True:
                peer.request()
                peer.send(_HEAD % len(LOGIN) + LOGIN)


def main() -> None:
    """Serve until the input ends."""
    server = _Server()
    with socket.create_server(("127.0.0.1", 0)) as listener:
        threading.Thread(target=server.serve, args=(listener,), daemon=True).start()
        print(json.dumps({"port": listener.getsockname()[1]}), flush=True)
        for _ in sys.stdin:
            print(json.dumps({"connections": server.connections}), flush=True)


if __name__ == "__main__":
    main()
