"""`cometconn fleet status`: once, as JSON, and again each second."""

from __future__ import annotations

import io
import json
import os
import pty
import re
import signal
import sys
from typing import TYPE_CHECKING

import attrs
import pytest
import trio
from rich.console import Console
from trio.testing import MockClock

from cometconn.cli.fleet.snapshot import Snapshot
from cometconn.cli.fleet.status import Watcher, changes_between
from cometconn.fleet import MemoryEngine, SQLiteEngine
from tests.cli.child import running

from .conftest import worker
from .test_snapshot import fill, filled

if TYPE_CHECKING:
    from .conftest import FleetCommand


def test_once(fleet: FleetCommand) -> None:
    """A table, or one JSON object; without a fleet an error, and nothing is made."""
    assert "There is no fleet in" in fleet.fails("status")
    assert not fleet.path.exists()
    fleet.with_engine(fill)
    done = fleet("status")
    assert done.status == 0
    assert "2 workers, 4 accounts, 1 connected, 1 without an owner, 1 parked, 1 hole" in done.out
    assert "\x1b" not in done.out
    found = json.loads(fleet("status", "--json").out)
    assert (found["engine"], found["app_id"]) == (f"sqlite:{fleet.path}", "APP")
    assert found["owners"] == {"amy": "w1", "zed": "w2"}


def printed(view: object) -> str:
    """A view as text without line breaks."""
    stream = io.StringIO()
    Console(file=stream, width=80).print(view)
    return " ".join(stream.getvalue().split())


async def test_watching(autojump_clock: MockClock) -> None:
    """Changes and rates appear; an unreachable engine leaves the last view, with the reason."""
    engine = MemoryEngine()
    async with engine.connect("APP") as connection:
        watcher = Watcher("memory")
        engine.is_unreachable = True
        assert "unreachable" in printed(await watcher.look(connection))
        engine.is_unreachable = False
        assert "0 workers, 0 accounts" in printed(await watcher.look(connection))
        claimed = await worker(connection, "w1", "amy", "zed", info='{"appended": 10, "connected": 2}')
        assert "2 accounts: nobody -> w1" in printed(await watcher.look(connection))
        incarnation = claimed["amy"].word.incarnation
        await trio.sleep(2.0)
        await connection.lease(incarnation, 600.0, info='{"appended": 15, "connected": 2}')
        text = printed(await watcher.look(connection))
        assert "2 of 2 0.0 s 2.5 working" in text
        assert f"{str(incarnation)[:9]} has joined" in text
        engine.is_unreachable = True
        text = printed(await watcher.look(connection))
        assert "The engine is unreachable." in text
        assert "2 of 2" in text
        assert "unreachable" in json.loads(await watcher.line(connection, as_json=True))["error"]
        assert (await watcher.line(connection, as_json=False)).endswith("The engine is unreachable.")
        engine.is_unreachable = False
        assert json.loads(await watcher.line(connection, as_json=True))["connected"] == 2
        assert (await watcher.line(connection, as_json=False)).endswith("0 parked, 0 holes")


async def test_what_changed(autojump_clock: MockClock) -> None:
    """Joins, drains, ends, moves, parked accounts and holes, each in a line."""
    before = await filled()
    first, second = before.workers
    gone = attrs.evolve(first, member=attrs.evolve(first.member, remaining=-1.0))
    left = attrs.evolve(first, member=attrs.evolve(first.member, remaining=-1.0, left=True))
    working = attrs.evolve(second, member=attrs.evolve(second.member, draining=False))

    def lines(old: Snapshot, **given: object) -> list[str]:
        new = attrs.evolve(old, **given)  # type: ignore[arg-type]
        return [re.sub("~[0-9a-f]{6}", "", line) for line in changes_between(old, new)]

    assert lines(before) == []
    assert lines(before, workers=(gone, second)) == ["w1 lost its lease"]
    assert lines(before, workers=(left, second)) == ["w1 has left"]
    assert lines(attrs.evolve(before, workers=(first,)), workers=(first, second)) == ["w2 has joined"]
    assert lines(attrs.evolve(before, workers=(working,)), workers=(second,)) == ["w2 is draining"]
    assert lines(before, owners={"amy": "w2", "orphan": "w2"}) == [
        "1 account: nobody -> w2",
        "1 account: w1 -> w2",
        "1 account: w2 -> nobody",
    ]
    assert lines(attrs.evolve(before, holes=(), accounts=()), holes=before.holes, accounts=before.accounts) == [
        "parked was parked",
        "1 new holes",
    ]


@pytest.mark.parametrize("columns", [80, 120])
def test_the_live_view_in_a_terminal(fleet: FleetCommand, columns: int) -> None:
    """It uses the alternate screen, fits, and leaves the last view behind. Ctrl-C ends it with status 130."""
    fleet.with_engine(fill)
    program = "from _cometconn_command import main; main()"
    pid, terminal = pty.fork()
    if pid == 0:
        os.environ |= {"TERM": "xterm", "COLUMNS": str(columns), "LINES": "40"}
        os.execv(sys.executable, [sys.executable, "-c", program, "fleet", "status", "--watch"])  # noqa: S606 - a program of ours
    seen = b""
    while b"Without an owner" not in seen:
        seen += os.read(terminal, 65536)
    os.write(terminal, b"\x03")
    try:
        while chunk := os.read(terminal, 65536):
            seen += chunk
    except OSError:  # Linux reports the end of a terminal so
        pass
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 130
    begin, _, rest = seen.decode().partition("\x1b[?1049h")
    live, _, last = rest.partition("\x1b[?1049l")
    assert begin == ""
    assert "events/s" in live
    assert "Without an owner: orphan" in re.sub("\x1b\\[[\\d;]*m", "", last)
    for part in (live.replace("^C", ""), last):
        shown = [re.sub("\x1b\\[[\\d;?]*[a-zA-Z]", "", line) for line in re.split("[\r\n]+|\x1b\\[H", part)]
        assert max(map(len, shown)) <= columns


async def test_without_a_terminal_there_are_lines(fleet: FleetCommand) -> None:
    """So its output can be kept in a file. SIGTERM ends it."""
    async with SQLiteEngine(fleet.path).connect("APP") as connection:
        await fill(connection)
    words = ("fleet", "status", "--watch", "--app-id", "APP", "--engine", str(fleet.path))
    async with running(*words) as child:
        for _ in range(2):
            assert (await child.line()).endswith("1 without an owner, 1 parked, 1 hole")
        assert await child.stop(signal.SIGTERM) == 143
