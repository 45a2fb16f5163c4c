"""`open_worker()`: its arguments, its errors, and what comes first."""

from __future__ import annotations

import json
import os
import socket
from typing import Any

import attrs
import pytest
import trio
from trio.testing import MockClock

import cometconn
from cometconn import AppSettings
from cometconn.errors import SettingsError
from cometconn.fleet import EngineError, MemoryEngine, Owned
from cometconn.fleet.values import Claim

from .harness import QUICK, Line, open_fleet


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"settings": AppSettings(region="us", auto_establish_socket_connection=False)}, "needs auto mode"),
        ({"settings": 5}, r"settings=\.\.\.\) must be AppSettings"),
        ({"fleet_settings": 5}, r"fleet_settings=\.\.\.\) must be a FleetSettings"),
        ({"run": 5}, r"run=\.\.\.\) must be a function or None, not 5"),
        ({"login": "KEY"}, r"login=\.\.\.\) must be a function or None, not 'KEY'"),
        ({"name": "a b"}, "name of a worker or consumer must have"),
        ({"name": ""}, "name of a worker or consumer must have"),
        ({"environment": None, "endpoints": None, "proxy": "gopher://x"}, "proxy"),
    ],
)
async def test_bad_arguments(options: dict[str, Any], words: str, autojump_clock: MockClock) -> None:
    """Each is refused with its name, before the worker joins."""
    async with open_fleet() as fleet:
        with pytest.raises(SettingsError, match=words):
            async with fleet.open(options.pop("name", "w1"), **options):
                pass
        assert await fleet.connection.administration.members() == ()


async def test_an_engine_that_cannot_be_used(autojump_clock: MockClock) -> None:
    """Unreachable at the start, of another app, or with another number of partitions: one error, and no waiting."""
    async with open_fleet() as fleet:
        fleet.engine.is_unreachable = True
        with pytest.raises(EngineError, match="unreachable"):
            async with fleet.open("w1"):
                pass
        fleet.engine.is_unreachable = False
        with pytest.raises(EngineError, match="has 16 partitions, not 3"):
            async with fleet.open("w1", fleet_settings=attrs.evolve(QUICK, partitions=3)):
                pass
        async with MemoryEngine().connect("OTHER"):
            pass


@pytest.mark.parametrize("error", [ValueError("mine"), ExceptionGroup("mine", [ValueError()]), KeyboardInterrupt()])
async def test_an_exception_of_the_block_is_not_wrapped(error: BaseException, autojump_clock: MockClock) -> None:
    """The same object leaves `open_worker()`, in no group; the sockets are closed, and the lease is given back."""
    async with open_fleet(2) as fleet:
        with pytest.raises(type(error)) as raised:
            async with fleet.open("w1"):
                await fleet.wait_all_connected()
                raise error
        assert raised.value is error
        assert fleet.connected() == set()
        assert not any(member.is_alive for member in await fleet.connection.administration.members())


async def test_an_interrupt_in_a_handler_ends_the_worker(autojump_clock: MockClock) -> None:
    """Ctrl-C that arrives in a handler is not swallowed as an error of the handler."""

    async def run(owned: Owned) -> None:
        await trio.sleep(1.0)
        raise KeyboardInterrupt

    async with open_fleet(1) as fleet:
        with pytest.raises(KeyboardInterrupt):
            async with fleet.open("w1", run=run):
                await trio.sleep_forever()


async def test_everything_is_imported_before_the_lease(
    autojump_clock: MockClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """F5: imports and the TLS setting block the loop, so they come before the worker joins."""
    async with open_fleet() as fleet:
        line = Line(fleet.engine)
        seen: list[int] = []
        monkeypatch.setattr(cometconn, "preload", lambda: seen.append(line.calls["lease"]))
        async with fleet.open("w1", engine=line):
            assert seen == [0]
            assert line.calls["lease"] == 1


async def test_a_claim_that_is_made_late_is_given_back(autojump_clock: MockClock) -> None:
    """What the engine has under this incarnation, and the worker does not know of, is found once a minute."""
    async with open_fleet(2) as fleet:
        worker = await fleet.start("w1")
        await fleet.wait_all_connected()
        await fleet.connection.administration.remove(["user-1"])
        await trio.sleep(1.0)
        await fleet.connection.administration.drain(worker.incarnation)
        await worker.drained()
        second = await fleet.start("w2")
        await fleet.wait_for(lambda: second.accounts == ("user-0",))
        fleet.lines["w2"].broken.add("accounts")  # it does not see the account that is added
        await fleet.connection.administration.add([cometconn.fleet.Account("user-1")])
        await fleet.connection.claim(second.incarnation, [Claim("user-1")])
        await trio.sleep(1.0)
        fleet.lines["w2"].broken.clear()
        took = await fleet.wait_for(lambda: second.accounts == ("user-0", "user-1"))
        assert took < 3.0  # its own claim was refused with its own incarnation


async def test_members_show_what_a_worker_does(autojump_clock: MockClock) -> None:
    """For `status` commands: how many accounts it owns, and how many are connected."""
    async with open_fleet(3) as fleet, fleet.open("w1") as worker:
        await fleet.wait_all_connected()
        await trio.sleep(2.0)
        (member,) = await fleet.connection.administration.members()
        info = json.loads(member.info)
        process = {"version": cometconn.__version__, "host": socket.gethostname(), "pid": os.getpid()}
        seen = {"owned": 3, "connected": 3, "starting": 0, "appended": 0, "append_lag": 0.0}
        assert 1.0 < info.pop("joined_for") <= 4.0
        assert info == {**process, "lease_ttl": 5.0, **seen}
        assert member.incarnation == worker.incarnation
        assert worker.name == "w1"


async def test_two_workers_in_one_process(autojump_clock: MockClock) -> None:
    """They share a process, and no state."""
    async with open_fleet(10) as fleet, fleet.open("w1") as one, fleet.open("w2") as two:
        await fleet.wait_all_connected()
        await trio.sleep(3.0)
        assert set(one.accounts) | set(two.accounts) == set(fleet.uids)
        assert not set(one.accounts) & set(two.accounts)
