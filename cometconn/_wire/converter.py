"""The one cattrs converter: from JSON values to attributes, strictly, with the place of each fault.

cattrs alone would make text of anything and a tuple of any text; these hooks take only what
the attribute means. A number may be written as text, because CometChat does it so.
"""

from __future__ import annotations

import datetime
import re
import types
import typing
from collections.abc import Callable, Mapping
from typing import Any, TypeVar

import attrs
from cattrs import ClassValidationError, Converter, IterableValidationError
from cattrs.gen import make_dict_structure_fn, override

from cometconn.errors import DecodeError
from cometconn.events import Attachment, Group, Interaction, Message, User

from .places import Place, camel, place_of
from .read_only import read_only

__all__ = ["converter", "decode_error", "missing", "structure", "to_int", "wrong"]

T = TypeVar("T")

_WHOLE = re.compile(r"-?[0-9]{1,19}", re.ASCII)
_DECIMAL = re.compile(r"-?[0-9]{1,19}(\.[0-9]{1,19})?", re.ASCII)
_BIT_64 = 2**63  # larger numbers are nobody's id; Python would even refuse to print the largest
_JSON_NAMES: Mapping[type, str] = {
    dict: "an object",
    list: "an array",
    str: "text",
    bool: "a boolean",
    int: "a number",
    float: "a number",
    type(None): "null",
}
_NEEDS: Mapping[type, str] = {
    **_JSON_NAMES,
    bool: "true or false",
    int: "a whole number",
    float: "a time in seconds",
    Message: "a message",
}
_TOLD: Mapping[type[BaseException], str] = {KeyError: "is missing", RecursionError: "is nested too deeply"}
_FLAGS: Mapping[object, bool] = {True: True, False: False, None: False}  # 1 and 0 are equal to True and False


def _unfit(needed: type, value: object) -> ValueError:
    """Return the error of a *value* that is not a *needed*. It says what it is, never what is in it."""
    return ValueError(f"must be {_NEEDS[needed]}, not {_JSON_NAMES.get(type(value), type(value).__name__)}")


def structure(value: object, kind: type[T], path: Place) -> T:
    """Return *value* as a *kind*, or raise `DecodeError`. *path* is where *value* stands."""
    try:
        return converter.structure(value, kind)
    except Exception as error:
        what, inner = _fault_of(error)
        raise decode_error(what, (*path, *inner)) from error


def missing(path: Place) -> DecodeError:
    """Return the error that says that there must be something at *path*."""
    return decode_error("is missing", path)


def wrong(needed: type, value: object, path: Place = ()) -> DecodeError:
    """Return the error that says that *value*, at *path*, is not a *needed*."""
    return decode_error(str(_unfit(needed, value)), path)


def decode_error(what: str, path: Place = ()) -> DecodeError:
    """Return the error that says *what* is wrong with the value at *path*."""
    return DecodeError(f"{'.'.join(path) or 'The JSON'} {what}.", path=path)


def _fault_of(error: BaseException) -> tuple[str, Place]:
    # The first of the faults that cattrs found is enough.
    path: Place = ()
    while isinstance(error, ClassValidationError | IterableValidationError):
        if isinstance(error, ClassValidationError):
            kind = error.cl
            (error, attribute), *_ = error.group_exceptions()[0]
            path += place_of(kind, attribute.name)
        else:
            (error, item), *_ = error.group_exceptions()[0]
            path += (str(item.index),)
    return _words(error), path


def to_int(value: object) -> int:
    """Return a whole number of at most 64 bits, also from text."""
    if (isinstance(value, str) and _WHOLE.fullmatch(value)) or (isinstance(value, float) and value.is_integer()):
        value = int(value)
    if not isinstance(value, int) or isinstance(value, bool):
        raise _unfit(int, value)
    if not -_BIT_64 <= value < _BIT_64:
        message = "is too large a number"
        raise ValueError(message)
    return value


