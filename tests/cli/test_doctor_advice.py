"""Advice for what is hard to bring about on loopback; the rest is seen in the examinations."""

from __future__ import annotations

import ssl

import pytest
import trio

from cometconn._transport.abc import WebSocketBrokenError
from cometconn._transport.dial import Target
from cometconn._transport.proxy import Proxy, ProxyError, ProxyFault
from cometconn.cli.doctor_advice import Place, network_advice, socket_advice
from cometconn.cli.doctor_findings import Step

FAR = Place(Target("chat.example", 443, secure=True), None)


def certificate_error(code: int) -> ssl.SSLCertVerificationError:
    """OpenSSL's, with this number."""
    error = ssl.SSLCertVerificationError(1, "certificate verify failed")
    error.verify_code = code
    return error


def alert(reason: str) -> ssl.SSLError:
    """What the other side says in TLS."""
    error = ssl.SSLError(1, reason)
    error.reason = reason
    return error


@pytest.mark.parametrize(
    ("step", "error", "words"),
    [
        (Step.TCP, trio.TooSlowError(), "a firewall may swallow it"),
        (Step.TCP, OSError(113, "No route to host"), "a firewall stands between"),
        (Step.TLS, certificate_error(23), "breaks a rule"),
        (Step.TLS, certificate_error(21), "--ca-file"),
        (Step.TLS, certificate_error(62), "Another server answers for chat.example"),
        (Step.TLS, alert("SSLV3_ALERT_HANDSHAKE_FAILURE"), "--client-cert"),
    ],
)
def test_on_the_way_to_the_server(step: Step, error: Exception, words: str) -> None:
    """Who stands in the way, and whom to ask."""
    assert words in network_advice(step, error, FAR)


def test_every_fault_of_a_proxy_has_an_advice() -> None:
    """It names where the proxy's address stands, or the server."""
    place = Place(FAR.target, Proxy("http", "proxy.example", 3128, origin="ALL_PROXY"))
    for fault in set(ProxyFault) - {ProxyFault.UNREACHABLE}:
        advice = network_advice(Step.PROXY, ProxyError(fault, "x"), place)
        assert "ALL_PROXY" in advice or "chat.example:443" in advice or "COMETCONN_PROXY" in advice


def test_a_client_certificate_that_is_wanted_by_the_socket() -> None:
    """Said wherever it shows."""
    error = WebSocketBrokenError("the server wants a client certificate (X)")
    assert "--client-cert" in socket_advice(Step.AUTH, error)
