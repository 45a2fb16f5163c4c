"""A proxy: how it is written, and what can be wrong with it."""

from __future__ import annotations

import enum
import urllib.parse

import attrs

from cometconn._network.os_errors import ConnectFailedError
from cometconn._network.urls import read_url
from cometconn._text.foreign_text import KnownSecrets

__all__ = ["Proxy", "ProxyError", "ProxyFault", "host_and_port", "read_proxy"]

# Schemes, and the port that is meant when none is named.
_PORTS = {"http": 80, "https": 443, "socks5": 1080, "socks5h": 1080}
_LONGEST = 255  # bytes of a user's name, and of a password: RFC 1929


@attrs.frozen
class Proxy:
    """A proxy, and who we are to it.

    As text it is its address alone: user and password are in neither `str` nor `repr`.

    Attributes:
        scheme: `http` and `https` are asked by CONNECT, the latter inside TLS. `socks5h` looks up
            the server's name itself, for `socks5` this machine does.
        host: where it is; in lower case, without brackets.
        port: the same.
        user: as whom; `None` for nobody.
        password: the user's.
        origin: the environment variable that names it; `None` if the application did.
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
        """The password, in every form in which the proxy may repeat it."""
        secrets = KnownSecrets()
        if self.user is not None:
            secrets.learn_credentials(self.user, self.password)
        return secrets

    @property
    def is_socks(self) -> bool:
        """It speaks SOCKS, which needs python-socks."""
        return self.scheme.startswith("socks")


def host_and_port(host: str, port: int) -> str:
    """Return the two as they stand in a URL."""
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def read_proxy(url: object, origin: str | None = None) -> Proxy | None:
    """Return the proxy that *url* names; `None` if it names none that we know how to ask."""
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
    """What is wrong with the way through a proxy."""

    UNREACHABLE = "unreachable"
    """The proxy itself is not there."""
    NONSENSE = "nonsense"
    """What is there does not answer as such a proxy does."""
    CREDENTIALS = "credentials"
    """It wants a user and a password, or others than it got."""
    REFUSED = "refused"
    """It leads elsewhere, but not there."""
    TARGET = "target"
    """It cannot reach the server."""


class ProxyError(ConnectFailedError):
    """There is no way through the proxy.

    Attributes:
        fault: whose fault it is.
    """

    def __init__(self, fault: ProxyFault, message: str) -> None:
        super().__init__(message)
        self.fault = fault
