"""Runs commands of the fleet in this process, on a file of their own."""

from __future__ import annotations

import os
import pathlib
import sys
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

import attrs
import pytest
import trio

from cometconn.cli import main
from cometconn.fleet import Account, EngineConnection, Incarnation, SQLiteEngine
from cometconn.fleet.values import Append, Claim, Claimed, LogEvent


@attrs.frozen
class Done:
    """A command that has ended.

    Attributes:
        status: the exit status.
        out: its output.
        error: its error, without the name of the command in front.
    """

    status: int
    out: str
    error: str

    @property
    def words(self) -> str:
        """The output without line breaks."""
        return " ".join(self.out.split())


@attrs.define(eq=False)
class FleetCommand:
    """Runs `cometconn fleet ...` with an app and an engine from the environment."""

    path: pathlib.Path
    patch: pytest.MonkeyPatch
    capture: pytest.CaptureFixture[str]

    def __call__(self, *words: str) -> Done:
        """Run it to its end."""
        self.patch.setattr(sys, "argv", ["cometconn", "fleet", *words])
        self.capture.readouterr()
        with pytest.raises(SystemExit) as ended:
            main()
        printed, code = self.capture.readouterr(), ended.value.code
        assert "Traceback" not in printed.err
        if isinstance(code, str):
            return Done(1, printed.out, code.removeprefix("cometconn: "))
        assert isinstance(code, int | None)
        return Done(code or 0, printed.out, printed.err.strip().removeprefix("cometconn: "))

    def fails(self, *words: str) -> str:
        """Run it, and return its one sentence."""
        done = self(*words)
        assert (done.status, done.out) == (1, "")
        assert len(done.error.splitlines()) == 1
        assert done.error.endswith("."), done.error
        return done.error

    def with_engine(self, task: Callable[[EngineConnection], Awaitable[None]]) -> None:
        """Do something with the engine directly."""

        async def connect() -> None:
            async with SQLiteEngine(self.path).connect("APP") as connection:
                await task(connection)

        trio.run(connect)


@pytest.fixture
def fleet(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> FleetCommand:
    """Runs commands without the developer's environment."""
    for name in list(os.environ):
        if name.startswith("COMETCONN_"):
            monkeypatch.delenv(name)
    path = tmp_path / "fleet.sqlite"
    monkeypatch.setenv("COMETCONN_APP_ID", "APP")
    monkeypatch.setenv("COMETCONN_ENGINE", str(path))
    monkeypatch.setenv("COLUMNS", "80")
    return FleetCommand(path, monkeypatch, capsys)


async def join(connection: EngineConnection, name: str, group: str = "workers", info: str = "{}") -> Incarnation:
    """Get a lease that outlasts the test."""
    incarnation = Incarnation(name, group=group)
    await connection.lease(incarnation, 600.0, joining=True, info=info)
    return incarnation


async def own(connection: EngineConnection, incarnation: Incarnation, keys: Sequence[str]) -> list[Claimed]:
    """Claim accounts or partitions."""
    claimed = await connection.claim(incarnation, [Claim(key) for key in keys])
    assert all(isinstance(each, Claimed) for each in claimed)
    return [each for each in claimed if isinstance(each, Claimed)]


async def worker(connection: EngineConnection, name: str, *uids: str, info: str = "{}") -> dict[str, Claimed]:
    """Add accounts, and let a worker own them."""
    await connection.administration.add([Account(uid) for uid in uids])
    return {each.key: each for each in await own(connection, await join(connection, name, info=info), uids)}


async def record(connection: EngineConnection, claimed: Claimed, *events: Any) -> None:
    """Append events: `LogEvent`s."""
    assert all(isinstance(event, LogEvent) for event in events)
    await connection.append([Append(claimed.key, claimed.word, 1, events)])
