"""Where Redis is, read from a URL."""

from __future__ import annotations

import os
import ssl
import sys
from urllib.parse import parse_qsl, unquote, urlsplit

import attrs

from cometconn._network.urls import is_loopback
from cometconn.errors import SettingsError

__all__ = ["RedisAddress"]

_LONGEST_PATH = 107 if sys.platform == "linux" else 103  # bytes: sun_path of struct sockaddr_un, without its last NUL
_DEFAULT_PORT = 6379


@attrs.frozen
class RedisAddress:
    """Where Redis is, and how to get in. The password is not in the `repr`.

    Attributes:
        host: the name or address; `""` for a unix socket.
        port: the port.
        path: of the unix socket.
        is_encrypted: whether TLS is used.
        username: of the ACL user; `None` is Redis' default user.
        password: of that user.
        database: the number of the database.
        ssl_context: for TLS. `None` until the default one is loaded, and for unencrypted connections.
    """

    host: str = ""
    port: int = _DEFAULT_PORT
    path: str = ""
    is_encrypted: bool = False
    username: str | None = None
    password: str | None = attrs.field(default=None, repr=False)
    database: int = 0
    ssl_context: ssl.SSLContext | None = attrs.field(default=None, repr=False)

    def __str__(self) -> str:
        """Return where it is."""
        return self.path or (f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}")

    @classmethod
    def from_url(cls, url: str, *, allow_insecure: bool, ssl_context: ssl.SSLContext | None) -> RedisAddress:
        """Return the address in a URL: `redis://`, `rediss://` or `unix://`.

        Raises:
            SettingsError: it is none, or is unencrypted and not of this machine. The message does not contain the URL.
        """
        try:
            parts = urlsplit(url)
            scheme, host, port = parts.scheme, parts.hostname or "", parts.port or _DEFAULT_PORT
            query = dict(parse_qsl(parts.query, strict_parsing=True)) if parts.query else {}
            number = query.pop("db", "0") if scheme == "unix" else parts.path.strip("/") or "0"
            is_complete = bool(parts.path) and not host if scheme == "unix" else bool(host)
            database = int(number)
        except ValueError:
            is_complete = False
        if not is_complete or query or parts.fragment or scheme not in {"redis", "rediss", "unix"}:
            message = (
                "The URL of Redis must be redis://host:port/database, rediss://host:port/database or"
                " unix:///path?db=number, each with user:password@ in front of the host if there are any."
            )
            raise SettingsError(message)
        if scheme == "redis" and not allow_insecure and not is_loopback(host):
            message = f"Redis at {host!r:.80} must be reached by rediss://, because sessions would be sent unencrypted."
            raise SettingsError(message)
        path = unquote(parts.path) if scheme == "unix" else ""
        if (size := len(os.fsencode(path))) > _LONGEST_PATH:
            message = (
                f"The path of Redis' socket has {size} bytes, but the system allows {_LONGEST_PATH}: use a shorter one."
            )
            raise SettingsError(message)
        return cls(
            host,
            port,
            path,
            scheme == "rediss",
            unquote(parts.username) if parts.username else None,
            unquote(parts.password) if parts.password else None,
            database,
            ssl_context if scheme == "rediss" else None,
        )
