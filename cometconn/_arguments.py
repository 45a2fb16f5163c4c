"""Checks the arguments of public calls against their annotations.

A call with an argument of a wrong type would otherwise fail later, with an error about the library's internals, or have no
effect at all. The annotations are read at the first call of each function, so importing costs nothing, and nothing is
written twice.
"""

from __future__ import annotations

import builtins
import functools
import inspect
import re
import sys
import types
import typing
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from typing import Any, TypeVar

from ._text.secret_names import is_secret_name
from .errors import SettingsError

__all__ = ["check", "check_call", "checked", "made_by", "refused"]

T = TypeVar("T")
C = TypeVar("C", bound=type)

_Fits = Callable[[object], bool]
_SHOWN = 40  # characters of a text

_WORDS: Mapping[str, tuple[str, str]] = {
    "str": ("a text", "texts"),
    "int": ("a whole number", "whole numbers"),
    "float": ("a number", "numbers"),
    "bool": ("True or False", "True or False"),
    "bytes": ("bytes", "bytes"),
    "NoneType": ("None", "None"),
    "PathLike": ("a path", "paths"),
    "Callable": ("a function", "functions"),
    "Mapping": ("a mapping", "mappings"),
    "dict": ("a dict", "dicts"),
    "Iterable": ("an iterable", "iterables"),
    "AppSettings": ('AppSettings(region="us")', "AppSettings"),
    "Endpoints": ('Endpoints.at("https://...")', "Endpoints"),
    "Environment": ("an environment with dial, request, boot_time and random", "environments"),
    "Store": ("a Store such as MemoryStore() or FileStore(path)", "stores"),
    "AppStateTarget": ("the client (what `async with open_client(...) as chat` gives)", "clients"),
    "Hook": (
        "a function that takes one Detail, such as LogHook()",
        "functions that take one Detail, such as LogHook()",
    ),
    "type[Event]": ("an event class, such as TextMessage", "event classes"),
    "ServerControls": ("a server: an Emulator or a MemoryServer", "servers"),
    "Message": ("a message that was received, such as a TextMessage", "messages"),
}
"""Singular and plural of what fits, by the name of the type. Other classes are called by their own name."""


def check(function: Callable[..., Any], given: Mapping[str, object]) -> None:
    """Raise `SettingsError` if an argument does not fit the annotation of its parameter.

    For use in the body of *function*, as `check(send, locals())`: unlike a decorator, it adds no line to tracebacks.

    Args:
        function: the function that was called.
        given: the arguments by name; other names are ignored.
    """
    for name, usual, fits, what, is_several in _parameters(function):
        if name in given:
            value = given[name]
            if type(value) in usual:
                continue
            for each in typing.cast("tuple[object, ...]", value) if is_several else (value,):
                if not fits(each):
                    raise refused(_where(function, name), what, each)


def check_call(function: Callable[..., Any], args: tuple[object, ...], given: Mapping[str, object]) -> None:
    """The same, for the arguments as they were given. For use in a function that calls *function*."""
    check(function, _bound(function, args, given))


def refused(where: str, what: str, value: object) -> SettingsError:
    """Return the error for *value*, which is not *what* has to be given at *where*."""
    is_secret = is_secret_name(re.findall(r"\w+", where)[-1])
    message = f"{where} must be {what}, not {_shown(value, is_secret=is_secret)}."
    return SettingsError(message)


def _shown(value: object, *, is_secret: bool) -> str:
    """Describe a wrong argument: a short value itself, unless it is a secret, and otherwise its type."""
    if inspect.iscoroutine(value):
        value.close()  # otherwise Python warns later that it was never awaited, without a line of the program
        return f"the coroutine of {value.__name__}(): write `await` before the call"
    if isinstance(value, type):
        return f"the class {value.__name__} itself: add parentheses, {value.__name__}(...)"
    if value is None or (isinstance(value, bool | int | float) and not is_secret):
        return repr(value)
    if isinstance(value, str | list | tuple | set | frozenset) and not is_secret:
        text = ascii(value[:_SHOWN] if isinstance(value, str) else value)
        return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}..."
    return f"of type {type(value).__name__}"


def _where(function: Callable[..., Any], name: str) -> str:
    *_, owner, last = ["", *function.__qualname__.removesuffix(".__init__").split(".")]
    code = _inner(function).__code__
    if code.co_filename.startswith("<attrs"):
        return f"{last}.{name}"
    is_class_method = code.co_varnames[:1] == ("cls",)
    return f"{owner}.{last}({name}=...)" if is_class_method else f"{last}({name}=...)"


# Decorators.


