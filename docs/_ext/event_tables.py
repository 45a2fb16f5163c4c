"""The kinds of events as tables of Markdown, made from the same table as the decoders."""

from __future__ import annotations

import importlib
import inspect
from typing import TYPE_CHECKING, Any

import attrs

from cometconn import events
from cometconn._wire.kinds import KINDS, OWN_KEY, Kind, parse_paths, paths_of, types_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from cometconn._wire.kinds import JsonPath

__all__ = ["attribute_table", "kind_table"]


def kind_table(group: str) -> Iterator[str]:
    """Give every class of events of a module with its meaning, its listener, and the words of its frame."""
    rows = [_line(kind) for kind in _classes(group) if issubclass(kind, events.Event) and kind is not events.Event]
    if rows:
        yield from ("| class | | CometChat's listener | frame |", "|---|---|---|---|", *rows)


def attribute_table(group: str) -> Iterator[str]:
    """Give every attribute of the classes of a module, with its place and its value if nothing is there."""
    yield from ("| attribute | in the JSON | if missing |", "|---|---|---|")
    for kind in _classes(group):
        inherited = _inherited(kind)
        for name, paths in paths_of(kind).items():
            if inherited.get(name) != paths:
                places = " or ".join(_place(path) for path in paths)
                yield f"| `{kind.__name__}.{name}` | {places} | {_default(kind, name)} |"
        yield from _inner(kind)


def _inner(kind: Any) -> Iterator[str]:
    """Give the attributes of an attribute that are elsewhere in the frame, or that follow from the kind."""
    for row in KINDS:
        for name, parts in row.inner.items() if row.event is kind else ():
            for part, paths in parts.items():
                place = (
                    f"always `{paths[1:]}`" if paths.startswith("=") else " or ".join(map(_place, parse_paths(paths)))
                )
                yield f"| `{kind.__name__}.{name}.{part}` | {place} | `None` |"


def _inherited(kind: Any) -> dict[str, Any]:
    """Return the attributes, with their places, that the tables of public base classes show."""
    bases = [base for base in reversed(kind.__mro__[1:]) if base.__name__ in events.__all__]
    return {name: paths for base in bases for name, paths in paths_of(base).items()}


def _classes(group: str) -> list[Any]:
    """Return the public classes of a module, in the order of its source."""
    module = importlib.import_module(f"cometconn.events.{group}")
    public = [kind for name, kind in vars(module).items() if name in events.__all__ and inspect.isclass(kind)]
    return [kind for kind in public if kind.__module__ == module.__name__]


def _line(kind: Any) -> str:
    rows = [row for row in KINDS if row.event is kind]
    listeners = " ".join(dict.fromkeys(f"`{row.listener}`" for row in rows))
    frames = " or ".join(dict.fromkeys(_words(row) for row in rows))
    return f"| `{kind.__name__}` | {_meaning(kind)} | {listeners or 'a base class'} | {frames} |"


def _meaning(kind: Any) -> str:
    return (inspect.getdoc(kind) or "").partition("\n")[0]


def _words(row: Kind) -> str:
    """Describe by which words a kind differs from others."""
    found = {" or ".join(_place(path) for path in paths): words for paths, words in row.words.items()}
    conditions = [f"{place} is {_codes(words)}" for place, words in found.items()]
    return " with ".join([_codes(row.frames), *filter(None, [" and ".join(conditions)])])


def _codes(words: Iterable[str]) -> str:
    return ", ".join(f"`{word}`" for word in words)


def _place(path: JsonPath) -> str:
    """Describe the place of a path in words."""
    if not path:
        return "the `body` itself"
    if OWN_KEY in path:
        return f"whether `{'.'.join(path[:-1])}` has the own uid"
    if path[0] == "^":
        return f"`{'.'.join(path[1:])}` of the envelope"
    return f"`{'.'.join(path)}`"


def _default(kind: Any, name: str) -> str:
    field = attrs.fields_dict(kind)[name]
    if types_of(kind)[name] == events.User | events.Group and field.default is attrs.NOTHING:
        return "the logged-in user"
    if field.default is attrs.NOTHING:
        return "needed"
    return f"`{getattr(field.default, 'factory', lambda: field.default)()!r}`"
