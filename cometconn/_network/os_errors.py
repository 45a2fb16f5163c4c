"""What really went wrong, in the operating system's words."""

from __future__ import annotations

import re
import ssl

__all__ = ["ConnectFailedError", "os_error_text"]

_TRIOS_OWN = re.compile(r"^Error connecting to \(.*?\): ")  # whoever shows the reason has named the address
_NO_TLS = "the server does not speak TLS there"
_WANTED = "the server wants a client certificate"
_REFUSED = "the server does not accept the client certificate"
# By OpenSSL's reason: what it makes of an answer that is no TLS, and what the other side says of us (RFC 8446 section 6.2).
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
    """A failed connection whose message already says why, better than whatever lies behind it."""


def os_error_text(error: BaseException) -> str:
    """Return the reason that the system gave for a failed connection, however deep it lies behind *error*.

    "All attempts to connect failed" helps nobody; "Connection refused" does.
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
        if isinstance(one, ssl.SSLCertVerificationError) and (said := getattr(one, "verify_message", None)):
            return f"certificate verify failed: {said}"
        if isinstance(one, BaseExceptionGroup):
            ahead.extend(one.exceptions)
        ahead.extend(behind for behind in (one.__cause__, one.__context__) if behind is not None)
    return str(error) or type(error).__name__
