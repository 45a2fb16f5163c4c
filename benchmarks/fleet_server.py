"""The emulator for a fleet, in a process of its own: `python -m benchmarks.fleet_server USERS`.

It prints its port. Each line of its input is a job: the name of a function of `Jobs` and its arguments.
"""

from __future__ import annotations

import json
import sys
import time
from typing import Any

import attrs
import trio

from cometconn.emulator import Emulator, open_emulator

from .machine import raise_file_limit

__all__ = ["Jobs", "main", "uid_of"]


def uid_of(number: int) -> str:
    """Return the uid of an account."""
    return f"user-{number}"


@attrs.define(eq=False)
class Jobs:
    """What the server does. Each result is a mapping, to be sent as JSON."""

    server: Emulator
    users: int
    _sent: int = 0

    async def connected(self, count: int, patience: float) -> dict[str, Any]:
        """Wait until as many sockets are authenticated. Return when that was, on the machine's monotonic clock."""
        with trio.move_on_after(patience):
            while (there := len(self.server.world.devices(authenticated=True))) != count:  # noqa: ASYNC110 - there is no event for it
                await trio.sleep(0.02)
            return {"at": time.monotonic()}
        return {"left_out": f"{there:,} of {count:,} accounts are connected after {patience:g} s"}

    async def send(self, rate: float, seconds: float) -> dict[str, Any]:
        """Send messages to the accounts in turn. The text is the time of sending, on the machine's monotonic clock."""
        began, count = trio.current_time(), int(rate * seconds)
        for number in range(count):
            await trio.sleep_until(began + number / rate)
            self.server.say("sender", repr(time.monotonic()), receiver=uid_of(self._sent % self.users))
            self._sent += 1
        return {"sent": count, "seconds": trio.current_time() - began}

    async def usage(self) -> dict[str, Any]:
        """Return the CPU time of this process, in seconds."""
        await trio.lowlevel.checkpoint()
        return {"cpu": time.process_time()}


async def _serve(users: int) -> None:
    raise_file_limit()
    async with open_emulator(users=("sender", *map(uid_of, range(users))), groups={}) as server:
        jobs = Jobs(server, users)
        print(json.dumps({"port": server.port}), flush=True)
        async for line in trio.wrap_file(sys.stdin):
            job = json.loads(line)
            print(json.dumps(await getattr(jobs, job.pop("do"))(**job)), flush=True)


def main() -> None:
    """Do jobs until the input ends."""
    trio.run(_serve, int(sys.argv[1]))


if __name__ == "__main__":
    main()
