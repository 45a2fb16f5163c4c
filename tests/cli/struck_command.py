"""Run the `cometconn` command with SIGINT at its n-th call of a Python function: `struck_command.py N ARGUMENT ...`."""

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
)  # called by the collector: Python prints what is raised there, and goes on


class _Strike:
    def __init__(self, n: int) -> None:
        self._left = n

    def __call__(self, frame: types.FrameType, event: str, arg: object) -> None:
        code = frame.f_code
        if event != "call" or code.co_flags & inspect.CO_GENERATOR or code.co_name == "__del__":
            return
        if not code.co_filename.endswith(_SWALLOWED):
            self._left -= 1
            if self._left == 0:
                print("struck", file=sys.stderr, flush=True)
                signal.raise_signal(signal.SIGINT)


if __name__ == "__main__":
    signal.signal(signal.SIGINT, signal.default_int_handler)  # it may be ignored, if the tests run in the background
    from _cometconn_command import main

    step = int(sys.argv.pop(1))
    sys.argv[0] = "cometconn"
    sys.setprofile(_Strike(step))
    main()