def checked(target: T) -> T:
    """Check the arguments of a function, or of the constructor and all public methods of a class, at each call."""
    if not isinstance(target, type):
        return typing.cast("T", _wrapped(typing.cast("Callable[..., Any]", target)))
    for name, member in list(vars(target).items()):
        function = getattr(member, "__func__", member)  # of a class method
        if (
            inspect.isfunction(function)
            and (name == "__init__" or not name.startswith("_"))
            and _has_arguments(function)
        ):
            wrapped = _wrapped(function)
            setattr(target, name, wrapped if function is member else type(member)(wrapped))
    return target


def made_by(maker: str) -> Callable[[C], C]:
    """Let the constructor of a class that programs do not call themselves name the call that they need, *maker*."""

    def decorate(cls: C) -> C:
        inner = cls.__init__  # type: ignore[misc]

        @functools.wraps(inner)
        def constructor(*args: Any, **given: Any) -> None:
            bound = _bound(inner, args, given)
            if not all(name in bound and fits(bound[name]) for name, _, fits, *_ in _parameters(inner)):
                for value in (*args, *given.values()):
                    _shown(value, is_secret=True)  # closes it, if it is a coroutine
                message = f"{cls.__name__} objects are made by {maker}, not by calling the class."
                raise SettingsError(message)
            inner(*args, **given)

        cls.__init__ = constructor  # type: ignore[misc]
        return cls

    return decorate


def _wrapped(function: Callable[..., Any]) -> Callable[..., Any]:
    if inspect.iscoroutinefunction(function):

        @functools.wraps(function)
        async def wait(*args: Any, **given: Any) -> Any:
            check_call(function, args, given)
            return await function(*args, **given)

        return wait

    @functools.wraps(function)
    def run(*args: Any, **given: Any) -> Any:
        check_call(function, args, given)
        return function(*args, **given)

    return run


def _has_arguments(function: Callable[..., Any]) -> bool:
    code = _inner(function).__code__
    return code.co_argcount + code.co_kwonlyargcount > 1 or bool(code.co_flags & inspect.CO_VARARGS)


def _bound(function: Callable[..., Any], args: tuple[object, ...], given: Mapping[str, object]) -> dict[str, object]:
    """Return the arguments by name. What does not match the signature is left to Python's own error."""
    names, others = _names(function)
    bound = {**dict(zip(names, args, strict=False)), **given}
    if others is not None:
        bound[others] = args[len(names) :]
    return bound


@functools.cache
def _names(function: Callable[..., Any]) -> tuple[tuple[str, ...], str | None]:
    """Return the names of the parameters that may be given by position, and that of `*others`, if there is one."""
    code = _inner(function).__code__
    has_others = code.co_flags & inspect.CO_VARARGS
    others = code.co_varnames[code.co_argcount + code.co_kwonlyargcount] if has_others else None
    return code.co_varnames[: code.co_argcount], others


# Annotations.


def _inner(function: Any) -> Any:
    while hasattr(function, "__wrapped__"):
        function = function.__wrapped__
    return function


_READ: dict[Callable[..., Any], list[tuple[str, frozenset[type], _Fits, str, bool]]] = {}


def _parameters(function: Callable[..., Any]) -> list[tuple[str, frozenset[type], _Fits, str, bool]]:
    """Return each parameter that has an annotation.

    Its name; types whose values need no closer look; what judges others; a description of what fits; whether it is
    `*name`.
    """
    found = _READ.get(function)
    if found is not None:
        return found
    inner = _inner(function)
    code, annotations, namespace, found = inner.__code__, inner.__annotations__, _Namespace(inner), []
    count = code.co_argcount + code.co_kwonlyargcount
    for name in code.co_varnames[: count + bool(code.co_flags & inspect.CO_VARARGS)]:
        if name in annotations:
            hint = namespace.evaluate(annotations[name])
            is_several = name not in code.co_varnames[:count]
            usual = frozenset[type]() if is_several else _usual(hint)
            found.append((name, usual, _fits(hint), _what(hint), is_several))
    if not namespace.unknown:
        _READ[function] = found
    return found


class _Unknown:
    """Stands for a class that no module has imported so far."""


class _Namespace(dict[str, Any]):
    """Resolves the names in a module's annotations, those imported only for type checkers included.

    Attributes:
        unknown: the names of classes that no module has imported so far. Until then, every value fits them.
    """

    def __init__(self, function: Any) -> None:
        super().__init__(function.__globals__)
        self.unknown: list[str] = []
        self._module: list[str] = function.__module__.split(".")

    def evaluate(self, annotation: Any) -> Any:
        """Return the type that an annotation names."""
        return eval(annotation, {}, self) if isinstance(annotation, str) else annotation  # noqa: S307 - our own source

    def __getitem__(self, name: str) -> Any:
        return self.evaluate(super().__getitem__(name))  # an alias may be written as a text

    def __missing__(self, name: str) -> Any:
        for module in (builtins, typing, sys.modules["collections.abc"]):
            if hasattr(module, name):
                return getattr(module, name)
        if name in sys.modules:
            return sys.modules[name]
        kinds = list(_defined(name))
        if not kinds:
            self.unknown.append(name)
            return type(name, (_Unknown,), {})
        return max(kinds, key=self._nearness)[1]  # the name may stand for another class in another room

    def _nearness(self, found: tuple[str, Any]) -> int:
        return sum(here == there for here, there in zip(self._module, found[0].split("."), strict=False))


