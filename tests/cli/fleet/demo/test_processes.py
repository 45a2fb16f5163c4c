"""Worker processes that cannot start, end too early, or are cancelled."""

from __future__ import annotations

import os
import sys
from functools import partial

import pytest
import trio

from cometconn.cli.fleet.demo.plan import Plan
from cometconn.cli.fleet.demo.processes import (
    WorkerFailedError,
    WorkerProcess,
    run_process,
    worker_command,
    worker_environ,
)
from cometconn.errors import SettingsError

SLEEPS = (sys.executable, "-c", "import time; print('x', flush=True); time.sleep(600)")
FAILS = "import sys; print('first', file=sys.stderr); sys.exit('cometconn: The last line.\\n\\n')"


async def run(*command: str) -> None:
    """Run a worker process to its end."""
    with trio.fail_after(60):
        await run_process("w1", command, dict(os.environ), task_status=trio.TASK_STATUS_IGNORED)


@pytest.mark.parametrize(
    ("command", "words"),
    [
        (("/nonexistent/python",), "Worker w1 cannot be started: No such file or directory."),
        ((sys.executable, "-c", FAILS), "Worker w1 ended with status 1. The last line."),
        ((sys.executable, "-c", "import os; os._exit(3)"), "Worker w1 ended with status 3. It printed no reason."),
    ],
)
async def test_a_process_that_fails(command: tuple[str, ...], words: str) -> None:
    """The error is one sentence, with what the process printed last."""
    with pytest.raises(WorkerFailedError) as caught:
        await run(*command)
    assert str(caught.value) == words


async def test_a_worker_that_cannot_start(tmp_path: object) -> None:
    """The real command line, with an engine in a folder that is not there: the sentence is that of `fleet run`."""
    command = worker_command("w1", Plan(), f"{tmp_path}/nowhere/fleet.db", "http://127.0.0.1:1")
    with pytest.raises(WorkerFailedError, match=r"^Worker w1 ended with status 1\. .*nowhere.*$"), trio.fail_after(60):
        await run_process("w1", command, worker_environ(), task_status=trio.TASK_STATUS_IGNORED)


async def test_one_that_is_killed_and_one_that_is_cancelled() -> None:
    """Both have ended afterwards; one that the demo has ended is no failure."""
    with trio.fail_after(60):
        async with trio.open_nursery() as nursery:
            start = partial(nursery.start, run_process)
            killed: WorkerProcess = await start("w1", SLEEPS, dict(os.environ))
            cancelled: WorkerProcess = await start("w2", SLEEPS, dict(os.environ))
            killed.kill()
            assert await killed.wait() == -9
            assert not cancelled.has_ended
            nursery.cancel_scope.cancel()
        assert cancelled.process.returncode == -9


def test_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """What would connect a worker to something else is left out."""
    for name in ("COMETCONN_REGION", "COMETCONN_ENGINE", "HTTPS_PROXY", "all_proxy"):
        monkeypatch.setenv(name, "x")
    left = worker_environ()
    assert not left.keys() & {"COMETCONN_REGION", "COMETCONN_ENGINE", "HTTPS_PROXY", "all_proxy"}
    assert left.keys() >= {"PATH", "COMETCONN_AUTH_KEY"}


@pytest.mark.parametrize("accounts", [5, 181])
def test_too_few_and_too_many_accounts(accounts: int) -> None:
    """The error names the option."""
    with pytest.raises(SettingsError, match=rf"^--accounts must be from 6 to 180, not {accounts}\.$"):
        Plan(accounts=accounts)
