"""When a REST request is made again, and the attempts."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final, TypeVar, final

import trio

from cometconn._arguments import refused
from cometconn.errors import ApiError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

__all__ = ["ONE_ATTEMPT", "Retrying", "add_sentence", "checked_retrying", "repeated"]

T = TypeVar("T")

_LIMITED = 429  # the status of a request that was refused before anything was done


@final
class Retrying:
    """When a request is made again. A plain class: every new process that opens a client makes it.

    Attributes:
        seconds: how long after the call the last attempt may begin; 0: there is one attempt.
        repeats: whether it may be made again when it is not known whether the server has carried it out. If not, it is
            made again only if nothing was done: after status 429, or when it was not sent.
        changes: whether it changes something, so that an error without an answer mentions that this may have happened.
        is_foreign: whether it goes to a server that keeps files, whose answer does not mean that the token is accepted.
    """

    __slots__ = ("changes", "is_foreign", "repeats", "seconds")

    def __init__(
        self, seconds: float = 0.0, *, repeats: bool = False, changes: bool = True, is_foreign: bool = False
    ) -> None:
        self.seconds: Final = seconds
        self.repeats: Final = repeats
        self.changes: Final = changes
        self.is_foreign: Final = is_foreign


ONE_ATTEMPT = Retrying()
"""It is not made again."""


def checked_retrying(call: str, retry_for: float, *, repeats: bool, changes: bool = True) -> Retrying:
    """Return the `Retrying` for the argument *retry_for* of a public call; `SettingsError` if it is no such number."""
    if not 0 <= retry_for < math.inf:
        where = f"{call}: retry_for"
        raise refused(where, "a number of seconds, 0 or more", retry_for)
    return Retrying(retry_for, repeats=repeats, changes=changes)


async def repeated(attempt: Callable[[], Awaitable[T]], retrying: Retrying, delay_of: Callable[[int], float]) -> T:
    """Make attempts until one succeeds, or none may follow; then raise the last error, with the number of attempts.

    Args:
        attempt: makes the request once.
        retrying: when it is made again.
        delay_of: returns the delay in seconds before retry number 0, 1 and so on. The server's `Retry-After` is a floor.
    """
    until, made = trio.current_time() + retrying.seconds, 0
    while True:
        try:
            return await attempt()
        except ApiError as error:
            failure = error
        made += 1
        again = failure.worth_retrying if retrying.repeats else failure.status == _LIMITED or not failure.sent
        delay = max(delay_of(made - 1), failure.retry_after or 0.0)
        if not again or trio.current_time() + delay > until:
            if retrying.changes and failure.status is None and failure.sent:
                add_sentence(failure, "The server may have carried it out all the same.")
            if made > 1:
                add_sentence(failure, f"{made} attempts were made.")
            raise failure
        del failure  # avoids a reference cycle
        await trio.sleep(delay)


def add_sentence(error: ApiError, sentence: str) -> None:
    """Add *sentence* to the text of *error*."""
    error.message = f"{error.message} {sentence}"
    error.args = (error.message,)
