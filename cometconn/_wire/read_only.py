"""JSON that cannot be changed, for values that several events share."""

from __future__ import annotations

from typing import Any, Final, NoReturn

__all__ = ["NOTHING", "read_only"]

_REFUSAL = "several events share this, so it cannot be changed: change a copy, dict(...) or list(...)"


def _refuse(self: object, *_: object, **__: object) -> NoReturn:
    del self
    raise TypeError(_REFUSAL)


class _ReadOnlyDict(dict[str, Any]):
    """A `dict` to read, so that `json.dumps()` and `==` know it. Also out of a pickle."""

    __slots__ = ()
    __setitem__ = __delitem__ = __ior__ = _refuse
    clear = pop = popitem = setdefault = update = _refuse

    def __reduce__(self) -> tuple[type[dict[str, Any]], tuple[dict[str, Any]]]:
        return _ReadOnlyDict, (dict(self),)


class _ReadOnlyList(list[Any]):
    """A `list` to read; else as above."""

    __slots__ = ()
    __setitem__ = __delitem__ = __iadd__ = __imul__ = _refuse
    append = clear = extend = insert = pop = remove = reverse = sort = _refuse

    def __reduce__(self) -> tuple[type[list[Any]], tuple[list[Any]]]:
        return _ReadOnlyList, (list(self),)


def read_only(value: Any) -> Any:
    """Return JSON as a copy in which no object and no array can be changed. Its depth is trusted."""
    if isinstance(value, dict):
        return _ReadOnlyDict({name: read_only(item) for name, item in value.items()})
    if isinstance(value, list):
        return _ReadOnlyList([read_only(item) for item in value])
    return value


NOTHING: Final = _ReadOnlyDict()
"""The object without fields, one for all."""
