"""Our version, and what we say about ourselves on the wire."""

from __future__ import annotations

import functools
import importlib.metadata
import platform

from ._wire.frames import ClientInfo

__all__ = ["client_info", "version"]

_API_VERSION = "v3.0"


@functools.cache
def version() -> str:
    """Return the installed version of cometconn."""
    return importlib.metadata.version("cometconn")


def client_info() -> ClientInfo:
    """Return what the auth frame and the REST requests say about this client."""
    ours = version()
    return ClientInfo(
        version=ours,
        api_version=_API_VERSION,
        user_agent=f"cometconn/{ours} Python/{platform.python_version()}",
        platform="python",
    )
