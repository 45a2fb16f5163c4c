"""What is wrong with the words of a command line, in one line that names the option."""

from __future__ import annotations

import datetime
from typing import TYPE_CHECKING

from cyclopts import CoercionError, MissingArgumentError, UnusedCliTokensError

if TYPE_CHECKING:
    from cyclopts import CycloptsError

__all__ = ["usage_text"]

_KINDS: dict[object, str] = {
    bool: "given without a value",
    int: "a whole number",
    float: "a number",
    datetime.datetime: "a date and time such as 2026-03-07T00:10",
}


def usage_text(error: CycloptsError) -> str:
    """Return *error* as one line: cyclopts' own texts name Python's types and its lists."""
    if isinstance(error, UnusedCliTokensError):
        return f"There are too many arguments: {' '.join(error.unused_tokens or ())}."
    if isinstance(error, MissingArgumentError) and error.argument is not None:
        given = [name for name in error.argument.names if name in (error.root_input_tokens or ())]
        return f"{given[0]} needs a value." if given else f"{error.argument.name} is missing; see --help."
    if isinstance(error, CoercionError) and error.token is not None and error.target_type in _KINDS:
        name = error.token.keyword or (error.argument.name if error.argument is not None else "the argument")
        return f"{name} must be {_KINDS[error.target_type]}, not {error.token.value!r}."
    error.verbose = False
    return " ".join(str(error).split())
