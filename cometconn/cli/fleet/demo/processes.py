"""The worker processes: started, signalled and ended by their process ids."""

from __future__ import annotations

import collections
import os
import signal
import subprocess
import sys
from typing import TYPE_CHECKING

import attrs
import trio

from cometconn._groups import open_nursery
from cometconn.errors import CometConnError

from .plan import APP_ID, AUTH_KEY

if TYPE_CHECKING:
    from collections.abc import Sequence

    from .plan import Plan

__all__ = ["WorkerFailedError", "WorkerProcess", "run_process", "worker_command", "worker_environ"]


class WorkerFailedError(CometConnError):
    """A worker process did not start, or ended although it was not to. What it printed last is in the message."""

    default_code = "WORKER_FAILED"


@attrs.define(eq=False)
class WorkerProcess:
    """A worker process.

    Attributes:
        name: the worker's name.
        process: the process.
        fate: what the demo has done to it: `""`, `"killed"` or `"drained"`.
    """

    name: str
    process: trio.Process
    fate: str = ""
    _ended: trio.Event = attrs.field(factory=trio.Event, init=False)

    @property
    def pid(self) -> int:
        """Its process id."""
        return self.process.pid

    @property
    def has_ended(self) -> bool:
        """Whether the process has ended, and its standard error was read to the end."""
        return self._ended.is_set()

    def kill(self) -> None:
        """End it at once (SIGKILL)."""
        self.fate = "killed"
        self.process.kill()

    def drain(self) -> None:
        """Let it give its accounts back and end (SIGTERM)."""
        self.fate = "drained"
        self.process.send_signal(signal.SIGTERM)

    async def wait(self) -> int:
        """Wait until it has ended; return its exit status, which is negative if a signal ended it."""
        await self._ended.wait()
        assert self.process.returncode is not None, "it has ended"
        return self.process.returncode

    def set_ended(self) -> None:
        """Note that it has ended."""
        self._ended.set()


async def run_process(
    name: str, command: Sequence[str], environ: dict[str, str], *, task_status: trio.TaskStatus[WorkerProcess]
) -> None:
    """Run a worker process until it ends. If this is cancelled, the process is killed first.

    Raises:
        WorkerFailedError: it cannot be started, or it ended although the demo did not end it.
    """
    last_words: collections.deque[bytes] = collections.deque(maxlen=1)
    async with open_nursery() as nursery:
        try:
            process: trio.Process = await nursery.start(_run, command, environ)
        except OSError as error:
            message = f"Worker {name} cannot be started: {error.strerror or error}."
            raise WorkerFailedError(message) from error
        worker = WorkerProcess(name, process)
        task_status.started(worker)
        await _read_last_line(process, last_words)
    worker.set_ended()
    if not worker.fate:
        words = b"".join(last_words).decode(errors="replace").removeprefix("cometconn: ")
        message = f"Worker {name} ended with status {process.returncode}. {words or 'It printed no reason.'}"
        raise WorkerFailedError(message)


async def _run(command: Sequence[str], environ: dict[str, str], *, task_status: trio.TaskStatus[trio.Process]) -> None:
    # In the demo's own process group: what ends a terminal's programs, a hangup for example, ends the workers, too.
    await trio.run_process(
        command,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        check=False,
        env=environ,
        deliver_cancel=_kill,
        task_status=task_status,
    )


async def _kill(process: trio.Process) -> None:
    process.kill()
    await trio.lowlevel.checkpoint()


async def _read_last_line(process: trio.Process, lines: collections.deque[bytes]) -> None:
    """Read standard error to its end, and keep the last line that is not empty."""
    assert process.stderr is not None, "it is a pipe"
    line = b""
    async for chunk in process.stderr:
        *whole, line = (line + chunk).split(b"\n")
        lines.extend(filter(bytes.strip, whole))
        line = line[-1000:]
    lines.extend(filter(bytes.strip, [line]))


def worker_command(name: str, plan: Plan, engine: str, endpoint: str) -> tuple[str, ...]:
    """Return the command line of a worker, `cometconn fleet run`.

    Args:
        name: the worker's name.
        plan: has the settings of the fleet.
        engine: the path of the engine's file.
        endpoint: the URL of the server.
    """
    settings = plan.fleet_settings
    options = {
        "app-id": APP_ID,
        "engine": f"sqlite:{engine}",
        "endpoint": endpoint,
        "name": name,
        "lease-ttl": settings.lease_ttl,
        "lease-margin": settings.lease_margin,
        "reconcile-every": settings.reconcile_every,
        "connects-per-second": settings.connects_per_second,
        "connect-burst": settings.connect_burst,
        "starts-at-once": settings.starts_at_once,
        "drain-timeout": settings.drain_timeout,
    }
    words = [word for option, value in options.items() for word in (f"--{option}", str(value))]
    # -P: no module of the folder in which the demo is started is imported by mistake.
    return (sys.executable, "-P", "-c", "from _cometconn_command import main; main()", "fleet", "run", *words)


def worker_environ() -> dict[str, str]:
    """Return the environment for workers: this one, without what would connect them to something else."""
    inherited = {
        name: value
        for name, value in os.environ.items()
        if not (name.startswith("COMETCONN_") or name.lower().endswith("_proxy"))
    }
    return inherited | {"COMETCONN_AUTH_KEY": AUTH_KEY}
