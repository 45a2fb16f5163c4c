"""The URLs of files, which other servers keep: where they may lead, and which of them gets the user's file token."""

from __future__ import annotations

import urllib.parse
from typing import TYPE_CHECKING

from cometconn._network.urls import Address, is_loopback, read_url
from cometconn.errors import SettingsError

if TYPE_CHECKING:
    from cometconn.settings import Endpoints

__all__ = ["file_address", "is_at", "is_encrypted_enough", "next_url", "normal_url", "url_address", "with_fat"]

_KEPT = "%/:?#[]@!$&'()*+,;=-._~"  # what a URL may contain, and an escape; the rest is quoted


def normal_url(url: str) -> str:
    """Return *url* in ASCII and without its fragment: browsers quote spaces and other characters of a path in this way."""
    return urllib.parse.quote(url.partition("#")[0], safe=_KEPT, errors="replace")


def file_address(call: str, url: str) -> Address:
    """Return the components of the URL of a file, without its query.

    Raises:
        SettingsError: it is no `http` or `https` URL, or has a user or a password.
    """
    address = url_address(url)
    if address is None:
        message = f"{call}: the URL of a file must look like https://host/path, without a password."
        raise SettingsError(message)
    return address


def url_address(url: str) -> Address | None:
    """Return the same, or `None` for what is no such URL."""
    address = read_url(normal_url(url).partition("?")[0])
    is_usable = address is not None and address.scheme in {"http", "https"} and address.user is None
    return address if is_usable else None


def is_encrypted_enough(address: Address, endpoints: Endpoints | None) -> bool:
    """Return whether a file may be sent to, or read from, this address.

    Without encryption only if the program has chosen servers of its own: at this machine, or anywhere if these endpoints
    have `allow_insecure`.
    """
    if address.scheme == "https":
        return True
    return endpoints is not None and (endpoints.allow_insecure or is_loopback(address.host))


def is_at(address: Address, host: str | None) -> bool:
    """Return whether the address is at *host*, a host with or without a port; `None` is none."""
    wanted = None if host is None else read_url(f"{address.scheme}://{host}")
    return wanted is not None and _host_and_port(wanted) == _host_and_port(address)


def _host_and_port(address: Address) -> tuple[str, int]:
    return address.host, address.port or (443 if address.scheme == "https" else 80)


def with_fat(url: str, fat: str) -> str:
    """Return *url* with the user's file token in its query."""
    return f"{url}{'&' if '?' in url else '?'}fat={urllib.parse.quote(fat, safe='')}"


def next_url(url: str, location: str) -> str:
    """Return where a redirect of *url* leads."""
    return normal_url(urllib.parse.urljoin(url, location))
