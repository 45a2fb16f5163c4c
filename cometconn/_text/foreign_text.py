"""Makes text from outside safe for an error, a status, a log or a terminal.

Servers, proxies and other users can send any text: a token that was sent to them, a terminal's escape sequence, a line
break that forges a log line, a control character that reverses one. Such text is masked and escaped only here, by
`KnownSecrets.masked_line()` and `KnownSecrets.masked()`.
"""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final, TypeAlias

from .secret_names import HIDDEN, is_secret_name, without_secret_names

__all__ = ["LONGEST", "KnownSecrets", "RedactedError"]

LONGEST: Final = 300
"""The most characters of outside text in an error, a status or a log."""

_SHORTEST = 4  # characters: shorter secrets are not masked, because they occur in ordinary text
_PIECE, _STEP = 16, 8  # characters: any part of 16 + 8 is found, because a close reason is too short for a whole JWT
_MOST_SECRETS = 32  # the oldest is forgotten, because a client that runs for months renews its token many times
_READ = 16 * 1024  # characters that are examined of a text that will be cut
_LONGEST_FORM = 12  # characters that two layers of JSON may use to write one character
_LAYERS = 3  # layers of JSON and URL escapes that are undone


class RedactedError(Exception):
    """Replaces an exception in a chain if its text contains a secret or control characters."""


_RAW = re.compile("[\x00-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u206f\ud800-\udfff]")
_SHORT_ESCAPES = {"\n": "\\n", "\r": "\\r", "\t": "\\t"}


def _escaped(found: re.Match[str]) -> str:
    return _SHORT_ESCAPES.get(found[0]) or f"\\u{ord(found[0]):04x}"


class KnownSecrets:
    r"""The secrets of one client or command, which are masked in every text from outside.

    A secret is found as it is, as JSON writes it (`\\/`, `\\u0061`, JSON inside JSON) and as URLs write it (`%2F`). Of a
    long one, each part of at least 24 characters is found, too. Secrets of fewer than 4 characters are not masked.

    Args:
        secrets: the first secrets.
    """

    __slots__ = ("_secrets",)

    def __init__(self, *secrets: str | None) -> None:
        self._secrets: tuple[str, ...] = ()
        self.learn(*secrets)

    def __repr__(self) -> str:
        return f"<KnownSecrets: {len(self._secrets)}>"

    def learn(self, *secrets: object) -> None:
        """Add *secrets*. Values that are not texts, or too short, are ignored."""
        for secret in secrets:
            if isinstance(secret, str) and len(secret) >= _SHORTEST:
                others = (known for known in self._secrets if known != secret)  # a secret in use becomes the newest
                self._secrets = (*others, secret)[-_MOST_SECRETS:]

    def learn_all(self, others: KnownSecrets) -> None:
        """Add all secrets of *others*."""
        self.learn(*others._secrets)

    def learn_credentials(self, user: str, password: str) -> None:
        """Add a *password*, and *user* and password in the form of HTTP's Basic authentication (RFC 7617)."""
        pair = f"{user}:{password}"
        self.learn(password, base64.b64encode(pair.encode("utf-8", "surrogatepass")).decode(), pair)

    def learn_fields(self, fields: object) -> None:
        """Add the values of the secret fields in an object, which a response has just brought."""
        if isinstance(fields, Mapping):
            self.learn(*(item for name, item in fields.items() if is_secret_name(name)))

    def masked_line(self, text: object, most: int = LONGEST) -> str:
        """Return *text* for an error, a status or a log: masked, escaped, and cut to *most* characters."""
        given = str(text)
        margin = _LONGEST_FORM * max(map(len, self._secrets), default=0)
        if len(given) > _READ + margin:  # the margin is dropped, too, because the cut may have split a secret in it
            given = self._without_secrets(given[: _READ + margin])
            given = f"{given[: max(0, len(given) - margin)]}..."
        shown = self.masked(given)
        return shown if len(shown) <= most else self._without_secrets(f"{shown[: most - 3]}...")

    def masked(self, text: object) -> str:
        r"""Return *text* for a terminal or a line of JSON: masked and escaped, but not cut.

        Escaped are C0, DEL, C1, bidi controls, line separators and half surrogates. They become `\\n` or `\\u001b`, which
        a JSON parser turns back into the same character.
        """
        return self._without_secrets(_RAW.sub(_escaped, self._without_secrets(str(text))))

    def hidden(self, value: Any) -> Any:
        """Return a copy of a JSON value with secrets masked, both by their names and by their values.

        The names of fields are masked, too. The caller has checked the depth of *value*.
        """
        return without_secret_names(value, self._without_secrets)

    def json(self, value: Any, indent: int | None = None) -> str:
        """Return JSON for a terminal: masked as by `hidden()`, and escaped except for the line breaks of *indent*."""
        lines = json.dumps(self.hidden(value), ensure_ascii=False, indent=indent).split("\n")
        return "\n".join(_RAW.sub(_escaped, line) for line in lines)

    def details(self, value: Any) -> Any:
        """Return a copy of a JSON value for an error: secret fields are masked, and each text is as `masked_line()` returns it."""
        return without_secret_names(value, self.masked_line)

    def error(self, error: Exception) -> Exception:
        """Return *error* for chaining, or a `RedactedError` if it or an exception in its chain must not be shown."""
        return error if self._is_harmless(error, set()) else self._stand_in(error, set())

    def _is_harmless(self, error: BaseException, seen: set[int]) -> bool:
        if id(error) in seen:
            return True
        seen.add(id(error))
        texts = (str(error), *getattr(error, "__notes__", ()))
        return all(self.masked_line(text) == text for text in texts) and all(
            self._is_harmless(behind, seen) for behind in _behind(error)
        )

    def _stand_in(self, error: BaseException, seen: set[int]) -> RedactedError:
        seen.add(id(error))
        made = RedactedError(self.masked_line(error) or type(error).__name__)
        behind = next((one for one in _behind(error) if id(one) not in seen), None)
        made.__cause__ = None if behind is None else self._stand_in(behind, seen)
        return made

    def _without_secrets(self, text: str) -> str:
        """Mask every secret, repeatedly until none is left, because masking one may join the halves of another."""
        while self._secrets and (spans := sorted(self._spans(text))):
            pieces, end = list[str](), 0
            for begin, stop in spans:
                if begin > end or not pieces:
                    pieces += (text[end:begin], HIDDEN)
                end = max(end, stop)
            text = "".join((*pieces, text[end:]))
        return text

    def _spans(self, text: str) -> Iterator[tuple[int, int]]:
        for view, bounds in _views(text):
            for secret in self._secrets:
                for begin, end in _places(view, secret):
                    yield bounds[begin], bounds[end]


