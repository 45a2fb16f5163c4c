"""`cometconn doctor`: name lookup, TCP, proxy and TLS, as a client dials, one step at a time."""

from __future__ import annotations

import socket
import ssl
import time
from typing import TYPE_CHECKING, Any

import attrs
import trio

from cometconn._transport.dial import Target, open_tcp, pass_through
from cometconn._transport.tls import encrypt
from cometconn.errors import ProtocolError

from .doctor_advice import PLAIN_URL_ADVICE, Destination, network_advice
from .doctor_findings import DoctorStep

if TYPE_CHECKING:
    from collections.abc import Callable

    from cometconn._transport.proxy import Proxy

    from .doctor_findings import Findings

__all__ = ["Route"]

_PROBE_TIMEOUT = 1.0  # seconds; a server without TLS may wait for the rest of a request


@attrs.define(eq=False)
class Route:
    """The route to the server of a URL.

    Attributes:
        url: the URL.
        proxy: the proxy to use; `None` for a direct connection.
        ssl_context: returns the TLS context.
        target: the server's host and port.
        stream: what is open so far; `aclose()` closes it.
    """

    url: str
    proxy: Proxy | None
    ssl_context: Callable[[], ssl.SSLContext]
    stream: trio.abc.Stream | None = attrs.field(default=None, init=False)
    target: Target = attrs.field(init=False)

    def __attrs_post_init__(self) -> None:
        """Parse the URL."""
        self.target = Target.of(self.url)

    async def open(self, findings: Findings) -> bool:
        """Take the steps until one fails; return whether the server is reached."""
        findings.part = self.url
        destination = Destination(self.target, self.proxy)
        steps = [(DoctorStep.NAME_LOOKUP, self._look_up), (DoctorStep.TCP, self._connect)]
        if self.proxy is not None:
            steps.append((DoctorStep.PROXY, self._pass_proxy))
        if self.target.secure:
            steps.append((DoctorStep.TLS, self._encrypt))
        for step, work in steps:
            if not await findings.run(step, work, lambda error, step=step: network_advice(step, error, destination)):  # type: ignore[misc]
                return False
            if step is DoctorStep.TCP and self.proxy is None:
                findings.skip(DoctorStep.PROXY, "none is set for this server")
        if not self.target.secure:
            if self.proxy is None and await self._requires_tls():
                message = "the server requires TLS at this port"
                findings.fail(DoctorStep.TLS, ProtocolError(message), PLAIN_URL_ADVICE)
                return False
            findings.skip(DoctorStep.TLS, "not needed for this URL: nothing is encrypted")
        return True

    async def aclose(self) -> None:
        """Close what is open. Idempotent."""
        if self.stream is not None:
            await trio.aclose_forcefully(self.stream)

    @property
    def _peer(self) -> tuple[str, int]:
        """The host and port to connect to."""
        peer = self.target if self.proxy is None else self.proxy
        return peer.host, peer.port

    @property
    def _prefix(self) -> str:
        return "" if self.proxy is None else "the proxy: "

    async def _look_up(self) -> str:
        host, port = self._peer
        found = await trio.socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
        addresses = list(dict.fromkeys(str(entry[4][0]) for entry in found))
        more = f" and {len(addresses) - 1} more" if len(addresses) > 1 else ""
        address = f"{addresses[0]}{more}"
        return f"{self._prefix}{address if address == host else f'{host} is {address}'}"

    async def _connect(self) -> str:
        host, port = self._peer
        self.stream = stream = await open_tcp(host, port)
        peer = stream.socket.getpeername()
        return f"{self._prefix}{peer[0]} port {peer[1]}"

    async def _pass_proxy(self) -> str:
        assert self.proxy is not None, "this step needs a proxy"
        stream, self.stream = self.stream, None
        assert stream is not None, "TCP comes first"
        if self.proxy.scheme == "https":
            stream = await encrypt(stream, self.ssl_context(), self.proxy.host)
        self.stream = await pass_through(stream, self.proxy, self.target)
        return f"connected by {self.proxy}" + (f" ({self.proxy.origin})" if self.proxy.origin else "")

    async def _requires_tls(self) -> bool:
        """Return whether the server shows a certificate, on a connection of its own, although the URL is without TLS."""
        trusts_no_ca = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        with trio.move_on_after(_PROBE_TIMEOUT):
            try:
                await encrypt(await open_tcp(*self._peer), trusts_no_ca, self.target.host)
            except ssl.SSLCertVerificationError:
                return True
            except (OSError, trio.BrokenResourceError):
                pass
        return False

    async def _encrypt(self) -> str:
        stream, self.stream = self.stream, None
        assert stream is not None, "TCP comes first"
        self.stream = secure = await encrypt(stream, self.ssl_context(), self.target.host)
        return _described(secure)


def _described(secure: Any) -> str:
    """Describe the TLS connection; an unexpected issuer of the certificate shows that TLS is being inspected."""
    certificate = secure.getpeercert()
    issuer = {key: value for part in certificate.get("issuer", ()) for key, value in part}
    by = issuer.get("organizationName") or issuer.get("commonName") or "?"
    until = time.strftime("%Y-%m-%d", time.gmtime(ssl.cert_time_to_seconds(certificate["notAfter"])))
    return f"{secure.version()}, certificate by {by}, until {until}"
