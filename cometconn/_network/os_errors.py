"""Extracts the error message of the operating system, or of TLS, from a nested connection error."""

from __future__ import annotations

import re
import socket
import ssl

import trio

__all__ = ["ConnectFailedError", "never_connected", "os_error_text", "sole_os_error", "without_traceback"]

_TRIOS_OWN = re.compile(r"^Error connecting to \(.*?\): ")  # our own messages name the address already
_NO_TLS = "the server does not speak TLS there"
_WANTED = "the server wants a client certificate"
_REFUSED = "the server does not accept the client certificate"
# OpenSSL's reasons for a response that is not TLS, and for the server's alerts (RFC 8446 section 6.2), in plain words.
_TLS_WORDS = {
    "WRONG_VERSION_NUMBER": _NO_TLS,
    "HTTP_REQUEST": _NO_TLS,
    "HTTPS_PROXY_REQUEST": _NO_TLS,
    "RECORD_LAYER_FAILURE": _NO_TLS,
    "TLSV13_ALERT_CERTIFICATE_REQUIRED": _WANTED,
    "SSLV3_ALERT_BAD_CERTIFICATE": _REFUSED,
    "SSLV3_ALERT_CERTIFICATE_EXPIRED": _REFUSED,
    "SSLV3_ALERT_CERTIFICATE_REVOKED": _REFUSED,
    "SSLV3_ALERT_CERTIFICATE_UNKNOWN": _REFUSED,
    "SSLV3_ALERT_UNSUPPORTED_CERTIFICATE": _REFUSED,
    "TLSV1_ALERT_UNKNOWN_CA": _REFUSED,
}


class ConnectFailedError(OSError):
    """A failed connection whose own message explains the failure better than the errors that caused it."""


def os_error_text(error: BaseException) -> str:
    """Return the reason for a failed connection, which may be deep in the causes and groups of *error*.

    For example, "Connection refused" instead of Trio's "all attempts to connect failed".
    """
    ahead, seen = [error], set[int]()
    while ahead:
        one = ahead.pop(0)
        if id(one) in seen:
            continue
        seen.add(id(one))
        if isinstance(one, ConnectFailedError):
            return str(one)
        if isinstance(one, OSError) and one.strerror and not isinstance(one, ssl.SSLError):
            return _TRIOS_OWN.sub("", one.strerror)
        if isinstance(one, ssl.SSLError) and (words := _TLS_WORDS.get(getattr(one, "reason", None) or "")):
            return f"{words} ({one.reason})"
        if isinstance(one, ssl.SSLCertVerificationError) and (fault := getattr(one, "verify_message", None)):
            return f"certificate verify failed: {fault}"
        if isinstance(one, BaseExceptionGroup):
            ahead.extend(one.exceptions)
        ahead.extend(behind for behind in (one.__cause__, one.__context__) if behind is not None)
    return str(error) or type(error).__name__


def never_connected(error: BaseException | None) -> bool:
    """Return whether *error* means that there was no connection to the server, so that nothing was sent to it.

    That is certain only if the server, or each of its addresses, refused the connection, if its name is unknown, and if its
    certificate is not accepted. The result for another error is `False`.
    """
    if error is None or isinstance(error, ConnectionRefusedError | socket.gaierror | ssl.SSLCertVerificationError):
        return error is not None
    if isinstance(error, BaseExceptionGroup):
        return all(map(never_connected, error.exceptions))
    return never_connected(error.__cause__)


def sole_os_error(error: OSError) -> OSError:
    """Return what Trio's *error* about several addresses comes from: the one error of all, or else the text of each."""
    group = error.__cause__
    found = (
        [each for each in group.exceptions if isinstance(each, OSError)] if isinstance(group, ExceptionGroup) else []
    )
    if not found:
        return error
    is_same = len({each.errno for each in found}) == 1
    return found[0] if is_same else ConnectFailedError("; ".join(each.strerror or str(each) for each in found))


def without_traceback(error: Exception) -> Exception:
    """Remove the tracebacks of connection errors, and of those behind them: they lead through libraries, to no mistake.

    Errors of other kinds, which a program's own `Environment` may raise, keep theirs.
    """
    seen = set[int]()
    behind: BaseException | None = error
    while isinstance(behind, OSError | trio.BrokenResourceError) and id(behind) not in seen:
        seen.add(id(behind))
        behind.__traceback__ = None
        behind = behind.__cause__ or (None if behind.__suppress_context__ else behind.__context__)
    return error
