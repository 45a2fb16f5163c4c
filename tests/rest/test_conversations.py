"""`chat.conversations`: lists, single conversations, and what is unread."""

from __future__ import annotations

from typing import Any

import pytest
from trio.testing import MockClock

from cometconn.errors import ApiError, SettingsError
from cometconn.events import Group, TextMessage, User

from .harness import open_chat, page


async def ids(listing: Any) -> list[str]:
    """The ids of the conversations that come."""
    return [found.conversation_id async for found in listing]


AMY, BOB, HIKERS = "amy-2_user_zed-1", "bob-3_user_zed-1", "group_hikers"


async def test_a_list_and_its_filters(autojump_clock: MockClock) -> None:
    """The one with the newest message is first."""
    async with open_chat() as pair:
        pair.post("one")
        pair.post("two", to="hikers", group=True)
        pair.post("three", sender="zed-1", to="bob-3")
        conversations = pair.chat.conversations
        assert await ids(conversations.list()) == [BOB, HIKERS, AMY]
        assert await ids(conversations.list(conversation_type="group")) == [HIKERS]
        assert await ids(conversations.list(unread=True)) == [HIKERS, AMY]
        assert await ids(conversations.list(search="amy")) == [AMY]
        assert await ids(conversations.list(limit=1)) == [BOB]
        await pair.chat.request("PUT", "/users/amy-2/conversation", json={"tags": ["vip"]})
        assert await ids(conversations.list(tags=["vip", "x"])) == [AMY]


async def test_one_conversation(autojump_clock: MockClock) -> None:
    """With the other side, the newest message, and how much of it is unread."""
    async with open_chat() as pair:
        pair.post("one")
        last = pair.post("two")
        found = await pair.chat.conversations.get(user="amy-2")
        assert isinstance(found.conversation_with, User)
        assert isinstance(found.last_message, TextMessage)
        assert (found.conversation_id, found.last_message.text) == (AMY, "two")
        assert (found.unread_message_count, found.latest_message_id) == (2, last)
        group = await pair.chat.conversations.get(group=Group("hikers"))
        assert isinstance(group.conversation_with, Group)
        assert group.last_message is None
        with pytest.raises(ApiError, match="ERR_UID_NOT_FOUND"):
            await pair.chat.conversations.get(user="nobody")


async def test_unread_counts(autojump_clock: MockClock) -> None:
    """By user and by group; reading up to a message, or to the newest one, makes them smaller."""
    async with open_chat() as pair:
        sent = [pair.post(str(number)) for number in range(3)]
        pair.post("x", to="hikers", group=True)
        conversations = pair.chat.conversations
        counts = await conversations.unread_counts()
        assert (dict(counts.users), dict(counts.groups), counts.total) == ({"amy-2": 3}, {"hikers": 1}, 4)
        assert repr(counts) == "UnreadCounts(users={'amy-2': 3}, groups={'hikers': 1})"
        await conversations.mark_as_read(user=User("amy-2"), message=sent[0])
        assert (await conversations.unread_counts()).users == {"amy-2": 2}
        await conversations.mark_as_read(user="amy-2")
        await conversations.mark_as_read(group="hikers")
        assert (await conversations.unread_counts()).total == 0
        await conversations.mark_as_read(user="bob-3")  # which has no messages
        with pytest.raises(ApiError, match="ERR_MESSAGE_ID_NOT_FOUND"):
            await conversations.mark_as_read(user="amy-2", message=999)


@pytest.mark.parametrize(
    ("data", "users"),
    [
        ([{"entityType": "user", "entityId": "amy-2", "count": "7"}], {"amy-2": 7}),
        ([5, {}, {"entityType": "user"}, {"entityType": "x", "entityId": "y", "count": 1}], {}),
        ({}, {}),
        (None, {}),
    ],
)
async def test_counts_that_cannot_be_read(data: Any, users: dict[str, int], autojump_clock: MockClock) -> None:
    """They are left out."""
    async with open_chat(lambda *_: {"data": data}) as pair:
        assert (await pair.chat.conversations.unread_counts()).users == users


async def test_deleting(autojump_clock: MockClock) -> None:
    """The conversation is gone for this user alone, and comes back with the next message."""
    async with open_chat() as pair:
        pair.post("one")
        await pair.chat.conversations.delete(user="amy-2")
        assert await ids(pair.chat.conversations.list()) == []
        assert [found async for found in pair.chat.messages.history(user="amy-2")] == []
        assert len(await pair.as_user("amy-2", "GET", "/conversations?page=1")) == 1
        pair.post("two")
        assert await ids(pair.chat.conversations.list()) == [AMY]


async def test_pages_have_50_conversations(autojump_clock: MockClock) -> None:
    """More is more than CometChat returns."""
    async with open_chat(lambda *_: page([])) as pair:
        await ids(pair.chat.conversations.list())
        assert pair.environment.asked == [("GET /conversations", {"per_page": "50", "page": "1"})]


async def test_bad_arguments(autojump_clock: MockClock) -> None:
    """They are refused before anything is requested."""
    async with open_chat() as pair:
        conversations: Any = pair.chat.conversations
        for given in ({}, {"user": "a", "group": "b"}, {"user": ""}, {"group": ".."}, {"user": 5}):
            for call in (conversations.get, conversations.mark_as_read, conversations.delete):
                with pytest.raises(SettingsError):
                    await call(**given)
        with pytest.raises(SettingsError, match="message"):
            await conversations.mark_as_read(user="amy-2", message=0)
        for given in ({"limit": 0}, {"conversation_type": "both"}, {"tags": "vip"}):
            with pytest.raises(SettingsError):
                conversations.list(**given)
        assert not pair.environment.asked
