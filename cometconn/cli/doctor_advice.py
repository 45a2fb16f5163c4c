"""What `cometconn doctor` advises: maps a failed step and its error to what to do."""

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

from .doctor_findings import DoctorStep

if TYPE_CHECKING:
    from cometconn._transport.dial import Target
    from cometconn._transport.proxy import Proxy

__all__ = ["PLAIN_URL_ADVICE", "Destination", "account_advice", "network_advice", "socket_advice"]


@attrs.frozen
class Destination:
    """A server, and the proxy on the way to it.

    Attributes:
        target: the server.
        proxy: the proxy; `None` for a direct connection.
    """

    target: Target
    proxy: Proxy | None

    @property
    def address(self) -> str:
        """The server's host and port."""
        return host_and_port(self.target.host, self.target.port)

    @property
    def proxy_setting(self) -> str:
        """The option or environment variable that holds the proxy's address."""
        origin = None if self.proxy is None else self.proxy.origin
        return origin or "--proxy or COMETCONN_PROXY"


def network_advice(step: DoctorStep, error: Exception, destination: Destination) -> str:
    """Return the advice for a step on the way to the server."""
    if step is DoctorStep.NAME_LOOKUP:
        return _lookup_advice(destination)
    if step is DoctorStep.TCP:
        return _tcp_advice(error, destination)
    if step is DoctorStep.PROXY:
        return _proxy_advice(error, destination)
    return _tls_advice(error, destination)


def _lookup_advice(destination: Destination) -> str:
    if destination.proxy is not None:
        return f"The name of the proxy is unknown: correct {destination.proxy_setting}."
    return (
        "Is this machine online, and is the name spelled right (--app-id, --region, --endpoint)? "
        "In a network where only a proxy can look up names, set --proxy or HTTPS_PROXY."
    )


def _tcp_advice(error: Exception, destination: Destination) -> str:
    if destination.proxy is not None:
        return f"The proxy {destination.proxy} does not accept connections: is it running, and is {destination.proxy_setting} right?"
    if is_loopback(destination.target.host):
        return f"No server listens at {destination.address} on this machine: start it (for example with `cometconn serve`), or correct --endpoint."
    if isinstance(error, trio.TooSlowError):
        return (
            f"{destination.address} does not reply: a firewall may drop the packets. If this network needs a proxy, "
            "set --proxy or HTTPS_PROXY."
        )
    return (
        f"The connection to {destination.address} is refused or has no route: correct --endpoint if you gave one. Else ask your "
        "network's administrator whether a firewall blocks it, or a proxy is needed (--proxy, HTTPS_PROXY)."
    )


_PROXY_ADVICE = {
    ProxyFault.NONSENSE: "It is no proxy, or another kind of proxy: try http://, https:// or socks5h:// in {by}.",
    ProxyFault.CREDENTIALS: (
        "Put the user and password into COMETCONN_PROXY or HTTPS_PROXY, as http://user:password@host:port, with "
        "special characters percent-encoded (@ is %40)."
    ),
    ProxyFault.REFUSED: "The proxy forbids it, or it is a web server and no proxy: ask its administrator to allow CONNECT to {server}.",
    ProxyFault.TARGET: "The proxy works, but does not reach {server}: is that spelled right? If so, ask the proxy's administrator.",
}


def _proxy_advice(error: Exception, destination: Destination) -> str:
    if isinstance(error, ProxyError):
        return _PROXY_ADVICE[error.fault].format(by=destination.proxy_setting, server=destination.address)
    if isinstance(error, ssl.SSLError):
        return f"TLS with the proxy itself failed: if its URL should begin with http://, correct {destination.proxy_setting}; if its certificate is from a CA of your own, set --ca-file."
    if isinstance(error, socket.gaierror):
        return f"socks5:// looks up the server's name on this machine: with socks5h:// in {destination.proxy_setting}, the proxy looks it up."
    return _PROXY_ADVICE[ProxyFault.NONSENSE].format(by=destination.proxy_setting)


