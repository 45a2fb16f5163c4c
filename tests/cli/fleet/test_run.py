"""`cometconn fleet run`: a worker as a process, and what ends it."""

from __future__ import annotations

import signal
from typing import TYPE_CHECKING

import pytest
import trio

from cometconn.cli.fleet.run import change_line, default_name
from cometconn.emulator import open_emulator
from cometconn.fleet import Account, SQLiteEngine, changes
from cometconn.fleet.values import Incarnation, Read
from tests.cli.child import Child, running

from .handlers import AUTH_KEY

if TYPE_CHECKING:
    import pathlib
    from contextlib import AbstractAsyncContextManager

    from cometconn.fleet import EngineConnection

    from .conftest import FleetCommand

HANDLERS = "tests.cli.fleet.handlers"


def test_the_fleets_name_of_this_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    """The host name, as far as it can be a name."""
    for host, name in (("web-1", "web-1"), ("web 1.örg", "web-1.-rg"), ("x" * 80, "x" * 64), ("", "worker")):
        monkeypatch.setattr("socket.gethostname", lambda host=host: host)
        assert default_name() == name
        Incarnation(name)


@pytest.mark.parametrize(
    ("change", "line"),
    [
        (changes.Joined(at=0, incarnation="w1~0123456789"), "joined as w1~012345"),
        (changes.Claimed(at=0, uid="amy", token=3), "claimed amy (claim 3)"),
        (changes.LeaseLost(at=0, accounts=3), "lost the lease, and with it 3 accounts; joining again"),
        (changes.Drained(at=0), "drained: this worker owns nothing any more"),
        (changes.Missed(at=0, count=3), "3 lines are missing here"),
        (changes.Parked(at=0, uid="amy", reason="refused"), None),
        (changes.Rewound(at=0, uid="amy", position=1), None),
        *(
            (changes.Released(at=0, uid="amy", reason=reason), f"released amy ({reason}: {words})")
            for reason, words in (
                ("share", "another worker is to own it, or it was removed"),
                ("drain", "this worker is drained"),
                ("lease", "the lease is over"),
                ("fenced", "another worker owns it"),
                ("parked", "it is parked"),
                ("closed", "this worker ends"),
            )
        ),
    ],
)
def test_changes_as_lines(change: changes.Change, line: str | None) -> None:
    """But for those of which the library logs a warning."""
    assert change_line(change) == line


def start(path: pathlib.Path, url: str, name: str, *words: str) -> AbstractAsyncContextManager[Child]:
    """Start a worker with short times."""
    options = ("--app-id", "APP", "--engine", str(path), "--endpoint", url, "--name", name, "--reconcile-every", "0.1")
    return running("fleet", "run", *options, *words, COMETCONN_AUTH_KEY=AUTH_KEY)


async def recorded(connection: EngineConnection) -> list[int | None]:
    """The ids in the log."""
    results = await connection.read([Read(number) for number in range(connection.partitions)])
    return [entry.id for result in results for entry in result.entries]


async def test_a_signal_drains_and_another_worker_takes_over(tmp_path: pathlib.Path) -> None:
    """Each message is in the log once; the key is not on the disk; both processes end with status 0."""
    path = tmp_path / "fleet.sqlite"
    async with (
        open_emulator(users=("amy", "bob"), auth_key=AUTH_KEY) as server,
        SQLiteEngine(path).connect("APP") as connection,
    ):
        await connection.administration.add([Account("amy"), Account("none")])
        async with start(path, server.url, "w1", "--partitions", "16") as first:
            await first.wait_for_error_text("claimed amy (claim 1)")
            await first.wait_for_error_text("warning: The account 'none' is parked: The login was refused")
            while not server.connections("amy"):
                await trio.sleep(0.01)
            server.say("bob", "one", receiver="amy")
            await connection.administration.pin("amy", "w1")
            async with start(path, server.url, "w2", "--login", f"{HANDLERS}:log_in") as second:
                await second.wait_for_error_text("joined as w2~")
                assert await first.stop(signal.SIGTERM) == 0
                await second.wait_for_error_text("claimed amy (claim")
                server.say("bob", "two", receiver="amy")
                while len(await recorded(connection)) < 2:
                    await trio.sleep(0.05)
                (w2,) = (m for m in await connection.administration.members() if m.incarnation.name == "w2")
                await connection.administration.drain(w2.incarnation)
                assert await second.wait() == 0
        assert len(set(await recorded(connection))) == 2
        parked = {change.uid: change.parked for change in (await connection.administration.accounts()).changes}
        assert parked["amy"] is None
        lines = first.errors.decode()
        assert "SIGTERM: draining; a second signal ends this worker at once" in lines
        assert "released amy (drain: this worker is drained)" in lines
        assert "drained: this worker owns nothing any more" in second.errors.decode()
    assert AUTH_KEY not in lines
    assert AUTH_KEY.encode() not in path.read_bytes()


