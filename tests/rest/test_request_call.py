"""Paths of REST requests."""

from __future__ import annotations

import pytest

from cometconn._rest.request_call import segments
from cometconn.errors import SettingsError


def test_each_segment_is_quoted() -> None:
    """An id stays one segment, whatever characters it has."""
    assert segments("users", "amy-2", "messages") == "/users/amy-2/messages"
    assert segments("users", "a/b?c#d %ü") == "/users/a%2Fb%3Fc%23d%20%25%C3%BC"


@pytest.mark.parametrize("uid", ["", ".", "..", "\ud800"])
def test_an_id_that_no_path_can_contain(uid: str) -> None:
    """It is refused, and the error names its place."""
    with pytest.raises(SettingsError, match="after 'users'"):
        segments("users", uid)
