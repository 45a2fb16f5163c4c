"""One client against Autobahn's cases."""

from __future__ import annotations

import functools
import json
import pathlib
import subprocess
import sys
from typing import TYPE_CHECKING, Final

import trio

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence

    from .clients import Client

__all__ = ["COMPRESSION", "FINE", "LARGE", "examine"]

ROOT = pathlib.Path(__file__).parents[2]
COMPRESSION: Final = ("12.*", "13.*")
"""Cases of an extension that none of the clients offers here."""
LARGE: Final = ("9.*", "10.*")
"""Cases of large messages, and of a thousand messages one after the other."""
FINE: Final = frozenset({"OK", "INFORMATIONAL"})
_AGAIN: Final = 60  # cases: with more, it is not the machine
_LONGEST: Final = 60.0  # seconds for a case; one that takes longer is not run again


async def examine(client: Client, cases: Sequence[str] = (), without: Sequence[str] = COMPRESSION) -> dict[str, str]:
    """Return the verdicts on a client by case.

    Eight cases are run at a time, because most of them wait. The server allows half a second or one for a closing
    handshake, which a busy machine may then exceed: what is not `FINE` is run again, two at a time and at last alone,
    and the last verdict counts.

    Args:
        client: one of `clients`.
        cases: which to run, `*` for any characters; all without it.
        without: which of them to leave out.
    """
    slow: set[int] = set()
    verdicts = await _run(client, cases, without, 8, slow)
    too_slow = {case for number, case in enumerate(verdicts, 1) if number in slow}
    for at_once in (2, 1):
        again = [case for case, verdict in verdicts.items() if verdict not in FINE and case not in too_slow]
        if 0 < len(again) <= _AGAIN:
            verdicts |= await _run(client, again, (), at_once, set())
    return verdicts


async def _run(
    client: Client, cases: Sequence[str], without: Sequence[str], at_once: int, slow: set[int]
) -> dict[str, str]:
    """Run the cases on a server of their own, and add to *slow* the numbers of those that took too long."""
    command = [sys.executable, "-m", "tests.autobahn.server", ",".join(cases), ",".join(without)]
    output = b""
    async with trio.open_nursery() as nursery:
        start = functools.partial(trio.run_process, command, stdout=subprocess.PIPE, cwd=ROOT)
        process: trio.Process = await nursery.start(start)
        assert process.stdout is not None
        while b"\n" not in output:
            output += await process.stdout.receive_some()
        url = f"ws://127.0.0.1:{int(output)}"
        count: list[str | bytes] = []
        await client(f"{url}/getCaseCount", count)
        limiter = trio.CapacityLimiter(at_once)
        async with trio.open_nursery() as running:
            for number in range(1, int(count[0]) + 1):
                case = functools.partial(client, f"{url}/runCase?case={number}&agent=client", None)
                running.start_soon(_case, case, number, limiter, slow)
        await client(f"{url}/updateReports?agent=client", [])
        output = b""
        while data := await process.stdout.receive_some():
            output += data
    return json.loads(output)


async def _case(
    case: Callable[[], Awaitable[None]], number: int, limiter: trio.CapacityLimiter, slow: set[int]
) -> None:
    """Run one case. Whatever the client raises, the server judges what it has seen."""
    async with limiter:
        with trio.move_on_after(_LONGEST) as scope:
            try:
                await case()
            except* (OSError, trio.BrokenResourceError, trio.ClosedResourceError):
                pass
        if scope.cancelled_caught:
            slow.add(number)
