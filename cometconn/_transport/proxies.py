"""Chooses the proxy for a URL: the argument of `open_client()`, otherwise the environment variables."""

from __future__ import annotations

import os
import urllib.parse
from typing import TYPE_CHECKING

import attrs

from cometconn._network.urls import is_loopback, read_url
from cometconn.errors import SettingsError

from .dial import Target
from .proxy import Proxy, host_and_port, read_proxy
from .socks import is_installed

if TYPE_CHECKING:
    from collections.abc import Mapping

    from cometconn.settings import Endpoints

__all__ = ["Proxies", "choose_proxies"]

_FORM = "http://[user:password@]host:port, or begin with https, socks5h or socks5"
# The scheme of a URL, and the beginning of the environment variable's name for it.
_NAMES = {"https": "https", "wss": "https", "http": "http", "ws": "http"}
_ANY = "all"
_KNOWN = frozenset({*_NAMES.values(), _ANY, "no"})


@attrs.frozen
class Proxies:
    """The proxies of a client, for REST and the socket.

    Attributes:
        given: the proxy for everything; `None` if the application names none.
        environment: otherwise, the values of `HTTPS_PROXY`, `HTTP_PROXY`, `ALL_PROXY` and `NO_PROXY` by `https`,
            `http`, `all` and `no`; not in the `repr`, because passwords are in it.
    """

    given: Proxy | None = None
    environment: Mapping[str, str] = attrs.field(factory=dict, repr=False)

    def leading_to(self, url: str) -> Proxy | None:
        """Return the proxy for *url*; `None` for a direct connection.

        A proxy from the environment is never used for this machine, whatever the variables are: what is not encrypted
        because it stays on this machine could be read at the proxy.

        Raises:
            SettingsError: the variable is not the URL of a proxy that cometconn can use.
        """
        if self.given is not None or not self.environment:
            return self.given
        name = _NAMES[urllib.parse.urlsplit(url).scheme]
        name = name if name in self.environment else _ANY
        named = self.environment.get(name)
        if named is None or self._is_excepted(Target.of(url)):
            return None
        origin = f"{name.upper()}_PROXY"
        # "proxy:3128" without a scheme is common, and other programs take it for http.
        return _checked(named if "://" in named else f"http://{named}", origin, origin)

    def _is_excepted(self, target: Target) -> bool:
        import urllib.request  # noqa: PLC0415 - slow to import, and seldom needed

        excepts = urllib.request.proxy_bypass_environment  # type: ignore[attr-defined]  # typeshed knows only the function that also reads the system's settings
        # An IPv6 address stands in NO_PROXY with brackets and without.
        forms = (target.host, host_and_port(target.host, target.port))
        return is_loopback(target.host) or any(excepts(form, self.environment) for form in forms)


def choose_proxies(proxy: str | None, endpoints: Endpoints | None) -> Proxies:
    """Return the choice for `open_client(proxy=...)`.

    Raises:
        SettingsError: the URL is not that of a proxy, an extra is not installed, or the proxy could read what is not
            encrypted because it stays on this machine.
    """
    if proxy is None:
        proxies = Proxies(environment=_environment())
        for url in _urls(endpoints):
            proxies.leading_to(url)  # a wrong variable is reported now, and not at the first attempt
        return proxies
    if proxy == "":
        return Proxies()
    given = _checked(proxy, "The proxy")
    if endpoints is not None and _is_plain(endpoints) and not endpoints.allow_insecure and not is_loopback(given.host):
        message = (
            "The proxy could read the tokens, because the endpoints are not encrypted: "
            "leave it out, or set allow_insecure=True there."
        )
        raise SettingsError(message)
    return Proxies(given)


def _environment() -> Mapping[str, str]:
    if not any(name.lower().endswith("_proxy") for name in os.environ):
        return {}
    import urllib.request  # noqa: PLC0415 - as above

    return {name: value for name, value in urllib.request.getproxies_environment().items() if name in _KNOWN}


def _checked(url: str, what: str, origin: str | None = None) -> Proxy:
    proxy = read_proxy(url, origin)
    if proxy is None:  # there may be a password in it
        message = f"{what} must look like {_FORM}."
        raise SettingsError(message)
    if proxy.is_socks and not is_installed():
        message = f'{what} names a SOCKS proxy, which needs python-socks: pip install "cometconn[socks]".'
        raise SettingsError(message)
    return proxy


def _urls(endpoints: Endpoints | None) -> tuple[str, ...]:
    if endpoints is None:
        return ("https://cometchat.io",)  # all its hosts are reached over TLS
    return endpoints.admin_url, endpoints.client_url, endpoints.socket_url


def _is_plain(endpoints: Endpoints) -> bool:
    addresses = map(read_url, _urls(endpoints))
    return any(address is not None and address.scheme in {"http", "ws"} for address in addresses)
