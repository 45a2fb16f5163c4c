"""What the error for a missing attribute of a client names."""

from __future__ import annotations

import copy
import re
from typing import TYPE_CHECKING, Any

import pytest

import cometconn
from cometconn import CometChat, aio
from cometconn._client.other_names import _HINTS
from tests.connection.harness import open_pair

if TYPE_CHECKING:
    from trio.testing import MockClock

MEANT = {
    "send_message": "send_text(to, text)",
    "send": "send_text(to, text)",
    "sendMessage": "send_text(to, text)",
    "on_message": "async with chat.events() as events:",
    "addMessageListener": "async with chat.events() as events:",
    "is_connected": "chat.status",
    "addConnectionListener": "chat.statuses()",
    "getConversations": "chat.conversations.list()",
    "joinGroup": "chat.groups.join(guid)",
    "close": "leaving `async with open_client(...)`",
    "answer": "reply(message, text)",
    "editMessage": "edit(message, text)",
    "send_typing": "async with chat.typing(receiver):",
    "user": "get_logged_in_user()",
}


@pytest.mark.parametrize("name", MEANT)
async def test_names_of_other_libraries(name: str, autojump_clock: MockClock) -> None:
    """The error names the call that is meant, for both libraries."""
    async with open_pair(login=False) as pair:
        for chat in (pair.chat, object.__new__(aio.CometChat)):
            assert not hasattr(chat, name)
            with pytest.raises(AttributeError) as caught:
                getattr(chat, name)
            assert str(caught.value).startswith(f"'CometChat' object has no attribute '{name}': ")
            assert MEANT[name] in str(caught.value)


def test_other_names_stay_as_they_are() -> None:
    """Python's own text, so that it adds a guess of its own; names with an underscore are what `copy` looks for."""
    chat = object.__new__(CometChat)
    for name in ("sent_text", "_send", "__deepcopy__"):
        with pytest.raises(AttributeError) as caught:
            getattr(chat, name)
        assert str(caught.value) == f"'CometChat' object has no attribute '{name}'"
        assert (caught.value.name, caught.value.obj) == (name, chat)
    assert type(copy.copy(chat)) is CometChat


async def test_each_hint_names_what_exists(autojump_clock: MockClock) -> None:
    """No name with a hint is an attribute, and each call in a hint is one of a client, or of what its attributes are."""
    assert not set(_HINTS) & set(dir(CometChat))
    async with open_pair(login=False) as pair:
        chat = pair.chat
        owners = (chat, cometconn, chat.conversations, chat.groups, chat.messages, chat.users)
        for hint in set(_HINTS.values()):
            calls: list[Any] = re.findall(r"(\w+)\(", hint)
            assert calls or "chat.status" in hint
            assert all(any(hasattr(owner, call) for owner in owners) for call in calls), hint
