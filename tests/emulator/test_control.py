"""`cometconn.emulator.control`: what a description of a control lets through."""

from __future__ import annotations

from typing import Any

import pytest

from cometconn.emulator.backend.responses import Refusal
from cometconn.emulator.control import Control, Parameter

CHOICE = {"anyOf": [{"type": "string", "enum": ["hang"]}, {"type": "integer", "minimum": 400, "maximum": 599}]}


@pytest.mark.parametrize(
    ("schema", "good", "bad", "words"),
    [
        ({"type": "string", "minLength": 1}, ["a", "\ud83d"], ["", 1, None, True, [], {}], "a text and not empty"),
        (
            {"type": "integer", "minimum": 0},
            [0, 10**15],
            [-1, 10**16, 1.0, True, "1", None],
            "a whole number, at least 0",
        ),
        ({"type": "number", "minimum": 0.1, "maximum": 9}, [0.1, 9], [0, 9.1, 10**400, "1"], "a number from 0.1 to 9"),
        ({"type": "boolean"}, [True, False], [0, 1, "true", None], "true or false"),
        (CHOICE, ["hang", 400, 599], ["Hang", 399, 600, True, 1e2], "'hang' or a whole number from 400 to 599"),
    ],
)
def test_values_of_a_body_fit_the_schema(schema: Any, good: list[object], bad: list[object], words: str) -> None:
    """A value passes unchanged, or the refusal has the name, what is wanted, and what came."""
    parameter = Parameter("it", "A test.", schema)
    for value in good:
        assert parameter.read(value) is value
    for value in bad:
        with pytest.raises(Refusal) as refused:
            parameter.read(value)
        assert refused.value.status == 400
        assert refused.value.message.startswith(f"it must be {words}, not ")
        assert len(refused.value.message) < 250


@pytest.mark.parametrize(
    ("schema", "text", "value"),
    [
        ({"type": "integer", "minimum": 0}, "12", 12),
        ({"type": "integer", "minimum": 0}, "-1", None),
        ({"type": "integer", "minimum": 0}, "\u0661", None),
        ({"type": "integer", "minimum": 0}, "9" * 5000, None),
        ({"type": "boolean"}, "true", True),
        ({"type": "boolean"}, "false", False),
        ({"type": "boolean"}, "1", None),
        ({"type": "string"}, "true", "true"),
    ],
)
def test_values_of_a_url_are_texts(schema: Any, text: str, value: object) -> None:
    """Numbers and truth values are read from them; `None` here stands for a refusal."""
    parameter = Parameter("it", "A test.", schema, "query")
    if value is None:
        with pytest.raises(Refusal):
            parameter.read(text)
    else:
        assert parameter.read(text) == value


def test_parameters_are_complete_known_and_at_their_place() -> None:
    """Defaults fill what is left out; unknown, missing and misplaced parameters are refused by name."""
    control = Control(
        "test",
        "POST",
        "A test.",
        None,
        (
            Parameter("where", "In the URL.", {"type": "string"}, "query", required=True),
            Parameter("how", "In the URL, too.", {"type": "string", "default": "well"}, "query"),
            Parameter("what", "In the body.", {"type": "string"}, required=True),
            Parameter("often", "In the body, too.", {"type": "integer", "default": 3}),
        ),
        "json",
    )
    assert control.read({"where": "here"}, b'{"what": "this"}') == {
        "where": "here",
        "how": "well",
        "what": "this",
        "often": 3,
    }
    for query, body, named in (
        ({}, b'{"what": "this"}', "where, how (optional); not none"),
        ({"where": "here", "what": "this"}, b'{"what": "this"}', "not where, what"),
        ({"where": "here"}, b"", "JSON object"),
        ({"where": "here"}, b"{}", "must have what"),
        ({"where": "here"}, b'{"what": "this", "where": "here"}', "has where; known are what, often"),
    ):
        with pytest.raises(Refusal) as refused:
            control.read(query, body)
        assert named in refused.value.message


def test_a_body_is_empty_or_any_text_where_the_control_says_so() -> None:
    """A body that is not expected is refused, and so is one that is not UTF-8."""
    assert Control("none", "POST", "A test.", None).read({}, b"") == {}
    assert Control("json", "POST", "A test.", None, body="json").read({}, b"") == {}
    text = Control("text", "POST", "A test.", None, body="text")
    assert text.read({}, "\N{SNOWMAN}".encode()) == {"text": "\N{SNOWMAN}"}
    for control, body in ((Control("none", "POST", "A test.", None), b"{}"), (text, b"\xff")):
        with pytest.raises(Refusal, match="body"):
            control.read({}, body)
