"""The users and groups of the support desk's tests."""

from __future__ import annotations

from typing import Any

import pytest

from cometconn import AppSettings


@pytest.fixture
def chat_world() -> dict[str, Any]:
    """The desk, two customers, two agents."""
    users = ("desk", "ann", "bob", "agent-1", "agent-2")
    return {"users": users, "groups": {"agents": ("agent-1", "agent-2", "desk"), "others": users}}


@pytest.fixture
def chat_user() -> str:
    """Tests log the desk in."""
    return "desk"


@pytest.fixture
def chat_settings() -> AppSettings:
    """It wants to know what it missed."""
    return AppSettings(catch_up=True)
