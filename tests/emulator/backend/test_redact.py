"""`cometconn.emulator.backend.redact`."""

from __future__ import annotations

import copy

import pytest

from cometconn.emulator.backend.redact import HIDDEN, by_name, by_value, masked


def test_secret_fields_are_hidden_at_any_depth() -> None:
    """A field with the name of a secret is hidden, in capital or small letters; the rest stays."""
    frame = {"type": "auth", "body": {"auth": "j", "n": [{"authToken": "t"}, 1]}, "APIKEY": "k"}

    assert by_name(frame) == {
        "type": "auth",
        "body": {"auth": HIDDEN, "n": [{"authToken": HIDDEN}, 1]},
        "APIKEY": HIDDEN,
    }


def test_the_original_is_left_alone() -> None:
    """Fields are hidden in a copy."""
    frame = {"body": {"jwt": "j"}}

    by_name(frame)

    assert frame == {"body": {"jwt": "j"}}


def test_known_values_are_hidden_wherever_they_stand() -> None:
    """A secret's value is hidden in plain text; an empty secret hides nothing."""
    assert by_value("/users/tok-9/x?tok-9", ["", "tok-9"]) == f"/users/{HIDDEN}/x?{HIDDEN}"


@pytest.mark.parametrize("secret", ["1", '"', "e", "t\u00f6k", "tok-9"])
def test_a_short_or_odd_secret_leaves_json_whole(secret: str) -> None:
    """It is hidden in texts and names, also where JSON would escape it; numbers stay, and so does the original."""
    value = [{"number": 11, "text": f"a {secret} b", "inner": [{f"x{secret}": None}], "jwt": "j"}]
    before = copy.deepcopy(value)
    (shown,) = masked(value, ["", secret, "not there"])
    values = list(shown.values())
    assert values[0] == 11
    assert values[1] == f"a {HIDDEN} b"
    assert list(values[2][0]) == [f"x{HIDDEN}"]
    assert values[3] == HIDDEN
    assert value == before
    assert masked(value, ["not there"]) == [{**value[0], "jwt": HIDDEN}]
