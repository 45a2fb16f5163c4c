"""One detail of every kind, for the tests of this folder."""

from __future__ import annotations

import datetime
from typing import Any

import attrs

from cometconn import Reason, instrumentation
from cometconn.instrumentation import Detail

KINDS = sorted(
    (kind for kind in vars(instrumentation).values() if isinstance(kind, type) and issubclass(kind, Detail)),
    key=lambda kind: kind.__name__,
)
KINDS.remove(Detail)

VALUES: dict[str, Any] = {
    "connection_id": "APP-1",
    "generation": 3,
    "at": 1234.000001,
    "at_utc": datetime.datetime(2026, 3, 6, 21, 40, 0, 123456, tzinfo=datetime.UTC),
    "app_id": "APP",
    "mode": "manual",
    "by": "application",
    "reason": Reason.IN_BACKGROUND,
    "previous": "connected",
    "status": "disconnected",
    "url": "wss://host/path",
    "cause": 'it "broke"\n\N{SNOWMAN}',
    "close_code": 1012,
    "version": "1.2.3",
    "deadline": None,
    "left": None,
}
NUMBERS: dict[Any, Any] = {int: 7, float: 0.25, bool: True}


def example(kind: type[Detail], **changes: Any) -> Detail:
    """Return a detail of this kind with every field set."""
    attrs.resolve_types(kind)
    fields = {field.name: VALUES.get(field.name, NUMBERS.get(field.type)) for field in attrs.fields(kind)}
    return kind(**{**fields, **changes})
