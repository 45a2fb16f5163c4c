"""`cometconn._client.login_checks`."""

from __future__ import annotations

import pytest

from cometconn._account.session import Session
from cometconn._client.login_checks import check_arguments, unknown_token, user_of
from cometconn.errors import ApiError, SettingsError


def test_arguments_fit_in_two_ways() -> None:
    """A uid with the key, or a token alone, is accepted; everything else is MISSING_PARAMETERS."""
    check_arguments("u", "k", None)
    check_arguments(None, None, "t")
    with pytest.raises(SettingsError) as caught:
        check_arguments("u", None, "t")
    assert caught.value.code == "MISSING_PARAMETERS"


def test_unreadable_details_leave_the_uid() -> None:
    """A saved user whose details cannot be decoded has only the uid."""
    assert user_of(Session("APP", "zed-1", "T", None, {"uid": 3})).uid == "zed-1"


def test_the_reason_keeps_cometchats_code() -> None:
    """The error has CometChat's code, with a failed new login both texts, and the last error as its cause."""
    first, second = ApiError("first", code="A"), ApiError("second", code="B")
    alone, both = unknown_token(first), unknown_token(first, second)
    assert (alone.code, alone.__cause__) == ("A", first)
    assert (both.code, both.__cause__) == ("A", second)
    assert "first" in str(both)
    assert "second" in str(both)
