"""`cometconn fleet drain` and `move`."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from cometconn.fleet import Account
from cometconn.fleet.values import Release

from .conftest import join, worker

if TYPE_CHECKING:
    from cometconn.fleet import EngineConnection

    from .conftest import FleetCommand


async def two_workers(connection: EngineConnection) -> None:
    """w1 owns amy; zed is parked."""
    claimed = await worker(connection, "w1", "amy", "zed")
    await connection.release([Release("zed", claimed["zed"].word, "refused")])
    await join(connection, "w2")


def test_a_worker_is_marked(fleet: FleetCommand) -> None:
    """It finds the mark when it renews its lease."""
    fleet.with_engine(two_workers)
    assert fleet("drain", "w2").out.startswith("w2 is marked as draining.")
    workers = json.loads(fleet("status", "--json").out)["workers"]
    assert {each["name"]: each["draining"] for each in workers} == {"w1": False, "w2": True}
    message = fleet.fails("drain", "w2", "--wait", "--timeout", "0.01")
    assert message == "w2 is marked as draining, but still has its lease after 0.01 s."


def test_waiting_ends_with_the_lease(fleet: FleetCommand) -> None:
    """Another incarnation of the same name does not count."""

    async def short(connection: EngineConnection) -> None:
        incarnation = await join(connection, "w1")
        await connection.lease(incarnation, 0.3)

    fleet.with_engine(short)
    assert fleet("drain", "w1", "--wait").out.startswith("w1 is drained: it took ")


def test_no_such_worker(fleet: FleetCommand) -> None:
    """Those that there are, are named."""
    fleet.with_engine(lambda connection: connection.administration.add([Account("amy")]))
    assert fleet.fails("drain", "w3") == "No worker w3 has a lease: no worker runs at present."
    fleet.with_engine(two_workers)
    assert fleet.fails("drain", "w3") == "No worker w3 has a lease: there are w1, w2."
    assert fleet.fails("move", "amy", "--to", "w3") == "No worker w3 has a lease: there are w1, w2."


def test_an_account_is_pinned(fleet: FleetCommand) -> None:
    """For a time; then or with --unpin, the hash decides again."""
    fleet.with_engine(two_workers)
    assert fleet("move", "amy", "--to", "w2", "--for", "60").out == "amy belongs to w2 for 60 s, as long as w2 lives.\n"
    (pin,) = json.loads(fleet("status", "--json").out)["pins"]
    assert (pin["uid"], pin["worker"]) == ("amy", "w2")
    assert 50 < pin["remaining"] <= 60
    assert fleet("move", "amy", "--unpin").out == "amy is not pinned to w2 any more.\n"
    assert json.loads(fleet("status", "--json").out)["pins"] == []
    assert fleet("move", "amy", "--unpin").out == "amy was not pinned.\n"
    assert fleet("move", "zed", "--to", "w2").out.endswith("But it is parked: cometconn fleet accounts resume zed\n")


def test_what_cannot_be_pinned(fleet: FleetCommand) -> None:
    """One sentence each, and nothing changes."""
    fleet.with_engine(two_workers)
    fleet("drain", "w2")
    for words, message in (
        (("amy", "--to", "w2"), "w2 is draining, so no account can move there."),
        (("bob", "--to", "w1"), "The fleet has no account bob."),
        (("bob", "--unpin"), "The fleet has no account bob."),
        (("amy",), "Give --to WORKER or --unpin, and not both."),
        (("amy", "--to", "w1", "--unpin"), "Give --to WORKER or --unpin, and not both."),
        (("amy", "--to", "w1", "--for", "0"), "--for must be a number of seconds, more than 0: not 0."),
        (("amy", "--to", "w1", "--for", "inf"), "--for must be a number of seconds, more than 0: not inf."),
    ):
        assert fleet.fails("move", *words) == message
    assert json.loads(fleet("status", "--json").out)["pins"] == []
