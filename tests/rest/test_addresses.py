"""The URLs of files."""

from __future__ import annotations

import pytest

from cometconn import Endpoints
from cometconn._rest.addresses import (
    file_address,
    is_at,
    is_encrypted_enough,
    next_url,
    normal_url,
    url_address,
    with_fat,
)
from cometconn.errors import SettingsError


def test_a_url_is_quoted_as_browsers_do() -> None:
    """What is quoted already stays; the fragment is dropped."""
    assert normal_url("https://a.test/my ü%20x.png?a=ü#end") == "https://a.test/my%20%C3%BC%20x.png?a=%C3%BC"


@pytest.mark.parametrize(
    "url",
    ["", "ftp://a.test/x", "https://u:p@a.test/x", "https://a.test:99999/x", "file:///etc/passwd", "https://ü.test/"],
)
def test_what_is_no_url_of_a_file(url: str) -> None:
    """It is refused, and nothing of it is in the error: it may hold a password."""
    assert url_address(url) is None
    with pytest.raises(SettingsError, match=r"^call\(\): the URL of a file must look like") as caught:
        file_address("call()", url)
    assert "p@" not in str(caught.value)


@pytest.mark.parametrize(
    ("url", "endpoints", "is_allowed"),
    [
        ("https://a.test/x", None, True),
        ("http://a.test/x", None, False),
        ("http://127.0.0.1/x", None, False),
        ("http://127.0.0.1/x", Endpoints.at("http://127.0.0.1:9"), True),
        ("http://a.test/x", Endpoints.at("http://127.0.0.1:9"), False),
        ("http://a.test/x", Endpoints.at("http://b.test", allow_insecure=True), True),
    ],
)
def test_without_encryption(url: str, endpoints: Endpoints | None, is_allowed: bool) -> None:
    """Only with servers of the program's own: on this machine, or with `allow_insecure`."""
    assert is_encrypted_enough(file_address("call()", url), endpoints) is is_allowed


@pytest.mark.parametrize(
    ("url", "host", "same"),
    [
        ("https://media.test/x", "media.test", True),
        ("https://media.test/x", "MEDIA.test:443", True),
        ("https://media.test:444/x", "media.test", False),
        ("http://media.test:80/x", "media.test", True),
        ("https://evil.test/x", "media.test", False),
        ("https://media.test.evil.test/x", "media.test", False),
        ("https://media.test/x", None, False),
        ("https://media.test/x", "media.test/path?", False),
    ],
)
def test_the_secured_host(url: str, host: str | None, same: bool) -> None:
    """Host and port must be the same."""
    assert is_at(file_address("call()", url), host) is same


def test_the_token_is_added_to_the_query() -> None:
    """It is quoted."""
    assert with_fat("https://a.test/x", "a&b") == "https://a.test/x?fat=a%26b"
    assert with_fat("https://a.test/x?y=1", "a") == "https://a.test/x?y=1&fat=a"


def test_where_a_redirect_leads() -> None:
    """A relative location is completed."""
    assert next_url("https://a.test/x/y", "/z") == "https://a.test/z"
    assert next_url("https://a.test/x/y", "https://b.test/z") == "https://b.test/z"
