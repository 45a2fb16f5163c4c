"""Checks the arguments of public calls against their annotations.

A call with an argument of a wrong type would otherwise fail later, with an error about the library's internals, or have no
effect at all. The annotations are read at the first call of each function, so importing costs nothing, and nothing is
written twice.
"""

from __future__ import annotations

import builtins
import enum
import functools
import inspect
import re
import sys
import types
import typing
from collections.abc import Callable, Collection, Iterable, Mapping
from typing import Any, TypeVar

from ._text.secret_names import is_secret_name
from .errors import SettingsError

__all__ = ["check", "check_call", "checked", "made_by", "refused"]

T = TypeVar("T")
C = TypeVar("C", bound=type)

_Fits = Callable[[object], bool]
_SHOWN = 40  # characters of a text
_CLASS = re.compile(r"<class '[\w.]*?(\w+)'>")
_MEANT = 3  # arguments that an error lists

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
    "BodyStream": ("a body with size, content_type and pieces()", "bodies"),
    "WritableFile": ("a binary file that is open for writing", "files"),
    "Store": ("a Store such as MemoryStore() or FileStore(path)", "stores"),
    "AppStateTarget": ("the client (what `async with open_client(...) as chat` gives)", "clients"),
    "Hook": (
        "a function that takes one Detail, such as LogHook()",
        "functions that take one Detail, such as LogHook()",
    ),
    "type[Event]": ("an event class, such as TextMessage", "event classes"),
    "ServerControls": ("a server (an Emulator or a MemoryServer)", "servers"),
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
    for name, usual, fits, hint, is_several in _READ.get(function) or _parameters(function):
        if name in given:
            value = given[name]
            if type(value) in usual:
                continue
            for each in typing.cast("tuple[object, ...]", value) if is_several else (value,):
                if not fits(each):
                    remedy = (_without_brackets(function, hint, each) or _by_name(function, each)) if is_several else ""
                    raise _refused_as(_where(function, name), hint, each, remedy)


def check_call(function: Callable[..., Any], args: tuple[object, ...], given: Mapping[str, object]) -> None:
    """The same, for the arguments as they were given. For use in a function that calls *function*.

    Raises:
        TypeError: there are too many arguments without a name; the error shows the name that is missing.
    """
    names, others = _names(function)
    if others is None and len(args) > len(names):
        surplus = args[len(names)]
        message = f"{_where(function)} needs the name of the argument {_shown(surplus, is_secret=True)}{_by_name(function, surplus)}."
        raise TypeError(message)
    bound = dict[str, object](zip(names, args, strict=False))
    bound.update(given)
    if others is not None:
        bound[others] = args[len(names) :]
    check(function, bound)


def refused(where: str, what: str, value: object, remedy: str = "") -> SettingsError:
    """Return the error for *value*, which is not *what* has to be given at *where*. *remedy* is added to it."""
    message = f"{where} must be {what}, not {_shown(value, is_secret=_is_secret(where))}{remedy}."
    return SettingsError(message)


def _is_secret(where: str) -> bool:
    return is_secret_name(re.findall(r"\w+", where)[-1])


def _shown(value: object, *, is_secret: bool) -> str:
    """Describe a wrong argument: a short value itself, unless it is a secret, and otherwise its type."""
    if inspect.iscoroutine(value):
        value.close()  # otherwise Python warns later that it was never awaited, without a line of the program
        return f"the coroutine of {value.__name__}(): write `await` before the call"
    if isinstance(value, type):
        return f"the class {value.__name__}"
    if value is None or (isinstance(value, bool | int | float) and not is_secret):
        return repr(value)
    if isinstance(value, str | list | tuple | set | frozenset) and not is_secret:
        text = ascii(value[:_SHOWN]) if isinstance(value, str) else _CLASS.sub(r"\1", ascii(value))
        return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}..."
    return f"of type {type(value).__name__}"


# What to write instead.


def _refused_as(where: str, hint: Any, value: object, remedy: str = "") -> SettingsError:
    """Return the error for *value*, which does not fit *hint*."""
    elements = _elements(hint)
    if elements is not None and isinstance(value, list | tuple | set | frozenset) and not _is_secret(where):
        wrong = next(each for each in value if not _fits(elements)(each))
        shown = f"{_shown(wrong, is_secret=False)}{_remedy(elements, wrong)}"
        return SettingsError(f"{where} must be {_what(hint)}, not a {type(value).__name__} with {shown}.")
    return refused(where, _what(hint), value, remedy or _remedy(hint, value, is_secret=_is_secret(where)))


