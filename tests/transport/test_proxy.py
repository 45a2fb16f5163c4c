"""The URL of a proxy."""

from __future__ import annotations

from typing import Any

import pytest

from cometconn._transport.proxy import Proxy, read_proxy


@pytest.mark.parametrize(
    ("url", "proxy"),
    [
        ("http://proxy.test:3128", Proxy("http", "proxy.test", 3128)),
        ("HTTP://Proxy.Test/", Proxy("http", "proxy.test", 80)),
        ("https://proxy.test", Proxy("https", "proxy.test", 443)),
        ("socks5h://[2001:db8::1]", Proxy("socks5h", "2001:db8::1", 1080)),
        ("socks5://u:p@proxy.test:1", Proxy("socks5", "proxy.test", 1, "u", "p")),
        ("http://u%3A:p%40ss%C3%A9@proxy.test:1", Proxy("http", "proxy.test", 1, "u:", "p@ssé")),
        ("http://u@proxy.test:1", Proxy("http", "proxy.test", 1, "u", "")),
    ],
)
def test_a_proxy_is_read(url: str, proxy: Proxy) -> None:
    """Scheme, host, port and credentials are read from the URL."""
    assert read_proxy(url) == proxy


@pytest.mark.parametrize(
    "url",
    [
        3,
        "",
        "proxy:1",
        "ftp://p:1",
        "socks4://p:1",
        "http://p:99999",
        "http://[::1",
        "http://p q:1",
        "http://p/x",
        "http://p\r\nX:1",
        "socks5://u@p:1",
        "socks5://:p@p:1",
        f"socks5h://u:{'x' * 256}@p:1",
        "socks5h://u:%C3%A9@p:1",
    ],
)
def test_no_proxy_at_all(url: Any) -> None:
    """Ambiguous URLs, unknown schemes, and credentials that do not fit into SOCKS are refused."""
    assert read_proxy(url) is None


def test_the_password_is_not_shown() -> None:
    """The repr of a proxy contains neither the password nor the user."""
    proxy = read_proxy("http://someone:s3cret@[2001:db8::1]:3128", "HTTPS_PROXY")
    assert str(proxy) == "http://[2001:db8::1]:3128"
    assert "s3cret" not in repr(proxy)
    assert "someone" not in repr(proxy)
