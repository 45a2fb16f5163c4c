"""The page of events is made from the table of kinds."""

from __future__ import annotations

import importlib
import pathlib
from typing import Any

import attrs
import pytest

from cometconn import events
from cometconn._wire.kinds import KINDS

GROUPS = ("messages", "agents", "calls", "groups", "signals", "conversations", "base")


@pytest.fixture
def tables(monkeypatch: pytest.MonkeyPatch) -> Any:
    """The module of the documentation, as Sphinx would import it."""
    monkeypatch.syspath_prepend(str(pathlib.Path(__file__).parents[2] / "docs" / "_ext"))
    return importlib.import_module("event_tables")


def first_cells(lines: Any) -> list[str]:
    """The code in the first cell of each row."""
    return [line.split("|")[1].strip(" `") for line in lines if line.startswith("| `")]


def test_every_kind_is_there_once_with_its_listener(tables: Any) -> None:
    """Every kind that a server sends has a row, and so has each base class."""
    lines = [line for group in GROUPS for line in tables.kind_table(group)]
    cells = first_cells(lines)
    assert len(cells) == len(set(cells))
    assert {row.event.__name__ for row in KINDS} <= set(cells)
    for row in KINDS:
        (line,) = (line for line in lines if line.startswith(f"| `{row.event.__name__}` |"))
        assert f"`{row.listener}`" in line


def test_every_attribute_has_its_place(tables: Any) -> None:
    """Each attribute of a public class that is read from a frame is listed, there or at a base class."""
    shown = set(first_cells(line for group in GROUPS for line in tables.attribute_table(group)))
    for name in events.__all__:
        kind: Any = getattr(events, name)
        if name == "as_json" or issubclass(kind, events.Marker | events.UnknownEvent | events.UnreadableFrame):
            continue
        bases = [base.__name__ for base in kind.__mro__]
        for field in attrs.fields(kind):
            assert field.name == "raw" or any(f"{base}.{field.name}" in shown for base in bases), (name, field.name)


@pytest.mark.parametrize(
    ("group", "line"),
    [
        ("messages", "| `Message.id` | `id` | needed |"),
        ("messages", "| `TextMessage.text` | `data.text` | `''` |"),
        ("messages", "| `MediaMessage.url` | `data.url` or `data.attachments.0.url` | `None` |"),
        ("messages", "| `Message.has_mentioned_me` | whether `data.mentions` has the own uid | `False` |"),
        ("messages", "| `MessageModerated.message` | the `body` itself | needed |"),
        ("signals", "| `Receipt.receiver` | `receiver` or `receiver` of the envelope | the logged-in user |"),
        ("signals", "| `UserOnline.user.status` | always `online` | `None` |"),
    ],
)
def test_a_place_is_described_in_words(tables: Any, group: str, line: str) -> None:
    """The text has the place of an attribute, and its value if there is nothing at that place."""
    assert line in list(tables.attribute_table(group))


def test_a_kind_is_described_by_its_words(tables: Any) -> None:
    """The text has the frame's type, and the words that distinguish this kind from others of that type."""
    (line,) = (line for line in tables.kind_table("messages") if line.startswith("| `TextMessage` |"))
    assert line.endswith("| `onTextMessageReceived` | `message` with `category` is `message` and `type` is `text` |")
