"""`chat.messages`: what is requested, and single messages."""

from __future__ import annotations

import datetime
from typing import Any

import pytest
from trio.testing import MockClock

from cometconn.errors import ApiError, NotLoggedInError, SettingsError
from cometconn.events import (
    Call,
    CustomMessage,
    Group,
    GroupAction,
    GroupMemberJoined,
    MediaMessage,
    Message,
    TextMessage,
    User,
)

from .harness import open_chat, page

NOON = datetime.datetime(2027, 1, 15, 12, tzinfo=datetime.UTC)
AMY = User("amy-2")


def text(number: int, parent: int | None = None) -> TextMessage:
    """A message that was received."""
    return TextMessage(id=number, category="message", sender=AMY, receiver=User("zed-1"), parent_message_id=parent)


@pytest.mark.parametrize(
    ("given", "path", "query"),
    [
        ({}, "/messages", {"affix": "prepend", "per_page": "100"}),
        ({"user": "amy-2"}, "/users/amy-2/messages", {}),
        ({"user": AMY}, "/users/amy-2/messages", {}),
        ({"user": "a b/c?"}, "/users/a%20b%2Fc%3F/messages", {}),
        ({"group": Group("hikers")}, "/groups/hikers/messages", {}),
        ({"thread": 7}, "/messages/7/thread", {}),
        ({"thread": text(7)}, "/messages/7/thread", {}),
        ({"thread": text(9, 7)}, "/messages/7/thread", {}),
        ({"before": text(7)}, "/messages", {"affix": "prepend", "id": "7"}),
        ({"after": 7}, "/messages", {"affix": "append", "id": "7"}),
        ({"after": 7, "before": 9}, "/messages", {"affix": "append", "id": "7"}),
        ({"before": NOON}, "/messages", {"affix": "prepend", "sentAt": "1800014400"}),
        ({"limit": 5}, "/messages", {"per_page": "6"}),
        ({"kinds": [TextMessage]}, "/messages", {"categories": "message", "types": "text"}),
        ({"kinds": [MediaMessage]}, "/messages", {"categories": "message"}),
        ({"kinds": [GroupAction]}, "/messages", {"categories": "action"}),
        ({"kinds": (Call, GroupMemberJoined)}, "/messages", {"categories": "action,call"}),
        ({"kinds": [CustomMessage]}, "/messages", {"categories": "custom,message"}),
    ],
)
async def test_what_is_requested(
    given: dict[str, Any], path: str, query: dict[str, str], autojump_clock: MockClock
) -> None:
    """The path and the parameters are those of CometChat's own SDKs."""
    async with open_chat(lambda *_: page([])) as pair:
        assert [found async for found in pair.chat.messages.history(**given)] == []
        [(asked, parameters)] = pair.environment.asked
        assert asked == f"GET {path}"
        assert {**parameters, **query} == parameters
        assert {"categories", "types", "id", "sentAt"} & {*parameters} == {"categories", "types", "id", "sentAt"} & {
            *query
        }


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"user": "amy-2", "group": "hikers"}, "one of user, group and thread"),
        ({"user": "amy-2", "thread": 7}, "one of user, group and thread"),
        ({"user": ""}, "not empty"),
        ({"user": ".."}, "'users'"),
        ({"thread": 0}, r"history\(thread=...\)"),
        ({"before": -1}, r"history\(before=...\)"),
        ({"after": 2**63}, r"history\(after=...\)"),
        ({"before": NOON.replace(tzinfo=None)}, "aware datetime"),
        ({"limit": 0}, r"history\(limit=...\)"),
        ({"kinds": TextMessage}, "brackets"),
        ({"kinds": [User]}, r"history\(kinds=...\)"),
    ],
)
async def test_bad_arguments(given: dict[str, Any], words: str, autojump_clock: MockClock) -> None:
    """They are refused at the call, in a sentence, and nothing is requested."""
    async with open_chat() as pair:
        with pytest.raises(SettingsError, match=words):
            pair.chat.messages.history(**given)
        assert not pair.environment.asked


async def test_a_message_in_its_present_form(autojump_clock: MockClock) -> None:
    """`get()` and `history()` return the same message, edited or deleted."""
    async with open_chat() as pair:
        first, second = pair.post("one"), pair.post("two", to="hikers", group=True)
        await pair.as_user("amy-2", "PUT", f"/messages/{first}", {"data": {"text": "changed"}})
        await pair.as_user("amy-2", "DELETE", f"/messages/{second}")
        found = {each.id: each async for each in pair.chat.messages.history()}
        assert sorted(found) == [first, second], "the edit and the deletion are no messages of their own"
        for number in (first, second):
            message = await pair.chat.messages.get(number)
            assert message == found[number]
            assert isinstance(message, TextMessage)
        assert found[first].edited_at is not None
        assert found[second].deleted_at is not None
        with pytest.raises(ApiError, match="own conversations") as caught:
            await pair.chat.messages.get(99)
        assert caught.value.code == "ERR_MESSAGE_ID_NOT_FOUND"


async def test_own_messages_are_in_the_history(autojump_clock: MockClock) -> None:
    """Also those that this very client has sent."""
    async with open_chat() as pair:
        sent = await pair.chat.send_text("amy-2", "mine")
        assert [each async for each in pair.chat.messages.history(user="amy-2")] == [sent]
        assert await pair.chat.messages.get(sent.id) == sent


async def test_a_group_of_others(autojump_clock: MockClock) -> None:
    """The server's refusal comes from the iterator, with what to do."""
    async with open_chat(groups={"others": ("amy-2",)}) as pair:
        with pytest.raises(ApiError, match=r"groups\.join\(guid\)") as caught:
            await anext(pair.chat.messages.history(group="others"))
        assert caught.value.code == "ERR_GROUP_NOT_JOINED"


@pytest.mark.parametrize("data", [5, None, [], {}, {"id": "1", "category": "new", "type": "x", "data": {}}])
async def test_an_answer_that_is_no_message(data: Any, autojump_clock: MockClock) -> None:
    """`get()` raises ApiError, and the client lives on."""
    async with open_chat(lambda *_: {"data": data}) as pair:
        with pytest.raises(ApiError, match=r"messages\.get\(\)") as caught:
            await pair.chat.messages.get(1)
        assert caught.value.code == "INVALID_RESPONSE"


async def test_nobody_is_logged_in(autojump_clock: MockClock) -> None:
    """NotLoggedInError is raised at the call."""
    async with open_chat() as pair:
        await pair.chat.logout()
        with pytest.raises(NotLoggedInError, match=r"messages\.get"):
            await pair.chat.messages.get(1)
        messages: Any = pair.chat.messages
        assert isinstance(messages.history, object)
        with pytest.raises(NotLoggedInError):
            messages.history(kinds=[Message])
