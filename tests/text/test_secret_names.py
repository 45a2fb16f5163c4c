"""Which fields and headers hold secrets."""

from __future__ import annotations

import pytest

from cometconn._text.secret_names import (
    HIDDEN,
    is_secret_name,
    named_secrets,
    without_named_secrets,
    without_secret_names,
)


@pytest.mark.parametrize(
    "name", ["authToken", "auth_token", "AUTH-TOKEN", "apiKey", "jwt", "fat", "wsChannel", "password"]
)
def test_the_names_of_secrets(name: str) -> None:
    """Case, `-` and `_` make no difference."""
    assert is_secret_name(name)
    assert not is_secret_name(f"{name}s")
    assert not is_secret_name(5)


def test_names_are_found_in_invalid_json() -> None:
    """A frame that cannot be parsed, or was cut off, is shown without the values of its secret fields."""
    text = '{"auth_token": "a\\"b", "name": "token", "x": ["jwt" : "c", "JWT":"cut of'
    assert named_secrets(text) == [("auth_token", 'a\\"b'), ("jwt", "c"), ("JWT", "cut of")]
    assert without_named_secrets(text) == '{"auth_token": "***", "name": "token", "x": ["jwt" : "***", "JWT":"***'


def test_fields_are_masked_at_any_depth() -> None:
    """Whatever type their value has; the original is not changed."""
    value = {"a": [1, {"auth_token": "x"}], "wsChannel": {"b": 1}, "t": ("y",)}
    assert without_secret_names(value) == {"a": [1, {"auth_token": HIDDEN}], "wsChannel": HIDDEN, "t": ["y"]}
    assert value["wsChannel"] == {"b": 1}
