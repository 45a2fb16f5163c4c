"""`cometconn.emulator.backend.conversation_routes`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from tests.emulator.conftest import Backend


@pytest.fixture
def talk(backend: Backend) -> Backend:
    """Four messages: two of amy-2 and one of bob-3 to zed-1, one of amy-2 to the group hikers, the newest."""
    for sender, receiver, kind, text in (
        ("amy-2", "zed-1", "user", "one"),
        ("amy-2", "zed-1", "user", "two <@uid:zed-1>"),
        ("bob-3", "zed-1", "user", "three"),
        ("amy-2", "hikers", "group", "four"),
    ):
        draft = {"receiver": receiver, "receiverType": kind, "category": "message", "type": "text"}
        backend.world.post(sender, {**draft, "data": {"text": text}})
    return backend


def request(backend: Backend, method: str, path: str, body: object = None) -> Any:
    """Make a request as zed-1, which must succeed."""
    status, answer = backend.request(method, path, body, authToken=backend.token("zed-1"))
    assert status == 200, answer
    return answer["data"]


def names(backend: Backend, query: str = "") -> list[str]:
    """Return the ids of the listed conversations."""
    return [each["conversationId"] for each in request(backend, "GET", f"/conversations?{query}")]


ALL = ["group_hikers", "bob-3_user_zed-1", "amy-2_user_zed-1"]


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("", ALL),
        ("conversationType=user", ALL[1:]),
        ("conversationType=group", ALL[:1]),
        ("searchKey=BOB", [ALL[1]]),
        ("unread=1", ALL),
        ("tags=x", []),
        ("per_page=2", ALL[:2]),
        ("per_page=2&page=2", ALL[2:]),
        ("per_page=2&page=3", []),
    ],
)
def test_conversations_are_listed_newest_first(talk: Backend, query: str, found: list[str]) -> None:
    """By kind, name, tags and whether there is something unread; page by page."""
    assert names(talk, query) == found


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("", [ALL[2], ALL[0], ALL[1]]),
        ("pinnedBy=me", [ALL[2]]),
        ("pinnedBy=system", []),
        ("userTags=a", [ALL[2]]),
        ("groupTags=b", [ALL[0]]),
        ("userTags=a&groupTags=b", [ALL[2], ALL[0]]),
        ("userTags=b", []),
    ],
)
def test_the_pinned_come_first(talk: Backend, query: str, found: list[str]) -> None:
    """A pin is the user's own, and lasts until it is unpinned; conversations are found by the tags of users and groups, too."""
    talk.world.people["amy-2"].profile["tags"] = ["a"]
    talk.world.groups["hikers"].profile["tags"] = ["b"]
    assert request(talk, "POST", "/users/amy-2/conversation/pin")["pinnedAt"] == talk.world.now()
    assert names(talk, query) == found
    assert "pinnedAt" not in request(talk, "DELETE", "/users/amy-2/conversation/pin")
    assert names(talk) == ALL


def test_the_last_message_is_no_change_of_one(talk: Backend) -> None:
    """After an edit, and after a deletion, it is the last message itself; neither brings a conversation to the top."""
    amy = talk.token("amy-2")
    assert talk.request("PUT", "/messages/2", {"data": {"text": "changed"}}, authToken=amy)[0] == 200
    shown = request(talk, "GET", "/users/amy-2/conversation")
    assert (shown["lastMessage"]["data"]["text"], shown["latestMessageId"]) == ("changed", "2")
    assert names(talk) == ALL
    assert talk.request("DELETE", "/messages/2", authToken=amy)[0] == 200
    assert "deletedAt" in request(talk, "GET", "/users/amy-2/conversation")["lastMessage"]
    assert names(talk) == ALL


def test_a_conversation_counts_what_is_unread(talk: Backend) -> None:
    """Messages and mentions, up to the last message read; a receipt and its removal change it."""
    shown = request(talk, "GET", "/users/amy-2/conversation")
    assert shown["conversationWith"]["uid"] == "amy-2"
    assert (shown["unreadMessageCount"], shown["unreadMentionsCount"], shown["lastReadMessageId"]) == (2, 1, "0")
    assert (shown["lastMessage"]["data"]["text"], shown["latestMessageId"]) == ("two <@uid:zed-1>", "2")
    request(talk, "POST", "/users/amy-2/conversation/read", {"messageId": "1"})
    shown = request(talk, "GET", "/users/amy-2/conversation")
    assert (shown["unreadMessageCount"], shown["lastReadMessageId"]) == (1, "1")
    request(talk, "POST", "/users/amy-2/conversation/read")
    assert names(talk, "unread=1") == ALL[:2]
    unread = request(talk, "DELETE", "/users/amy-2/conversation/read", {"messageId": "2"})["conversation"]
    assert (unread["unreadMessageCount"], unread["lastReadMessageId"]) == (1, "1")
    request(talk, "DELETE", "/users/amy-2/conversation/read", {"messageId": "1"})
    assert request(talk, "GET", "/users/amy-2/conversation")["unreadMessageCount"] == 2


def test_tags_are_private(talk: Backend) -> None:
    """Only the user that gave them sees them, and lists conversations by them."""
    assert request(talk, "PUT", "/groups/hikers/conversation", {"tags": ["x"]})["tags"] == ["x"]
    assert names(talk, "tags=x,y") == ["group_hikers"]
    others = talk.request("GET", "/groups/hikers/conversation", authToken=talk.token("amy-2"))[1]["data"]
    assert others["tags"] == []


def test_a_deleted_conversation_is_gone_for_one_user_until_a_new_message(talk: Backend) -> None:
    """Its older messages stay hidden from that user, and the other keeps them."""
    request(talk, "DELETE", "/users/amy-2/conversation")
    assert names(talk) == ALL[:2]
    assert request(talk, "GET", "/users/amy-2/messages") == []
    amy = talk.token("amy-2")
    assert len(talk.request("GET", "/users/zed-1/messages", authToken=amy)[1]["data"]) == 2
    draft = {"receiver": "zed-1", "receiverType": "user", "category": "message", "type": "text"}
    talk.world.post("amy-2", {**draft, "data": {"text": "again"}})
    assert names(talk)[0] == "amy-2_user_zed-1"
    assert [each["data"]["text"] for each in request(talk, "GET", "/users/amy-2/messages")] == ["again"]


@pytest.mark.parametrize("path", ["/users/nobody/conversation", "/groups/nowhere/conversation"])
def test_a_conversation_needs_its_user_or_group(talk: Backend, path: str) -> None:
    """Others are 404."""
    assert talk.request("GET", path, authToken=talk.token("zed-1"))[0] == 404
    assert talk.request("GET", "/conversations?conversationType=x", authToken=talk.token("zed-1"))[0] == 400
