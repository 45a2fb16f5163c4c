"""`chat.groups`: lists, members, joining and leaving, and what owners and admins do."""

from __future__ import annotations

import datetime
from typing import Any

import pytest
from trio.testing import MockClock

from cometconn import User
from cometconn.errors import ApiError, SettingsError
from cometconn.events import Group, GroupMember

from .harness import Pair, open_chat

GROUPS = {"hikers": ("zed-1", "amy-2"), "others": ("amy-2", "bob-3"), "secret": ("amy-2",), "locked": ("amy-2",)}


async def guids(listing: Any) -> list[str]:
    """The guids that come."""
    return [group.guid async for group in listing]


async def members(pair: Pair, guid: str, **more: Any) -> dict[str, str | None]:
    """The members of a group, with their scopes."""
    return {each.user.uid: each.scope async for each in pair.chat.groups.members(guid, **more)}


def lock(pair: Pair) -> None:
    """Make one of the groups private, and let another have a password."""
    groups = pair.server.world.groups
    groups["secret"].kind = "private"
    groups["locked"].kind, groups["locked"].password = "password", "sesame"


async def test_a_list_and_its_filters(autojump_clock: MockClock) -> None:
    """Private groups are only listed for members."""
    async with open_chat(groups=GROUPS) as pair:
        lock(pair)
        groups = pair.chat.groups
        assert await guids(groups.list()) == ["hikers", "others", "locked"]
        assert await guids(groups.list(joined_only=True)) == ["hikers"]
        assert await guids(groups.list(search="OTH")) == ["others"]
        assert await guids(groups.list(limit=2)) == ["hikers", "others"]
        hikers = await groups.get("hikers")
        assert (hikers.guid, hikers.has_joined, hikers.scope, hikers.members_count) == ("hikers", True, "owner", 2)


async def test_members(autojump_clock: MockClock) -> None:
    """Each with its scope, and since when it is one."""
    async with open_chat(groups=GROUPS) as pair:
        assert await members(pair, "hikers") == {"zed-1": "owner", "amy-2": "participant"}
        assert await members(pair, "hikers", search="amy") == {"amy-2": "participant"}
        assert await members(pair, "hikers", scopes=["owner"]) == {"zed-1": "owner"}
        async for member in pair.chat.groups.members(Group("hikers"), limit=1):
            assert member.joined_at is not None


async def test_members_that_cannot_be_read(autojump_clock: MockClock) -> None:
    """Without a uid a member is left out; another attribute that cannot be read has its default, and is counted."""
    data = [
        {"uid": "a", "scope": 5, "joinedAt": "x", "tags": 7},
        {"scope": "admin"},
        5,
        {"uid": "b", "joinedAt": 1_800_000_000},
    ]
    async with open_chat(lambda *_: {"data": data, "meta": {"pagination": {"total_pages": 1}}}) as pair:
        first, second = [each async for each in pair.chat.groups.members("hikers")]
        assert (first, second.user.uid, second.scope) == (GroupMember(user=User("a")), "b", None)
        assert second.joined_at == datetime.datetime.fromtimestamp(1_800_000_000, datetime.UTC)
        statistics = pair.chat.statistics()
        assert statistics.frames_unreadable == 2
        assert statistics.fields_unread_at == {"GroupMember scope": 1, "GroupMember joinedAt": 1, "User tags": 1}


async def test_joining_and_leaving(autojump_clock: MockClock) -> None:
    """A group that is open, and one with a password."""
    async with open_chat(groups=GROUPS) as pair:
        lock(pair)
        groups = pair.chat.groups
        await groups.join("others")
        await groups.join(Group("locked"), password="sesame")
        assert await guids(groups.list(joined_only=True)) == ["hikers", "others", "locked"]
        await groups.leave("others")
        assert not (await groups.get("others")).has_joined


