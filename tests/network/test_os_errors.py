"""The error message of the operating system is extracted from nested errors."""

from __future__ import annotations

import errno
import os
import socket
import ssl

import pytest
import trio

from cometconn._network.os_errors import (
    ConnectFailedError,
    never_connected,
    os_error_text,
    sole_os_error,
    without_traceback,
)


async def test_trios_attempts() -> None:
    """The reason is found behind Trio's summary of its attempts."""
    with socket.socket() as unheard:
        unheard.bind(("127.0.0.1", 0))
        with trio.fail_after(20), pytest.raises(OSError) as caught:
            await trio.open_tcp_stream("127.0.0.1", unheard.getsockname()[1])
    assert os_error_text(caught.value) == os.strerror(errno.ECONNREFUSED)


@pytest.mark.parametrize(
    ("inner", "text"),
    [
        ([ConnectionRefusedError(111, "no")], "[Errno 111] no"),
        ([ConnectionRefusedError(111, "no"), ConnectionRefusedError(111, "no, too")], "[Errno 111] no"),
        ([ConnectionRefusedError(111, "no"), OSError(101, "unreachable")], "no; unreachable"),
        ([ValueError()], "summary"),
        ([], "summary"),
    ],
)
def test_the_sole_error_of_several_attempts(inner: list[Exception], text: str) -> None:
    """It is the error that all addresses gave, or the texts of the different ones; else the summary itself."""
    summary = OSError("summary")
    summary.__cause__ = ExceptionGroup("", inner) if inner else None
    assert str(sole_os_error(summary)) == text


def test_tracebacks_are_removed_from_connection_errors_only() -> None:
    """Those of an error that may be a mistake in a program's own `Environment` stay, and a cycle of causes ends."""

    def raised(error: Exception, cause: Exception | None = None) -> Exception:
        try:
            raise error from cause
        except type(error) as caught:
            return caught

    inner = raised(OSError("inner"))
    outer = without_traceback(raised(ConnectionError("outer"), inner))
    assert (inner.__traceback__, outer.__traceback__) == (None, None)
    assert without_traceback(raised(TypeError("a mistake"))).__traceback__ is not None
    inner.__cause__ = outer
    assert without_traceback(outer) is outer


def test_a_name_that_is_unknown() -> None:
    """The reason of a failed lookup is found inside of a group and a cause."""
    lookup = socket.gaierror(socket.EAI_NONAME, "Name or service not known")
    outer = ConnectionError("broken")
    outer.__cause__ = ExceptionGroup("", [ValueError(), lookup])
    assert os_error_text(outer) == "Name or service not known"


def test_the_message_of_a_tls_error() -> None:
    """It is the error's own message and not the one of its number."""
    error = ssl.SSLCertVerificationError(1, "certificate verify failed: self-signed certificate")
    assert "self-signed" in os_error_text(error)


def test_a_server_without_tls() -> None:
    """The message names it, although OpenSSL reports a wrong version number."""
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    incoming.write(b"HTTP/1.1 400 Bad Request\r\n\r\n")
    tls = ssl.create_default_context().wrap_bio(incoming, outgoing, server_hostname="example.com")
    with pytest.raises(ssl.SSLError) as caught:
        tls.do_handshake()
    outer = ConnectionError("broken")
    outer.__cause__ = caught.value
    assert "does not speak TLS" in os_error_text(outer)


def test_an_error_without_causes() -> None:
    """The result is its own message, or the name of its class; a cycle of causes ends."""
    assert os_error_text(ValueError("odd")) == "odd"
    circle = ValueError()
    circle.__cause__ = TypeError()
    circle.__cause__.__cause__ = circle
    assert os_error_text(circle) == "ValueError"


@pytest.mark.parametrize(
    ("reason", "words"),
    [
        ("TLSV13_ALERT_CERTIFICATE_REQUIRED", "wants a client certificate"),
        ("TLSV1_ALERT_UNKNOWN_CA", "does not accept the client certificate"),
    ],
)
def test_alerts_about_our_certificate(reason: str, words: str) -> None:
    """They are put into plain words, also behind Trio's error."""
    error = ssl.SSLError(1, reason)
    error.reason = reason
    outer = trio.BrokenResourceError()
    outer.__cause__ = error
    assert words in os_error_text(outer)


def test_an_error_that_explains_itself() -> None:
    """Its message is used instead of those of its causes."""
    outer = ConnectionError("broken")
    outer.__cause__ = ConnectFailedError("the proxy is not there")
    outer.__cause__.__cause__ = OSError(errno.ECONNREFUSED, "Connection refused")
    assert os_error_text(outer) == "the proxy is not there"


@pytest.mark.parametrize(
    ("error", "is_certain"),
    [
        (ConnectionRefusedError(), True),
        (socket.gaierror(-2, "unknown"), True),
        (ssl.SSLCertVerificationError(), True),
        (ExceptionGroup("", [ConnectionRefusedError(), ConnectionRefusedError()]), True),
        (ExceptionGroup("", [ConnectionRefusedError(), TimeoutError()]), False),
        (ConnectionResetError(), False),
        (OSError("the body was cut"), False),
    ],
)
def test_what_was_certainly_not_sent(error: Exception, is_certain: bool) -> None:
    """Only a server that was not reached has certainly got nothing; the reason may be behind another error."""
    assert never_connected(error) is is_certain
    outer = ConnectionError("no")
    outer.__cause__ = error
    assert never_connected(outer) is is_certain
