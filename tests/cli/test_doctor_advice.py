"""Advice for failures that are hard to cause on loopback; other tests cover the rest."""

from __future__ import annotations

import ssl

import pytest
import trio

from cometconn._transport.abc import WebSocketBrokenError
from cometconn._transport.dial import Target
from cometconn._transport.proxy import Proxy, ProxyError, ProxyFault
from cometconn.cli.doctor_advice import Destination, network_advice, socket_advice
from cometconn.cli.doctor_findings import DoctorStep

FAR = Destination(Target("chat.example", 443, secure=True), None)


def certificate_error(code: int) -> ssl.SSLCertVerificationError:
    """Return an error of OpenSSL with this number."""
    error = ssl.SSLCertVerificationError(1, "certificate verify failed")
    error.verify_code = code
    return error


def alert(reason: str) -> ssl.SSLError:
    """Return the error for a TLS alert of the peer."""
    error = ssl.SSLError(1, reason)
    error.reason = reason
    return error


@pytest.mark.parametrize(
    ("step", "error", "words"),
    [
        (DoctorStep.TCP, trio.TooSlowError(), "a firewall may drop the packets"),
        (DoctorStep.TCP, OSError(113, "No route to host"), "whether a firewall blocks it"),
        (DoctorStep.TLS, certificate_error(23), "certificate is invalid"),
        (DoctorStep.TLS, certificate_error(21), "--ca-file"),
        (DoctorStep.TLS, certificate_error(62), "for another host than chat.example"),
        (DoctorStep.TLS, alert("SSLV3_ALERT_HANDSHAKE_FAILURE"), "--client-cert"),
    ],
)
def test_on_the_way_to_the_server(step: DoctorStep, error: Exception, words: str) -> None:
    """Each failure of the route to the server has its advice."""
    assert words in network_advice(step, error, FAR)


def test_every_fault_of_a_proxy_has_an_advice() -> None:
    """The advice for a fault of a proxy names the option or variable of the proxy, or the server."""
    destination = Destination(FAR.target, Proxy("http", "proxy.example", 3128, origin="ALL_PROXY"))
    for fault in set(ProxyFault) - {ProxyFault.UNREACHABLE}:
        advice = network_advice(DoctorStep.PROXY, ProxyError(fault, "x"), destination)
        assert "ALL_PROXY" in advice or "chat.example:443" in advice or "COMETCONN_PROXY" in advice


def test_a_client_certificate_that_the_websocket_requires() -> None:
    """The advice for a missing client certificate is the same at each step."""
    error = WebSocketBrokenError("the server wants a client certificate (X)")
    assert "--client-cert" in socket_advice(DoctorStep.AUTH, error)
