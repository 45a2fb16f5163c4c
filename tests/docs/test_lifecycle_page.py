"""The words, tables and pictures of the lifecycle page are made from the transition table."""

from __future__ import annotations

import importlib
import pathlib
import re
import xml.etree.ElementTree as ET
from types import ModuleType
from typing import Any

import pytest

from cometconn._lifecycle.states import Input, Mode, State
from cometconn._lifecycle.table import TRANSITIONS

EXTENSIONS = pathlib.Path(__file__).parents[2] / "docs" / "_ext"
TESTS = pathlib.Path(__file__).parents[1]


@pytest.fixture
def load(monkeypatch: pytest.MonkeyPatch) -> Any:
    """A function that imports a module of the documentation, as Sphinx would."""
    monkeypatch.syspath_prepend(str(EXTENSIONS))
    return importlib.import_module


def test_every_rule_of_the_table_has_words(load: Any) -> None:
    """Every rule has a description, and no description is without a row, except those of other lines of the page."""
    rules: ModuleType = load("rules")
    used = {words for row in TRANSITIONS for words in rules.in_words(row.rule)}
    assert set(rules.OURS.values()) <= used
    unused = {name for name, words in rules.PAGE.items() if f"{name}: {words}" not in used}
    assert unused == {"P11", "P16", "P17"}


def test_every_line_of_the_page_has_a_test(load: Any) -> None:
    """Every line of the page has a test, as the page states."""
    tests = (TESTS / "test_page.py").read_text(encoding="utf-8")
    named = {name for names in re.findall(r"def test_((?:p\d+_)+)", tests) for name in names.strip("_").split("_")}
    assert named == {name.lower() for name in load("rules").PAGE}


def test_an_unknown_rule_has_no_words(load: Any) -> None:
    """A row with a new source raises an error until its rule has a description."""
    with pytest.raises(KeyError):
        load("rules").in_words("P5, 4 something new")


def test_every_row_is_shown_below_its_input(load: Any) -> None:
    """Each row of the table is one line below its input."""
    lines = list(load("tables").row_tables())
    assert len([line for line in lines if line.startswith("| ")]) == len(TRANSITIONS) + len(Input)
    assert [line.removeprefix("### ") for line in lines if line.startswith("###")] == [on.value for on in Input]


def test_a_row_is_shown_in_words(load: Any) -> None:
    """A row is shown with the names of groups, the wish, the sign of life, and the reason."""
    lines = "\n".join(load("tables").row_tables())
    assert "| wanted, but not connected | manual mode, foreground, the wish stands | **lost in background** | " in lines
    assert "| connected |  | stays; a sign of life | `connect()` while connected returns at once. |" in lines
    assert "| logged in, disconnected, but not in background | auto mode | stays |" in lines
    assert "| no user logged in |  | stays; the call is refused: not logged in | P14: " in lines


def test_every_state_is_shown_with_its_meaning(load: Any) -> None:
    """Each state is shown with the meaning that it has in the source."""
    table = list(load("tables").state_table())[2:]
    assert len(table) == len(State)
    assert "| waiting | `Waiting` | The time of the next attempt is set. |" in table
    assert "| connect failed | `Disconnected(CONNECT_FAILED)` |" in "\n".join(table)


@pytest.mark.parametrize("mode", Mode)
def test_a_picture_shows_every_transition_that_can_happen(load: Any, mode: Mode) -> None:
    """Each change of state that a client of this mode can make is in one line, and there is no other line."""
    lanes: ModuleType = load("lanes")
    drawn = {(source, lane.target) for lane in lanes.lanes(mode) for source in lane.sources}
    possible = {
        (source, row.to)
        for row in TRANSITIONS
        for source in row.given
        if row.to not in {None, source} and row.mode in {None, mode} and source in lanes.reachable(mode)
    }
    assert drawn <= possible
    # In auto mode a client that rests because of the background is never in the foreground, so `connect()` is refused.
    assert possible - drawn <= {(State.IN_BACKGROUND, State.CONNECTING)}


def test_auto_mode_knows_no_reason_of_manual_mode(load: Any) -> None:
    """The picture of each mode has no reason of the other mode."""
    reachable = load("lanes").reachable
    assert set(State) - set(reachable(Mode.AUTO)) == {
        State.NOT_REQUESTED, State.BACKGROUND_TIMEOUT, State.LOST_IN_BACKGROUND, State.CONNECT_FAILED,
    }  # fmt: skip
    assert set(State) - set(reachable(Mode.MANUAL)) == {State.IN_BACKGROUND}


@pytest.mark.parametrize("mode", Mode)
def test_a_picture_is_well_formed_and_nothing_is_outside(load: Any, mode: Mode) -> None:
    """A picture has one ring for each source and one tip for each side that an arrow comes from, all inside of it."""
    lanes: ModuleType = load("lanes")
    picture = ET.fromstring(lanes.draw(mode))  # noqa: S314 - our own
    assert len(picture.findall("circle")) == sum(len(lane.sources) for lane in lanes.lanes(mode))
    assert len(picture.findall("path")) >= len(lanes.lanes(mode))
    _, _, width, height = map(int, picture.attrib["viewBox"].split())
    for circle in picture.findall("circle"):
        assert 0 < int(circle.attrib["cx"]) < width
        assert 0 < int(circle.attrib["cy"]) < height
