"""Everybody who waits in `connect()`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import attrs
import trio

from .failures import connect_error

if TYPE_CHECKING:
    from collections.abc import Callable

    from cometconn.errors import ConnectError
    from cometconn.status import Reason

__all__ = ["ConnectWaiter", "ConnectWaiters"]


@attrs.define(eq=False)
class ConnectWaiter:
    """One waiting `connect()`.

    Attributes:
        patient: it stays through failed attempts (`retry=True`).
        answered: set when its outcome is known.
        error: the outcome; `None` is success.
    """

    patient: bool
    answered: trio.Event = attrs.field(factory=trio.Event, init=False, repr=False)
    error: ConnectError | None = attrs.field(default=None, init=False)


@attrs.define(eq=False)
class ConnectWaiters:
    """The callers who have no answer yet."""

    _waiting: list[ConnectWaiter] = attrs.field(factory=list, init=False)

    def __len__(self) -> int:
        return len(self._waiting)

    def admit(self, *, patient: bool) -> ConnectWaiter:
        """Add one more."""
        caller = ConnectWaiter(patient)
        self._waiting.append(caller)
        return caller

    def leave(self, caller: ConnectWaiter) -> bool:
        """Take *caller* out; tell whether it was still waiting."""
        if caller not in self._waiting:
            return False
        self._waiting.remove(caller)
        return True

    def succeed(self) -> None:
        """The connection is authenticated."""
        self._answer(lambda _: True, lambda: None)

    def attempt_failed(self, reason: Reason, cause: BaseException | None) -> None:
        """Tell the impatient."""
        self._answer(lambda caller: not caller.patient, lambda: connect_error(reason, cause))

    def fail(self, reason: Reason, cause: BaseException | None) -> None:
        """Tell everybody: the wish has ended."""
        self._answer(lambda _: True, lambda: connect_error(reason, cause))

    def _answer(self, whom: Callable[[ConnectWaiter], bool], make: Callable[[], ConnectError | None]) -> None:
        for caller in [caller for caller in self._waiting if whom(caller)]:
            self._waiting.remove(caller)
            caller.error = make()
            caller.answered.set()
