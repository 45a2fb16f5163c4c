"""The `headers` argument of `open_client()`."""

from __future__ import annotations

from typing import Any

import pytest

from cometconn._client.network_arguments import checked_headers
from cometconn.errors import SettingsError


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
def test_invalid_headers(name: Any, value: Any) -> None:
    """The error of an invalid header has its name, and never the value, which may be a secret."""
    with pytest.raises(SettingsError, match="no HTTP header"):
        checked_headers({name: value})


@pytest.mark.parametrize(
    "name", ["Host", "authToken", "AUTHTOKEN", "Content-Length", "Transfer-Encoding", "Sec-WebSocket-Key", "Connection"]
)
def test_a_header_that_is_ours(name: str) -> None:
    """A header that cometconn sets itself is refused: sent twice, a server might read two requests."""
    with pytest.raises(SettingsError, match="cometconn's own"):
        checked_headers({name: "x"})


def test_good_headers() -> None:
    """All other headers are accepted, also with an empty value."""
    assert checked_headers(None) == {}
    assert checked_headers({"Authorization": "Basic eDp5", "X-Empty": ""}) == {
        "Authorization": "Basic eDp5",
        "X-Empty": "",
    }
