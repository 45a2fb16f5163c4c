"""The only list of the names of fields and headers that hold secrets, and the masking of fields by their names."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any, Final

__all__ = [
    "HIDDEN",
    "SECRET_NAMES",
    "is_secret_name",
    "named_secrets",
    "plain_name",
    "without_named_secrets",
    "without_secret_names",
]

HIDDEN: Final = "***"
"""The text that replaces a secret."""

SECRET_NAMES: Final[Mapping[str, str]] = {
    "accesstoken": "token",
    "apikey": "authKey",
    "auth": "jwt",
    "authkey": "authKey",
    "authorization": "authorization",
    "authtoken": "authToken",
    "cookie": "cookie",
    "fat": "fat",
    "headers": "headers",
    "jwt": "jwt",
    "password": "password",
    "proxyauthorization": "authorization",
    "refreshtoken": "token",
    "secret": "secret",
    "setcookie": "cookie",
    "token": "token",
    "wschannel": "wsChannel",
}
"""The names, in lower case and without `-` and `_`, and for each the kind of secret, which placeholders are named by."""


def is_secret_name(name: object) -> bool:
    """Return whether a field or header named *name* holds a secret: `authToken`, `AUTH_TOKEN`, `auth-token`."""
    return isinstance(name, str) and plain_name(name) in SECRET_NAMES


def plain_name(name: str) -> str:
    """Return *name* in the form that the keys of `SECRET_NAMES` have."""
    return name.lower().replace("_", "").replace("-", "")


def _unchanged(text: str) -> str:
    return text


def without_secret_names(value: Any, shown: Callable[[str], str] = _unchanged) -> Any:
    """Return a copy of a JSON value in which every field with the name of a secret is masked, at any depth.

    Args:
        value: the JSON value. The caller has checked its depth.
        shown: replaces every other text, the names of fields included.
    """
    if isinstance(value, str):
        return shown(value)
    if isinstance(value, Mapping):
        return {
            shown(name): HIDDEN if is_secret_name(name) else without_secret_names(item, shown)
            for name, item in value.items()
        }
    if isinstance(value, list | tuple):
        return [without_secret_names(item, shown) for item in value]
    return value


_NAMED = re.compile(r'("([A-Za-z_-]+)"\s*:\s*")((?:[^"\\]|\\.)*)')


def named_secrets(text: str) -> list[tuple[str, str]]:
    """Return the names and values of the secret fields in *text*, which may be incomplete or invalid JSON."""
    return [(name, value) for _, name, value in _NAMED.findall(text) if is_secret_name(name)]


def without_named_secrets(text: str) -> str:
    """Return *text*, which may be incomplete or invalid JSON, with the values of secret fields masked."""
    return _NAMED.sub(lambda found: f"{found[1]}{HIDDEN}" if is_secret_name(found[2]) else found[0], text)
