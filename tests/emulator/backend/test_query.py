"""`cometconn.emulator.backend.query`."""

from __future__ import annotations

import pytest

from cometconn.emulator.backend.query import page_request


@pytest.mark.parametrize(
    ("query", "name"),
    [
        ({"affix": "around"}, "affix"),
        ({"per_page": "0"}, "per_page"),
        ({"per_page": "many"}, "per_page"),
        ({"id": "-1"}, "id"),
        ({"id": "9" * 20}, "id"),
        ({"sentAt": "²"}, "sentAt"),
        ({"updatedAt": ""}, "updatedAt"),
    ],
)
def test_a_bad_value_names_its_parameter(query: dict[str, str], name: str) -> None:
    """A value that is not allowed is refused, naming its parameter."""
    with pytest.raises(ValueError, match=name):
        page_request(query)


def test_pages_are_bounded() -> None:
    """A page has at most 100 messages, and 30 by default."""
    assert page_request({"per_page": "5000"}).per_page == 100
    assert page_request({}).per_page == 30
