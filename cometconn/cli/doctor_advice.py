"""What `cometconn doctor` advises: from what went wrong to what to do."""

from __future__ import annotations

import datetime
import socket
import ssl
from typing import TYPE_CHECKING

import attrs
import trio

from cometconn._network.urls import is_loopback
from cometconn._transport.abc import UpgradeRefusedError
from cometconn._transport.proxy import ProxyError, ProxyFault, host_and_port
from cometconn.errors import ApiError, AuthenticationError, StoreError

from .doctor_findings import Step

if TYPE_CHECKING:
    from cometconn._transport.dial import Target
    from cometconn._transport.proxy import Proxy

__all__ = ["Place", "account_advice", "network_advice", "socket_advice"]


@attrs.frozen
class Place:
    """Where it went wrong.

    Attributes:
        target: the server.
        proxy: what was to lead there.
    """

    target: Target
    proxy: Proxy | None

    @property
    def named(self) -> str:
        """The server's host and port."""
        return host_and_port(self.target.host, self.target.port)

    @property
    def proxy_named_by(self) -> str:
        """Where the proxy's address stands."""
        origin = None if self.proxy is None else self.proxy.origin
        return origin or "--proxy or COMETCONN_PROXY"


def network_advice(step: Step, error: Exception, place: Place) -> str:
    """Return the advice for a step on the way to the server."""
    if step is Step.NAME_LOOKUP:
        return _lookup_advice(place)
    if step is Step.TCP:
        return _tcp_advice(error, place)
    if step is Step.PROXY:
        return _proxy_advice(error, place)
    return _tls_advice(error, place)


def _lookup_advice(place: Place) -> str:
    if place.proxy is not None:
        return f"The proxy's name is not known here: correct {place.proxy_named_by}."
    return (
        "Is this machine online, and is the name spelled right (--app-id, --region, --endpoint)? "
        "Where only a proxy can look names up, name it with --proxy or HTTPS_PROXY."
    )


def _tcp_advice(error: Exception, place: Place) -> str:
    if place.proxy is not None:
        return f"The proxy {place.proxy} is not there: is it running, and is {place.proxy_named_by} right?"
    if is_loopback(place.target.host):
        return f"Nothing listens at {place.named} on this machine: start the server, e.g. `cometconn serve`, or correct --endpoint."
    if isinstance(error, trio.TooSlowError):
        return (
            f"Nobody answers at {place.named}: a firewall may swallow it. If only a proxy leads out of this network, "
            "name it with --proxy or HTTPS_PROXY."
        )
    return (
        f"The connection to {place.named} is refused or has no route: correct --endpoint if you gave one, else ask who "
        "runs this network whether a firewall stands between, or a proxy is needed (--proxy, HTTPS_PROXY)."
    )


_PROXY_ADVICE = {
    ProxyFault.NONSENSE: "Something else listens there, or it is another kind of proxy: try http://, https:// or socks5h:// in {by}.",
    ProxyFault.CREDENTIALS: (
        "Put user and password into COMETCONN_PROXY or HTTPS_PROXY, as http://user:password@host:port; "
        "special characters as %40 and the like."
    ),
    ProxyFault.REFUSED: "The proxy's rules forbid it, or it is a web server and no proxy: ask who runs it to allow CONNECT to {server}.",
    ProxyFault.TARGET: "The proxy works, but does not reach {server}: is that spelled right? If so, ask who runs the proxy.",
}


def _proxy_advice(error: Exception, place: Place) -> str:
    if isinstance(error, ProxyError):
        return _PROXY_ADVICE[error.fault].format(by=place.proxy_named_by, server=place.named)
    if isinstance(error, ssl.SSLError):
        return f"TLS with the proxy itself failed: if its URL should begin with http://, correct {place.proxy_named_by}; if its CA is your own, name it with --ca-file."
    if isinstance(error, socket.gaierror):
        return f"socks5:// looks the server's name up on this machine: write socks5h:// in {place.proxy_named_by}, and the proxy does."
    return _PROXY_ADVICE[ProxyFault.NONSENSE].format(by=place.proxy_named_by)


