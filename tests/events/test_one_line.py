"""The `repr` of events, users and groups."""

from __future__ import annotations

import datetime
from typing import Any

import pytest
from hypothesis import Phase, given, settings

from cometconn.errors import DecodeError
from cometconn.events import (
    Gap,
    Group,
    MessageEdited,
    Overflow,
    TextMessage,
    TransientMessage,
    UnknownEvent,
    UnreadableFrame,
    User,
)
from cometconn.testing import strategies

NOON = datetime.datetime(2026, 1, 2, 12, tzinfo=datetime.UTC)
AT = "2026-01-02 12:00:00+00:00"
TEXT = TextMessage(
    id=7, category="message", sender=User("amy-2", name="Amy"), receiver=Group("hikers"), text="hello", sent_at=NOON
)


@pytest.mark.parametrize(
    ("event", "line"),
    [
        (User("amy-2", name="Amy", tags=("a",)), "User(uid='amy-2', name='Amy', tags=('a',))"),
        (Group("hikers", members_count=3), "Group(guid='hikers', members_count=3)"),
        (
            TEXT,
            f"TextMessage(id=7, sender='amy-2', receiver='hikers', text='hello', sent_at={AT}, category='message')",
        ),
        (MessageEdited(message=TEXT, by=User("zed-1")), "MessageEdited(message=TextMessage(id=7), by='zed-1')"),
        (Overflow(3), "Overflow(dropped=3)"),
        (UnknownEvent("new", {"token": "x"}), "UnknownEvent(type='new')"),
        (UnreadableFrame("x", DecodeError("no")), "UnreadableFrame(error=DecodeError('no'))"),
        (
            Gap(1.0, 2.5, ValueError("no"), True, 5, since_utc=NOON, until_utc=NOON),
            f"Gap(since=1.0, until=2.5, recovered=True, cause=ValueError('no'), until_utc={AT}, since_utc={AT}, after_id=5)",
        ),
    ],
    ids=lambda value: type(value).__name__,
)
def test_what_it_shows(event: Any, line: str) -> None:
    """What differs from the defaults, ids instead of users, and at most 200 characters."""
    assert repr(event) == line


def test_hostile_and_long_values() -> None:
    """Nothing moves the cursor, and a value of a megabyte is cut before it is formatted."""
    text = TextMessage(
        id=1, category="message", sender=User("a\x1b[2J"), receiver=User("b"), text="\u202e\r\n" * 500_000
    )
    line = repr(text)
    assert line.startswith(r"TextMessage(id=1, sender='a\x1b[2J', receiver='b', text='\u202e\r\n\u202e")
    assert len(line) <= 200
    assert line.isprintable()
    data = repr(TransientMessage(sender=User("a"), receiver=User("b"), data={"x": [["y" * 1000] * 1000] * 1000}))
    assert len(data) < 120


@given(strategies.events())
@settings(max_examples=60, phases=(Phase.generate,))
def test_it_is_one_line_whatever_the_event(event: Any) -> None:
    """Every kind of event has a line of at most 200 printable characters, which begins with the class."""
    line = repr(event)
    assert line.startswith(f"{type(event).__name__}(")
    assert len(line) <= 200
    assert line.isprintable()
