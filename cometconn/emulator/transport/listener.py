"""A listening socket that can be closed and opened again on its port."""

from __future__ import annotations

import errno
import ipaddress
import logging
import math
import socket
import sys

import trio

__all__ = ["Listener", "listen"]

_BACKLOG = 128
_FILES_EXHAUSTED = frozenset({errno.EMFILE, errno.ENFILE, errno.ENOMEM, errno.ENOBUFS})
_RETRY_DELAY = 0.1
"""Seconds to wait before the next attempt when the process has no free file descriptor."""

_logger = logging.getLogger("cometconn.emulator")


def listen(host: str, port: int) -> trio.SocketListener:
    """Open a listening socket on an IP address and port; port 0 lets the system choose.

    Raises `OSError`, naming both, when it cannot.
    """
    family = socket.AF_INET6 if ipaddress.ip_address(host).version == 6 else socket.AF_INET  # noqa: PLR2004 - IPv6
    sock = socket.socket(family, socket.SOCK_STREAM)
    try:
        if sys.platform != "win32":  # where the option would let two servers share a port
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        sock.bind((host, port))
        sock.listen(_BACKLOG)
        return trio.SocketListener(trio.socket.from_stdlib_socket(sock))
    except OSError as error:
        sock.close()
        message = f"cannot listen on {host}, port {port}: {error.strerror}. Choose another port, or 0 for a free one."
        raise OSError(error.errno, message) from error


class Listener:
    """A listening socket that can be closed and opened again; while it is closed, `accept()` waits.

    `accept()` also opens it again when the time of `refuse_connections()` is over.

    Attributes:
        address: IP address and port, whether it listens there now or not.
    """

    def __init__(self, listener: trio.SocketListener) -> None:
        self.address: tuple[str, int] = listener.socket.getsockname()[:2]
        self._listener: trio.SocketListener | None = listener
        self._reopened = trio.lowlevel.ParkingLot()
        self._reopen_at = math.inf
        self._has_warned = False

    def refuse_connections(self, seconds: float = math.inf) -> None:
        """Close the listening socket for *seconds* from now on: the system refuses new connections."""
        self._reopen_at = trio.current_time() + seconds
        self._reopened.unpark_all()  # so that `accept()` waits for this time, and not for that of an earlier call
        if self._listener is not None:
            self._listener.socket.close()
            self._listener = None

    def accept_connections(self) -> None:
        """Listen again on the same port. Idempotent. Raises `OSError` when another process has taken the port."""
        if self._listener is None:
            self._listener = listen(*self.address)
            self._reopened.unpark_all()

    async def accept(self) -> trio.SocketStream:
        """Return the next connection.

        Without a free file descriptor, or while another process has the port, it tries again every 0.1 s. It logs a warning
        the first time.
        """
        while True:
            if self._listener is None:
                await self._wait_reopened()
                continue
            try:
                stream = await self._listener.accept()
            except trio.ClosedResourceError:  # refuse_connections()
                continue
            except OSError as error:
                if error.errno not in _FILES_EXHAUSTED:
                    raise
                self._warn("cannot accept a connection", str(error.strerror))
                await trio.sleep(_RETRY_DELAY)
            else:
                self._has_warned = False
                return stream

    async def _wait_reopened(self) -> None:
        """Wait for `accept_connections()`, or for the end of the refusal, and then listen again."""
        with trio.move_on_at(self._reopen_at):
            await self._reopened.park()
            return
        try:
            self.accept_connections()
        except OSError as error:
            self._warn("cannot listen again", str(error))
            self._reopen_at = trio.current_time() + _RETRY_DELAY

    def _warn(self, what: str, why: str) -> None:
        """Log a warning, or from the second failure in a row on a line for debugging."""
        _logger.log(logging.DEBUG if self._has_warned else logging.WARNING, "%s: %s", what, why)
        self._has_warned = True
