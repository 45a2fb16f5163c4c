"""`cometconn.emulator.serving`: the values of the options. `tests/cli/test_serve.py` and `test_command` run the commands."""

from __future__ import annotations

import pytest
import trio

from cometconn.emulator import open_emulator
from cometconn.emulator.serving import ServeOptions, _ready, parse_groups, parse_port, serve
from cometconn.errors import SettingsError


def test_the_smallest_and_the_largest_port() -> None:
    """Ports go from 0 to 65535."""
    assert (parse_port(0), parse_port(65535)) == (0, 65535)
    with pytest.raises(SettingsError, match="not -1"):
        parse_port(-1)


def test_group_words() -> None:
    """The value of --group is a guid and its members, separated by commas; each group may be there once."""
    assert parse_groups(("a=x,y", "b=z")) == {"a": ("x", "y"), "b": ("z",)}
    for bad in ("a", "a=", "=x", ""):
        with pytest.raises(SettingsError, match="--group"):
            parse_groups((bad,))
    with pytest.raises(SettingsError, match="--group"):
        parse_groups(("a=x", "a=y"))


@pytest.mark.parametrize("users", [-1, 100_001])
async def test_the_number_of_users_is_bounded(users: int) -> None:
    """A number beyond the bounds is refused before the server listens."""
    with trio.fail_after(5), pytest.raises(SettingsError, match="--users must be from 0 to 100000"):
        await serve(ServeOptions(port=0, users=users))


async def test_the_line_names_the_first_users_only() -> None:
    """With thousands of users it stays short, and has the number of those that it does not name."""
    users = [f"user-{number + 1}" for number in range(1_000)]
    async with open_emulator(users=users, groups={"few": users[:2], "many": users[:30]}) as server:
        ready = _ready(server, ServeOptions())
    assert (ready["users"], ready["more_users"]) == (users[:20], 980)
    assert (ready["groups"], ready["more_members"]) == ({"few": users[:2], "many": users[:20]}, {"many": 10})
    async with open_emulator(users=users[:20]) as server:
        ready = _ready(server, ServeOptions())
    assert ready["groups"] == {"hikers": users[:20]}
    assert not {"more_users", "more_members"} & set(ready)


def test_secrets_are_named() -> None:
    """Nothing that a command prints may have them."""
    assert ServeOptions(auth_key="a", api_key="b", webhook_auth="c").secrets == ("a", "b", "c")
