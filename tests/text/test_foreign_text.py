"""Text from outside contains neither a secret nor a control character after it was masked and escaped."""

from __future__ import annotations

import json
import re
import traceback
import urllib.parse
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from cometconn._text.foreign_text import LONGEST, KnownSecrets, RedactedError
from cometconn._text.secret_names import HIDDEN

TOKEN = "app0-token-of-zed-1_0123456789abcdef0123456789abcdef"
RAW = "\x00\x07\x08\t\n\r\x1b\x7f\x80\x85\x9b\x9f\u061c\u200e\u200f\u2028\u2029\u202a\u202e\u2066\u2069\ud800\udfff"

_FORMS: dict[str, Callable[[str], str]] = {
    "plain": str,
    "JSON": lambda secret: json.dumps(secret)[1:-1],
    "JSON in UTF-8": lambda secret: json.dumps(secret, ensure_ascii=False)[1:-1],
    "JSON in JSON": lambda secret: json.dumps(json.dumps(secret)[1:-1])[1:-1],
    "JSON as PHP writes it": lambda secret: json.dumps(secret)[1:-1].replace("/", "\\/"),
    "JSON, all of it escaped": lambda secret: re.sub("(....)", r"\\u\1", secret.encode("utf-16-be").hex().upper()),
    "URL": lambda secret: urllib.parse.quote(secret, safe=""),
    "URL, in lower case": lambda secret: "".join(f"%{byte:02x}" for byte in secret.encode()),
    "URL in a URL": lambda secret: urllib.parse.quote(urllib.parse.quote(secret, safe=""), safe=""),
    "URL in JSON": lambda secret: json.dumps(urllib.parse.quote(secret, safe=""))[1:-1].replace("%", "\\u0025"),
}
anything = st.text(st.characters(codec=None), max_size=30)
a_secret = st.one_of(
    st.text(st.characters(min_codepoint=33, max_codepoint=126), min_size=4, max_size=60),
    st.text(st.characters(exclude_categories=["Cs"]), min_size=4, max_size=12),
)


@settings(max_examples=500, deadline=None)
@given(
    secrets=st.lists(a_secret, min_size=1, max_size=3), parts=st.lists(anything, min_size=1, max_size=4), data=st.data()
)
def test_no_secret_and_nothing_raw_is_left(secrets: list[str], parts: list[str], data: st.DataObject) -> None:
    """For any text, secrets and escapes: no secret is left, the text is printable, and masking it again changes nothing."""
    assume(not any(secret in HIDDEN * 20 for secret in secrets))  # a secret that the mask itself contains
    written = [
        form(secret)
        for secret in secrets
        for form in data.draw(st.lists(st.sampled_from(list(_FORMS.values())), max_size=2))
    ]
    text = "".join(data.draw(st.permutations([*parts, *written])))
    known = KnownSecrets(*secrets)
    for shown in (known.masked(text), known.masked_line(text), known.masked_line(text, 20)):
        assert not any(secret in shown for secret in secrets)
        assert not set(shown) & set(RAW)
        assert known.masked(shown) == shown
        shown.encode()
    assert len(known.masked_line(text)) <= LONGEST
    assert known.masked_line(known.masked_line(text)) == known.masked_line(text)


@pytest.mark.parametrize("form", _FORMS.values(), ids=_FORMS)
@pytest.mark.parametrize("secret", [TOKEN, 'pass/w%41rd"\\', "pässwörd 𝔘", "a b+c/d"])  # noqa: RUF001 - beyond the first plane of Unicode
def test_a_secret_is_found_in_every_form(form: Callable[[str], str], secret: str) -> None:
    """It is masked as JSON and URLs write it, and with one inside the other."""
    assert KnownSecrets(secret).masked(f"<{form(secret)}>") == f"<{HIDDEN}>"


@pytest.mark.parametrize("form", _FORMS.values(), ids=_FORMS)
def test_a_long_part_of_a_secret_is_found(form: Callable[[str], str]) -> None:
    """Any 24 characters of it are masked, because a server may cut a text anywhere."""
    known = KnownSecrets(TOKEN)
    for begin in range(len(TOKEN) - 23):
        assert known.masked(f"<{form(TOKEN[begin : begin + 24])}>") == f"<{HIDDEN}>"


@pytest.mark.parametrize("char", RAW)
def test_control_characters_are_escaped(char: str) -> None:
    """They are escaped as in JSON, whose parsers read them back: C0, C1, bidi controls, line separators, surrogates."""
    shown = KnownSecrets().masked(f"a{char}b")
    assert shown.isascii()
    assert shown.isprintable()
    assert json.loads(f'"{shown}"') == f"a{char}b"


def test_ordinary_text_is_unchanged() -> None:
    """So are all scripts, emoji with their joiners, combining marks and backslashes."""
    text = "Füße \u0939\u093f \u05e9\u05dc\u05d5\u05dd 👩\u200d👩\u200d👧 e\u0301 C:\\temp 100%"
    assert KnownSecrets(TOKEN).masked(text) == text


