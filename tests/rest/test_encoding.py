"""How arguments become a URL and a body."""

from __future__ import annotations

import math
from types import MappingProxyType
from typing import Any

import pytest

from cometconn._rest.encoding import encoded_body, target
from cometconn.errors import SettingsError


def test_the_target() -> None:
    """Numbers and sequences of texts are written as CometChat's SDKs write them, and everything is quoted."""
    query = {"per_page": 30, "types": ["text", "image"], "searchKey": "a b&c"}
    assert target("call", "/users/a%2Fb/messages", query) == (
        "/users/a%2Fb/messages?per_page=30&types=text,image&searchKey=a+b%26c"
    )
    assert target("call", "/me", {}) == "/me"


@pytest.mark.parametrize(
    "path",
    [
        "",
        "me",
        "//evil.test/me",
        "/me?x=1",
        "/me#x",
        "/a b",
        "/users/../me",
        "/users/%2e%2e/me",
        "/./me",
        "/me/",
        "/ü",
        "/me\r\nX: y",
        "https://evil.test/me",
        "/@evil/\\",
        "/users//x",
    ],
)
def test_a_path_that_could_lead_elsewhere(path: str) -> None:
    """It is refused."""
    with pytest.raises(SettingsError, match=r"call\(\): path must be"):
        target("call()", path, None)


def test_the_version_belongs_to_the_base_url() -> None:
    """A path with the version is refused with the remedy."""
    with pytest.raises(SettingsError, match=r"leave /v3\.0 out"):
        target("call()", "/v3.0/me", None)


@pytest.mark.parametrize(
    ("query", "words"),
    [
        ({"a": None}, "query"),
        ({"a": True}, "query"),
        ({"a": [1]}, "query"),
        ({"": "x"}, "not empty"),
        ({1: "x"}, "name"),
        ({"a": "\ud800"}, "surrogate"),
    ],
)
def test_a_query_that_cannot_be_sent(query: Any, words: str) -> None:
    """It is refused, and the error names what is wrong."""
    with pytest.raises(SettingsError, match=words):
        target("call()", "/me", query)


def test_bodies() -> None:
    """JSON, a form, or nothing."""
    assert encoded_body("call()", None, None) == (None, "application/json")
    assert encoded_body("call()", {"a": MappingProxyType({"b": "ü"})}, None)[0] == '{"a":{"b":"ü"}}'.encode()
    assert encoded_body("call()", [], None)[0] == b"[]"
    assert encoded_body("call()", None, {"a": "1 2"}) == (b"a=1+2", "application/x-www-form-urlencoded")


@pytest.mark.parametrize(
    ("value", "form", "words"),
    [
        ({"a": math.nan}, None, "JSON"),
        ({"a": {1}}, None, "set has no JSON form"),
        ("\ud800", None, "surrogates"),
        ({}, {}, "not both"),
        (None, {"a": 1}, "a text"),
        (None, {"a": "\ud800"}, "surrogate"),
    ],
)
def test_a_body_that_cannot_be_sent(value: Any, form: Any, words: str) -> None:
    """It is refused, and the error names what is wrong."""
    with pytest.raises(SettingsError, match=words):
        encoded_body("call()", value, form)
