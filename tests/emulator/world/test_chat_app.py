"""`cometconn.emulator.world.chat_app`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from cometconn.emulator.world.chat_app import ChatApp
from cometconn.errors import SettingsError

if TYPE_CHECKING:
    from tests.emulator.conftest import Backend


@pytest.mark.parametrize("users", [("",), ("zed-1", "zed-1")])
def test_uids_must_be_new_and_not_empty(users: tuple[str, ...]) -> None:
    """Empty and repeated uids are refused."""
    with pytest.raises(SettingsError, match="users"):
        ChatApp(users=users)


@pytest.mark.parametrize("groups", [{"": ["zed-1"]}, {"hikers": ["nobody"]}])
def test_groups_must_have_a_name_and_known_members(groups: dict[str, list[str]]) -> None:
    """Empty names and unknown members are refused."""
    with pytest.raises(SettingsError, match="groups"):
        ChatApp(groups=groups)


def test_the_same_session_id_of_another_user_is_another_device(backend: Backend) -> None:
    """The frame is not sent to the sender's device, but to another user's device with the same session id."""
    sender, receiver = backend.device("zed-1", "same"), backend.device("amy-2", "same")

    draft = {"receiver": "amy-2", "receiverType": "user", "category": "message", "type": "text", "data": {"text": "x"}}
    backend.world.post("zed-1", draft, device_id="same")

    assert backend.outbox(sender) == []
    assert len(backend.outbox(receiver)) == 1


def test_without_a_session_id_every_device_gets_the_message(backend: Backend) -> None:
    """A message without a session id reaches the sender's device that has none either."""
    device = backend.device("zed-1")

    draft = {"receiver": "amy-2", "receiverType": "user", "category": "message", "type": "text", "data": {"text": "x"}}
    backend.world.post("zed-1", draft)

    assert len(backend.outbox(device)) == 1
