"""The demo, with a short background grace."""

from __future__ import annotations

import io
import subprocess
import sys

from cometconn.cli.demo import NEXT_STEPS, run_demo
from cometconn.cli.demo_run import RULES
from cometconn.cli.terminal import TerminalConsole


async def test_the_demo_shows_every_rule() -> None:
    """Each of P1 to P18 holds, with its text and what was observed; no line is too long; the end has the next steps."""
    out = io.StringIO()
    failed = await run_demo(TerminalConsole(file=out, width=60, soft_wrap=True), 0.8, 0)
    text = out.getvalue()
    assert failed == 0, text
    assert [line for line in text.splitlines() if len(line) > 60] == []
    log, summary = text.split("\nSummary\n")
    introduction, *_ = log.split("\n\n")
    assert "P1 to P18 are the 18 rules" in " ".join(introduction.split())
    for rule, meaning in RULES.items():
        checked = log.split(f"  {rule} ")[1:]
        assert checked
        assert all(" ".join(part.split()).startswith(f"✓ {meaning} ") for part in checked), "what was observed follows"
        assert f"✓ {rule} {meaning}" in " ".join(summary.split())
    assert "All 18 rules held." in summary
    assert all(text in summary for text in NEXT_STEPS)


def test_a_port_in_use_is_one_line_and_no_traceback() -> None:
    """The error of a port in use is one line that names the port, and the exit status is 1."""
    import socket

    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = str(taken.getsockname()[1])
        done = subprocess.run(
            [sys.executable, "-c", "from _cometconn_command import main; main()", "demo", "--port", port],
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
    assert done.returncode == 1
    assert done.stderr.startswith("cometconn: ")
    assert port in done.stderr
    assert len(done.stderr.splitlines()) == 1
