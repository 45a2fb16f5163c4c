"""What the commands have in common."""

from __future__ import annotations

import pathlib

import pytest

from cometconn import SubscriptionType
from cometconn.cli.options import presence, secret_of
from cometconn.errors import SettingsError


def test_presence_words() -> None:
    """All, friends, none, or the roles by name."""
    assert presence("all") == (SubscriptionType.ALL_USERS, ())
    assert presence("friends") == (SubscriptionType.FRIENDS, ())
    assert presence("none") == (SubscriptionType.NONE, ())
    assert presence("roles=a,b") == (SubscriptionType.ROLES, ("a", "b"))
    for bad in ("roles=", "roles", "ALL", ""):
        with pytest.raises(SettingsError, match="presence"):
            presence(bad)


def test_where_secrets_come_from(tmp_path: pathlib.Path) -> None:
    """A file outranks the environment; empty is none; what is no text is refused by name."""
    path = tmp_path / "key"
    path.write_text("  abc\n")
    assert secret_of("X", path, {"X": "y"}) == "abc"
    assert secret_of("X", None, {"X": "y"}) == "y"
    assert secret_of("X", None, {"X": ""}) is None
    path.write_bytes(b"\xff\xfe")
    with pytest.raises(SettingsError, match="key"):
        secret_of("X", path, {})
