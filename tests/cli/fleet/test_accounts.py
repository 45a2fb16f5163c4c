"""`cometconn fleet accounts`: what is added, removed, listed and resumed."""

from __future__ import annotations

import io
import json
import sys
from typing import TYPE_CHECKING

import pytest

from cometconn.fleet import Account
from cometconn.fleet.values import Release

from .conftest import worker

if TYPE_CHECKING:
    from cometconn.fleet import EngineConnection

    from .conftest import FleetCommand


def listed(fleet: FleetCommand) -> dict[str, dict[str, object]]:
    """The accounts, as `list --json` has them."""
    lines = fleet("accounts", "list", "--json").out.splitlines()
    return {fields["uid"]: fields for fields in map(json.loads, lines)}


def test_added_once(fleet: FleetCommand) -> None:
    """A second time changes nothing, and metadata are replaced only by new ones."""
    done = fleet("accounts", "add", "amy", "zed", "--metadata", '{"x": 1}')
    assert done.out == f"2 accounts added, in sqlite:{fleet.path}.\n"
    assert fleet("accounts", "add", "amy", "bob").out.startswith("1 account added, 1 already there, in ")
    assert {uid: fields["metadata"] for uid, fields in listed(fleet).items()} == {
        "amy": '{"x": 1}',
        "bob": "",
        "zed": '{"x": 1}',
    }
    assert "1 with new metadata" in fleet("accounts", "add", "amy", "--metadata", "{}").out
    assert listed(fleet)["amy"]["metadata"] == "{}"


def test_an_account_twice_and_wrong_metadata(fleet: FleetCommand) -> None:
    """Both are refused, and nothing is added."""
    assert "amy occurs twice" in fleet.fails("accounts", "add", "amy", "zed", "amy")
    assert fleet.fails("accounts", "add", "amy", "--metadata", "[1]").startswith("--metadata must be a JSON object")
    assert "uid is empty" in fleet.fails("accounts", "add", "")
    assert not fleet.path.exists()


def test_unknown_accounts_are_named(fleet: FleetCommand) -> None:
    """Of several, all or none are removed or resumed."""
    fleet("accounts", "add", "amy")
    for command in ("remove", "resume"):
        assert "has no account zed" in fleet.fails("accounts", command, "amy", "zed")
    many = [f"u{number}" for number in range(9)]
    assert "u4 and 4 more" in fleet.fails("accounts", "remove", *many)
    assert set(listed(fleet)) == {"amy"}
    assert fleet("accounts", "remove", "amy").out.startswith("1 account removed")
    assert fleet("accounts", "list").words.startswith("There are no accounts yet")


def test_a_parked_account_is_resumed(fleet: FleetCommand) -> None:
    """The list shows the reason; afterwards it can be claimed."""
    reason = "The login was\x1b[31m refused."

    async def park(connection: EngineConnection) -> None:
        claimed = await worker(connection, "w1", "amy", "zed")
        await connection.release([Release("amy", claimed["amy"].word, reason)])
        await connection.administration.pin("zed", "w1", lasts=60.0)

    fleet.with_engine(park)
    assert (listed(fleet)["amy"]["parked"], listed(fleet)["zed"]["owner"]) == (reason, "w1")
    table = fleet("accounts", "list").words
    assert "amy - parked: The login was\\u001b[31m refused." in table
    assert "zed w1 pinned to w1 for " in table
    assert fleet("accounts", "resume", "amy", "zed").out == "1 account resumed. 1 were not parked.\n"
    assert listed(fleet)["amy"]["parked"] is None


def test_the_list_can_be_imported(fleet: FleetCommand, monkeypatch: pytest.MonkeyPatch) -> None:
    """So a fleet can be copied; a second import finds all of them there."""

    async def fill(connection: EngineConnection) -> None:
        await connection.administration.add([Account("amy", "text"), Account("zed", '{"x": 1}')])

    fleet.with_engine(fill)
    before = fleet("accounts", "list", "--json").out
    fleet("accounts", "remove", "amy", "zed")
    for words in ("2 accounts added", "0 accounts added, 2 already there"):
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(before.encode())))
        assert fleet("accounts", "import", "-").out.startswith(words)
    assert fleet("accounts", "list", "--json").out == before


def test_nothing_half_imported(fleet: FleetCommand) -> None:
    """A line that is wrong spoils the whole file."""
    path = fleet.path.with_name("accounts.txt")
    path.write_text("amy\nzed\namy\n")
    message = fleet.fails("accounts", "import", str(path))
    assert message == f"{path}, line 3: the account amy occurs twice, first in {path}, line 1. Nothing was changed."
    assert not fleet.path.exists()
