"""The version, and how the client describes itself to the server."""

from __future__ import annotations

import functools
import platform

from cometconn._wire.outgoing import ClientInfo

__all__ = ["__version__", "client_info"]

_API_VERSION = "v3.0"

__version__ = "0.1.0"  # pyproject reads it here; a frozen program has no package metadata


@functools.cache
def client_info() -> ClientInfo:
    """Return how the auth frame and the REST requests describe this client."""
    return ClientInfo(
        version=__version__,
        api_version=_API_VERSION,
        user_agent=f"cometconn/{__version__} Python/{platform.python_version()}",
        platform="python",
    )
