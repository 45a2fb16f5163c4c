"""Our version, and what we say about ourselves on the wire."""

from __future__ import annotations

import functools
import platform

from cometconn._wire.outgoing import ClientInfo

__all__ = ["__version__", "client_info"]

_API_VERSION = "v3.0"

__version__ = "0.1.0"  # pyproject reads it from here: a frozen program has no metadata to ask


@functools.cache
def client_info() -> ClientInfo:
    """Return what the auth frame and the REST requests say about this client."""
    return ClientInfo(
        version=__version__,
        api_version=_API_VERSION,
        user_agent=f"cometconn/{__version__} Python/{platform.python_version()}",
        platform="python",
    )
