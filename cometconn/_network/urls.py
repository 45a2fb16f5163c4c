"""Parses URLs, and accepts only those that all URL parsers understand in the same way."""

from __future__ import annotations

import functools
import ipaddress
import re

import attrs

__all__ = ["MEMORY_HOST", "Address", "canonical_url", "is_loopback", "read_url"]

MEMORY_HOST = "memory.invalid"
"""The host in the URLs of servers in memory. No name server knows it (RFC 6761), so no request can reach another server."""

# Only ASCII, without white space, backslash and second @: with those, libraries disagree about where the host ends.
_URL = re.compile(
    r"(?P<scheme>[A-Za-z][A-Za-z0-9]*)://"
    r"((?P<user>[A-Za-z0-9._~!$&'()*+,;=%:-]*)@)?"
    r"(?P<host>[A-Za-z0-9._-]+|\[[0-9A-Fa-f:.]+\])"
    r"(:(?P<port>[0-9]{1,5}))?"
    r"(?P<path>(/[A-Za-z0-9._~!$&'()*+,;=%:@-]*)*)"
)
_PORTS = 65536
_DEFAULT_PORTS = {"http": 80, "https": 443, "ws": 80, "wss": 443}


@attrs.frozen
class Address:
    """The components of a URL.

    Attributes:
        scheme: the scheme, in lower case.
        user: the user information before the `@`; `None` if there is no `@`. Not in the `repr`, it may be a password.
        host: the host, in lower case and without brackets.
        port: the port; `None` if the URL has none.
        path: the path: empty, or beginning with a slash.
    """

    scheme: str
    user: str | None = attrs.field(repr=False)
    host: str
    port: int | None
    path: str


def read_url(url: object) -> Address | None:
    """Return the components of *url*; `None` if it is not a URL, or is ambiguous."""
    if not isinstance(url, str):
        return None
    return _read.__wrapped__(url) if "@" in url else _read(url)  # a password is not kept


@functools.lru_cache(maxsize=64)  # the same few URLs are read seven times for each connection
def _read(url: str) -> Address | None:
    found = _URL.fullmatch(url)
    if found is None or int(found["port"] or 1) not in range(1, _PORTS):
        return None
    host = found["host"].lower()
    if host.startswith("["):
        host = host[1:-1]
        try:
            ipaddress.IPv6Address(host)
        except ValueError:
            return None
    port = None if found["port"] is None else int(found["port"])
    return Address(found["scheme"].lower(), found["user"], host, port, found["path"])


@functools.lru_cache(maxsize=64)
def canonical_url(url: str) -> str:
    """Return a URL that is accepted by `read_url()` in the one form that all its spellings have, without user information.

    Scheme and host are in lower case, an IPv6 address is in its short form, the default port and a slash at the end are
    left out.
    """
    address = read_url(url)
    assert address is not None, "checked"
    host = f"[{ipaddress.IPv6Address(address.host)}]" if ":" in address.host else address.host
    port = "" if address.port in {None, _DEFAULT_PORTS.get(address.scheme)} else f":{address.port}"
    return f"{address.scheme}://{host}{port}{address.path.rstrip('/')}"


@functools.lru_cache(maxsize=64)  # the same few hosts are judged several times for each client
def is_loopback(host: str) -> bool:
    """Return whether *host* is `localhost` or a loopback address in the usual form.

    `127.1` and `2130706433` are loopback addresses only on some systems, so the result for them is `False`.
    """
    if host == "localhost":
        return True
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return False
    return (getattr(address, "ipv4_mapped", None) or address).is_loopback