def _defined(name: str) -> Iterator[tuple[str, Any]]:
    """Yield what the package's imported modules define as *name*, with the name of the module."""
    package = __name__.partition(".")[0]
    for module_name, module in list(sys.modules.items()):
        if module_name.partition(".")[0] == package:
            value = vars(module).get(name)
            if getattr(value, "__module__", None) == module_name or typing.get_origin(value) is not None:
                yield module_name, value


def _usual(hint: Any) -> frozenset[type]:
    """Return the types whose values fit *hint* for certain: most arguments have one of them, and are judged quickly."""
    if typing.get_origin(hint) in {typing.Union, types.UnionType}:
        return frozenset().union(*map(_usual, typing.get_args(hint)))
    if hint is float:
        return frozenset((float, int))
    return frozenset((hint,)) if hint in {str, int, bool, bytes, type(None)} else frozenset()


def _anything(value: object) -> bool:
    return not inspect.iscoroutine(value)


def _fits(hint: Any) -> _Fits:  # noqa: PLR0911 - one for each kind of annotation
    """Return what judges whether a value fits *hint*. An un-awaited coroutine never does."""
    origin, inner = typing.get_origin(hint), typing.get_args(hint)
    if origin in {typing.Union, types.UnionType}:
        kinds = [_fits(kind) for kind in inner]
        return lambda value: any(fits(value) for fits in kinds)
    if origin is typing.Literal:
        return lambda value: type(value) in {str, int} and value in inner
    if origin is type:
        return lambda value: isinstance(value, type) and issubclass(value, inner[0])
    if origin is Callable or hint is Callable:
        return lambda value: callable(value) and not isinstance(value, type)
    kind = origin or hint
    if kind in {float, int}:
        numbers = (int, float) if kind is float else int
        return lambda value: isinstance(value, numbers) and not isinstance(value, bool)
    if kind is None:
        return lambda value: value is None
    if kind is Any or kind is object or not isinstance(kind, type) or issubclass(kind, _Unknown):
        return _anything
    if getattr(kind, "_is_protocol", False):
        names = [name for name in vars(kind) if not name.startswith("_") or name == "__call__"]
        return lambda value: not isinstance(value, type) and all(hasattr(value, name) for name in names)
    if issubclass(kind, Iterable) and not issubclass(kind, str | bytes | Mapping):
        each = _fits(inner[0]) if inner and len(set(inner) - {...}) == 1 else _anything
        # A collection can be looked into; another iterable would be used up.
        return lambda value: (
            isinstance(value, kind)
            and not isinstance(value, str | bytes)
            and (not isinstance(value, Collection) or all(map(each, value)))
        )
    return lambda value: isinstance(value, kind)


def _what(hint: Any, number: int = 0) -> str:
    """Describe in words what fits *hint*: one, or with *number* 1 several."""
    origin, inner = typing.get_origin(hint), typing.get_args(hint)
    if origin in {typing.Union, types.UnionType}:
        return _listed([word for kind in inner for word in _words(kind, number)])
    if origin is typing.Literal:
        return _listed(_words(hint, number))
    if origin is type:
        return _WORDS.get(f"type[{_name(inner[0])}]", ("a class", "classes"))[number]
    name = _name(origin or hint)
    words = _WORDS.get(name)
    if words is None and inner and origin is not Callable:
        words = (f"{_article(name.lower())} of {_what(inner[0], 1)}", f"{name.lower()}s")
    elif words is not None and name == "Iterable" and inner:
        words = (f"{words[0]} of {_what(inner[0], 1)}", words[1])
    return (words or (_article(name), f"{name} objects"))[number]


def _words(hint: Any, number: int) -> list[str]:
    is_literal = typing.get_origin(hint) is typing.Literal
    return [f'"{value}"' for value in typing.get_args(hint)] if is_literal else [_what(hint, number)]


def _name(kind: Any) -> str:
    return str(getattr(kind, "__name__", kind))


def _article(name: str) -> str:
    an = name[:1] in "aeiouAEIO" or re.match("[FHLMNRSX][A-Z]", name)
    return f"{'an' if an else 'a'} {name}"


def _listed(words: list[str]) -> str:
    *first, last = words
    return f"{', '.join(first)} or {last}" if first else last
