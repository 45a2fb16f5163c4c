"""What programs on asyncio are tested with, beside `cometconn.aio.emulator` and the fixtures of the pytest plugin.

`open_fault_proxy()` stands between a client and the emulator. `open_replay()` replays the server's side of a session, in real time;
it is recorded with `cometconn.testing.record()`, whose recorder is an `environment` here, too. `assert_no_leaks()` checks that a block
leaves nothing behind.

Virtual time, the memory server and scripts need Trio: see `cometconn.testing`.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, final

import cometconn.testing

from ._test_servers import open_fault_proxy as open_fault_proxy
from ._test_servers import open_replay as open_replay

if TYPE_CHECKING:
    from types import TracebackType

__all__ = ["LeakCheck", "assert_no_leaks", "open_fault_proxy", "open_replay"]

_POLL = 0.01  # seconds


def assert_no_leaks(*, patience: float = 1.0) -> LeakCheck:
    """Check that a block leaves nothing of a client behind. Use it with `async with`, or with `with` around `asyncio.run()`.

    The error lists what `cometconn.testing.assert_no_leaks()` lists, and the asyncio tasks of cometconn that did not run
    before the block.

    Args:
        patience: the most seconds that `async with` waits, because a server outside of the block needs a moment to notice
            that its client is gone.

    Raises:
        AssertionError: something was left behind. If the block raises, nothing is checked and its exception is raised.
    """
    return LeakCheck(patience)


@final
class LeakCheck:
    """What `assert_no_leaks()` returns: a context manager of both kinds, for one block."""

    def __init__(self, patience: float) -> None:
        self._patience = patience
        self._check = cometconn.testing.assert_no_leaks()
        self._tasks: set[str] = set()

    def __enter__(self) -> None:
        self._check.__enter__()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._check.__exit__(kind, error, trace)

    async def __aenter__(self) -> None:
        self._tasks = _tasks()
        self._check.__enter__()
        await asyncio.sleep(0)

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is not None:
            return
        loop = asyncio.get_running_loop()
        deadline = loop.time() + self._patience
        while True:
            try:
                assert not (left := _tasks() - self._tasks), f"The block left asyncio tasks behind: {', '.join(left)}"
                self._check.__exit__(None, None, None)
            except AssertionError:
                if loop.time() >= deadline:
                    raise
                await asyncio.sleep(_POLL)  # there is no notification of a closed descriptor
            else:
                return


def _tasks() -> set[str]:
    return {name for task in asyncio.all_tasks() if (name := task.get_name()).startswith("cometconn")}