def _behind(error: BaseException) -> list[BaseException]:
    """Return the exceptions that a traceback of *error* shows in addition to it."""
    shown = error.__cause__ if error.__suppress_context__ else error.__cause__ or error.__context__
    group = error.exceptions if isinstance(error, BaseExceptionGroup) else ()
    return [*group, *(() if shown is None else (shown,))]


def _places(text: str, secret: str) -> Iterator[tuple[int, int]]:
    """Yield the begin and end of each occurrence of *secret*, or of a long part of it, in *text*."""
    if len(secret) < _PIECE + _STEP:
        for begin in _each_place(text, secret):
            yield begin, begin + len(secret)
        return
    for offset in range(0, len(secret) - _PIECE + 1, _STEP):
        for place in _each_place(text, secret[offset : offset + _PIECE]):
            begin, end = place, place + _PIECE
            first, behind = offset, offset + _PIECE
            while begin > 0 and first > 0 and text[begin - 1] == secret[first - 1]:
                begin, first = begin - 1, first - 1
            while end < len(text) and behind < len(secret) and text[end] == secret[behind]:
                end, behind = end + 1, behind + 1
            yield begin, end


def _each_place(text: str, part: str) -> Iterator[int]:
    place = text.find(part)
    while place >= 0:
        yield place
        place = text.find(part, place + len(part))


# A text with the escapes of JSON or a URL undone, and for each of its characters, and its end, the index in the original.
_View: TypeAlias = tuple[str, Sequence[int]]

_JSON_ESCAPE = re.compile(
    r'\\(?:u(?P<high>d[89ab][0-9a-f]{2})\\u(?P<low>d[c-f][0-9a-f]{2})|u(?P<code>[0-9a-f]{4})|(?P<short>["\\/bfnrt]))',
    re.IGNORECASE,
)
_JSON_SHORT = {"b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t"}
_URL_ESCAPE = re.compile(
    r"%[0-7][0-9a-f]|%[cd][0-9a-f]%[89ab][0-9a-f]|%e[0-9a-f](?:%[89ab][0-9a-f]){2}|%f[0-7](?:%[89ab][0-9a-f]){3}",
    re.IGNORECASE,
)


def _views(text: str) -> list[_View]:
    """Return *text* as it is, and with one to three layers of the escapes of JSON and URLs undone."""
    found: list[_View] = [(text, range(len(text) + 1))]
    newest = found
    for _ in range(_LAYERS):
        newest = [
            _undone(view, bounds, pattern)
            for view, bounds in newest
            for mark, pattern in (("\\", _JSON_ESCAPE), ("%", _URL_ESCAPE))
            if mark in view and pattern.search(view)
        ]
        found = [*found, *newest]
    return found


def _undone(text: str, bounds: Sequence[int], pattern: re.Pattern[str]) -> _View:
    pieces: list[str] = []
    made: list[int] = []
    end = 0
    for escape in pattern.finditer(text):
        pieces += (text[end : escape.start()], _character(escape))
        made += (*bounds[end : escape.start()], bounds[escape.start()])
        end = escape.end()
    return "".join((*pieces, text[end:])), [*made, *bounds[end:]]


def _character(escape: re.Match[str]) -> str:
    """Return the character that an escape stands for."""
    if escape[0].startswith("%"):
        return bytes.fromhex(escape[0].replace("%", "")).decode("utf-8", "replace")[0]
    if escape["short"]:
        return _JSON_SHORT.get(escape["short"].lower(), escape["short"])
    if escape["code"]:
        return chr(int(escape["code"], 16))
    high, low = int(escape["high"], 16), int(escape["low"], 16)
    return chr(0x10000 + ((high - 0xD800) << 10) + (low - 0xDC00))
