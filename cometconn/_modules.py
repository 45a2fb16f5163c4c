"""What public modules and classes share: what `dir()` shows, previous names, errors for missing names and extras."""

from __future__ import annotations

import contextlib
import sys
import warnings
from types import MappingProxyType
from typing import TYPE_CHECKING, NoReturn, TypeVar

if TYPE_CHECKING:
    import types
    from collections.abc import Callable, Iterator, Mapping, Sequence

__all__ = ["needs_extra", "no_such_attribute", "no_such_name", "public_names"]

C = TypeVar("C", bound=type)

_PACKAGE = __name__.partition(".")[0]
_MODULES = [
    f"{_PACKAGE}.{name}"
    for name in (
        *("errors", "events", "settings", "status", "stores", "environment", "instrumentation", "appstate"),
        *(
            "aio",
            "testing",
            "emulator",
            "fleet",
            "admin",
            "aio.admin",
            "aio.emulator",
            "aio.testing",
            "testing.scripts",
            "testing.strategies",
        ),
    )
]


def public_names(
    module: str, names: Sequence[str], previous: Mapping[str, type] = MappingProxyType({})
) -> tuple[Callable[[str], object], Callable[[], list[str]]]:
    """Return `__getattr__` and `__dir__` of a module with these *names*.

    Hide `__getattr__` from type checkers, which would otherwise accept every name.

    Args:
        module: the name of the module.
        names: its `__all__`.
        previous: the previous name of each class that was renamed, for one release more. Its use is a
            `DeprecationWarning`.
    """

    def attribute(name: str) -> object:
        if name not in previous:
            no_such_name(module, names, name)
        new = previous[name]
        warnings.warn(
            f"{module}.{name} is deprecated and goes with the next release: use {new.__name__}.",
            DeprecationWarning,
            stacklevel=2,
        )
        return new

    return attribute, lambda: sorted(names)


def no_such_name(module: str, names: Sequence[str], name: str) -> NoReturn:
    """Raise the error for *name*, which is not among the *names* of *module*. It names what may be meant.

    `from module import name` does not show the text of an `AttributeError`, so it gets an `ImportError`.
    """
    caller = sys._getframe(2)  # noqa: SLF001 - behind the module's `__getattr__`; there is no public way
    hint = "" if name.startswith("_") else _hint(module, names, name)
    if _imports(caller):
        message = f"cannot import name {name!r} from {module!r}{hint}"
        raise ImportError(message, name=module)
    message = f"module {module!r} has no attribute {name!r}{hint}"
    raise AttributeError(message, name=None, obj=None)  # otherwise Python adds a guess of its own


def no_such_attribute(hint: Callable[[str], str]) -> Callable[[C], C]:
    """Let the error for a missing attribute of a class say what may be meant.

    A decorator, because type checkers would accept every name in a class with a `__getattr__`. For a class with one,
    reading an attribute that exists takes about 20 ns more.

    Args:
        hint: returns what to add to the error for a name, or an empty text.
    """

    def decorate(cls: C) -> C:
        def attribute(self: object, name: str) -> NoReturn:
            more = "" if name.startswith("_") else hint(name)  # `copy` and others look for optional methods
            message = f"{type(self).__name__!r} object has no attribute {name!r}{more}"
            if more:
                raise AttributeError(message, name=None, obj=None)  # otherwise Python adds a guess of its own
            raise AttributeError(message, name=name, obj=self)

        cls.__getattr__ = attribute  # type: ignore[attr-defined]
        return cls

    return decorate


@contextlib.contextmanager
def needs_extra(module: str, extra: str) -> Iterator[None]:
    """Surround the imports of a *module*: a library that only an extra installs raises an error that names the extra."""
    try:
        yield
    except ModuleNotFoundError as error:
        library = str(error.name).partition(".")[0]
        if library == _PACKAGE:
            raise
        message = f'{module} needs {library}, which is not installed: pip install "cometconn[{extra}]"'
        raise ModuleNotFoundError(message, name=error.name) from None


def _imports(frame: types.FrameType) -> bool:
    """Whether the frame executes `from module import name`."""
    import dis  # noqa: PLC0415 - only for an error

    return frame.f_lasti >= 0 and frame.f_code.co_code[frame.f_lasti] == dis.opmap["IMPORT_FROM"]


def _hint(module: str, names: Sequence[str], name: str) -> str:
    import difflib  # noqa: PLC0415 - only for an error

    if f"{module}.{name}" in _MODULES:
        return f": it is a module of its own: write `import {module}.{name}`"
    elsewhere = _names_elsewhere(module)
    if name in elsewhere:
        return f": it is in {elsewhere[name]}"
    near = difflib.get_close_matches(name, [*names, *elsewhere], n=1, cutoff=0.75)
    if not near:
        return ""
    return f". Did you mean {near[0]!r}?" if near[0] in names else f". Did you mean {elsewhere[near[0]]}.{near[0]}?"


def _names_elsewhere(module: str) -> dict[str, str]:
    """Return the names of the other public modules. They are read from the source: some modules need an extra."""
    import ast  # noqa: PLC0415 - only for an error
    import importlib.util  # noqa: PLC0415
    import pathlib  # noqa: PLC0415

    found: dict[str, str] = {}
    for other in (_PACKAGE, *_MODULES):
        spec = None if other == module else importlib.util.find_spec(other)
        if spec is None or spec.origin is None:
            continue
        try:
            source = pathlib.Path(spec.origin).read_text(encoding="utf-8")
        except OSError:  # a frozen program has no source, and gets no hint
            continue
        for node in ast.parse(source).body:
            if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "__all__":
                found |= {name: other for name in ast.literal_eval(node.value) if name not in found}
    return found
