"""What really went wrong, in the operating system's words."""

from __future__ import annotations

import ssl

__all__ = ["why"]

# What OpenSSL makes of an answer that is no TLS.
_NO_TLS = frozenset({"WRONG_VERSION_NUMBER", "HTTP_REQUEST", "HTTPS_PROXY_REQUEST", "RECORD_LAYER_FAILURE"})


def why(error: BaseException) -> str:
    """Return the reason that the system gave for a failed connection, however deep it lies behind *error*.

    "All attempts to connect failed" helps nobody; "Connection refused" does.
    """
    ahead, seen = [error], set[int]()
    while ahead:
        one = ahead.pop(0)
        if id(one) in seen:
            continue
        seen.add(id(one))
        if isinstance(one, OSError) and one.strerror and not isinstance(one, ssl.SSLError):
            return one.strerror
        if isinstance(one, ssl.SSLError) and getattr(one, "reason", None) in _NO_TLS:
            return f"the server does not speak TLS there ({one})"
        if isinstance(one, BaseExceptionGroup):
            ahead.extend(one.exceptions)
        ahead.extend(behind for behind in (one.__cause__, one.__context__) if behind is not None)
    return str(error) or type(error).__name__
