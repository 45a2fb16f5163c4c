"""`cometconn.emulator.serving`: the values of the options. `tests/cli/test_serve.py` and `test_command` run the commands."""

from __future__ import annotations

import json

import pytest
import trio

from cometconn.emulator.serving import ServeOptions, parse_groups, parse_port, serve
from cometconn.errors import SettingsError

MANY = ",".join(f"user-{number + 1}" for number in range(30))


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


async def test_the_line_names_the_first_users_only(capsys: pytest.CaptureFixture[str]) -> None:
    """With thousands of users it stays short, and has the number of those that it does not name."""
    with trio.fail_after(5):
        async with trio.open_nursery() as nursery:
            nursery.start_soon(serve, ServeOptions(port=0, users=1_000, group=("few=user-1,user-2", f"many={MANY}")))
            while not (printed := capsys.readouterr().out):
                await trio.lowlevel.checkpoint()
            nursery.cancel_scope.cancel()
    ready = json.loads(printed)
    assert ready["users"] == [f"user-{number + 1}" for number in range(20)]
    assert (ready["groups"]["few"], len(ready["groups"]["many"])) == (["user-1", "user-2"], 20)
    assert (ready["more_users"], ready["more_members"]) == (980, {"many": 10})
    assert len(printed) < 1_000


def test_secrets_are_named() -> None:
    """Nothing that a command prints may have them."""
    assert ServeOptions(auth_key="a", api_key="b", webhook_auth="c").secrets == ("a", "b", "c")
