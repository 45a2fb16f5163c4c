"""`cometconn doctor` on its way to a server: name lookup, TCP, proxy, TLS, as the library dials, one step at a time."""

from __future__ import annotations

import socket
import ssl
import time
from typing import TYPE_CHECKING, Any

import attrs
import trio

from cometconn._transport.dial import Target, open_tcp, pass_through
from cometconn._transport.tls import encrypt

from .doctor_advice import Destination, network_advice
from .doctor_findings import DoctorStep

if TYPE_CHECKING:
    from collections.abc import Callable

    from cometconn._transport.proxy import Proxy

    from .doctor_findings import Findings

__all__ = ["Route"]


@attrs.define(eq=False)
class Route:
    """The way to one URL.

    Attributes:
        url: where to.
        proxy: what leads there; `None` to go straight.
        ssl_context: gives the TLS setting.
        target: its host and port.
        stream: how far we are; whoever takes the way closes it.
    """

    url: str
    proxy: Proxy | None
    ssl_context: Callable[[], ssl.SSLContext]
    stream: trio.abc.Stream | None = attrs.field(default=None, init=False)
    target: Target = attrs.field(init=False)

    def __attrs_post_init__(self) -> None:
        """Read the URL."""
        self.target = Target.of(self.url)

    async def take(self, findings: Findings) -> bool:
        """Take all steps until one fails; tell whether the server is reached."""
        findings.part = self.url
        place = Destination(self.target, self.proxy)
        steps = [(DoctorStep.NAME_LOOKUP, self._look_up), (DoctorStep.TCP, self._connect)]
        if self.proxy is not None:
            steps.append((DoctorStep.PROXY, self._pass_proxy))
        if self.target.secure:
            steps.append((DoctorStep.TLS, self._encrypt))
        for step, work in steps:
            if not await findings.take(step, work, lambda error, step=step: network_advice(step, error, place)):  # type: ignore[misc]
                return False
            if step is DoctorStep.TCP and self.proxy is None:
                findings.skip(DoctorStep.PROXY, "none is set for this server")
        if not self.target.secure:
            findings.skip(DoctorStep.TLS, "a plain URL: nothing is encrypted")
        return True

    async def aclose(self) -> None:
        """Close what is open."""
        if self.stream is not None:
            await trio.aclose_forcefully(self.stream)

    @property
    def _first(self) -> tuple[str, int]:
        """Whom to connect to."""
        there = self.target if self.proxy is None else self.proxy
        return there.host, there.port

    @property
    def _whose(self) -> str:
        return "" if self.proxy is None else "the proxy: "

    async def _look_up(self) -> str:
        host, port = self._first
        found = await trio.socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
        addresses = list(dict.fromkeys(str(entry[4][0]) for entry in found))
        more = f" and {len(addresses) - 1} more" if len(addresses) > 1 else ""
        shown = f"{addresses[0]}{more}"
        return f"{self._whose}{shown if shown == host else f'{host} is {shown}'}"

    async def _connect(self) -> str:
        host, port = self._first
        self.stream = stream = await open_tcp(host, port)
        peer = stream.socket.getpeername()
        return f"{self._whose}{peer[0]} port {peer[1]}"

    async def _pass_proxy(self) -> str:
        assert self.proxy is not None, "else there is no such step"
        stream, self.stream = self.stream, None
        assert stream is not None, "TCP comes first"
        if self.proxy.scheme == "https":
            stream = await encrypt(stream, self.ssl_context(), self.proxy.host)
        self.stream = await pass_through(stream, self.proxy, self.target)
        return f"{self.proxy} leads there" + (f" ({self.proxy.origin})" if self.proxy.origin else "")

    async def _encrypt(self) -> str:
        stream, self.stream = self.stream, None
        assert stream is not None, "TCP comes first"
        self.stream = secure = await encrypt(stream, self.ssl_context(), self.target.host)
        return _described(secure)


def _described(secure: Any) -> str:
    """Return what TLS came to: a certificate by an unexpected issuer betrays who reads along."""
    certificate = secure.getpeercert()
    issuer = {key: value for part in certificate.get("issuer", ()) for key, value in part}
    by = issuer.get("organizationName") or issuer.get("commonName") or "?"
    until = time.strftime("%Y-%m-%d", time.gmtime(ssl.cert_time_to_seconds(certificate["notAfter"])))
    return f"{secure.version()}, certificate by {by}, until {until}"
