"""The TCP or TLS stream under hypercorn, with three things that no ASGI server offers.

It can reset the connection, make it half-open, and report how the client ended it. Hypercorn
gets this stream instead of Trio's own.
"""

from __future__ import annotations

import socket
import struct
import sys
from typing import Any, Protocol

import trio

from cometconn.emulator.log import Kind

from .close_frame_sniffer import CloseFrameSniffer

__all__ = ["ControlledStream", "Report"]

_NO_LINGER = struct.pack("hh" if sys.platform == "win32" else "ii", 1, 0)
"""`SO_LINGER` on, for 0 seconds: closing then sends RST."""


class Report(Protocol):
    """Called with what happens below the WebSocket: `CLOSE_IN`, `CLOSE_OUT`, `EOF`, `RESET`."""

    def __call__(self, kind: Kind, /, **detail: Any) -> None:
        """Record it. Must not block."""


def _no_report(_: Kind, /, **__: object) -> None:
    """Record nothing: plain HTTP is not watched."""


class ControlledStream(trio.abc.HalfCloseableStream):
    """A socket stream that can be closed, reset and silenced at once, even while a task reads or writes.

    Attributes:
        silent: `silence()` was called.
        upgraded: `expect_frames()` was called.
        close_sent: set when a close frame was written.
    """

    def __init__(self, stream: trio.SocketStream | trio.SSLStream[trio.SocketStream]) -> None:
        self._stream = stream
        self._transport = stream.transport_stream if isinstance(stream, trio.SSLStream) else stream
        self._report: Report = _no_report
        self._sniffer_in: CloseFrameSniffer | None = None
        self._sniffer_out: CloseFrameSniffer | None = None
        self.silent: bool = False
        self.upgraded: bool = False
        self.close_sent: trio.Event = trio.Event()
        self._writing = False

    @property
    def socket(self) -> trio.socket.SocketType:
        """Trio's socket; hypercorn reads the addresses from it."""
        return self._transport.socket

    async def handshake(self) -> None:
        """Do the TLS handshake, if this is a TLS stream. Raises `trio.BrokenResourceError` when it fails.

        Hypercorn would do it without knowing this class, so that it is done before.
        """
        if isinstance(self._stream, trio.SSLStream):
            await self._stream.do_handshake()

    def watch(self, report: Report) -> None:
        """Report from now on. Until `expect_frames()` is called that is only EOF and reset."""
        self._report = report

    def expect_frames(self) -> None:
        """Look for close frames from now on. Must be called just before the upgrade is accepted."""
        self._sniffer_in, self._sniffer_out = CloseFrameSniffer(), CloseFrameSniffer(head=True)
        self.upgraded = True

    # What a test, or the `World`, does to the connection

    def cut(self) -> None:
        """Close the socket now; tasks that read or write get `trio.ClosedResourceError`. Idempotent."""
        self.socket.close()

    def reset(self) -> None:
        """Break the connection with RST, now. Idempotent."""
        if self.socket.fileno() < 0:
            return
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _NO_LINGER)
        self.socket.close()
        self._report(Kind.RESET, by="server")

    def silence(self) -> None:
        """Write nothing any more and drop what comes; the TCP connection stays."""
        self.silent = True

    # What hypercorn calls

    async def receive_some(self, max_bytes: int | None = None) -> bytes:
        """Read; while silent, return nothing but the end of the stream."""
        while True:
            try:
                data = bytes(await self._stream.receive_some(max_bytes))
            except trio.BrokenResourceError:
                self._report(Kind.RESET, by="client")
                raise
            if not data:
                self._report(Kind.EOF)
                return data
            for code in self._sniffer_in.feed(data) if self._sniffer_in else ():
                self._report(Kind.CLOSE_IN, code=code)
            if not self.silent:
                return data

    async def send_all(self, data: bytes | bytearray | memoryview) -> None:
        """Write; while silent, drop *data*."""
        if self.silent:
            await trio.lowlevel.checkpoint()
            return
        self._writing = True
        try:
            await self._stream.send_all(data)
        finally:
            self._writing = False
        for code in self._sniffer_out.feed(data) if self._sniffer_out else ():
            self._report(Kind.CLOSE_OUT, code=code)
            self.close_sent.set()

    async def wait_send_all_might_not_block(self) -> None:
        """Wait until a write would probably not block."""
        await self._stream.wait_send_all_might_not_block()

    async def send_eof(self) -> None:
        """Send EOF; while silent, do nothing.

        Not with Trio's own `send_eof()`: it is a checkpoint that makes a `send_all()` at the same
        time raise `trio.BusyResourceError`, which hypercorn does not expect.
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