async def test_a_second_signal_ends_it_at_once(tmp_path: pathlib.Path) -> None:
    """Also if a handler ignores cancellation."""
    path = tmp_path / "fleet.sqlite"
    async with (
        open_emulator(users=("amy", "bob"), auth_key=AUTH_KEY) as server,
        SQLiteEngine(path).connect("APP") as connection,
    ):
        await connection.administration.add([Account("amy")])
        async with start(path, server.url, "w1", "--run", f"{HANDLERS}:stubborn") as child:
            await child.wait_for_error_text("claimed amy")
            while not server.connections("amy"):
                await trio.sleep(0.01)
            child.process.send_signal(signal.SIGINT)
            await child.wait_for_error_text("SIGINT: draining; a second signal")
            assert await child.stop(signal.SIGTERM) == 143
            assert "SIGTERM: ending at once" in child.errors.decode()


async def test_a_handler_that_ignores_cancellation_does_not_keep_the_process(tmp_path: pathlib.Path) -> None:
    """After a drain that took too long, the status is 3."""
    path = tmp_path / "fleet.sqlite"
    async with (
        open_emulator(users=("amy", "bob"), auth_key=AUTH_KEY) as server,
        SQLiteEngine(path).connect("APP") as connection,
    ):
        await connection.administration.add([Account("amy")])
        async with start(path, server.url, "w1", "--run", f"{HANDLERS}:stubborn", "--drain-timeout", "0.2") as child:
            await child.wait_for_error_text("claimed amy")
            while not server.connections("amy"):
                await trio.sleep(0.01)
            assert await child.stop(signal.SIGTERM) == 3
        errors = child.errors.decode()
        assert "the drain took longer than 0.2 s: the rest ends at once" in errors
        assert "a handler ignores cancellation: the process ends without it" in errors


async def test_a_name_in_use(tmp_path: pathlib.Path) -> None:
    """It is waited for, for the rest of its lease; a signal meanwhile ends the process, which has nothing to drain."""
    path = tmp_path / "fleet.sqlite"
    async with SQLiteEngine(path).connect("APP") as connection:
        await connection.lease(Incarnation("w1"), 300.0, joining=True)
        async with start(path, "http://127.0.0.1:9", "w1") as child:
            await child.wait_for_error_text("engine sqlite:")
            assert await child.stop(signal.SIGINT) == 130


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("--region", "us", "--run", "no_such_bot:f"), "--run: there is no module no_such_bot"),
        (("--region", "us", "--login", "bot"), "--login must be like package.module:function"),
        ((), "No server: give --region (us, eu or in), or --endpoint"),
        (("--region", "us", "--lease-ttl", "0"), "--lease-ttl must be"),
        (("--region", "us", "--name", "a b"), "The name of a worker or consumer must have"),
        (("--region", "us", "--auth-key-file", "/none"), "The file with the secret cannot be read: /none"),
        (("--region", "us", "--partitions", "0"), "--partitions must be from 1 to 1,024"),
        (("--region", "us", "--ca-file", "/none"), "--ca-file /none: No such file"),
    ],
)
def test_mistakes(fleet: FleetCommand, words: tuple[str, ...], message: str) -> None:
    """Each is one sentence that names the option."""
    (error,) = fleet("run", *words).error.splitlines()[-1:]
    assert message in error
    assert "Traceback" not in error


def test_another_number_of_partitions(fleet: FleetCommand) -> None:
    """It cannot be changed; without the option, the engine's is used."""
    fleet("accounts", "add", "amy")
    done = fleet("run", "--region", "us", "--partitions", "4")
    assert done.status == 1
    assert done.error.splitlines()[-1].endswith("The log has 16 partitions, not 4: their number cannot be changed.")
