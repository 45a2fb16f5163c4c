"""The functions of a user's program that --run and --login name."""

from __future__ import annotations

import importlib
import inspect
import sys
import traceback
from collections.abc import Awaitable, Callable
from typing import Any

from cometconn.errors import SettingsError

__all__ = ["load_function"]


def load_function(option: str, words: str) -> Callable[[Any], Awaitable[Any]]:
    """Return the async function that *words* names as `package.module:function`. The working folder is searched first.

    Raises:
        SettingsError: there is none. The message is one sentence, which names the *option*.
    """
    module_name, _, name = words.partition(":")
    if not (module_name and name) or not all(map(str.isidentifier, (*module_name.split("."), *name.split(".")))):
        message = f"{option} must be like package.module:function, not {words!r}."
        raise SettingsError(message)
    found: Any = _import(option, module_name)
    for part in name.split("."):
        try:
            found = getattr(found, part)
        except AttributeError:
            message = f"{option} {words}: {module_name} has no {name}."
            raise SettingsError(message) from None
    if isinstance(found, type) or not any(map(inspect.iscoroutinefunction, (found, type(found).__call__))):
        message = f"{option} {words}: {name} must be an async function."
        raise SettingsError(message)
    return found  # type: ignore[no-any-return]


def _import(option: str, name: str) -> object:
    if "" not in sys.path:
        sys.path.insert(0, "")  # as `python -m` does
    try:
        return importlib.import_module(name)
    except (Exception, SystemExit) as error:
        if isinstance(error, ModuleNotFoundError) and error.name and f"{name}.".startswith(f"{error.name}."):
            message = f"{option}: there is no module {error.name}, neither here nor among the installed packages."
        else:
            where = traceback.extract_tb(error.__traceback__)[-1]
            # The text of a SyntaxError has its place.
            place = "" if isinstance(error, SyntaxError) else f" ({where.filename}, line {where.lineno})"
            message = f"{option}: importing {name} raised {type(error).__name__}: {error}{place}."
        raise SettingsError(message) from error
