"""What `cometconn doctor` advises: from what went wrong to what to do."""

from __future__ import annotations

import datetime
import socket
import ssl
from typing import TYPE_CHECKING

import attrs
import trio

from cometconn._transport.abc import UpgradeRefusedError, WebSocketClosedError
from cometconn._transport.proxy import ProxyError, ProxyFault, host_and_port
from cometconn._urls import is_loopback
from cometconn.errors import ApiError

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
    ProxyFault.REFUSED: "The proxy's rules forbid it: ask who runs it to allow {server}, for CONNECT.",
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


# By OpenSSL's X509_V_ERR_ number.
_NOT_YET_VALID, _EXPIRED = 9, 10
_UNKNOWN_CA = frozenset({18, 19, 20, 21})
_WRONG_HOST = frozenset({62, 64})
_TRUST = (
    "Who signed this certificate is not trusted here. If a proxy or a virus scanner in this network opens TLS, or the server "
    "has a CA of your own: name that CA's certificate with --ca-file (in a program: ssl_context). If neither is meant to be "
    "so, somebody is listening in."
)


def _tls_advice(error: Exception, place: Place) -> str:
    if isinstance(error, ssl.SSLCertVerificationError):
        code = error.verify_code
        today = datetime.datetime.now(datetime.UTC).date().isoformat()
        if code == _EXPIRED:
            return f"Today is {today} (UTC) by this machine's clock: if that is wrong, set it; else the server needs a new certificate."
        if code == _NOT_YET_VALID:
            return f"Today is {today} (UTC) by this machine's clock: it is probably behind. Set it."
        if code in _WRONG_HOST:
            return f"Another server answers for {place.target.host}: correct --endpoint, or ask who runs it for a certificate with this name."
        if code in _UNKNOWN_CA:
            return _TRUST
        return "The server's certificate breaks a rule: ask who runs it for a better one."
    reason = str(getattr(error, "reason", "") or "")
    if reason in {"WRONG_VERSION_NUMBER", "HTTP_REQUEST", "RECORD_LAYER_FAILURE"}:
        return f"{place.named} speaks plain HTTP or something else: use http:// if it is on this machine, else correct the port."
    if "ALERT" in reason:
        return f"The server broke off. {_CERTIFICATE_ADVICE}"
    return (
        f"{place.named} ended TLS before it began: a firewall may forbid it, or no TLS server listens there. "
        "If only a proxy leads out, name it with --proxy or HTTPS_PROXY."
    )


_CERTIFICATE_ADVICE = "If it wants a client certificate, name yours with --client-cert and --client-key; if you did, it does not trust it."


def account_advice(error: Exception) -> str:
    """Return the advice for a refused request."""
    if not isinstance(error, ApiError):
        return "Correct it, or give another --session file."
    if error.status is None:
        if "client certificate" in str(error):
            return _CERTIFICATE_ADVICE
        return (
            "The server was reached and does not answer: try again; if it stays so, something between may stop HTTP, "
            f"or the server be down. {_CERTIFICATE_ADVICE}"
        )
    if error.code in _ACCOUNT_ADVICE:
        return _ACCOUNT_ADVICE[error.code]
    if error.status >= _SERVER_ERRORS:
        return "The server has trouble of its own: try again later; cometconn does so by itself."
    if error.code == "INVALID_RESPONSE":
        return "Whoever answers is not CometChat: correct --region or --endpoint; a proxy's login page looks so, too."
    return "Check --app-id and --region, and the key or token."


_SERVER_ERRORS = 500
_ACCOUNT_ADVICE = {
    "AUTH_ERR_AUTH_TOKEN_NOT_FOUND": "The token is not known any more: log in again, with COMETCONN_AUTH_KEY or a new COMETCONN_AUTH_TOKEN.",
    "ERR_UID_NOT_FOUND": "There is no such user in this app: correct --uid, or create the user in CometChat's dashboard.",
}


def socket_advice(step: Step, error: Exception) -> str:
    """Return the advice for the WebSocket."""
    if isinstance(error, UpgradeRefusedError):
        if error.status in {401, 403, 404, 426}:
            return "Whoever answers knows no WebSocket here: correct --endpoint; a proxy or firewall that filters WebSockets does the same."
        return "The server is busy or down: try again later; cometconn does so by itself."
    if "client certificate" in str(error):
        return _CERTIFICATE_ADVICE
    if step is Step.UPGRADE:
        return (
            "The server is reached but no WebSocket comes about: a proxy or firewall that does not let WebSockets "
            "through looks so; ask for an exception for this host."
        )
    if step is Step.PING:
        return "Logged in, but pings are not answered: a bad line, or a server in trouble. cometconn would reconnect."
    if isinstance(error, WebSocketClosedError | trio.TooSlowError):
        return "The server takes the token but does not answer it: try again later; cometconn does so by itself."
    return "Log in again: with COMETCONN_AUTH_KEY, or a new COMETCONN_AUTH_TOKEN."
