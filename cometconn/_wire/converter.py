"""The one cattrs converter: from JSON values to what an attribute holds.

cattrs alone would make text of anything and a tuple of any text; these hooks take only what the attribute means. A
number may be written as text, and an empty object as an empty array, because servers do both.
"""

from __future__ import annotations

import datetime
import functools
import re
import typing
from collections.abc import Callable, Mapping
from typing import Any, Final, TypeVar

import attrs
from cattrs import Converter

from cometconn.errors import DecodeError
from cometconn.events import User

from .kinds import MOST_OBJECTS, JsonPath

__all__ = ["UnfitError", "converter", "decode_error", "fit", "to_int"]

T = TypeVar("T")

_WHOLE: Final = re.compile(r"-?[0-9]{1,19}", re.ASCII)
_DECIMAL: Final = re.compile(r"-?[0-9]{1,19}(\.[0-9]{1,19})?", re.ASCII)
_BIT_64: Final = 2**63  # no id is larger, and Python refuses to convert integers of more than 4300 digits to text
_MILLISECONDS: Final = 1e11
"""So many seconds after 1970 is the year 5138: a number that is not smaller counts milliseconds."""
_JSON_NAMES: Final[Mapping[type, str]] = {
    dict: "an object",
    list: "an array",
    str: "text",
    bool: "a boolean",
    int: "a number",
    float: "a number",
    type(None): "null",
}
_NEEDS: Final[Mapping[type, str]] = {bool: "true or false", int: "a whole number", float: "a time in seconds"}
_FLAGS: Final[Mapping[object, bool]] = {0: False, 1: True, "0": False, "1": True, "false": False, "true": True}


class UnfitError(ValueError):
    """A value does not fit its attribute. The text names the type of the value, never its content.

    Attributes:
        path: the path to it from the value that was to be structured.
    """

    def __init__(self, what: str, path: JsonPath = ()) -> None:
        super().__init__(what)
        self.path = path

    def under(self, path: JsonPath) -> UnfitError:
        """Return the same error with *path* before its own."""
        return UnfitError(str(self), (*path, *self.path))

    @classmethod
    def for_a(cls, needed: type, value: object, path: JsonPath = ()) -> UnfitError:
        """Return the error for a *value* that is not of the *needed* type."""
        found = _JSON_NAMES.get(type(value), type(value).__name__)
        return cls(f"must be {_NEEDS.get(needed) or _JSON_NAMES[needed]}, not {found}", path)

    @classmethod
    def missing(cls, path: JsonPath = ()) -> UnfitError:
        """Return the error for a required value that is missing."""
        return cls("is missing", path)


def decode_error(what: str, path: JsonPath = ()) -> DecodeError:
    """Return the error for the value at *path*; *what* is wrong with it, in words."""
    return DecodeError(f"{'.'.join(path) or 'The JSON'} {what}.", path=path)


def fit(needed: type[T], value: object, path: JsonPath = ()) -> T:
    """Return *value*, which stands at *path*, if it is of the *needed* type. Raises `UnfitError` otherwise."""
    if not isinstance(value, needed):
        raise UnfitError.for_a(needed, value, path)
    return value


def to_int(value: object) -> int:
    """Return a whole number of at most 64 bits, also from text."""
    if (isinstance(value, str) and _WHOLE.fullmatch(value)) or (isinstance(value, float) and value.is_integer()):
        value = int(value)
    if not isinstance(value, int) or isinstance(value, bool):
        raise UnfitError.for_a(int, value)
    if not -_BIT_64 <= value < _BIT_64:
        message = "is too large a number"
        raise UnfitError(message)
    return value


def _to_time(value: object) -> datetime.datetime | None:
    """Seconds since 1970, or milliseconds, as a number or as text; 0 is CometChat's "never"."""
    if isinstance(value, str) and _DECIMAL.fullmatch(value):
        value = float(value)
    if value is None or (value == 0 and not isinstance(value, bool)):
        return None
    if not isinstance(value, int | float) or isinstance(value, bool):
        raise UnfitError.for_a(float, value)
    try:
        if abs(value) >= _MILLISECONDS:
            value /= 1000
        return datetime.datetime.fromtimestamp(value, datetime.UTC)
    except (OverflowError, ValueError, OSError):
        message = "is not a time between the years 1 and 9999"
        raise UnfitError(message) from None


def _to_flag(value: object) -> bool:
    flag = _FLAGS.get(value) if isinstance(value, int | str) else None
    if flag is None:
        raise UnfitError.for_a(bool, value)
    return flag


def _to_mapping(value: object) -> Mapping[str, Any]:
    return {} if value == [] else fit(dict, value)


def _tuple_hook(kind: Any) -> Callable[[Any, Any], Any]:
    """A hook for `tuple[X, ...]`, from an array of X. Users also come as an object, uid to user."""
    item: Any = typing.get_args(kind)[0]
    to_item = converter.get_structure_hook(item)

    def hook(value: Any, _: Any) -> Any:
        if item is User and isinstance(value, dict):
            value = list(value.values())
        if len(fit(list, value)) > MOST_OBJECTS and attrs.has(item):
            message = f"has more than {MOST_OBJECTS} items"
            raise UnfitError(message)
        made = []
        for place, inner in enumerate(value):  # the first fault ends it: a million more would cost seconds
            try:
                made.append(to_item(inner, item))
            except UnfitError as error:
                raise error.under((str(place),)) from None
        return tuple(made)

    return hook


def _is_generic(origin: type[Any]) -> Callable[[Any], bool]:
    return lambda kind: typing.get_origin(kind) is origin


converter: Final = Converter(detailed_validation=False)
"""The readers of objects add what they read: see `reference`."""
for _kind, _function in ((str, functools.partial(fit, str)), (int, to_int), (bool, _to_flag)):
    converter.register_structure_hook(_kind, lambda value, _, function=_function: function(value))
converter.register_structure_hook(datetime.datetime | None, lambda value, _: _to_time(value))
converter.register_structure_hook_func(_is_generic(Mapping), lambda value, _: _to_mapping(value))
converter.register_structure_hook_factory(_is_generic(tuple), _tuple_hook)
