"""TLS for the WebSocket: a read returns all that has come, and a short write needs no wait.

`trio.SSLStream` returns one record of 16 KiB at a time, with several passes of the scheduler for each, and cannot write
without one. So a burst took longer, and `enter_background()` could not write its close frame at once. REST, whose
requests are few, and proxies stay with it.
"""

from __future__ import annotations

import contextlib
import ssl
from typing import Final, TypeAlias

import trio

from .bare_socket import is_bare, receive_some, send_some, write_nowait

__all__ = ["TlsSessions", "TlsStream"]

_RECORD: Final = 16 * 1024  # bytes of a record's content, at most (RFC 8446, section 5.1)
_MOST: Final = 64 * 1024  # bytes of a read, if the caller sets no limit
_MOST_KEPT: Final = 64 * 1024  # bytes of replies that the socket does not take


TlsSessions: TypeAlias = dict[tuple[ssl.SSLContext, str], ssl.SSLSession]
"""The latest TLS session with each host: the next handshake with it needs no certificate.

A session belongs to the setting it was made with. With another one, the host's certificate might not have been accepted.
"""


class TlsStream(trio.abc.Stream):
    """A client's TLS over *stream*, which it closes.

    One task may read while another one writes. A socket is read and written with as few steps as `bare_socket` needs;
    of other streams only `receive_some()` and `send_all()` are used.

    What is encrypted cannot be taken back, because the server expects the records in their order. So what the socket
    does not take stays here (`unsent`), and goes before whatever is sent next: a cancelled `send_all()` tears no record.
    Where *stream* is no socket, it may; then nothing is sent any more.

    The end of the stream without TLS's `close_notify` is an end like another: a WebSocket has a close frame of its own. A
    renegotiation (TLS 1.2) is refused.

    Args:
        stream: leads to the server.
        ssl_context: the setting.
        host: the name that the certificate must have.
        sessions: the session of an earlier connection is resumed from here, and this one's kept.
    """

    __slots__ = (
        "__weakref__",
        "_at",
        "_closed",
        "_ended",
        "_failure",
        "_host",
        "_incoming",
        "_more",
        "_object",
        "_outgoing",
        "_read",
        "_replies",
        "_sessions",
        "_stream",
        "_unsent",
    )

    def __init__(
        self, stream: trio.abc.Stream, ssl_context: ssl.SSLContext, host: str, sessions: TlsSessions | None = None
    ) -> None:
        self._stream = stream
        self._host = host
        self._sessions = sessions
        self._incoming, self._outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        session = None if sessions is None else sessions.get((ssl_context, host))
        options = ssl_context.options
        try:
            # An object copies the options of its context when it is made. The context is the application's.
            ssl_context.options = options | ssl.OP_NO_RENEGOTIATION
            self._object = ssl_context.wrap_bio(self._incoming, self._outgoing, server_hostname=host, session=session)
        finally:
            ssl_context.options = options
        self._read = b""  # what was read; it is still to be decrypted from `_at` on
        self._at = 0
        self._more = True  # some of it may be decrypted: the first record can come with the end of the handshake
        self._unsent = bytearray()
        self._replies = 0  # bytes of replies in it, at most
        self._failure: Exception | None = None
        self._ended = False
        self._closed = False

    @property
    def ssl_object(self) -> ssl.SSLObject:
        """What encrypts and decrypts. It has the server's certificate, the version and the session."""
        return self._object

    @property
    def transport_stream(self) -> trio.abc.Stream:
        """The stream below."""
        return self._stream

    async def do_handshake(self) -> None:
        """Do the handshake, before anything else. If it fails or is cancelled, the caller closes the stream.

        Raises `ssl.SSLError`, also if the server ends the stream meanwhile, and `trio.BrokenResourceError`.
        """
        while True:
            try:
                self._object.do_handshake()
            except ssl.SSLWantReadError:
                self._collect()
                await self._send_unsent()
                self._take_in(await receive_some(self._stream, _RECORD))
            except ssl.SSLError as error:
                self._fail(error)
                self._collect()  # the alert, from which the server learns why
                self._write_some()
                raise
            else:
                break
        self._collect()
        await self._send_unsent()

    # Reading.

    async def receive_some(self, max_bytes: int | None = None) -> bytes:
        """Return all that has come, at most *max_bytes*, by default 64 KiB; no bytes at the end.

        If cancelled, nothing is lost.
        """
        most = _MOST if max_bytes is None else max_bytes
        if most < 1:
            message = f"max_bytes is {most}: it must be at least 1"
            raise ValueError(message)
        data = b""
        if self._more:
            await trio.lowlevel.checkpoint()
            data = self._decrypt(most)
        while not data:
            if self._closed or self._failure is not None:
                self._check_open()
            if self._ended:
                break
            # Not in a method of its own: for as long as the server is silent, that would be half a KB per connection.
            self._take_in(await receive_some(self._stream, most))
            data = self._decrypt(most)
        return data

    def _take_in(self, data: bytes | bytearray) -> None:
        if len(data) > _RECORD:
            self._read, self._at = bytes(data), 0
            self._digest()
        elif data:
            self._incoming.write(data)
        else:
            self._incoming.write_eof()

    def _decrypt(self, most: int) -> bytes:
        """Decrypt what was read, up to *most* bytes of content. A failure is for the next call, behind them."""
        parts: list[bytes] = []
        try:
            while self._has_input():
                wanted = min(most, _RECORD)
                try:
                    part = self._object.read(wanted)
                except ssl.SSLWantReadError:
                    continue  # only a part of a record has come
                if not part:  # TLS's `close_notify`
                    self._ended = True
                    break
                parts.append(part)
                most -= len(part)
                if not most or (len(part) < wanted and not self._has_unread):
                    break
        except ssl.SSLEOFError:
            self._ended = True
        except ssl.SSLError as error:
            self._fail(error)
        self._more = not most
        if self._outgoing.pending:
            self._reply()
        return parts[0] if len(parts) == 1 else b"".join(parts)

    def _reply(self) -> None:
        """Send OpenSSL's reply to what it has read, such as an alert. A server must not fill the memory with them."""
        self._replies += self._outgoing.pending
        self._collect()
        self._write_some()
        if not self._unsent:
            self._replies = 0
        elif self._replies > _MOST_KEPT:
            self._fail(ssl.SSLError("the server makes TLS reply, and does not read the replies"))

    @property
    def _has_unread(self) -> bool:
        """Whether there is something that OpenSSL has not read from `_incoming`. It may have more that it has decrypted."""
        return bool(self._incoming.pending or self._read or self._incoming.eof)

    def _has_input(self) -> bool:
        """Return whether OpenSSL has something to read, of which it gets a record at a time: a `MemoryBIO` never shrinks."""
        if self._incoming.pending or self._object.pending():
            return True
        if self._read:
            self._digest()
            return True
        return self._incoming.eof and not self._ended

    def _digest(self) -> None:
        """Hand the next piece of what was read, of which there is some, to OpenSSL."""
        end = self._at + _RECORD
        self._incoming.write(self._read[self._at : end])
        self._at = end
        if end >= len(self._read):
            self._read, self._at = b"", 0

    # Writing.

    @property
    def unsent(self) -> bool:
        """Whether something that was accepted is still to be sent. `send_all(b"")` sends it."""
        return bool(self._unsent)

    async def send_all(self, data: bytes | bytearray | memoryview) -> None:
        """Send *data*, after what is unsent. If cancelled before the first byte, nothing of it is ever sent."""
        await trio.lowlevel.checkpoint_if_cancelled()
        self._check_open()
        self._encrypt(data)
        await self._send_unsent()
        await trio.lowlevel.cancel_shielded_checkpoint()

    def write_nowait(self, data: bytes) -> int:
        """Accept all of *data* or nothing, and return how many bytes. What the socket does not take now is `unsent`."""
        if self._unsent or self._failure is not None or self._closed or not is_bare(self._stream):
            return 0
        self._encrypt(data)
        self._write_some()
        return len(data)

    async def wait_send_all_might_not_block(self) -> None:
        """Wait until the stream below takes bytes."""
        self._check_open()
        await self._stream.wait_send_all_might_not_block()

    def _encrypt(self, data: bytes | bytearray | memoryview) -> None:
        with memoryview(data) as whole:
            for start in range(0, len(whole), _RECORD):
                try:
                    self._object.write(whole[start : start + _RECORD])
                except ssl.SSLError as error:
                    self._fail(error)
                    raise trio.BrokenResourceError from error
                self._collect()

    def _collect(self) -> None:
        """Take what OpenSSL has to send."""
        if self._outgoing.pending:
            self._unsent += self._outgoing.read()

    def _write_some(self) -> None:
        del self._unsent[: write_nowait(self._stream, self._unsent)]

    async def _send_unsent(self) -> None:
        while self._unsent:
            if is_bare(self._stream):
                del self._unsent[: await send_some(self._stream, self._unsent)]
                continue
            data = bytes(self._unsent)
            self._unsent.clear()
            try:
                await self._stream.send_all(data)
            except BaseException:
                self._fail(ssl.SSLError("a record was cut"))
                raise

    # The end.

    def _fail(self, error: Exception) -> None:
        # Without its traceback, whose frames refer to this object.
        self._failure = self._failure or error.with_traceback(None)

    def _check_open(self) -> None:
        if self._closed:
            message = "this stream was closed"
            raise trio.ClosedResourceError(message)
        if self._failure is not None:
            raise trio.BrokenResourceError from self._failure

    async def aclose(self) -> None:
        """Send `close_notify`, if the socket takes it now, and close the stream below. The server's is not waited for."""
        if not self._closed:
            self._closed = True
            if self._failure is None:
                self._notify_closing()
            self._read = b""
            self._unsent.clear()
        await self._stream.aclose()

    def _notify_closing(self) -> None:
        if self._sessions is not None and self._object.session is not None:  # with TLS 1.3 it comes after the handshake
            self._sessions[self._object.context, self._host] = self._object.session
        if self._unsent:
            return
        # SSLWantReadError, because the server's `close_notify` has not come, or the handshake was not over.
        with contextlib.suppress(ssl.SSLError):
            self._object.unwrap()
        self._collect()
        self._write_some()
