"""JSON is split into its outermost parts, even if one of them is invalid."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator
from unittest import mock

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from cometconn._json import outermost, parts
from cometconn._json.parts import (
    MOST_ELEMENTS,
    elements,
    framed_message_id,
    members,
    raw_message_id,
    split_object,
)

BAD = [b"NaN", b'"\\ud83d"', b'{"a":Infinity}', b'["\\q", {"b":01}]', b'{"text":"a, b]}\\"","n":NaN}', b"\xff\xfeNaN"]
json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=5), inner, max_size=4),
    max_leaves=20,
)


def split_list(text: bytes) -> list[bytes] | None:
    """Return all elements, without the `None` for checkpoints; `None` if it is not a list."""
    try:
        return [element for element in elements(text) if element is not None]
    except ValueError:
        return None


@contextlib.contextmanager
def pieces_of(size: int | None) -> Iterator[None]:
    """Let JSON be split in pieces of *size* bytes inside the block, however short it is; `None` for msgspec."""
    if size is None:
        yield
        return
    with (
        mock.patch.multiple(parts, _SHORT=-1, _LONG=-1, _COPIED=3),
        mock.patch.multiple(outermost, _PIECE=size, _LARGEST=3 * size, _NESTED=2, _AT_ONCE=4, _PER_TOKEN_PASSED=2),
    ):
        yield


sizes = st.none() | st.integers(1, 40)
calm = settings(
    deadline=None, suppress_health_check=[HealthCheck.too_slow]
)  # a busy machine takes long to make the values


@given(st.lists(json_values, max_size=6), st.sampled_from(["", " "]), sizes)
@calm
def test_a_list_is_split_into_its_elements(values: list[object], space: str, size: int | None) -> None:
    """Each element is complete, and without the white space around it."""
    text = f"{space}[{space}{f'{space},{space}'.join(map(json.dumps, values))}{space}]{space}"
    with pieces_of(size):
        parts = split_list(text.encode())
    assert parts is not None
    assert [json.loads(part) for part in parts] == values


@given(st.lists(json_values, max_size=6), st.integers(0, 6), st.sampled_from(BAD), sizes)
@calm
def test_an_invalid_element_does_not_affect_the_others(
    values: list[object], place: int, bad: bytes, size: int | None
) -> None:
    """All elements are returned unchanged, the invalid one included."""
    place = min(place, len(values))
    texts = [json.dumps(value).encode() for value in values]
    texts.insert(place, bad)
    with pieces_of(size):
        assert split_list(b"[" + b",".join(texts) + b"]") == texts


@given(st.text(st.sampled_from('"\\[]{},:1 x'), max_size=40), st.integers(1, 12))
@calm
def test_a_list_is_split_alike_in_pieces_of_any_size(text: str, size: int) -> None:
    """Whatever it holds, whether that is valid or not."""
    with pieces_of(1_000):
        expected = split_list(f"[{text}]".encode())
    with pieces_of(size):
        found = split_list(f"[{text}]".encode())
    assert [part.strip() for part in found or ()] == [part.strip() for part in expected or ()]


def test_a_long_value_is_split_and_copied_with_checkpoints() -> None:
    """Between two of them at most 64 KiB are passed over, or 512 tokens looked at, and 64 KiB copied, whatever is in the text."""
    for unit in (b"[],", b'"\\u00e9",', b"[[[]]],", b'{"a":"]"},'):
        inner = b"[" + unit * (1_500_000 // len(unit)) + b"1]"
        steps = list(members(b'{"data":' + inner + b"}"))
        assert [step for step in steps if step is not None] == [("data", inner)]
        assert len(steps) > 2 * len(inner) / parts._COPIED - 2
        found = list(elements(b"[1," + inner + b"]"))
        assert [step for step in found if step is not None] == [b"1", inner]
        assert len(found) > 2 * len(inner) / parts._COPIED - 2


def test_only_a_few_tokens_of_a_long_text_are_looked_at() -> None:
    """Brackets that are passed over count less, and too many of either are refused."""
    assert split_object(b'{"id":7,"a":[' + b"[]," * 50_000 + b"NaN]}") == {"id": b"7"}
    assert split_object(b'{"id":7,"a":[' + b"[]," * 100_000 + b"NaN]}") is None
    assert split_object(b'{"id":7,"n":NaN' + b',"a":1' * 4_000 + b"}") is None


NAMES = ["id", "type", "body", "data", "meta", "error", "cursor", "pagination"]


@given(st.dictionaries(st.sampled_from(NAMES), json_values), st.dictionaries(st.text(max_size=5), json_values), sizes)
@calm
def test_an_object_is_split_into_its_members(
    values: dict[str, object], others: dict[str, object], size: int | None
) -> None:
    """The members with known names are returned, even if another member is invalid JSON."""
    assume(not set(others) & {*NAMES, "bad"})
    with pieces_of(size):
        parts = split_object(json.dumps({**others, **values}).encode())
        assert parts is not None
        assert {name: json.loads(part) for name, part in parts.items()} == values
        members = [f"{json.dumps(name)}: {json.dumps(value)}" for name, value in (others | values).items()]
        parts = split_object("{{{}}}".format(" , ".join([*members, '"bad":NaN'])).encode())
    assert parts is not None
    assert {name: json.loads(part) for name, part in parts.items()} == values


@pytest.mark.parametrize(
    "text",
    [
        b"",
        b"x",
        b"{}",
        b"[NaN",
        b"[NaN]]",
        b"[NaN][",
        b'[NaN,"]',
        b'["\\"]',
        b"[" * 300_000 + b"NaN",
        b"[" + b"[" * 2_000_000 + b"]",
    ],
)
def test_what_is_not_a_list(text: bytes) -> None:
    """Other values, and lists that do not end, are refused."""
    assert split_list(text) is None


@pytest.mark.parametrize("bad", ["", "NaN"])
def test_a_list_with_too_many_elements(bad: str) -> None:
    """A thousand elements are returned; with one more or a million more it is an error, with or without an invalid one."""
    fitting = ",".join(["1"] * (MOST_ELEMENTS - 1) + [bad or "1"])
    assert len(split_list(f"[{fitting}]".encode()) or ()) == MOST_ELEMENTS
    with pytest.raises(OverflowError):
        split_list(f"[{fitting},1{',1' * 5_000}]".encode())
    with pytest.raises(OverflowError):
        split_list(f"[{fitting}{',1' * 1_000_000}]".encode())


def test_a_long_list_is_split_with_checkpoints() -> None:
    """If one element is invalid JSON, the slow method yields `None` several times, at which other tasks can run."""
    text = b"[NaN" + b',{"a":[1,2,3]}' * 900 + b"]"
    assert sum(part is None for part in elements(text)) >= 3
    assert len(split_list(text) or ()) == 901


def test_a_list_of_short_elements_is_split_with_checkpoints() -> None:
    """A piece of 2 KiB may have a thousand elements, and each takes as long as a hundred bytes that are only looked at."""
    found = list(elements(b"[1" + b"," * 700 + b"]"))
    assert [found.index(None, at, at + 130) for at in (0, 130, 259, 388, 517)] == [128, 257, 386, 515, 644]
    assert len([part for part in found if part is not None]) == 701


def test_a_pass_of_msgspec_is_a_step_of_its_own() -> None:
    """The items of a long text are counted before, in two passes if there may be too many."""
    for inner, most in ((b'"x"', 1), (b'"[[["', 2)):
        text = b"[" + b",".join([inner] * 1) + b" " * 70_000 + b"]"
        with mock.patch.object(parts, "_FEW", 3):
            assert list(elements(text)) == [*[None] * most, inner]
            assert list(members(b'{"data":' + text + b"}")) == [*[None] * most, ("data", text)]


@pytest.mark.parametrize("text", [b"", b"[]", b"NaN", b'{"a":NaN', b'{"a":"}', b'{"a":{"b":NaN}'])
def test_what_is_not_an_object(text: bytes) -> None:
    """Other values, and objects that do not end, are refused."""
    assert split_object(text) is None


def test_what_has_no_name_is_not_a_member() -> None:
    """The other members of an object with invalid names are found."""
    assert split_object(b'{5: NaN, "id": 7, x}') == {"id": b"7"}


def framed(text: bytes) -> int | None:
    """Return the id of the message in the frame *text*."""
    return framed_message_id(text.decode())


@pytest.mark.parametrize(
    ("text", "number"),
    [
        (b'{"id":"7","text":NaN}', 7),
        (b'{"text":"\\ud83d","id" : 7 }', 7),
        (b'{"data":{"id":8},"id":7,"n":' + b"9" * 5000 + b"}", 7),
        (b'{"data":{"id":8}}', None),
        (b'{"id":7.5}', None),
        (b'{"id":"99999999999999999999"}', None),
        (b'{"id":9223372036854775808}', None),
        (b'{"id":{}}', None),
        (b"7", None),
    ],
)
def test_the_id_of_a_message(text: bytes, number: int | None) -> None:
    """It is found even if the rest of the message is invalid; an id that is not below 2**63 is not accepted."""
    assert raw_message_id(text) == number
    assert framed(b'{"body":%b,"type":"message"}' % text) == number
    assert framed(b'{"type":"message","new":"\\q","body":%b,}' % text) == number
    assert framed(b'{"body":%b,"type":"reaction"}' % text) is None
    assert framed(b'{"body":%b}' % text) is None


def test_the_id_in_a_very_long_message() -> None:
    """In more than 1 MiB it is found at the beginning only, because the rest would take too long to search."""
    rest = b'"text":"' + b"x" * (1 << 20) + b'"'
    assert raw_message_id(b'{"conversationId":"c","id":"7",' + rest + b"}") == 7
    assert raw_message_id(b"{" + rest + b',"id":"7"}') is None


def test_an_object_without_members() -> None:
    """It may hold white space that JSON does not know."""
    assert split_object(b"{\x0b}") == {}


@pytest.mark.parametrize(
    ("text", "number"),
    [
        (b'{"type":"message"}', None),
        (b'{"type":"message","body":null}', None),
        (b'{"type":"message","body":[],"body":{"id":7}}', 7),
        (b'{"type":"message","body":{"id":7}', 7),
        (b'{"type":"message","body":{"id":7', None),
        (b'{"type":["message"],"body":{"id":7}}', None),
        (b"[]", None),
        (b'{"type":"reaction","body":{"id":"7"},"x":NaN}', None),
        (b'{ "appId" : "a", "type" : "message" , "body" : { "muid":"m", "n":5, "id" : "7" , "x":NaN}}', 7),
        (b'{"type":"message","body":{"id":99999999999999999999,"x":NaN}}', None),
        (b'{"type":"message","body":{"id":7.5,"x":NaN}}', None),
        (b'{"appId":"' + b"a" * 5_000 + b'","type":"message","body":{"id":7,"x":NaN}}', 7),
        # Where there are too many items to look at each, only what is JSON by the letter is looked through.
        (b'{"type":"message","body":{"a":[' + b"1," * 20_000 + b'1],"id":7}}', 7),
        (b'{"type":"message","body":{"a":[' + b"1," * 20_000 + b'NaN],"id":7,}}', None),
        (b'{"type":"message","body":{"a":[' + b"1," * 2_000 + b" " * 20_000 + b'NaN],"id":7,}}', 7),
    ],
)
def test_the_id_of_the_message_in_a_frame(text: bytes, number: int | None) -> None:
    """Wherever it stands, and whatever else is wrong."""
    assert framed(text) == number


def test_the_usual_beginning_is_enough() -> None:
    """The rest of a long frame is not looked at, where its id comes first or its type has none."""
    rest = b'"a":[' + b"1," * 500_000 + b"1]}}"
    with mock.patch.object(parts, "_framed", side_effect=AssertionError):
        assert framed(b'{"appId":"a","type":"message","body":{"id":"7",' + rest) == 7
        assert framed(b'{"appId":"a","type":"typing_indicator","body":{"id":"7",' + rest) is None
    with mock.patch.object(parts, "_object", side_effect=AssertionError):
        assert raw_message_id(b'{"conversationId":"c","id":"7",' + rest) == 7


def test_of_a_long_text_that_is_no_json_no_token_is_looked_at() -> None:
    """It would take milliseconds, and find nothing."""
    with mock.patch.object(parts, "split_object", side_effect=AssertionError):
        assert framed(b'{"type":"message","body":[' + b"1," * 20_000) is None