def _remedy(hint: Any, value: object, *, is_secret: bool = False) -> str:
    """Return what to write instead of *value*, where that is plain."""
    if isinstance(value, type) and _instance_fits(hint, value):
        if issubclass(value, enum.Enum):
            return f": give a member, such as {next(iter(value))}"
        return f" itself: add parentheses, {value.__name__}(...)"
    if any(typing.get_origin(kind) is type and isinstance(value, typing.get_args(kind)[0]) for kind in _kinds(hint)):
        return f": give the class itself, {type(value).__name__}"
    elements = _elements(hint)
    if elements is None or inspect.iscoroutine(value):
        return ""
    if isinstance(value, type) and _instance_fits(elements, value):
        return f" itself: add brackets and parentheses, [{value.__name__}(...)]"
    return f": put it in brackets, [{_as_code(value, is_secret=is_secret)}]" if _fits(elements)(value) else ""


def _without_brackets(function: Callable[..., Any], hint: Any, value: object) -> str:
    """Return the remedy for a list where its items are wanted, each by itself."""
    if not (isinstance(value, list | tuple) and value and all(map(_fits(hint), value))):
        return ""
    call = function.__qualname__.rpartition(".")[2]
    return f": leave the brackets out, {call}({', '.join(_as_code(each) for each in value)})"


def _by_name(function: Callable[..., Any], value: object) -> str:
    """Return the remedy for a value without a name: the arguments with a name that it fits."""
    code = _inner(function).__code__
    named = code.co_varnames[code.co_argcount : code.co_argcount + code.co_kwonlyargcount]
    meant = [
        # A text may be a secret that was meant for another argument.
        f"{name}={_as_code(value, is_secret=typing.get_origin(hint) is not typing.Literal)}"
        for name, _, fits, hint, _ in _parameters(function)
        if name in named and fits(value)
    ]
    if not meant:
        return ""
    return f": write {_listed(meant)}" if len(meant) <= _MEANT else f", such as {meant[0]}"


def _as_code(value: object, *, is_secret: bool = False) -> str:
    """Return *value* as a program would write it, or nearly."""
    if isinstance(value, type):
        return value.__name__
    if isinstance(value, str) and is_secret:
        return "..."
    return (
        _shown(value, is_secret=False)
        if isinstance(value, bool | int | float | str)
        else f"{type(value).__name__}(...)"
    )


def _elements(hint: Any) -> Any:
    """Return the hint for each element, if *hint* is one for a collection; else `None`."""
    for kind in _kinds(hint):
        origin, inner = typing.get_origin(kind), typing.get_args(kind)
        is_collection = isinstance(origin, type) and issubclass(origin, Iterable) and not issubclass(origin, Mapping)
        if is_collection and len(set(inner) - {...}) == 1:
            return inner[0]
    return None


def _kinds(hint: Any) -> tuple[Any, ...]:
    """Return the alternatives of a union, or *hint* alone."""
    is_union = typing.get_origin(hint) in {typing.Union, types.UnionType}
    return typing.get_args(hint) if is_union else (hint,)


def _instance_fits(hint: Any, kind: type) -> bool:
    """Whether an instance of the class *kind* fits one alternative of *hint*."""
    for each in _kinds(hint):
        wanted = typing.get_origin(each) or each
        if wanted is Callable:
            fits = any("__call__" in vars(base) for base in kind.__mro__)
        elif getattr(wanted, "_is_protocol", False):
            fits = all(hasattr(kind, name) for name in _members(wanted))
        else:
            fits = isinstance(wanted, type) and wanted is not type and issubclass(kind, wanted)
        if fits:
            return True
    return False


def _where(function: Callable[..., Any], name: str = "") -> str:
    """Return the words for an argument, or for the call."""
    *_, owner, last = ["", *function.__qualname__.removesuffix(".__init__").split(".")]
    code = _inner(function).__code__
    if name and code.co_filename.startswith("<attrs"):
        return f"{last}.{name}"
    call = f"{owner}.{last}" if code.co_varnames[:1] == ("cls",) else last
    return f"{call}({name}=...)" if name else f"{call}()"


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
            bound = {**dict(zip(_names(inner)[0], args, strict=False)), **given}
            if not all(
                name in bound and (type(bound[name]) in usual or fits(bound[name]))
                for name, usual, fits, *_ in _parameters(inner)
            ):
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


_READ: dict[Callable[..., Any], list[tuple[str, frozenset[type], _Fits, Any, bool]]] = {}
_READ_IN_PART: dict[Callable[..., Any], tuple[list[tuple[str, frozenset[type], _Fits, Any, bool]], set[str]]] = {}
"""Those with an annotation that cannot be judged yet, and the modules that are to be imported for it."""


