"""What the server tells clients about itself: the `settings` object."""

from __future__ import annotations

import urllib.parse
from typing import TYPE_CHECKING

from cometconn.errors import SettingsError

if TYPE_CHECKING:
    from .jsontext import Json

__all__ = ["API_VERSION", "at_host", "place_of", "settings_object"]

API_VERSION = "v3.0"


def at_host(host: str, port: int) -> str:
    """Write host and port as they stand in a URL."""
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def place_of(word: str) -> tuple[str, int]:
    """Read `chat.example:443` or `[::1]:443`."""
    try:
        parts = urllib.parse.urlsplit(f"//{word}")
        if parts.hostname and parts.port and word == at_host(parts.hostname, parts.port):
            return parts.hostname, parts.port
    except ValueError:
        pass
    message = f"The public address must look like chat.example:443, in lower case and without a path, not {word!r}."
    raise SettingsError(message)


def settings_object(host: str, port: int, *, now: int, mode: str = "DEFAULT") -> Json:
    """Name this server for everything a client may look for: REST, socket and analytics alike.

    *mode*: what clients are to hold back.
    """
    bare = f"[{host}]" if ":" in host else host
    api = at_host(host, port)
    return {
        "CHAT_HOST": bare,
        "CHAT_HOST_OVERRIDE": bare,
        "CHAT_HOST_APP_SPECIFIC": bare,
        "CHAT_WSS_PORT": str(port),
        "CHAT_WS_PORT": str(port),
        "CHAT_USE_SSL": 0,
        "ADMIN_API_HOST": api,
        "CLIENT_API_HOST": api,
        "CHAT_API_VERSION": API_VERSION,
        "WS_API_VERSION": API_VERSION,
        "REGION": "local",
        "MAIN_DOMAIN": bare,
        "APP_VERSION": 4,
        "MODE": mode,
        "ANALYTICS_HOST": api,
        "ANALYTICS_VERSION": "v1",
        "ANALYTICS_USE_SSL": False,
        "ANALYTICS_PING_DISABLED": False,
        "settingsHash": f"emulator-{port}",
        "settingsHashReceivedAt": now,
        "extensions": [],
        "parameters": {},
    }
