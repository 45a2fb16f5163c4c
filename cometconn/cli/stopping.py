"""Ctrl-C and SIGTERM: an end like any other."""

from __future__ import annotations

import importlib
import signal
from typing import TYPE_CHECKING, TypeVar

import trio

from cometconn._groups import open_nursery

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable

__all__ = ["run", "until_stopped"]

T = TypeVar("T")

_SIGNALS = (signal.SIGINT, signal.SIGTERM)


def run(work: Callable[[], Awaitable[T]]) -> T:
    """Run *work* in Trio. Ctrl-C raises `KeyboardInterrupt` in it, whatever it does outside."""
    # Its decoders are built by C code that swallows a KeyboardInterrupt: out here Ctrl-C needs no exception.
    importlib.import_module("cometconn._client.open_client")
    before = signal.getsignal(signal.SIGINT)
    if before is signal.SIG_IGN:  # as for what a script runs in the background
        return trio.run(work)
    signal.signal(signal.SIGINT, signal.default_int_handler)  # for which Trio puts its own
    try:
        return trio.run(work)
    finally:
        signal.signal(signal.SIGINT, before)


async def until_stopped(work: Callable[[], Awaitable[None]]) -> int:
    """Run *work* until it ends or a signal asks to stop; return the exit status.

    A signal cancels *work*, which closes what it holds. What *work* raises comes out as it is.
    """
    stopped = 0

    async def watch(signals: AsyncIterator[int], scope: trio.CancelScope) -> None:
        nonlocal stopped
        async for number in signals:
            stopped = 128 + number
            scope.cancel(reason=f"cometconn: {signal.Signals(number).name}")

    with trio.open_signal_receiver(*_SIGNALS) as signals:
        async with open_nursery() as nursery:
            nursery.start_soon(watch, signals, nursery.cancel_scope)
            await work()
            nursery.cancel_scope.cancel(reason="cometconn: the work is done")
    return stopped
