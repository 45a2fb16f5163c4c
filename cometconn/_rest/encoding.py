"""How the arguments of a REST request become its URL and its body."""

from __future__ import annotations

import re
import urllib.parse
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from cometconn._arguments import refused
from cometconn._json.encoding import NoJsonError, json_text
from cometconn.errors import SettingsError

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["encoded_body", "json_bytes", "target"]

_PATH = re.compile(r"(/[A-Za-z0-9._~!$&'()*+,;=:@%-]+)+")
_VERSION = re.compile(r"/v[0-9]+(\.[0-9]+)*/")
_DOTS = frozenset({".", ".."})


def target(call: str, path: str, query: Mapping[str, str | int | Sequence[str]] | None) -> str:
    """Return what follows the API's base URL: the path, and the query if there is one.

    The value of a query may be a sequence of texts, which are joined by commas, as both official SDKs do.

    Raises:
        SettingsError: the path could lead elsewhere: it has no slash at its beginning, an empty segment, `..`, a query,
            or a character that must be quoted. Or a value of the query is no text, number or sequence of texts.
    """
    where = f"{call}: path"
    if not _PATH.fullmatch(path):
        what = 'a path below the API\'s version, such as "/users/amy-2", quoted and without a query'
        raise refused(where, what, path)
    if any(urllib.parse.unquote(each) in _DOTS for each in path.split("/")):
        raise refused(where, "a path without . and ..", path)
    if (version := _VERSION.match(path)) is not None:
        raise refused(where, f"a path below the API's version: leave {version[0][:-1]} out", path)
    if not query:
        return path
    items = {_query_name(call, name): _query_text(call, name, value) for name, value in query.items()}
    try:
        return f"{path}?{urllib.parse.urlencode(items, safe=',')}"
    except UnicodeEncodeError:
        message = f"{call}: the query has half a surrogate pair, which cannot be sent."
        raise SettingsError(message) from None


def _query_name(call: str, name: object) -> str:
    if not (isinstance(name, str) and name):
        where = f"{call}: the name of a parameter in query"
        raise refused(where, "a text and not empty", name)
    return name


def _query_text(call: str, name: str, value: object) -> str:
    if isinstance(value, str | int) and not isinstance(value, bool):
        return str(value)
    if isinstance(value, list | tuple) and all(isinstance(each, str) for each in value):
        return ",".join(value)
    where = f"{call}: query[{name!r}]"
    raise refused(where, "a text, a whole number or a list of texts", value)


def json_bytes(call: str, value: Any) -> bytes:
    """Return *value* as JSON. Raises `SettingsError` if it has no JSON form."""
    try:
        return json_text(value).encode()
    except NoJsonError as error:
        message = f"{call}: json cannot be sent, because it is not JSON: {error}."
        raise SettingsError(message) from None


def encoded_body(call: str, json_value: Any, form: Mapping[str, str] | None) -> tuple[bytes | None, str]:
    """Return the body, and its content type.

    Raises:
        SettingsError: more than one kind of body is given, or one has no form that can be sent.
    """
    if json_value is not None and form is not None:
        message = f"{call}: give json or form, and not both."
        raise SettingsError(message)
    if form is None:
        return (None if json_value is None else json_bytes(call, json_value)), "application/json"
    for name, value in form.items():
        if not (isinstance(name, str) and name and isinstance(value, str)):
            where = f"{call}: form[{name!r}]"
            raise refused(where, "a text", value)
    try:
        return urllib.parse.urlencode(form).encode(), "application/x-www-form-urlencoded"
    except UnicodeEncodeError:
        message = f"{call}: form has half a surrogate pair, which cannot be sent."
        raise SettingsError(message) from None
