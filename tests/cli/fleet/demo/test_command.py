"""The demo, smaller and quicker: to its end, and stopped in the middle."""

from __future__ import annotations

import io
import os
import pathlib
import re
import signal
import tempfile

import pytest

from cometconn.cli.fleet.demo.command import NEXT_STEPS, run_fleet_demo
from cometconn.cli.fleet.demo.plan import Plan
from cometconn.cli.terminal import TerminalConsole
from tests.cli.child import running

SMALL = Plan(accounts=12, pause=0.3, lease_ttl=2.0)
STYLES, MOVES = re.compile(r"\x1b\[[0-9;]*m"), re.compile(r"\r|\x1b\[[0-9;?]*[A-Zhl]")


async def test_the_demo_shows_every_rule(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each rule holds; no line is too long; the live view is drawn; the folder is removed; the end has the next steps."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    out = io.StringIO()
    console = TerminalConsole(file=out, width=60, height=40, soft_wrap=True, force_terminal=True, highlight=False)
    failed = await run_fleet_demo(console, SMALL)
    text = MOVES.sub("\n", STYLES.sub("", out.getvalue()))
    assert failed == [], text
    assert [line for line in text.splitlines() if len(line) > 60] == []
    assert "12 accounts connected, process" in text, "the live view"
    assert "\x1b[?25h" in out.getvalue().rpartition("\x1b[?25l")[2], "the cursor is shown again"
    words = " ".join(text.split())
    for heading in ("Three workers start", "w2 is killed", "w3 is drained", "w4 joins", "All 7 rules held."):
        assert heading in words
    assert re.search(r" ([\d,]+) sent, \1 in the log: 0 lost, 0 doubled\.", words)
    assert all(step in words for step in NEXT_STEPS)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
async def test_stopped_in_the_middle(number: signal.Signals, tmp_path: pathlib.Path) -> None:
    """A signal ends the workers by their process ids, and removes the folder. Piped output has no control codes."""
    async with running("fleet", "demo", "--accounts", "6", TMPDIR=str(tmp_path), COLUMNS="200") as child:
        while "processes start" not in (line := await child.line()):
            assert "\x1b" not in line
        pids = [int(pid) for pid in re.findall(r"process (\d+)", line)]
        assert len(pids) == 3
        assert all(pathlib.Path(f"/proc/{pid}").exists() for pid in pids)
        assert len(list(tmp_path.iterdir())) == 1
        assert await child.stop(number) == 128 + number
        for pid in pids:
            with pytest.raises(ProcessLookupError):
                os.kill(pid, 0)
        assert list(tmp_path.iterdir()) == []
    assert child.errors == b""
