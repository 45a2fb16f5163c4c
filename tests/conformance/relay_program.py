"""A process that passes bytes on: `python relay_program.py PORT SIZE` prints its own port. Stopped, it is a peer that is stopped.

SIZE bytes have its buffers.
"""

from __future__ import annotations

import socket
import sys
import threading


def pass_on(source: socket.socket, target: socket.socket) -> None:
    """Pass on what comes, and then the end."""
    try:
        while data := source.recv(65536):
            target.sendall(data)
        target.shutdown(socket.SHUT_WR)
    except OSError:
        pass


def main() -> None:
    """Pass on every connection, until killed."""
    port, size = map(int, sys.argv[1:])
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, size)
        print(listener.getsockname()[1], flush=True)
        while True:
            client, _ = listener.accept()
            server = socket.create_connection(("127.0.0.1", port))
            server.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, size)
            for ends in ((client, server), (server, client)):
                threading.Thread(target=pass_on, args=ends, daemon=True).start()


if __name__ == "__main__":
    main()