def _words(error: BaseException) -> str:
    told = (words for kind, words in _TOLD.items() if isinstance(error, kind))
    return next(told, str(error))


def _to_time(value: object) -> datetime.datetime | None:
    """Seconds since 1970, as a number or as text; 0 is CometChat's "never"."""
    if isinstance(value, str) and _DECIMAL.fullmatch(value):
        value = float(value)
    if value is None or (value == 0 and not isinstance(value, bool)):
        return None
    if not isinstance(value, int | float) or isinstance(value, bool):
        raise _unfit(float, value)
    try:
        return datetime.datetime.fromtimestamp(value, datetime.UTC)
    except (OverflowError, ValueError, OSError):
        message = "is not a time between the years 1 and 9999"
        raise ValueError(message) from None


def _to_text(value: object) -> str:
    if not isinstance(value, str):
        raise _unfit(str, value)
    return value


def _to_flag(value: object) -> bool:
    if isinstance(value, dict | list | str) or value not in _FLAGS:
        raise _unfit(bool, value)
    return _FLAGS[value]


def _to_mapping(value: object) -> Mapping[str, Any]:
    """An object. Servers that know no difference write an empty one as an empty array."""
    if value is None or value == []:
        return {}
    if not isinstance(value, dict):
        raise _unfit(dict, value)
    return value


def _hook(function: Callable[[object], Any]) -> Callable[[Any, Any], Any]:
    return lambda value, _: function(value)


def _object_hook(kind: type[Any]) -> Callable[[Any, Any], Any]:
    """A hook for a class whose attributes are keys of one object, in camel case."""
    renames = {field.name: override(rename=camel(field.name)) for field in attrs.fields(kind)}
    from_dict = make_dict_structure_fn(kind, converter, **renames)  # type: ignore[arg-type]

    def hook(value: Any, _: Any) -> Any:
        if isinstance(value, kind):
            return value
        if not isinstance(value, dict):
            raise _unfit(dict, value)
        made = from_dict(value, kind)
        if isinstance(made, User | Group):  # which the fast decoder lets several events share
            object.__setattr__(made, "metadata", read_only(made.metadata))
        return made

    return hook


def _tuple_hook(kind: Any) -> Callable[[Any, Any], Any]:
    """A hook for `tuple[X, ...]`, from an array of X. Users also come as an object, uid to user."""
    item: Any = typing.get_args(kind)[0]
    items: Any = types.GenericAlias(list, item)
    from_list = converter.get_structure_hook(items)

    def hook(value: Any, _: Any) -> Any:
        if item is User and isinstance(value, dict):
            value = list(value.values())
        if value is None:
            return ()
        if not isinstance(value, list):
            raise _unfit(list, value)
        return tuple(from_list(value, items))

    return hook


def _to_receiver(value: object) -> User | Group:
    if isinstance(value, User | Group):
        return value
    kind: type[User | Group] = Group if isinstance(value, dict) and "guid" in value else User
    return converter.structure(value, kind)


def _to_message(value: object) -> Message:
    # A message inside another was made before it: it needs more than its own mapping.
    if not isinstance(value, Message):
        raise _unfit(Message, value)
    return value


def _is_generic(origin: type[Any]) -> Callable[[Any], bool]:
    return lambda kind: typing.get_origin(kind) is origin


converter = Converter()
converter.register_structure_hook(str, _hook(_to_text))
converter.register_structure_hook(int, _hook(to_int))
converter.register_structure_hook(bool, _hook(_to_flag))
converter.register_structure_hook(datetime.datetime | None, _hook(_to_time))
converter.register_structure_hook(User | Group, _hook(_to_receiver))
converter.register_structure_hook_func(lambda kind: kind is Message, _hook(_to_message))
converter.register_structure_hook_func(_is_generic(Mapping), _hook(_to_mapping))
converter.register_structure_hook_factory(_is_generic(tuple), _tuple_hook)
for _kind in (User, Group, Attachment, Interaction):
    converter.register_structure_hook(_kind, _object_hook(_kind))