def test_a_cut_leaves_no_part_of_a_secret() -> None:
    """The secret is masked before the text is cut, wherever the cut is."""
    known = KnownSecrets("s3cret-pass")
    for length in range(280, 310):
        shown = known.masked_line(f"{'x' * length}s3cret-pass{'y' * 500}")
        assert "s3" not in shown
        assert len(shown) <= LONGEST
    assert known.masked_line("s3cret-pass" * 100_000) == HIDDEN or "s3c" not in known.masked_line(
        "s3cret-pass" * 100_000
    )
    assert known.masked_line("x" * 1_000_000) == f"{'x' * 297}..."


def test_a_short_secret_is_not_masked() -> None:
    """A secret of three characters is ignored, because it occurs in ordinary text."""
    assert KnownSecrets("KEY", "", None).masked("the KEY") == "the KEY"
    assert KnownSecrets("KEY4").masked("the KEY4") == f"the {HIDDEN}"


def test_credentials_are_found_as_http_writes_them() -> None:
    """A proxy's password is masked as it is, in the proxy's URL, and in `Proxy-Authorization`."""
    known = KnownSecrets()
    known.learn_credentials("zed", "p@ss")
    for text in ("p@ss", "zed:p%40ss", "emVkOnBAc3M="):
        assert known.masked(text).endswith(HIDDEN)


def test_the_oldest_secrets_are_forgotten_and_those_in_use_are_not() -> None:
    """The memory of a client that renews its token a thousand times is bounded, and the auth token stays known."""
    known = KnownSecrets()
    for number in range(1000):
        known.learn(TOKEN, f"renewed-{number}")
    assert known.masked(f"{TOKEN} renewed-999 renewed-990") == " ".join([HIDDEN] * 3)
    assert known.masked("renewed-1") == "renewed-1"
    assert "renewed" not in repr(known)


def test_the_secrets_of_a_response_are_learned_by_their_names() -> None:
    """A text of the same response is masked with them."""
    known = KnownSecrets()
    known.learn_fields({"jwt": "jwt-of-now", "authToken": 5, "name": "jwt-of-now", "fat": "fat-of-now"})
    known.learn_fields(["jwt"])
    assert known.masked("jwt-of-now fat-of-now") == f"{HIDDEN} {HIDDEN}"


def test_json_is_masked_by_names_and_by_values() -> None:
    """At any depth, and in the names of fields; everything else is unchanged."""
    value = {"a": [1, None, {"auth_token": "other"}, f"x {TOKEN}"], TOKEN: True, "wsChannel": {"a": 1}, "t": ("\x1b",)}
    known = KnownSecrets(TOKEN)
    assert known.hidden(value) == {
        "a": [1, None, {"auth_token": HIDDEN}, f"x {HIDDEN}"],
        HIDDEN: True,
        "wsChannel": HIDDEN,
        "t": ["\x1b"],
    }
    assert known.details({"t": ["\x1b", "x" * 400]}) == {"t": ["\\u001b", f"{'x' * 297}..."]}


def raised(error: Exception, cause: Exception | None = None) -> Exception:
    """Raise *error* from *cause*, and return it."""
    try:
        raise error from cause
    except Exception as caught:
        return caught


def test_a_chain_of_errors_without_secrets_is_unchanged() -> None:
    """The same objects are returned, because programs use their types and attributes."""
    error = raised(OSError(5, "no"), raised(ValueError("why")))
    assert KnownSecrets(TOKEN).error(error) is error
    looped = ValueError("x")
    looped.__context__ = KeyError("y")
    looped.__context__.__context__ = looped
    assert KnownSecrets(TOKEN).error(looped) is looped


@pytest.mark.parametrize(
    "error",
    [
        OSError(5, TOKEN),
        raised(OSError("no"), ValueError(f"x\x1b{TOKEN}")),
        ExceptionGroup("two", [ValueError("a"), ValueError(TOKEN)]),
    ],
)
def test_a_chain_of_errors_that_contains_a_secret_is_replaced(error: Any) -> None:
    """By errors whose traceback shows the masked texts."""
    made = KnownSecrets(TOKEN).error(error)
    assert isinstance(made, RedactedError)
    shown = "".join(traceback.format_exception(made))
    assert TOKEN not in shown
    assert "\x1b" not in shown


def test_notes_and_contexts_are_searched() -> None:
    """A traceback shows them, but not a context that is suppressed."""
    noted = ValueError("x")
    noted.add_note(TOKEN)
    assert isinstance(KnownSecrets(TOKEN).error(noted), RedactedError)
    inner = ValueError("x")
    inner.__context__ = ValueError(TOKEN)
    assert isinstance(KnownSecrets(TOKEN).error(inner), RedactedError)
    inner.__suppress_context__ = True
    assert KnownSecrets(TOKEN).error(inner) is inner
    looped = ValueError(TOKEN)
    looped.__context__ = looped
    assert isinstance(KnownSecrets(TOKEN).error(looped), RedactedError)
