"""An event as JSON values."""

from __future__ import annotations

import datetime
import functools
from collections.abc import Callable, Mapping
from typing import Any, Final

import attrs
from cattrs import Converter
from cattrs.gen import make_dict_unstructure_fn, override

from cometconn._arguments import checked
from cometconn._text.secret_names import without_named_secrets, without_secret_names
from cometconn.errors import CometConnError

from .base import Event
from .markers import UnknownEvent, UnreadableFrame

__all__ = ["as_json"]


@checked
def as_json(event: Event, *, raw: bool = False) -> dict[str, Any]:
    """Return an event as values that JSON has, for a queue, a log or a database: `json.dumps(as_json(event))`.

    The name of the event's class is under `"event"`, and every attribute is under its own name. Times are texts in ISO
    8601, in UTC: `"2026-01-02T12:00:00+00:00"`. Users, groups, attachments and other parts are objects. A message inside
    another event has its own `"event"`. An error is an object with its `code` and its `message`.

    There is no way back to an event. Events can be pickled; between programs that may have different versions of
    cometconn, JSON is the safer choice.

    Args:
        event: any event, markers included.
        raw: whether the frame is added under `"raw"`, with fields that hold secrets by their names masked, such as
            `authToken`. `UnknownEvent` and `UnreadableFrame` have nothing else to show, so they always have it. Markers
            have none. Bytes of a frame that are not UTF-8 are escaped.

    Returns:
        A new `dict`, which shares nothing with the event and can be changed. It contains no secret of the client: no
        attribute holds one. What an app stored in `metadata` or `custom_data` is not masked.

    Raises:
        SettingsError: *event* is not an event.
    """
    values: dict[str, Any] = _converter.unstructure(event)
    if (raw or isinstance(event, UnknownEvent | UnreadableFrame)) and hasattr(event, "raw"):
        frame = _converter.unstructure(event.raw)
        values["raw"] = without_named_secrets(frame) if isinstance(frame, str) else without_secret_names(frame)
    return values


@functools.cache
def _writer(kind: Any) -> Callable[[Any], dict[str, Any]]:
    """Return the function that returns the attributes of an object of this class; cattrs generates it."""
    left_out: dict[str, Any] = {"raw": override(omit=True)} if "raw" in attrs.fields_dict(kind) else {}
    attributes = make_dict_unstructure_fn(kind, _converter, **left_out)
    name = {"event": kind.__name__} if issubclass(kind, Event) else {}
    return lambda value: {**name, **attributes(value)}


def _attributes(value: Any) -> dict[str, Any]:
    kind: Any = type(value)
    return _writer(kind)(value)


def _mapping(value: Mapping[str, Any]) -> dict[str, Any]:
    return {name: _converter.unstructure(item) for name, item in value.items()}


def _error(value: BaseException) -> dict[str, str]:
    code = value.code if isinstance(value, CometConnError) else type(value).__name__
    return {"code": code, "message": str(value)}


_converter: Final = Converter()
# By the class of the object: an attribute of the type `Message` holds a subclass, which has more attributes.
_converter.register_unstructure_hook_func(attrs.has, _attributes)
_converter.register_unstructure_hook(datetime.datetime, datetime.datetime.isoformat)
_converter.register_unstructure_hook(bytes, lambda value: value.decode("utf-8", "backslashreplace"))
_converter.register_unstructure_hook(BaseException, _error)
_converter.register_unstructure_hook(Mapping, _mapping)
