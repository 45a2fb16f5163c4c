"""`cometconn.emulator.world.people`."""

from __future__ import annotations

from cometconn.emulator.world.people import Group, Person


def test_a_user_as_others_see_it() -> None:
    """The name is made from the uid, and the status from whether the user is online."""
    person = Person("amy-2", role="vip", created_at=5)

    assert person.public(online=True) == {
        "uid": "amy-2",
        "name": "Amy 2",
        "role": "vip",
        "status": "online",
        "createdAt": 5,
    }
    person.last_active_at = 9
    assert person.public(online=False)["status"] == "offline"
    assert person.public(online=False)["lastActiveAt"] == 9


def test_a_group_as_its_members_see_it() -> None:
    """The first member owns the group."""
    group = Group("night_hikers", {"amy-2": "owner", "zed-1": "participant"}, name="Night")

    shown = group.public()

    assert (shown["guid"], shown["name"], shown["owner"], shown["membersCount"]) == (
        "night_hikers",
        "Night",
        "amy-2",
        2,
    )
    assert Group("night_hikers").public()["name"] == "Night Hikers"
    assert Group("night_hikers").public()["owner"] == ""
