"""The picture of the table."""

from __future__ import annotations

import pathlib
import re

from cometconn._lifecycle.diagram import mermaid
from cometconn._lifecycle.states import Input, State
from cometconn._lifecycle.table import TRANSITIONS, Row

PAGE = pathlib.Path(__file__).parents[2] / "docs" / "reference" / "lifecycle.md"


def test_the_page_shows_the_table() -> None:
    """The state picture on the page of the lifecycle is the one drawn from TRANSITIONS, to the letter."""
    pictures = re.findall(r"```mermaid\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
    assert pictures == [mermaid()]


def test_every_change_of_state_is_in_the_picture() -> None:
    """Each row that changes the state has an edge with its input."""
    lines = mermaid().splitlines()
    for row in TRANSITIONS:
        if row.to is None:
            continue
        target = row.to.name.title().replace("_", "")
        assert [line for line in lines if f"--> {target}: " in line and row.on.value in line], row


def test_a_row_of_two_states_makes_two_edges() -> None:
    """States that are not a whole group are drawn one by one."""
    row = Row(Input.CLIENT_LEFT, frozenset({State.CONNECTING, State.WAITING}), State.CLIENT_CLOSED, "4 leaving")
    picture = mermaid([row])
    assert "Connecting --> ClientClosed: client left" in picture
    assert "Waiting --> ClientClosed: client left" in picture
