"""The one list of the names under which secrets come: of fields in JSON and of headers."""

from __future__ import annotations

import re
from collections.abc import Mapping
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
"""What stands where a secret stood."""

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
"""The names of fields and headers that hold secrets, in lower case without `-` and `_`, and what to call the secret."""


def is_secret_name(name: object) -> bool:
    """Tell whether a field or a header of this *name* holds a secret: `authToken`, `AUTH_TOKEN`, `auth-token`."""
    return isinstance(name, str) and plain_name(name) in SECRET_NAMES


def plain_name(name: str) -> str:
    """Return *name* as it stands in `SECRET_NAMES`, if it does."""
    return name.lower().replace("_", "").replace("-", "")


def without_secret_names(value: Any) -> Any:
    """Copy JSON with every field hidden whose name is that of a secret, at any depth. Its depth is trusted."""
    if isinstance(value, Mapping):
        return {name: HIDDEN if is_secret_name(name) else without_secret_names(item) for name, item in value.items()}
    if isinstance(value, list | tuple):
        return [without_secret_names(item) for item in value]
    return value


_NAMED = re.compile(r'("([A-Za-z_-]+)"\s*:\s*")((?:[^"\\]|\\.)*)')


def named_secrets(text: str) -> list[tuple[str, str]]:
    """Return name and value of the secrets in *text*, which looks like JSON but may be cut off or broken."""
    return [(name, value) for _, name, value in _NAMED.findall(text) if is_secret_name(name)]


def without_named_secrets(text: str) -> str:
    """Return *text*, which looks like JSON but may be cut off or broken, with the values of secret fields hidden."""
    return _NAMED.sub(lambda found: f"{found[1]}{HIDDEN}" if is_secret_name(found[2]) else found[0], text)