def _parameters(function: Callable[..., Any]) -> list[tuple[str, frozenset[type], _Fits, Any, bool]]:
    """Return each parameter that has an annotation.

    Its name; types whose values need no closer look; what judges others; the annotation, evaluated; whether it is `*name`.
    """
    found = _READ.get(function)
    if found is not None:
        return found
    found, missing = _READ_IN_PART.get(function, (None, set[str]()))
    if found is not None and sys.modules.keys().isdisjoint(missing):
        return found
    inner = _inner(function)
    code, annotations, namespace, found = inner.__code__, inner.__annotations__, _Namespace(inner), []
    count = code.co_argcount + code.co_kwonlyargcount
    for name in code.co_varnames[: count + bool(code.co_flags & inspect.CO_VARARGS)]:
        if name in annotations:
            hint = namespace.evaluate(annotations[name])
            is_several = name not in code.co_varnames[:count]
            usual = frozenset[type]() if is_several else _usual(hint)
            found.append((name, usual, _fits(hint), hint, is_several))
    if namespace.unknown:
        _READ_IN_PART[function] = found, {_MODULE_OF.get(name, "") for name in namespace.unknown}
    else:
        _READ[function] = found
    return found


_MODULE_OF: Mapping[str, str] = {
    name: module
    for module, names in {
        "cometconn._account.store": "Store",
        "cometconn._client.client": "_MediaKind _ReceiverType",
        "cometconn._client.core": "ClientCore",
        "cometconn._account.streaming": "BodyStream UploadFile WritableFile",
        "cometconn._environment": "Environment Request",
        "cometconn._rest.context": "Context",
        "cometconn._rest.pager": "Pager",
        "cometconn._streams.event_queue": "EventQueue",
        "cometconn.admin.calls": "AdminCalls",
        "cometconn.aio._calls": "Calls",
        "cometconn.appstate.source": "AppStateTarget",
        "cometconn.emulator.server_controls": "Drop ServerControls",
        "cometconn.errors": "SendUncertainError",
        "cometconn.events": "Attachment Event Group MediaMessage Message User",
        "cometconn.fleet.consumer": "Consumer",
        "cometconn.fleet.log_writer": "AccountLog LogWriter",
        "cometconn.fleet.owned": "Owned",
        "cometconn.fleet.settings": "Credentials",
        "cometconn.fleet.values": "Account",
        "cometconn.instrumentation.detail": "Detail Hook",
        "cometconn.settings": "Endpoints Timing",
        "cometconn.testing.actions": "Script",
        "cometconn.testing.line_faults": "End",
    }.items()
    for name in names.split()
}
"""Where classes are that modules with checked functions import only for type checkers, or that their aliases name.

A module is not imported for the sake of a check. As long as it is not, no value can be of its classes.
"""


class _Unknown:
    """Stands for a class whose module is not imported so far."""


class _Namespace(dict[str, Any]):
    """Resolves the names in a module's annotations, those imported only for type checkers included.

    Attributes:
        unknown: the names of classes whose modules are not imported so far. Until then, every value fits them.
    """

    def __init__(self, function: Any) -> None:
        super().__init__(function.__globals__)
        self.unknown: list[str] = []

    def evaluate(self, annotation: Any) -> Any:
        """Return the type that an annotation names."""
        return eval(annotation, {}, self) if isinstance(annotation, str) else annotation  # noqa: S307 - our own source

    def __getitem__(self, name: str) -> Any:
        return self.evaluate(super().__getitem__(name))  # an alias may be written as a text

    def __missing__(self, name: str) -> Any:
        for module in (builtins, typing, sys.modules["collections.abc"], sys.modules.get(_MODULE_OF.get(name, ""))):
            if hasattr(module, name):
                return getattr(module, name)
        if name in sys.modules:  # as in `ssl.SSLContext`
            return sys.modules[name]
        self.unknown.append(name)
        return type(name, (_Unknown,), {})


def _usual(hint: Any) -> frozenset[type]:
    """Return the types whose values fit *hint* for certain: most arguments have one of them, and are judged quickly."""
    if typing.get_origin(hint) in {typing.Union, types.UnionType}:
        return frozenset().union(*map(_usual, typing.get_args(hint)))
    if hint is float:
        return frozenset((float, int))
    is_class = isinstance(hint, type) and typing.get_origin(hint) is None and not getattr(hint, "_is_protocol", False)
    if hint in {str, bytes} or (is_class and not issubclass(hint, Iterable | _Unknown) and hint is not object):
        return frozenset((hint,))
    return frozenset()


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
        names = _members(kind)
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


def _members(protocol: type) -> list[str]:
    return [name for name in vars(protocol) if not name.startswith("_") or name == "__call__"]


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
