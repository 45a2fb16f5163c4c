"""URLs are accepted only if they are unambiguous."""

from __future__ import annotations

import contextlib
import urllib.parse

import httpx2
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from cometconn import Endpoints
from cometconn._network import urls
from cometconn._network.urls import canonical_url, is_loopback, read_url
from cometconn.errors import SettingsError

PIECES = st.sampled_from(
    [
        "http",
        "https",
        "wss",
        "://",
        "//",
        "/",
        "\\",
        "@",
        ":",
        "[",
        "]",
        "::1",
        "127.0.0.1",
        "127.1",
        "localhost",
        "evil",
        ".",
        "..",
        ".com",
        "80",
        "0",
        "%2e",
        "%",
        "#",
        "?",
        ";",
        "user",
    ]
) | st.sampled_from("\r\n\t \x00\u00ad\u3002\u2460")
NASTY = st.lists(PIECES, max_size=12).map("".join)
NEARLY = st.tuples(st.sampled_from(["http://", "https://", "HTTP://"]), NASTY).map("".join)


@given(NASTY | NEARLY | st.text())
@settings(max_examples=500, deadline=None)
@example("http://[::1]evil.com")
@example("http://127.0.0.1\\@evil.com/")
@example("http://evil.com\\@127.0.0.1/")
@example("http://127.0.0.1:80@evil.com/")
@example("http://a@b@c/")
@example("http://[::ffff:127.0.0.1]/")
def test_what_is_accepted_has_one_host_for_every_parser(url: str) -> None:
    """Our check, the socket (urllib) and REST (httpx2) agree on the host to which tokens are sent."""
    address = read_url(url)
    if address is None:
        return
    parts, theirs = urllib.parse.urlsplit(url), None
    assert (parts.scheme, parts.hostname, parts.path) == (address.scheme, address.host, address.path)
    assert (parts.query, parts.fragment) == ("", "")
    assert parts.port is None or 0 < parts.port < 65536
    with contextlib.suppress(httpx2.InvalidURL):  # in this case no request is made
        theirs = httpx2.URL(url).host
    assert theirs in {None, address.host}


@pytest.mark.parametrize(
    "url",
    [
        "http://127.1",
        "http://2130706433",
        "http://0x7f.0.0.1",
        "http://0.0.0.0",
        "http://127.0.0.01",
        "http://localhost.evil.com",
        "http://localhost.",
        "http://127.0.0.1.evil.com",
        "http://[::ffff:8.8.8.8]",
        "http://[::]",
        "http://[::1]evil.com",
        "http://[::1%25eth0]",
        "http://127.0.0.1@evil.com",
        "http://evil.com@127.0.0.1",
        "http://:pw@127.0.0.1",
        "http://@127.0.0.1",
        "http://evil.com#@127.0.0.1",
        "http://evil.com\\@127.0.0.1",
        "http://127.0.0.1\\.evil.com",
        "http://127.0.0.1%2eevil.com",
        "http://127.0.0.1;evil.com",
        "http://127.0.0.1/a b",
        "http://127.0.0.1/\r\nX-Evil: 1",
        "http://127.0.0.1/?token=x",
        "http://127.0.0.1:0",
        "http://127.0.0.1:65536",
        "http://\u2460\u2461\u2466.0.0.1",
        "http://localhost\u3002evil.com",
        "https://m\u00fcnchen.example",
        " http://127.0.0.1",
        "http://127.0.0.1\n",
    ],
)
def test_unencrypted_urls_must_be_loopback(url: str) -> None:
    """URLs that only look like loopback, or are ambiguous, are refused; user information and queries are not shown."""
    with pytest.raises(SettingsError, match="Endpoints") as caught:
        Endpoints.at(url)
    assert ":pw" not in str(caught.value)
    assert "token=x" not in str(caught.value)


@pytest.mark.parametrize("host", ["localhost", "LOCALHOST", "127.0.0.1", "127.9.9.9", "[::1]", "[::ffff:127.0.0.1]"])
def test_loopback(host: str) -> None:
    """`localhost` and the loopback addresses are accepted without encryption."""
    assert Endpoints.at(f"http://{host}:9/v3/x%20y").socket_url == f"ws://{host}:9/v3/x%20y"
    assert is_loopback(host.strip("[]").lower())


def test_a_proxys_password_is_not_shown() -> None:
    """The repr of a URL's components does not contain it."""
    address = read_url("http://user:pw@proxy:1")
    assert address is not None
    assert address.user == "user:pw"
    assert "pw" not in repr(address)


@pytest.mark.parametrize(
    ("url", "form"),
    [
        ("HTTPS://Host.Example:443/V3.0/", "https://host.example/V3.0"),
        ("http://host:80", "http://host"),
        ("https://host:80", "https://host:80"),
        ("wss://[0:0:0:0:0:0:0:1]:0443", "wss://[::1]"),
        ("ws://user:pw@127.0.0.1:9000/", "ws://127.0.0.1:9000"),
    ],
)
def test_one_form_for_all_spellings(url: str, form: str) -> None:
    """Spellings of one URL have one canonical form, which has no password in it and is its own canonical form."""
    assert canonical_url(url) == form == canonical_url(form)


def test_a_password_is_not_kept() -> None:
    """The cache of URLs that are read again and again has none with user information."""
    urls._read.cache_clear()
    assert read_url("http://proxy.invalid:3128") is not None
    kept = urls._read.cache_info().currsize
    assert kept == 1
    assert read_url("http://me:secret@proxy.invalid:3128") is not None
    assert urls._read.cache_info().currsize == kept
