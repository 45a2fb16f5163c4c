"""Replaces the secrets in a transcript by stable placeholders."""

from __future__ import annotations

import re
import urllib.parse
from typing import Any, Final

import attrs

from cometconn._text.secret_names import SECRET_NAMES, named_secrets, plain_name

__all__ = ["Redaction"]

_SHORTEST: Final = 20  # characters: names of fields are shorter than this, real secrets are longer
_MOST: Final = 1_000
"""The most secrets that are remembered; the oldest is forgotten first."""


@attrs.define(eq=False)
class Redaction:
    """Remembers the secrets of a session, and replaces each by its own placeholder, such as `jwt-1`.

    A placeholder is itself a valid token: in a replay the client sends it where it sent the secret.
    """

    _placeholders: dict[str, str] = attrs.field(factory=dict, init=False, repr=False)
    _counts: dict[str, int] = attrs.field(factory=dict, init=False, repr=False)
    _pattern: re.Pattern[str] | None = attrs.field(default=None, init=False, repr=False)

    def learn(self, kind: str, secret: str) -> str:
        """Remember a secret, and return its placeholder."""
        if not secret or secret in self._placeholders.values():
            return secret
        if secret not in self._placeholders:
            if len(self._placeholders) >= _MOST:
                del self._placeholders[next(iter(self._placeholders))]
            self._counts[kind] = self._counts.get(kind, 0) + 1
            self._placeholders[secret] = f"{kind}-{self._counts[kind]}"
            self._pattern = None
        return self._placeholders[secret]

    def learn_header(self, name: str, value: str) -> None:
        """Remember the value of a request's header if it is a secret, or the session id, which differs in every run."""
        kind = "session" if name.lower() == "resource" else _kind(name)
        if kind is not None:
            self.learn(kind, value)

    def clean(self, value: Any) -> Any:
        """Return a copy of a JSON value with every secret replaced: those in secret fields, and all remembered ones.

        The caller has checked the depth of *value*.
        """
        self._learn_names(value)
        return self._replace(value)

    def clean_text(self, text: str) -> str:
        """Return *text*, which is not a JSON object or is incomplete, with every secret replaced."""
        for name, secret in named_secrets(text):
            self.learn(SECRET_NAMES[plain_name(name)], secret)
        return str(self._replace(text))

    def named(self, name: str, value: str) -> str:
        """Return the value of a query parameter, replaced if *name* is that of a secret."""
        kind = _kind(name)
        return self.clean_text(value) if kind is None else self.learn(kind, value)

    def clean_target(self, url: str) -> str:
        """Return the path and the query of *url*, with every secret replaced."""
        parts = urllib.parse.urlsplit(url)
        path, query = self.clean_text(parts.path), urllib.parse.parse_qsl(parts.query, keep_blank_values=True)
        clean = [(name, self.named(name, value)) for name, value in query]
        return f"{path}?{urllib.parse.urlencode(clean)}" if clean else path

    def _learn_names(self, value: Any) -> None:
        if isinstance(value, dict):
            for name, item in value.items():
                if isinstance(item, str) and (kind := _kind(name)) is not None:
                    self.learn(kind, item)
                else:
                    self._learn_names(item)
        elif isinstance(value, list):
            for item in value:
                self._learn_names(item)

    def _replace(self, value: Any) -> Any:
        if isinstance(value, str):
            return self._replace_in(value)
        if isinstance(value, dict):
            return {self._name(name): self._removed(name, item) for name, item in value.items()}
        if isinstance(value, list):
            return [self._replace(item) for item in value]
        return value

    def _replace_in(self, text: str) -> str:
        if not self._placeholders:
            return text
        if self._pattern is None:
            longest_first = sorted(self._placeholders, key=len, reverse=True)  # a secret may be part of another
            self._pattern = re.compile("|".join(map(re.escape, longest_first)))
        return self._pattern.sub(lambda found: self._placeholders[found[0]], text)

    def _name(self, name: str) -> str:
        """Return the name of a field. A short secret, such as the auth key `KEY` of tests, is not replaced in it."""
        return self._replace_in(name) if len(name) >= _SHORTEST else name

    def _removed(self, name: str, item: Any) -> Any:
        """Return the value of a field. A secret that is not a text (`wsChannel` is an object) becomes `{}`."""
        if _kind(name) is not None and isinstance(item, dict | list):
            return {}
        return self._replace(item)


def _kind(name: str) -> str | None:
    """Return the kind of secret that a field of this *name* holds, by which placeholders are named, or `None`."""
    return SECRET_NAMES.get(plain_name(name))
