"""Takes secrets out of what is recorded, and puts stable words in their place."""

from __future__ import annotations

import re
from typing import Any, Final

import attrs

from cometconn._text.secret_names import SECRET_NAMES, named_secrets, plain_name

__all__ = ["Redaction"]

_SHORTEST: Final = 20  # characters: no name of a field is as long as a secret
_MOST: Final = 1_000
"""So many different secrets are known by heart; the oldest is forgotten first."""


@attrs.define(eq=False)
class Redaction:
    """Knows the secrets that have passed. The same secret always gets the same placeholder, `jwt-1` for one.

    A placeholder is a token that a client takes: it is sent again in a replay where the secret was sent.
    """

    _placeholders: dict[str, str] = attrs.field(factory=dict, init=False, repr=False)
    _counts: dict[str, int] = attrs.field(factory=dict, init=False, repr=False)
    _pattern: re.Pattern[str] | None = attrs.field(default=None, init=False, repr=False)

    def learn(self, kind: str, secret: str) -> str:
        """Note a secret, and return what stands for it."""
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
        """Note what a REST request's header holds, if it is a secret, or the session id: another one in every run."""
        kind = "session" if name.lower() == "resource" else _kind(name)
        if kind is not None:
            self.learn(kind, value)

    def clean(self, value: Any) -> Any:
        """Return JSON with every secret replaced: where its name says what it is, and wherever it was seen before.

        Its depth is trusted.
        """
        self._learn_names(value)
        return self._replace(value)

    def clean_text(self, text: str) -> str:
        """Return text that is no JSON object, or cut off, likewise."""
        for name, secret in named_secrets(text):
            self.learn(SECRET_NAMES[plain_name(name)], secret)
        return str(self._replace(text))

    def named(self, name: str, value: str) -> str:
        """Return the value of a URL's parameter, replaced if its name is a secret's."""
        kind = _kind(name)
        return self.clean_text(value) if kind is None else self.learn(kind, value)

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
            longest_first = sorted(self._placeholders, key=len, reverse=True)  # one may be part of another
            self._pattern = re.compile("|".join(map(re.escape, longest_first)))
        return self._pattern.sub(lambda found: self._placeholders[found[0]], text)

    def _name(self, name: str) -> str:
        """A key such as `KEY`, as tests use, must not tear the names of fields apart."""
        return self._replace_in(name) if len(name) >= _SHORTEST else name

    def _removed(self, name: str, item: Any) -> Any:
        """A secret that is no text (`wsChannel` is an object) has no placeholder: it goes whole."""
        if _kind(name) is not None and isinstance(item, dict | list):
            return {}
        return self._replace(item)


def _kind(name: str) -> str | None:
    """Return what a placeholder calls the secret in a field of this *name*; `None` when there is none in it."""
    return SECRET_NAMES.get(plain_name(name))
