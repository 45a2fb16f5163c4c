"""When a REST request is made again, and what is added to its error."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final, final

from cometconn._arguments import refused

if TYPE_CHECKING:
    from cometconn.errors import ApiError

__all__ = ["ONE_ATTEMPT", "Retrying", "add_sentence", "checked_retrying"]


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


def add_sentence(error: ApiError, sentence: str) -> None:
    """Add *sentence* to the text of *error*."""
    error.message = f"{error.message} {sentence}"
    error.args = (error.message,)