_TRUST = (
    "Who signed this certificate is not trusted here. If a proxy or a virus scanner in this network opens TLS, or the server "
    "has a CA of your own: name that CA's certificate with --ca-file (in a program: ssl_context). If neither is meant to "
    "be so, somebody is listening in."
)
_ANOTHER_HOST = (
    "Another server answers for {host}: correct --endpoint, or ask who runs it for a certificate with this name."
)
# By OpenSSL's X509_V_ERR_ number.
_CERTIFICATE_ADVICE = {
    9: "Today is {today} (UTC) by this machine's clock, which is probably behind: set it.",
    10: "Today is {today} (UTC) by this machine's clock: if that is wrong, set it; else the server needs a new certificate.",
    18: _TRUST,
    19: _TRUST,
    20: _TRUST,
    21: _TRUST,
    62: _ANOTHER_HOST,
    64: _ANOTHER_HOST,
}
_ANY_CERTIFICATE = "The server's certificate breaks a rule: ask who runs it for a better one."
_CLIENT_CERTIFICATE = "If the server wants a client certificate, name yours with --client-cert and --client-key; if you did, it does not trust it."
_NO_TLS = frozenset({"WRONG_VERSION_NUMBER", "HTTP_REQUEST", "RECORD_LAYER_FAILURE"})


def _tls_advice(error: Exception, place: Place) -> str:
    if isinstance(error, ssl.SSLCertVerificationError):
        today = datetime.datetime.now(datetime.UTC).date().isoformat()
        return _CERTIFICATE_ADVICE.get(error.verify_code, _ANY_CERTIFICATE).format(today=today, host=place.target.host)
    reason = str(getattr(error, "reason", None))
    if reason in _NO_TLS:
        return f"{place.named} speaks plain HTTP or something else: begin with http:// if it is on this machine, else correct the port."
    if "ALERT" in reason:
        return f"The server broke TLS off. {_CLIENT_CERTIFICATE}"
    return (
        f"{place.named} ended TLS before it began: a firewall may forbid it, or something else listens there. "
        "If only a proxy leads out of this network, name it with --proxy or HTTPS_PROXY."
    )


_SERVER_ERRORS = 500
_TOO_MANY = 429
_BUSY = "The server has trouble of its own: try again later; cometconn does so by itself."
_AGAIN = "Log in again: with COMETCONN_AUTH_KEY, or a new COMETCONN_AUTH_TOKEN."
_ACCOUNT_ADVICE = {
    "AUTH_ERR_AUTH_TOKEN_NOT_FOUND": f"The token is not known any more. {_AGAIN}",
    "ERR_UID_NOT_FOUND": "There is no such user in this app: correct --uid, or create the user in CometChat's dashboard.",
    "INVALID_RESPONSE": (
        "Whoever answers is not CometChat: correct --region or --endpoint. A network's own login page looks so, too."
    ),
}


def account_advice(error: Exception) -> str:
    """Return the advice for the saved session, or a request that is refused."""
    if isinstance(error, StoreError):
        return "Mend that, or name another file with --session."
    if not isinstance(error, ApiError) or error.status is None:
        return (
            f"The server was reached and does not answer. {_CLIENT_CERTIFICATE} Else it may be down, or something between "
            "stops HTTP: try again later."
        )
    if error.status >= _SERVER_ERRORS:
        return _BUSY
    return _ACCOUNT_ADVICE.get(error.code, "Is the key or token that of this app? Check --app-id and --region, too.")


_SOCKET_ADVICE = {
    Step.UPGRADE: (
        "The server is reached but no WebSocket comes about: a proxy or firewall that does not let WebSockets "
        "through looks so; ask for an exception for this host."
    ),
    Step.AUTH: "The server does not answer the token: try again later; cometconn does so by itself.",
    Step.PING: "Logged in, but pings are not answered: a bad line, or a server in trouble. cometconn would reconnect.",
}


def socket_advice(step: Step, error: Exception) -> str:
    """Return the advice for a step on the WebSocket."""
    if isinstance(error, UpgradeRefusedError):
        wrong = "Whoever answers knows no WebSocket here: correct --endpoint. A proxy that filters WebSockets does the same."
        return _BUSY if error.status >= _SERVER_ERRORS or error.status == _TOO_MANY else wrong
    if isinstance(error, AuthenticationError):
        return _AGAIN
    if "client certificate" in str(error):
        return _CLIENT_CERTIFICATE
    return _SOCKET_ADVICE[step]
