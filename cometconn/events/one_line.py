"""The `repr` of events, users and groups: one line with what matters."""

from __future__ import annotations

import datetime
import reprlib
from collections.abc import Mapping
from typing import Any

import attrs

__all__ = ["one_line"]

_LONGEST = 200
_LONGEST_VALUE = 60
_FIRST = [
    "uid",
    "guid",
    "id",
    "name",
    "message_id",
    "message",
    "conversation",
    "item",
    "sender",
    "reacted_by",
    "user",
    "by",
    "receiver",
    "text",
    "reaction",
    "custom_data",
    "data",
    "sent_at",
    "since",
    "until",
    "recovered",
    "cause",
]
_SHORT = reprlib.Repr()
_SHORT.maxstring = _SHORT.maxother = _LONGEST_VALUE


def one_line(item: Any) -> str:
    """Return a description of at most 200 characters: attributes that differ from their defaults, as many as fit.

    It contains no character that moves the cursor of a terminal or changes the direction of the text. `raw` is left out,
    and so are other attributes that attrs does not show.
    """
    # Then those of the class itself, before those of its base classes.
    fields = [field for field in reversed(attrs.fields(type(item))) if field.repr]
    fields.sort(key=lambda field: _FIRST.index(field.name) if field.name in _FIRST else len(_FIRST))
    line = f"{type(item).__name__}("
    for field in fields:
        value = getattr(item, field.name)
        if value is None or value == field.default or value in ((), {}, ""):
            continue
        more = f"{'' if line.endswith('(') else ', '}{field.name}={_shown(value)}"
        if len(line) + len(more) > _LONGEST - len(", ...)"):
            return f"{line}, ...)"
        line += more
    return f"{line})"


def _shown(value: Any) -> str:
    if isinstance(value, datetime.datetime):
        text = value.isoformat(" ", "seconds")
    elif hasattr(value, "receiver_type"):  # a user or a group
        text = repr(value.id)
    elif attrs.has(type(value)):
        number = getattr(value, "id", None)
        text = f"{type(value).__name__}({'...' if number is None else f'id={number!r}'})"
    else:
        text = _SHORT.repr(dict(value) if isinstance(value, Mapping) else value)
    text = text if text.isprintable() else ascii(text)
    return text if len(text) <= _LONGEST_VALUE else f"{text[: _LONGEST_VALUE - 3]}..."
