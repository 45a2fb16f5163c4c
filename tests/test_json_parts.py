"""JSON is cut into its outermost parts, however bad one of them is."""

from __future__ import annotations

import json

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from cometconn._json_parts import elements, raw_message_id, split_object

BAD = [b"NaN", b'"\\ud83d"', b'{"a":Infinity}', b'["\\q", {"b":01}]', b'{"text":"a, b]}\\"","n":NaN}', b"\xff\xfeNaN"]
json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=5), inner, max_size=4),
    max_leaves=20,
)


def split_list(text: bytes) -> list[bytes] | None:
    """All elements, without the pauses; `None` if it is no list."""
    try:
        return [element for element in elements(text) if element is not None]
    except ValueError:
        return None


@given(st.lists(json_values, max_size=6), st.sampled_from(["", " ", "\n\t"]))
def test_a_list_falls_into_its_elements(values: list[object], space: str) -> None:
    """Each element is cut out whole, and what surrounds it is left."""
    text = f"{space}[{space}{f'{space},{space}'.join(map(json.dumps, values))}{space}]{space}"
    parts = split_list(text.encode())
    assert parts is not None
    assert [json.loads(part) for part in parts] == values


@given(st.lists(json_values, max_size=6), st.integers(0, 6), st.sampled_from(BAD))
def test_a_bad_element_does_not_cost_the_others(values: list[object], place: int, bad: bytes) -> None:
    """It is cut out as it stands, and every other element is what it was."""
    place = min(place, len(values))
    texts = [json.dumps(value).encode() for value in values]
    texts.insert(place, bad)
    assert split_list(b"[" + b", ".join(texts) + b"]") == texts


NAMES = ["id", "type", "body", "data", "meta", "error", "cursor", "pagination"]


@given(st.dictionaries(st.sampled_from(NAMES), json_values), st.dictionaries(st.text(max_size=5), json_values))
def test_an_object_falls_into_its_members(values: dict[str, object], others: dict[str, object]) -> None:
    """Those that are asked for somewhere; also where one of the object's members is no JSON."""
    assume(not set(others) & {*NAMES, "bad"})
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
        b"[NaN,[" + b"," * 1_000_000 + b"]]",
    ],
)
def test_what_is_no_list(text: bytes) -> None:
    """Another value, one that does not end, and one of more tokens than are looked at."""
    assert split_list(text) is None


@pytest.mark.parametrize("text", [b"", b"[]", b"NaN", b'{"a":NaN', b'{"a":"}'])
def test_what_is_no_object(text: bytes) -> None:
    """Another value, and one that does not end."""
    assert split_object(text) is None


def test_what_has_no_name_is_no_member() -> None:
    """Of an object with odd names the others are found."""
    assert split_object(b'{5: NaN, "id": 7, x}') == {"id": b"7"}


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
    """It is read also where the rest of the message cannot be; nobody's id has more than 64 bits."""
    assert raw_message_id(text) == number
