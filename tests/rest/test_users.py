"""`chat.users`: lists, single users, and blocking."""

from __future__ import annotations

from typing import Any

import pytest
from trio.testing import MockClock

from cometconn import User
from cometconn.errors import ApiError, SettingsError

from .harness import open_chat

NAMES = ("zed-1", "amy-2", "bob-3", "amy-4")


async def uids(listing: Any) -> list[str]:
    """The uids that come."""
    return [user.uid async for user in listing]


async def test_a_list_and_its_filters(autojump_clock: MockClock) -> None:
    """All but the own user; by name, role and friendship."""
    async with open_chat(users=NAMES) as pair:
        people = pair.server.world.people
        people["bob-3"].role, people["zed-1"].friends = "staff", {"amy-4"}
        users = pair.chat.users
        assert await uids(users.list()) == ["amy-2", "bob-3", "amy-4"]
        assert await uids(users.list(search="AMY")) == ["amy-2", "amy-4"]
        assert await uids(users.list(roles=["staff", "vip"])) == ["bob-3"]
        assert await uids(users.list(friends_only=True)) == ["amy-4"]
        assert await uids(users.list(search="amy", limit=1)) == ["amy-2"]


async def test_one_user(autojump_clock: MockClock) -> None:
    """With the attributes that the server has; an unknown one is an error with what to do."""
    async with open_chat(users=(*NAMES, "a/b c?")) as pair:
        amy = await pair.chat.users.get("amy-2")
        assert (amy.uid, amy.name, amy.status) == ("amy-2", "Amy 2", "offline")
        assert (await pair.chat.users.get("a/b c?")).uid == "a/b c?"
        with pytest.raises(ApiError, match=r"users\.list\(\)") as caught:
            await pair.chat.users.get("nobody")
        assert caught.value.code == "ERR_UID_NOT_FOUND"


async def test_blocking(autojump_clock: MockClock) -> None:
    """Who is blocked is listed, and seen in the user; another user's blocks are not among them."""
    async with open_chat(users=NAMES) as pair:
        users = pair.chat.users
        await pair.as_user("bob-3", "POST", "/blockedusers", {"blockedUids": ["zed-1"]})
        await users.block("amy-2", User("amy-4"))
        await users.block("amy-2")  # once more changes nothing
        assert await uids(users.blocked()) == ["amy-2", "amy-4"]
        assert await uids(users.blocked(search="4")) == ["amy-4"]
        assert (await users.get("amy-2")).blocked_by_me
        assert (await users.get("bob-3")).has_blocked_me
        await users.unblock("amy-2", "amy-4")
        assert await uids(users.blocked()) == []
        with pytest.raises(ApiError) as caught:
            await users.block("nobody")
        assert caught.value.code == "ERR_UID_NOT_FOUND"


async def test_users_who_have_blocked_the_user_are_left_out(autojump_clock: MockClock) -> None:
    """If a server lists them as well."""
    both = [{"uid": "a", "blockedByMe": True}, {"uid": "b", "hasBlockedMe": True}, {"uid": "c"}]
    both.append({"uid": "d", "blockedByMe": True, "hasBlockedMe": True})
    async with open_chat(lambda *_: {"data": both, "meta": {"pagination": {"total_pages": 1}}}) as pair:
        assert await uids(pair.chat.users.blocked()) == ["a", "c", "d"]


async def test_some_are_refused(autojump_clock: MockClock) -> None:
    """The error names them, and has the server's reasons."""
    outcomes = {"amy-2": {"success": True}, "bob-3": {"success": False, "message": "no"}}
    async with open_chat(lambda *_: {"data": outcomes}) as pair:
        with pytest.raises(ApiError, match="'bob-3'") as caught:
            await pair.chat.users.block("amy-2", "bob-3")
        assert caught.value.code == "ERR_PARTLY_REFUSED"
        assert caught.value.details == {"bob-3": outcomes["bob-3"]}
        assert "amy-2" not in str(caught.value)


@pytest.mark.parametrize("data", [{}, [], None, {"amy-2": 5}, {"amy-2": {}}])
async def test_an_odd_answer_to_a_block(data: Any, autojump_clock: MockClock) -> None:
    """It is no refusal, so it is a success."""
    async with open_chat(lambda *_: {"data": data}) as pair:
        await pair.chat.users.block("amy-2")


async def test_bad_arguments(autojump_clock: MockClock) -> None:
    """They are refused before anything is requested."""
    async with open_chat() as pair:
        users: Any = pair.chat.users
        for call in (
            lambda: users.get(""),
            lambda: users.get(".."),
            lambda: users.get(5),
            users.block,
            lambda: users.block(["amy-2"]),
            lambda: users.block(""),
        ):
            with pytest.raises(SettingsError):
                await call()
        for call in (lambda: users.list(limit=0), lambda: users.list(roles="vip"), lambda: users.blocked(limit=-1)):
            with pytest.raises(SettingsError):
                call()
        assert not pair.environment.asked


@pytest.mark.parametrize("data", [None, 5, [], {}, {"uid": 5}])
async def test_an_answer_that_is_no_user(data: Any, autojump_clock: MockClock) -> None:
    """`get()` raises ApiError, and the client lives on."""
    async with open_chat(lambda *_: {"data": data}) as pair:
        with pytest.raises(ApiError, match="no User") as caught:
            await pair.chat.users.get("amy-2")
        assert caught.value.code == "INVALID_RESPONSE"
