"""Secrets are replaced in transcripts, and nothing else is."""

from __future__ import annotations

from hypothesis import given, settings

from cometconn._text import redaction
from cometconn._text.redaction import Redaction
from cometconn.testing.event_values import json_objects


def test_a_secret_is_replaced_wherever_it_occurs() -> None:
    """It is found by the name of its field, and afterwards everywhere; the same secret has the same placeholder."""
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
    """The secrets in headers and URLs are found by the names of the header and of the parameter."""
    known = Redaction()
    for name, value in (("apiKey", "K-1"), ("authToken", "T-1"), ("resource", "S-1"), ("Accept", "json")):
        known.learn_header(name, value)
    assert known.clean_text("K-1 T-1 S-1 json") == "authKey-1 authToken-1 session-1 json"
    assert known.named("fat", "F-1") == "fat-1"
    assert known.named("id", "T-1") == "authToken-1"
    assert known.clean_target("https://x.test/T-1/a?fat=F-2&id=T-1&n=") == "/authToken-1/a?fat=fat-2&id=authToken-1&n="
    assert known.clean_target("https://x.test/me") == "/me"


def test_text_that_is_not_valid_json() -> None:
    """Names and their values are found in it, even in incomplete JSON."""
    assert (
        Redaction().clean_text('[{"authToken": "abc", "x": "abc') == '[{"authToken": "authToken-1", "x": "authToken-1'
    )


def test_placeholders_and_empty_values_are_not_replaced() -> None:
    """Replacing a second time changes nothing, and an empty value is not a secret."""
    known = Redaction()
    once = known.clean({"jwt": "abc", "token": ""})
    assert known.clean(once) == once == {"jwt": "jwt-1", "token": ""}


def test_the_number_of_remembered_secrets_is_bounded() -> None:
    """The oldest ones are forgotten."""
    known = Redaction()
    for number in range(redaction._MOST + 10):
        known.learn("jwt", f"secret {number}")
    assert len(known._placeholders) == redaction._MOST


@settings(max_examples=50, database=None)
@given(json_objects)
def test_json_without_secrets_is_unchanged(content: dict[str, object]) -> None:
    """Any JSON without the names of secrets."""
    assert Redaction().clean(content) == content
