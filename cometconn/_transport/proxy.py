"""A proxy, its URL, and the errors on the way through it."""

from __future__ import annotations

import enum
import urllib.parse

import attrs

from cometconn._network.os_errors import ConnectFailedError
from cometconn._network.urls import read_url
from cometconn._text.foreign_text import KnownSecrets

__all__ = ["Proxy", "ProxyError", "ProxyFault", "host_and_port", "read_proxy"]

# Schemes, and the port of each when the URL has none.
_PORTS = {"http": 80, "https": 443, "socks5": 1080, "socks5h": 1080}
_LONGEST = 255  # bytes of a user name, and of a password, in SOCKS5 (RFC 1929)


@attrs.frozen
class Proxy:
    """A proxy, and the credentials for it.

    As text it is its address alone: user and password are in neither `str` nor `repr`.

    Attributes:
        scheme: `http` and `https` get a CONNECT request, the latter inside TLS. With `socks5h` the proxy looks up the
            server's name, with `socks5` this machine does.
        host: in lower case, without brackets.
        port: the port.
        user: the user name; `None` for no credentials.
        password: the password.
        origin: the environment variable that names the proxy; `None` if the application does.
    """

    scheme: str
    host: str
    port: int
    user: str | None = attrs.field(default=None, repr=False)
    password: str = attrs.field(default="", repr=False)
    origin: str | None = None

    def __str__(self) -> str:
        return f"{self.scheme}://{host_and_port(self.host, self.port)}"

    @property
    def secrets(self) -> KnownSecrets:
        """The credentials, in every form in which the proxy may repeat them."""
        secrets = KnownSecrets()
        if self.user is not None:
            secrets.learn_credentials(self.user, self.password)
        return secrets

    @property
    def is_socks(self) -> bool:
        """Whether it is a SOCKS proxy, which needs python-socks."""
        return self.scheme.startswith("socks")


def host_and_port(host: str, port: int) -> str:
    """Return host and port as they stand in a URL."""
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def read_proxy(url: object, origin: str | None = None) -> Proxy | None:
    """Return the proxy at *url*; `None` if it is not the URL of a proxy that cometconn can use."""
    address = read_url(url)
    if address is None or address.scheme not in _PORTS or address.path not in {"", "/"}:
        return None
    user, _, password = (urllib.parse.unquote(part) for part in (address.user or "").partition(":"))
    named = address.user is not None
    proxy = Proxy(
        address.scheme,
        address.host,
        address.port or _PORTS[address.scheme],
        user if named else None,
        password,
        origin,
    )
    return None if proxy.is_socks and named and not (_fits(user) and _fits(password)) else proxy


def _fits(word: str) -> bool:
    return word.isascii() and 0 < len(word) <= _LONGEST


class ProxyFault(enum.Enum):
    """What is wrong on the way through a proxy."""

    UNREACHABLE = "unreachable"
    """The proxy itself cannot be reached."""
    NONSENSE = "nonsense"
    """Its response is not that of a proxy of this kind."""
    CREDENTIALS = "credentials"
    """It requires a user and a password, or refuses those that it got."""
    REFUSED = "refused"
    """It does not allow this server."""
    TARGET = "target"
    """It cannot reach this server."""


class ProxyError(ConnectFailedError):
    """The proxy cannot be used.

    Attributes:
        fault: why.
    """

    def __init__(self, fault: ProxyFault, message: str) -> None:
        super().__init__(message)
        self.fault = fault
