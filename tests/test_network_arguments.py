"""What `open_client()` is told about the network."""

from __future__ import annotations

from typing import Any

import pytest

from cometconn import Endpoints
from cometconn._network_arguments import checked_headers, checked_proxy
from cometconn.errors import SettingsError

LOCAL = Endpoints.at("http://127.0.0.1:9")


@pytest.mark.parametrize(
    ("name", "value"),
    [
        (3, "x"),
        ("x", 3),
        ("", "x"),
        ("a b", "x"),
        ("a:", "x"),
        ("a\r\nb", "x"),
        ("x", "a\r\nb: c"),
        ("x", "a\x00b"),
        ("x", "\u2603"),
        ("x", " a"),
        ("x", "a\t"),
    ],
)
def test_no_header_at_all(name: Any, value: Any) -> None:
    """The name is told, the value never: it may be a secret."""
    with pytest.raises(SettingsError, match="no HTTP header"):
        checked_headers({name: value})


@pytest.mark.parametrize(
    "name", ["Host", "authToken", "AUTHTOKEN", "Content-Length", "Transfer-Encoding", "Sec-WebSocket-Key", "Connection"]
)
def test_a_header_that_is_ours(name: str) -> None:
    """Twice in a request, it would be read as two requests, or as somebody else's."""
    with pytest.raises(SettingsError, match="cometconn's own"):
        checked_headers({name: "x"})


def test_good_headers() -> None:
    """Whatever else there is; an empty value is one, too."""
    assert checked_headers(None) == {}
    assert checked_headers({"Authorization": "Basic eDp5", "X-Empty": ""}) == {
        "Authorization": "Basic eDp5",
        "X-Empty": "",
    }


@pytest.mark.parametrize(
    "proxy",
    [3, "", "proxy:1", "https://p:1", "http://p:99999", "http://[::1", "http://p q:1", "http://p/x", "http://p\r\nX:1"],
)
def test_no_proxy_at_all(proxy: Any) -> None:
    """Told when the client is opened, and not at the first attempt."""
    with pytest.raises(SettingsError, match="must look like") as caught:
        checked_proxy(proxy, None)
    assert "99999" not in str(caught.value)


def test_a_proxy_does_not_read_what_is_meant_for_this_machine() -> None:
    """Endpoints in plain text are allowed for loopback only, which a proxy elsewhere is not."""
    with pytest.raises(SettingsError, match="not encrypted"):
        checked_proxy("http://user:pw@proxy.example:3128", LOCAL)
    for proxy, endpoints in [
        (None, LOCAL),
        ("http://127.0.0.1:3128", LOCAL),
        ("http://proxy.example:3128", None),
        ("http://user:pw@proxy.example:3128/", Endpoints.at("https://chat.example")),
        ("http://proxy.example:3128", Endpoints.at("http://127.0.0.1:9", allow_insecure=True)),
    ]:
        assert checked_proxy(proxy, endpoints) == proxy