_TRUST = (
    "This machine does not trust the CA that signed the certificate. If a proxy or a virus scanner in this network inspects "
    "TLS, or the server's certificate is from a CA of your own, set --ca-file to that CA's certificate (in a program: "
    "ssl_context). If neither is intended, the connection is being intercepted."
)
_ANOTHER_HOST = "The certificate is for another host than {host}: correct --endpoint, or ask the server's administrator for one with this name."
# By OpenSSL's X509_V_ERR_ number.
_CERTIFICATE_ADVICE = {
    9: "Today is {today} (UTC) by this machine's clock, which is probably slow: set it.",
    10: "Today is {today} (UTC) by this machine's clock: if that is wrong, set the clock; else the server needs a new certificate.",
    18: _TRUST,
    19: _TRUST,
    20: _TRUST,
    21: _TRUST,
    62: _ANOTHER_HOST,
    64: _ANOTHER_HOST,
}
_ANY_CERTIFICATE = "The server's certificate is invalid: ask its administrator for a valid one."
_CLIENT_CERTIFICATE = "If the server requires a client certificate, set --client-cert and --client-key; if you did, it does not trust that one."
_NO_TLS = frozenset({"WRONG_VERSION_NUMBER", "HTTP_REQUEST", "RECORD_LAYER_FAILURE"})


def _tls_advice(error: Exception, destination: Destination) -> str:
    if isinstance(error, ssl.SSLCertVerificationError):
        today = datetime.datetime.now(datetime.UTC).date().isoformat()
        return _CERTIFICATE_ADVICE.get(error.verify_code, _ANY_CERTIFICATE).format(
            today=today, host=destination.target.host
        )
    reason = str(getattr(error, "reason", None))
    if reason in _NO_TLS:
        return f"{destination.address} does not use TLS: begin the URL with http:// if the server is on this machine, else correct the port."
    if "ALERT" in reason:
        return f"The server ended the TLS handshake. {_CLIENT_CERTIFICATE}"
    return (
        f"{destination.address} did not complete the TLS handshake: a firewall may block it, or another program listens there. "
        "If this network needs a proxy, set --proxy or HTTPS_PROXY."
    )


PLAIN_URL_ADVICE = "The URL begins with http://, and the server expects https://: correct --endpoint, or its port."
_SERVER_ERRORS = 500
_TOO_MANY = 429
_BUSY = "The server has a problem of its own: try again later; a client retries by itself."
_AGAIN = "Log in again, with COMETCONN_AUTH_KEY or a new COMETCONN_AUTH_TOKEN."
_ACCOUNT_ADVICE = {
    "AUTH_ERR_AUTH_TOKEN_NOT_FOUND": f"The server no longer accepts the token. {_AGAIN}",
    "ERR_UID_NOT_FOUND": "There is no such user in this app: correct --uid, or create the user in CometChat's dashboard.",
    "INVALID_RESPONSE": (
        "The reply is not CometChat's: correct --region or --endpoint. It may also be the login page of this network."
    ),
}


def account_advice(error: Exception) -> str:
    """Return the advice for a saved session or a REST request that failed."""
    if isinstance(error, StoreError):
        return "Correct that, or give another file with --session."
    if not isinstance(error, ApiError) or error.status is None:
        return (
            f"The server accepts connections but does not reply. {_CLIENT_CERTIFICATE} Else it may be down, or a firewall may "
            "block HTTP: try again later."
        )
    if error.status >= _SERVER_ERRORS:
        return _BUSY
    return _ACCOUNT_ADVICE.get(
        error.code, "Does the key or token belong to this app? Check --app-id and --region, too."
    )


_SOCKET_ADVICE = {
    DoctorStep.UPGRADE: (
        "The server can be reached, but not by WebSocket: a proxy or firewall may block WebSockets; ask its "
        "administrator for an exception for this host."
    ),
    DoctorStep.AUTH: "The server does not reply to the auth frame: try again later; a client retries by itself.",
    DoctorStep.PING: "The login succeeded, but no pong came: the network or the server has a problem. A client would reconnect.",
}


def socket_advice(step: DoctorStep, error: Exception) -> str:
    """Return the advice for a step on the WebSocket."""
    if isinstance(error, UpgradeRefusedError):
        wrong = "The server has no WebSocket at this URL: correct --endpoint. A proxy that blocks WebSockets may also be the cause."
        return _BUSY if error.status >= _SERVER_ERRORS or error.status == _TOO_MANY else wrong
    if isinstance(error, AuthenticationError):
        return _AGAIN
    if "client certificate" in str(error):
        return _CLIENT_CERTIFICATE
    return _SOCKET_ADVICE[step]
