"""The demo, with a short background grace."""

from __future__ import annotations

import io
import subprocess
import sys

from rich.console import Console

from cometconn.cli.demo import run_demo
from cometconn.cli.demo_run import RULES


async def test_the_demo_shows_every_rule() -> None:
    """Each of P1 to P18 holds, and is in the summary with its observation."""
    out = io.StringIO()
    failed = await run_demo(Console(file=out, width=200), 0.8, 0)
    text = out.getvalue()
    assert failed == 0, text
    summary = text.split("\nSummary\n")[1]
    for rule in RULES:
        assert f"{rule} " in summary
    assert "All 18 rules held." in text


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
