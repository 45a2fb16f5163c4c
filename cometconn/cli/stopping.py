"""Ctrl-C and SIGTERM: an end like any other."""

from __future__ import annotations

import signal
from typing import TYPE_CHECKING

import trio

from cometconn._connection.groups import raise_sole

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable

__all__ = ["until_stopped"]

_SIGNALS = (signal.SIGINT, signal.SIGTERM)


async def until_stopped(work: Callable[[], Awaitable[None]]) -> int:
    """Run *work* until it ends or a signal asks to stop; return the exit status.

    A signal cancels *work*, which closes what it holds. What *work* raises comes out as it is.
    """
    stopped = 0
    mine: Exception | None = None

    async def watch(signals: AsyncIterator[int], scope: trio.CancelScope) -> None:
        nonlocal stopped
        async for number in signals:
            stopped = 128 + number
            scope.cancel(reason=f"cometconn: {signal.Signals(number).name}")

    try:
        with trio.open_signal_receiver(*_SIGNALS) as signals:
            async with trio.open_nursery() as nursery:
                nursery.start_soon(watch, signals, nursery.cancel_scope)
                try:
                    await work()
                except Exception as error:
                    mine = error
                    raise
                nursery.cancel_scope.cancel(reason="cometconn: the work is done")
    except BaseExceptionGroup as group:
        raise_sole(group, mine)
    finally:
        mine = None
    return stopped
