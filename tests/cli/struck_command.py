"""Run the `cometconn` command with SIGINT at its n-th call of a Python function: `struck_command.py N ARGUMENT ...`.

If N is negative, only calls in Trio's tasks count.
"""

from __future__ import annotations

import inspect
import signal
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import types

_SWALLOWED = (
    "_weakrefset.py",
    "weakref.py",
)  # called by the garbage collector: Python prints exceptions there, and goes on


class _Strike:
    def __init__(self, n: int) -> None:
        self._left = abs(n)
        self._in_tasks = n < 0

    def __call__(self, frame: types.FrameType, event: str, arg: object) -> None:
        code = frame.f_code
        if event != "call" or code.co_flags & inspect.CO_GENERATOR or code.co_name == "__del__":
            return
        if not code.co_filename.endswith(_SWALLOWED) and (not self._in_tasks or _in_task()):
            self._left -= 1
            if self._left == 0:
                print("struck", file=sys.stderr, flush=True)
                signal.raise_signal(signal.SIGINT)


def _in_task() -> bool:
    lowlevel = sys.modules.get("trio.lowlevel")
    return lowlevel is not None and hasattr(lowlevel, "in_trio_task") and lowlevel.in_trio_task()


if __name__ == "__main__":
    signal.signal(signal.SIGINT, signal.default_int_handler)  # it may be ignored, if the tests run in the background
    from _cometconn_command import main

    step = int(sys.argv.pop(1))
    sys.argv[0] = "cometconn"
    sys.setprofile(_Strike(step))
    main()
