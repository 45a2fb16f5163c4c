"""Ctrl-C in a program whose asyncio loop has left Python's own handler of SIGINT in place."""

from __future__ import annotations

import signal
import threading
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import asyncio
    from types import FrameType

__all__ = ["InterruptGuard"]

_OURS = frozenset({"cometconn", "trio"})


class InterruptGuard:
    """Raises `KeyboardInterrupt` where Python would, but not between two lines of Trio or of cometconn.

    `asyncio.run()` has a handler of its own, which cancels the main task, and a program may have another: these stay,
    and the guard does nothing. Only with Python's own handler, as under `loop.run_until_complete()`, a signal could end
    Trio's scheduler half-way, and with it every client of the loop. Then the guard takes the handler's place while the
    guest runs, and lets an interrupt that comes at such a moment be raised from the loop right after the step. Trio's
    own handler, which it would set otherwise, would raise it in a client's task.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._handler = self._on_interrupt  # kept: each access makes another bound method
        self._is_set = False

    def set(self) -> None:
        """Take the place of Python's handler, if that is in place."""
        in_main_thread = threading.current_thread() is threading.main_thread()
        if in_main_thread and signal.getsignal(signal.SIGINT) is signal.default_int_handler:
            signal.signal(signal.SIGINT, self._handler)
            self._is_set = True

    def reset(self) -> None:
        """Put Python's handler back, unless another has been set since."""
        if self._is_set and signal.getsignal(signal.SIGINT) is self._handler:
            signal.signal(signal.SIGINT, signal.default_int_handler)
        self._is_set = False

    def _on_interrupt(self, number: int, frame: FrameType | None) -> None:
        interrupted = frame
        while interrupted is not None:
            if str(interrupted.f_globals.get("__name__")).partition(".")[0] in _OURS and not self._loop.is_closed():
                self._loop.call_soon_threadsafe(signal.default_int_handler, number, None)
                return
            interrupted = interrupted.f_back
        signal.default_int_handler(number, frame)
