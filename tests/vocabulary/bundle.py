"""The constants in a JavaScript bundle: which text stands under which names, however a minifier renamed the variables."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

import attrs
from pygments.lexers.javascript import JavascriptLexer
from pygments.token import Token

_FROZEN = ["Object", ".", "freeze"]
_ENDS = (",", ";", "}", "]", ")")  # what stands behind a text that is the whole value


@attrs.frozen
class Constant:
    """A text of the bundle and the names that lead to it: `("RECEIPTS", "ACTION", "READ")` for `"read"`.

    The name of a local variable is left out, because a minifier changes it; a list gives its own names to each of its
    texts.
    """

    names: tuple[str, ...]
    word: str


@attrs.define
class _Open:
    """A bracket that is not closed yet: what it is, the names that lead to it, and the key that is being read."""

    kind: str  # "object", "list", "frozen" for the bracket of `Object.freeze(`, or "other"
    names: tuple[str, ...] = ()
    key: str | None = None


@attrs.frozen
class Bundle:
    """The words of a bundle.

    Attributes:
        constants: the texts that are properties of objects, or exports of their own.
        enums: the members of TypeScript enums: the enum's name, the member's, and its text.
        listeners: what listener classes take from the application's object, as in `this.onX = given[0].onX`.
    """

    constants: tuple[Constant, ...]
    enums: tuple[Constant, ...]
    listeners: frozenset[str]


def read(javascript: str) -> Bundle:
    """Read a bundle. Only names of properties and texts are looked at: a minifier has to keep these."""
    tokens = _tokens(javascript)
    taken = re.findall(r"this\.\w+\s*=\s*\w+\[0\]\.(on[A-Z]\w*)", javascript)
    return Bundle(tuple(_in_objects(tokens)), tuple(_in_enums(tokens)), frozenset(taken))


def _tokens(javascript: str) -> list[str]:
    """Split into tokens without blanks and comments; of templates no brackets are left."""
    found = []
    for kind, text in JavascriptLexer().get_tokens(javascript):
        if kind in Token.Comment or kind in Token.Text:
            continue
        template = kind in Token.Literal.String.Backtick or kind in Token.Literal.String.Interpol
        found.append("`" if template else text)
    return found


def _text(token: str) -> str | None:
    """Return the text of a quoted token, or None for another token."""
    return token[1:-1] if len(token) >= 2 and token[0] in "\"'" else None


def _in_objects(tokens: Sequence[str]) -> Iterator[Constant]:
    """Give the texts in object literals, in lists, and in exports that are one text."""
    opened = [_Open("other")]
    for here, token in enumerate(tokens):
        inside = opened[-1]
        if token == "(":
            frozen = list(tokens[here - 3 : here]) == _FROZEN
            names = _names_of(tokens, here - 3, inside) if frozen else None
            opened.append(_Open("other") if names is None else _Open("frozen", names))
        elif token in ("{", "["):
            names = _names_of(tokens, here, inside)
            kind = "object" if token == "{" else "list"
            opened.append(_Open("other") if names is None else _Open(kind, names))
        elif token in (")", "}", "]"):
            if len(opened) > 1:
                opened.pop()
        elif inside.kind == "object" and tokens[here - 1] in ("{", ",") and tokens[here + 1 : here + 2] == [":"]:
            inside.key = _text(token) or token
        elif (word := _text(token)) is not None and (here + 1 == len(tokens) or tokens[here + 1] in _ENDS):
            names = _names_of(tokens, here, inside)
            if names:
                yield Constant(names, word)


def _names_of(tokens: Sequence[str], here: int, inside: _Open) -> tuple[str, ...] | None:
    """Return the names that lead to the value which begins *here*, or None where it has none."""
    before = tokens[here - 1] if here else ""
    if before == ":" and inside.kind == "object" and inside.key is not None:
        return (*inside.names, inside.key)
    if before == "=":
        exported = here >= 3 and tokens[here - 3] == "."
        return (tokens[here - 2],) if exported else ()
    if (before == "(" and inside.kind == "frozen") or (before in ("[", ",") and inside.kind == "list"):
        return inside.names
    return None


def _in_enums(tokens: Sequence[str]) -> Iterator[Constant]:
    """Give the members of enums. What TypeScript makes of `enum X` has `X || (X = {})` once.

    Either it is given to a variable whose properties are set next, `(v = e.X || (e.X = {})).A = "a", v.B = "b"`, where
    an enum of one member needs no variable; or it is what a function is called with that sets them,
    `function (v) { v.A = "a" }(e.X || (e.X = {}))`.
    """
    for here, token in enumerate(tokens):
        if token != "||" or here < 4 or tokens[here + 1 : here + 2] != ["("]:
            continue
        name = tokens[here - 1]
        closing = next((at for at in range(here, min(here + 12, len(tokens))) if tokens[at] == ")"), here)
        if list(tokens[closing - 4 : closing]) != [name, "=", "{", "}"]:
            continue
        before = here - 3 if tokens[here - 2] == "." else here - 1  # in front of `e.X` or `X`
        if list(tokens[closing + 1 : closing + 3]) == [")", "."]:
            members = _set_next(tokens, closing + 1, tokens[before - 2])
        else:
            members = _set_in_function(tokens, before)
        for key, word in members:
            yield Constant((name, key), word)


def _set_next(tokens: Sequence[str], here: int, variable: str) -> Iterator[tuple[str, str]]:
    """Give the properties that are set from *here* on, as long as they are those of *variable*."""
    while found := _member(tokens, here + 1):
        yield found
        here += 5
        while tokens[here : here + 1] in ([","], [";"], ["("], [")"]):
            here += 1
        if tokens[here : here + 1] != [variable]:
            return


def _set_in_function(tokens: Sequence[str], here: int) -> Iterator[tuple[str, str]]:
    """Give the properties that are set in the function whose call stands at *here*."""
    end = next((at for at in range(here, max(here - 4, 0), -1) if tokens[at] == "}"), 0)
    depth, begin = 0, end
    while begin > 0:
        depth += {"}": 1, "{": -1}.get(tokens[begin], 0)
        if depth == 0:
            break
        begin -= 1
    for at in range(begin, end):
        if found := _member(tokens, at):
            yield found


def _member(tokens: Sequence[str], here: int) -> tuple[str, str] | None:
    """Return the key and the text of `.KEY = "text"` at *here*, if that stands there."""
    if tokens[here : here + 1] != ["."] or tokens[here + 2 : here + 3] != ["="]:
        return None
    word = _text("".join(tokens[here + 3 : here + 4]))
    return None if word is None else (tokens[here + 1], word)
