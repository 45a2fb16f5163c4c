"""Calls of `connect()` that wait for the outcome."""

from __future__ import annotations

from typing import TYPE_CHECKING

import attrs
import trio

from cometconn._lifecycle.states import WANTED, State
from cometconn.status import Reason

from .failures import connect_error

if TYPE_CHECKING:
    from cometconn._lifecycle.reducer import Lifecycle
    from cometconn.errors import ConnectError

__all__ = ["ConnectWaiter", "finish_waiters"]


@attrs.define(eq=False)
class ConnectWaiter:
    """One call of `connect()` that waits. The `Lifecycle` holds those there are.

    Attributes:
        patient: it goes on waiting when an attempt fails (`retry=True`).
        done: set when the outcome is known.
        error: the outcome; `None` is success.
    """

    patient: bool
    done: trio.Event = attrs.field(factory=trio.Event, init=False, repr=False)
    error: ConnectError | None = attrs.field(default=None, init=False)

    def finish(self, error: ConnectError | None) -> None:
        """End the wait: with *error*, or with success."""
        self.error = error
        self.done.set()


def finish_waiters(before: Lifecycle, after: Lifecycle, cause: BaseException | None) -> None:
    """Give the outcome to every call that waits in *before* and no longer in *after*.

    The client is connected, or the wish has ended, or an attempt has failed because of *cause* and the wish stands;
    then the patient calls wait on. Each call gets an error of its own, because raising one adds to its traceback.
    """
    for waiter in before.waiting:
        if waiter not in after.waiting:
            assert isinstance(waiter, ConnectWaiter), "put there by Machine.connect()"
            if after.state is State.CONNECTED:
                waiter.finish(None)
            else:
                reason = Reason.CONNECT_FAILED if after.state in WANTED else after.state.reason
                assert reason is not None, "a disconnected state has one"
                waiter.finish(connect_error(reason, cause))
