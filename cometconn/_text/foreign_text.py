"""Text from outside, made harmless before it enters an error, a status, a log or a terminal.

Servers, proxies and other users can write anything: a token that they were sent, an escape sequence, a line break
that forges a line, a character that reverses one. `KnownSecrets.line()` and `.whole()` are the one place where such
text is masked and escaped; `_text.secret_names` is the one list of the names of secrets.
"""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final, TypeAlias

from .secret_names import HIDDEN, is_secret_name

__all__ = ["LONGEST", "ForeignError", "KnownSecrets"]

LONGEST: Final = 300
"""Characters of foreign text in an error, a status or a log."""

_SHORTEST = 4  # characters of a secret: a shorter one would be found in every text
_PIECE, _STEP = 16, 8  # characters: a part of a secret from 16 + 8 on is found, too; a close reason holds no whole JWT
_MOST_SECRETS = 32  # a client that runs for months renews its token again and again: the oldest is forgotten
_READ = 16 * 1024  # characters that are looked at, of what is cut anyway
_LONGEST_FORM = 12  # characters in which JSON, or two layers of it, may write one
_LAYERS = 3  # JSON in JSON in JSON


class ForeignError(Exception):
    """Stands in a chain of errors for one whose own text could not be shown as it is."""


_RAW = re.compile("[\x00-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u206f\ud800-\udfff]")
_SHORT_ESCAPES = {"\n": "\\n", "\r": "\\r", "\t": "\\t"}


def _escaped(found: re.Match[str]) -> str:
    return _SHORT_ESCAPES.get(found[0]) or f"\\u{ord(found[0]):04x}"


class KnownSecrets:
    r"""The secrets of one client, or of one command: what must not be shown, wherever it is repeated.

    A secret is found in plain, in JSON (`\\/`, `\\u0061`, JSON in JSON) and in URLs (`%2F`); of a long one also each
    part of at least 24 characters. One of fewer than 4 characters is not looked for.

    Args:
        secrets: the first ones.
    """

    __slots__ = ("_secrets",)

    def __init__(self, *secrets: str | None) -> None:
        self._secrets: tuple[str, ...] = ()
        self.learn(*secrets)

    def __repr__(self) -> str:
        return f"<KnownSecrets: {len(self._secrets)}>"

    def learn(self, *secrets: object) -> None:
        """Note *secrets*; what is no text, or too short, is passed over."""
        for secret in secrets:
            if isinstance(secret, str) and len(secret) >= _SHORTEST:
                others = (known for known in self._secrets if known != secret)  # what is used stays the youngest
                self._secrets = (*others, secret)[-_MOST_SECRETS:]

    def learn_all(self, others: KnownSecrets) -> None:
        """Note what *others* knows."""
        self.learn(*others._secrets)

    def learn_credentials(self, user: str, password: str) -> None:
        """Note a *password*, and *user* and password as HTTP writes them (RFC 7617)."""
        pair = f"{user}:{password}"
        self.learn(password, base64.b64encode(pair.encode("utf-8", "surrogatepass")).decode(), pair)

    def learn_fields(self, fields: object) -> None:
        """Note the texts in an object whose names are those of secrets, for one in an answer that is being read."""
        if isinstance(fields, Mapping):
            self.learn(*(item for name, item in fields.items() if is_secret_name(name)))

    def line(self, text: object, most: int = LONGEST) -> str:
        """Return foreign *text* for an error, a status or a log: masked, escaped, at most *most* characters."""
        given = str(text)
        margin = _LONGEST_FORM * max(map(len, self._secrets), default=0)
        if len(given) > _READ + margin:  # what the cut leaves of a secret at the end is dropped, too
            given = self._masked(given[: _READ + margin])
            given = f"{given[: max(0, len(given) - margin)]}..."
        shown = self.whole(given)
        return shown if len(shown) <= most else self._masked(f"{shown[: most - 3]}...")

    def whole(self, text: object) -> str:
        r"""Return foreign *text* for a terminal or a line of JSON: masked and escaped, and not cut.

        What is escaped (C0, DEL, C1, bidi controls, line separators, half surrogates) becomes `\\n` or `\\u001b`,
        which JSON reads back as the same character.
        """
        return self._masked(_RAW.sub(_escaped, self._masked(str(text))))

    def hidden(self, value: Any) -> Any:
        """Copy JSON with secrets hidden, by their names and by their values, in names too. Its depth is trusted."""
        return self._each(value, self._masked)

    def json(self, value: Any, indent: int | None = None) -> str:
        """Return JSON for a terminal: as `hidden()`, and nothing in it that a terminal obeys but the line breaks of *indent*."""
        lines = json.dumps(self.hidden(value), ensure_ascii=False, indent=indent).split("\n")
        return "\n".join(_RAW.sub(_escaped, line) for line in lines)

    def details(self, value: Any) -> Any:
        """Copy JSON for an error: as `hidden()`, and each text in it as by `line()`."""
        return self._each(value, self.line)

    def _each(self, value: Any, shown: Any) -> Any:
        if isinstance(value, str):
            return shown(value)
        if isinstance(value, Mapping):
            return {
                shown(name): HIDDEN if is_secret_name(name) else self._each(item, shown) for name, item in value.items()
            }
        if isinstance(value, list | tuple):
            return [self._each(item, shown) for item in value]
        return value

    def error(self, error: Exception) -> Exception:
        """Return *error* to be chained: itself, or a stand-in if it or an error behind it says what must not be shown."""
        return error if self._is_harmless(error, set()) else self._stand_in(error, set())

    def _is_harmless(self, error: BaseException, seen: set[int]) -> bool:
        if id(error) in seen:
            return True
        seen.add(id(error))
        texts = (str(error), *getattr(error, "__notes__", ()))
        return all(self.line(text) == text for text in texts) and all(
            self._is_harmless(behind, seen) for behind in _behind(error)
        )

    def _stand_in(self, error: BaseException, seen: set[int]) -> ForeignError:
        seen.add(id(error))
        made = ForeignError(self.line(error) or type(error).__name__)
        behind = next((one for one in _behind(error) if id(one) not in seen), None)
        made.__cause__ = None if behind is None else self._stand_in(behind, seen)
        return made

    def _masked(self, text: str) -> str:
        """Hide every secret; again until none is left, because hiding one may put the ends of another together."""
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
    """Return the errors that a traceback of *error* shows beside it."""
    shown = error.__cause__ if error.__suppress_context__ else error.__cause__ or error.__context__
    group = error.exceptions if isinstance(error, BaseExceptionGroup) else ()
    return [*group, *(() if shown is None else (shown,))]


def _places(text: str, secret: str) -> Iterator[tuple[int, int]]:
    """Return where *secret*, or a long part of it, stands in *text*."""
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


# A text as it reads when what JSON or a URL wrote is undone, and where each of its characters, and its end, begin in the
# original.
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
    """Return the readings of *text*: as it is, and without one to three layers of JSON's and URLs' escapes."""
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
    """Return the one character that was written so."""
    if escape[0].startswith("%"):
        return bytes.fromhex(escape[0].replace("%", "")).decode("utf-8", "replace")[0]
    if escape["short"]:
        return _JSON_SHORT.get(escape["short"].lower(), escape["short"])
    if escape["code"]:
        return chr(int(escape["code"], 16))
    high, low = int(escape["high"], 16), int(escape["low"], 16)
    return chr(0x10000 + ((high - 0xD800) << 10) + (low - 0xDC00))
