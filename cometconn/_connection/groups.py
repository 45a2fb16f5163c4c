"""The only code that looks inside exception groups of our nurseries."""

from __future__ import annotations

from typing import NoReturn

import trio

__all__ = ["InternalError", "raise_sole"]


class InternalError(Exception):
    """A background task of cometconn raised. It should record an outcome: please report this."""


def raise_sole(group: BaseExceptionGroup[BaseException], mine: Exception | None = None) -> NoReturn:
    """Raise what the user's block raised, as if our nursery were not there.

    Our own tasks record outcomes and do not raise, so beside `Cancelled` there is just one
    exception in *group*, and it is the user's. *mine* is that exception where it is known:
    Trio copies groups on their way through a nursery, and a group of the user's shall
    come out as it is.
    """
    real = [error for error in group.exceptions if not isinstance(error, trio.Cancelled)]
    for error in real:
        if isinstance(error, KeyboardInterrupt | SystemExit):
            raise type(error)(*error.args) from group
    if len(real) > 1:
        message = "a background task of cometconn raised: please report this"
        raise InternalError(message) from group
    sole = mine if mine is not None and real else real[0] if real else group.exceptions[0]
    context = sole.__context__
    try:
        raise sole
    finally:
        sole.__context__ = context  # the group must not ride along
        del sole, context, group, real, mine  # nor a reference cycle