@pytest.mark.parametrize(
    ("call", "code", "words"),
    [
        (lambda groups: groups.join("locked", password="x"), "ERR_GROUP_JOIN_NOT_ALLOWED", "password=..."),
        (lambda groups: groups.join("locked"), "ERR_GROUP_JOIN_NOT_ALLOWED", "password=..."),
        (lambda groups: groups.join("secret"), "ERR_GROUP_JOIN_NOT_ALLOWED", "being added"),
        (lambda groups: groups.join("nowhere"), "ERR_GUID_NOT_FOUND", "groups.list()"),
        (lambda groups: groups.join("hikers"), "ERR_ALREADY_JOINED", "a member already"),
        (lambda groups: groups.leave("others"), "ERR_GROUP_NOT_JOINED", "groups.join(guid)"),
        (lambda groups: groups.leave("hikers"), "ERR_OWNER_EXIT_FORBIDDEN", "another member first"),
        (lambda groups: groups.kick("hikers", "bob-3"), "ERR_NOT_A_MEMBER", "groups.members(guid)"),
        (lambda groups: groups.unban("hikers", "bob-3"), "ERR_NOT_A_BANNED_USER", "groups.banned(guid)"),
        (lambda groups: groups.kick("led", "amy-2"), "ERR_GROUP_NO_MODERATOR_SCOPE", "groups.get(guid).scope"),
        (lambda groups: groups.delete("led"), "ERR_PERMISSION_DENIED", "groups.get(guid).scope"),
        (lambda groups: groups.create("hikers", "x"), "ERR_GUID_ALREADY_EXISTS", "another guid"),
        (lambda groups: groups.join("banning"), "ERR_BANNED_GROUPMEMBER", "groups.unban(guid, uid)"),
    ],
)
async def test_refusals(call: Any, code: str, words: str, autojump_clock: MockClock) -> None:
    """Each has CometChat's code, and one sentence with what to do."""
    async with open_chat(groups={**GROUPS, "led": ("bob-3", "amy-2", "zed-1"), "banning": ("amy-2",)}) as pair:
        lock(pair)
        pair.server.world.groups["banning"].banned.add("zed-1")
        with pytest.raises(ApiError) as caught:
            await call(pair.chat.groups)
        assert caught.value.code == code
        assert words in str(caught.value)
        assert str(caught.value) == caught.value.message
        assert await guids(pair.chat.groups.list(search="hik")) == ["hikers"], "the client lives on"


async def test_what_owners_do(autojump_clock: MockClock) -> None:
    """Create a group, add, change, remove and ban members, delete it."""
    async with open_chat() as pair:
        groups = pair.chat.groups
        made = await groups.create("team", "The team", type="password", password="x", metadata={"a": 1}, tags=["t"])
        assert (made.guid, made.name, made.type, made.owner) == ("team", "The team", "password", "zed-1")
        assert (made.has_joined, made.metadata, made.tags) == (True, {"a": 1}, ("t",))
        await groups.add_members("team", "amy-2", User("bob-3"))
        assert await members(pair, "team") == {"zed-1": "owner", "amy-2": "participant", "bob-3": "participant"}
        await groups.change_scope("team", "amy-2", "moderator")
        await groups.kick("team", "bob-3")
        assert await members(pair, "team") == {"zed-1": "owner", "amy-2": "moderator"}
        await groups.add_members(made, "bob-3", scope="admin")
        assert (await members(pair, "team"))["bob-3"] == "admin"
        await groups.ban("team", "bob-3")
        assert [each.user.uid async for each in groups.banned("team")] == ["bob-3"]
        await groups.unban(made, User("bob-3"))
        assert [each.user.uid async for each in groups.banned("team")] == []
        assert "bob-3" not in await members(pair, "team")
        await groups.delete("team")
        with pytest.raises(ApiError, match="ERR_GUID_NOT_FOUND"):
            await groups.get("team")


async def test_some_are_not_added(autojump_clock: MockClock) -> None:
    """The error names them, and has the server's reasons."""
    data = {"admins": {}, "participants": {"amy-2": {"success": True}, "bob-3": {"success": False}}, "odd": 5}
    async with open_chat(lambda *_: {"data": data}) as pair:
        with pytest.raises(ApiError, match="'bob-3'") as caught:
            await pair.chat.groups.add_members("hikers", "amy-2", "bob-3")
        assert caught.value.code == "ERR_PARTLY_REFUSED"


async def test_bad_arguments(autojump_clock: MockClock) -> None:
    """They are refused before anything is requested."""
    async with open_chat() as pair:
        groups: Any = pair.chat.groups
        for call in (
            lambda: groups.get(""),
            lambda: groups.join(".."),
            lambda: groups.join(5),
            lambda: groups.create("g", "G", type="password"),
            lambda: groups.create("g", "G", password="x"),
            lambda: groups.create("g", "G", type="open"),
            lambda: groups.create("", "G"),
            lambda: groups.add_members("g"),
            lambda: groups.add_members("g", "amy-2", scope="owner"),
            lambda: groups.change_scope("g", "amy-2", "king"),
            lambda: groups.kick("g", ""),
        ):
            with pytest.raises(SettingsError):
                await call()
        for call in (lambda: groups.list(limit=0), lambda: groups.members(""), lambda: groups.members("g", limit=0)):
            with pytest.raises(SettingsError):
                call()
        assert not pair.environment.asked
