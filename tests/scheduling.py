"""Repeatable orders in which Trio runs the tasks that are ready at the same time.

Trio shuffles them, and only private names of Trio make the order repeatable. They are used only here.
"""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, TypeVar

import trio
from trio._core import _run
from trio.testing import MockClock

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterator

__all__ = ["run_shuffled"]

_T = TypeVar("_T")


def run_shuffled(seed: int, main: Callable[..., Awaitable[_T]], *args: Any) -> _T:
    """Run *main* in virtual time, with ready tasks in an order that *seed* determines."""
    with _shuffled(seed):
        return trio.run(main, *args, clock=MockClock(autojump_threshold=0))


@contextmanager
def _shuffled(seed: int) -> Iterator[None]:
    state, before = _run._r.getstate(), _run._ALLOW_DETERMINISTIC_SCHEDULING
    _run._ALLOW_DETERMINISTIC_SCHEDULING = True  # type: ignore[misc] - Final, but it exists to be set
    _run._r.seed(seed)
    try:
        yield
    finally:
        _run._ALLOW_DETERMINISTIC_SCHEDULING = before  # type: ignore[misc]
        _run._r.setstate(state)
