"""Keeping what we sent out of what we show."""

from __future__ import annotations

from typing import Any

import pytest

from cometconn._account.secrets import without


@pytest.mark.parametrize(
    ("said", "shown"),
    [
        ("The auth token T-1 does not exist", "The auth token *** does not exist"),
        ({"T-1": ["a T-1 b T-1", {"x": "K"}]}, {"***": ["a *** b ***", {"x": "***"}]}),
        ([1, None, True, 1.5], [1, None, True, 1.5]),
    ],
)
def test_secrets_are_hidden_wherever_they_stand(said: Any, shown: Any) -> None:
    """In texts, lists, names and values."""
    assert without(said, ["T-1", "K"]) == shown
