"""Wall time and CPU time."""

from __future__ import annotations

import time

__all__ = ["Reading", "Stopwatch"]

Reading = dict[str, float]


class Stopwatch:
    """Runs from its creation on."""

    def __init__(self) -> None:
        self._cpu = time.process_time()
        self._wall = time.perf_counter()

    def read(self, messages: int) -> Reading:
        """Return the wall time, `seconds`, and the CPU time, `cpu`, in seconds for one message."""
        wall, cpu = time.perf_counter() - self._wall, time.process_time() - self._cpu
        return {"seconds": wall / messages, "cpu": cpu / messages}
