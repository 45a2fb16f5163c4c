"""Addresses with one meaning: what every parser of URLs reads in the same way."""

from __future__ import annotations

import ipaddress
import re

import attrs

__all__ = ["Address", "is_loopback", "read_url"]

# ASCII, no white space, no backslash, no second @: libraries disagree about where the host ends in those.
_URL = re.compile(
    r"(?P<scheme>[A-Za-z][A-Za-z0-9]*)://"
    r"((?P<user>[A-Za-z0-9._~!$&'()*+,;=%:-]*)@)?"
    r"(?P<host>[A-Za-z0-9._-]+|\[[0-9A-Fa-f:.]+\])"
    r"(:(?P<port>[0-9]{1,5}))?"
    r"(?P<path>(/[A-Za-z0-9._~!$&'()*+,;=%:@-]*)*)"
)
_PORTS = 65536


@attrs.frozen
class Address:
    """What a URL is made of.

    Attributes:
        scheme: in lower case.
        user: what stands before the `@`; `None` if there is no `@`. Not in the `repr`.
        host: in lower case, without brackets.
        port: `None` if none is named.
        path: empty, or begins with a slash.
    """

    scheme: str
    user: str | None = attrs.field(repr=False)
    host: str
    port: int | None
    path: str


def read_url(url: object) -> Address | None:
    """Return the parts of *url*; `None` if it is no URL, or one that could be read in two ways."""
    found = _URL.fullmatch(url) if isinstance(url, str) else None
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


def is_loopback(host: str) -> bool:
    """Tell whether *host* is this machine, by its name or in the usual form of its address.

    `127.1` and `2130706433` lead there, too, on some systems: not on all, so they do not count.
    """
    if host == "localhost":
        return True
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return False
    return (getattr(address, "ipv4_mapped", None) or address).is_loopback
