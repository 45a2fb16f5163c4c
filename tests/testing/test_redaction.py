"""Secrets leave the transcript, and nothing else does."""

from __future__ import annotations

from hypothesis import given, settings

from cometconn.testing import redaction
from cometconn.testing.event_values import json_objects
from cometconn.testing.redaction import Redaction


def test_by_name_and_wherever_it_was_seen() -> None:
    """A secret is known by its name, and after that anywhere; the same one has the same placeholder."""
    known = Redaction()
    data = {"authToken": "abc", "jwt": "abcdef" * 4, "fat": "at", "wsChannel": {"secret": "s-1"}, "n": 1}
    answer = known.clean({"data": data})
    assert answer == {"data": {"authToken": "authToken-1", "jwt": "jwt-1", "fat": "fat-1", "wsChannel": {}, "n": 1}}
    said = known.clean(
        {"text": f"is {'abcdef' * 4}, or abc", "list": ["abc"], "abcdef" * 4: None, "body": {"auth": "abc"}}
    )
    assert said == {
        "text": "is jwt-1, or authToken-1",
        "list": ["authToken-1"],
        "jwt-1": None,
        "body": {"auth": "authToken-1"},
    }
    assert known.clean({"jwt": "other"}) == {"jwt": "jwt-2"}


def test_headers_and_parameters() -> None:
    """What a header or a URL holds is learned by the header's or the parameter's name."""
    known = Redaction()
    for name, value in (("apiKey", "K-1"), ("authToken", "T-1"), ("resource", "S-1"), ("Accept", "json")):
        known.learn_header(name, value)
    assert known.clean_text("K-1 T-1 S-1 json") == "authKey-1 authToken-1 session-1 json"
    assert known.named("fat", "F-1") == "fat-1"
    assert known.named("id", "T-1") == "authToken-1"


def test_text_that_is_no_json() -> None:
    """Cut off or not, a name and its value are seen in it."""
    assert (
        Redaction().clean_text('[{"authToken": "abc", "x": "abc') == '[{"authToken": "authToken-1", "x": "authToken-1'
    )


def test_a_placeholder_stays_and_nothing_is_nothing() -> None:
    """What was cleaned once is clean; an empty value is no secret."""
    known = Redaction()
    once = known.clean({"jwt": "abc", "token": ""})
    assert known.clean(once) == once == {"jwt": "jwt-1", "token": ""}


def test_only_so_many_are_remembered(monkeypatch: object) -> None:
    """The memory is bounded."""
    known = Redaction()
    for number in range(redaction._MOST + 10):
        known.learn("jwt", f"secret {number}")
    assert len(known._placeholders) == redaction._MOST


@settings(max_examples=50, database=None)
@given(json_objects)
def test_what_holds_no_secret_is_as_it_was(content: dict[str, object]) -> None:
    """Any JSON without such names."""
    assert Redaction().clean(content) == content
