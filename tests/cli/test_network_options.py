"""The proxy and the certificates of the command line."""

from __future__ import annotations

import pathlib
import ssl

import pytest
from cryptography.hazmat.primitives import serialization

from cometconn.cli.network_options import proxy_choice, tls_context
from cometconn.errors import SettingsError
from tests.conformance.authority import Authority


def test_where_the_proxy_comes_from() -> None:
    """The option takes precedence over the environment, also if it is empty; a password may only be in the environment."""
    assert proxy_choice(None, {}) is None
    assert proxy_choice(None, {"COMETCONN_PROXY": "http://u:p@a:1"}) == "http://u:p@a:1"
    assert proxy_choice("http://b:2", {"COMETCONN_PROXY": "http://u:p@a:1"}) == "http://b:2"
    assert proxy_choice("", {"COMETCONN_PROXY": "http://u:p@a:1"}) == ""
    with pytest.raises(SettingsError, match="COMETCONN_PROXY") as caught:
        proxy_choice("http://u:s3cret@a:1", {})
    assert "s3cret" not in str(caught.value)


def test_certificates(tmp_path: pathlib.Path) -> None:
    """The certificates of the file are trusted in addition to the system's; without a file there is no context."""
    ca, certificate, key = map(pathlib.Path, Authority().files(tmp_path))
    assert tls_context(None, None, None) is None
    plain = ssl.create_default_context()
    context = tls_context(ca, certificate, key)
    assert context is not None
    assert len(context.get_ca_certs()) == len(plain.get_ca_certs()) + 1
    both = tmp_path / "both.pem"
    both.write_bytes(certificate.read_bytes() + key.read_bytes())
    assert tls_context(None, both, None) is not None


def test_a_key_with_a_password(tmp_path: pathlib.Path) -> None:
    """The password is read from the environment and never from the terminal, and no error contains it."""
    _, certificate, key = map(pathlib.Path, Authority().files(tmp_path))
    secret = serialization.BestAvailableEncryption(b"s3cret")
    loaded = serialization.load_pem_private_key(key.read_bytes(), None)
    key.write_bytes(loaded.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, secret))
    assert tls_context(None, certificate, key, {"COMETCONN_CLIENT_KEY_PASSWORD": "s3cret"}) is not None
    for wrong in ({}, {"COMETCONN_CLIENT_KEY_PASSWORD": "wr0ng"}, {"COMETCONN_CLIENT_KEY_PASSWORD": "wr0ng" * 1000}):
        with pytest.raises(SettingsError, match="--client-cert") as caught:
            tls_context(None, certificate, key, wrong)
        assert "wr0ng" not in str(caught.value)


def test_files_that_cannot_be_used(tmp_path: pathlib.Path) -> None:
    """The error of a file that cannot be used names the option and the file."""
    ca, certificate, _ = map(pathlib.Path, Authority().files(tmp_path))
    nothing, text = tmp_path / "nothing", tmp_path / "text"
    text.write_text("hello")
    for arguments, words in [
        ((nothing, None, None), "--ca-file .*nothing: No such file"),
        ((text, None, None), "--ca-file .*text: it holds no certificates"),
        ((None, nothing, None), "--client-cert .*nothing: No such file"),
        ((None, certificate, None), "--client-cert .*client.pem: it holds no certificate, or not its key"),
        ((None, certificate, ca), "not its key"),
        ((None, None, ca), "--client-key needs --client-cert"),
    ]:
        with pytest.raises(SettingsError, match=words):
            tls_context(*arguments)
