"""The TCP stream under hypercorn, with the three things no ASGI server offers.

A real network resets connections, goes half-open and shows how a peer left. So
hypercorn is given this stream instead of Trio's own.
"""

from __future__ import annotations

import socket
import struct
import sys
from typing import Any, Protocol

import trio

from .log import Kind
from .tap import CloseTap

__all__ = ["ControlledStream", "Report"]

_NO_LINGER = struct.pack("hh" if sys.platform == "win32" else "ii", 1, 0)
"""`SO_LINGER` on, for 0 seconds: closing then sends RST."""


class Report(Protocol):
    """Told of what happens below the WebSocket: `CLOSE_IN`, `CLOSE_OUT`, `EOF`, `RESET`."""

    def __call__(self, kind: Kind, /, **detail: Any) -> None:
        """Take note, at once."""


def _nobody(_: Kind, /, **__: object) -> None:
    """Report to nobody: plain HTTP is not watched."""


class ControlledStream(trio.abc.HalfCloseableStream):
    """A socket stream that can be cut, reset and silenced from outside, at once.

    Attributes:
        silent: `silence()` was called.
        upgraded: `expect_frames()` was called.
        close_sent: set when a close frame was written.
    """

    def __init__(self, stream: trio.SocketStream) -> None:
        self._stream = stream
        self._report: Report = _nobody
        self._tap_in: CloseTap | None = None
        self._tap_out: CloseTap | None = None
        self.silent: bool = False
        self.upgraded: bool = False
        self.close_sent: trio.Event = trio.Event()
        self._writing = False

    @property
    def socket(self) -> trio.socket.SocketType:
        """Trio's socket; hypercorn asks it for the addresses."""
        return self._stream.socket

    def watch(self, report: Report) -> None:
        """Report from now on. Before the upgrade is answered there are only EOF and reset to tell."""
        self._report = report

    def expect_frames(self) -> None:
        """Look for close frames from now on: to be called just before the upgrade is accepted."""
        self._tap_in, self._tap_out = CloseTap(), CloseTap(head=True)
        self.upgraded = True

    # What the test, or the world, does to the connection

    def cut(self) -> None:
        """Close the socket now, waking whoever reads or writes. Idempotent."""
        self.socket.close()

    def reset(self) -> None:
        """Break the connection with RST, now. Idempotent."""
        if self.socket.fileno() < 0:
            return
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _NO_LINGER)
        self.socket.close()
        self._report(Kind.RESET, by="server")

    def silence(self) -> None:
        """Write nothing any more, and throw away what comes; the TCP connection stands."""
        self.silent = True

    # What hypercorn calls

    async def receive_some(self, max_bytes: int | None = None) -> bytes:
        """Read; while silent, nothing but the end of the stream gets through."""
        while True:
            try:
                data = bytes(await self._stream.receive_some(max_bytes))
            except trio.BrokenResourceError:
                self._report(Kind.RESET, by="client")
                raise
            if not data:
                self._report(Kind.EOF)
                return data
            for code in self._tap_in.feed(data) if self._tap_in else ():
                self._report(Kind.CLOSE_IN, code=code)
            if not self.silent:
                return data

    async def send_all(self, data: bytes | bytearray | memoryview) -> None:
        """Write; while silent, pretend to."""
        if self.silent:
            await trio.lowlevel.checkpoint()
            return
        self._writing = True
        try:
            await self._stream.send_all(data)
        finally:
            self._writing = False
        for code in self._tap_out.feed(data) if self._tap_out else ():
            self._report(Kind.CLOSE_OUT, code=code)
            self.close_sent.set()

    async def wait_send_all_might_not_block(self) -> None:
        """Wait until a write would probably not block."""
        await self._stream.wait_send_all_might_not_block()

    async def send_eof(self) -> None:
        """Close our direction; while silent, pretend to.

        At once, and not with Trio's own `send_eof()`: that one waits a moment in which a write
        would be refused as a second one, and hypercorn does not expect that.
        """
        if not self.silent:
            if self._writing:
                message = "a write is under way"
                raise trio.BusyResourceError(message)
            try:
                self.socket.shutdown(socket.SHUT_WR)
            except OSError as error:
                raise trio.BrokenResourceError from error
        await trio.lowlevel.checkpoint()

    async def aclose(self) -> None:
        """Close the socket."""
        await self._stream.aclose()
