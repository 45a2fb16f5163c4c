"""Every detail is frozen, documented, and has a description."""

from __future__ import annotations

import inspect
import re
import subprocess
import sys

import attrs
import pytest

from cometconn import Reason, instrumentation
from cometconn.instrumentation import (
    DeadlineMoved,
    Detail,
    DetailsDropped,
    EventsDropped,
    EventsReceived,
    GapMarked,
    PageFetched,
    StatusChanged,
    in_words,
)

from .examples import KINDS, example


def test_the_names_are_sorted_and_documented() -> None:
    """Each public name can be imported and has a docstring."""
    assert sorted(instrumentation.__all__) == instrumentation.__all__
    assert all(getattr(instrumentation, name).__doc__ for name in instrumentation.__all__)
    assert {kind.__name__ for kind in KINDS} < set(instrumentation.__all__)


@pytest.mark.parametrize("kind", [Detail, *KINDS], ids=lambda kind: kind.__name__)
def test_each_is_frozen_and_every_field_is_documented(kind: type[Detail]) -> None:
    """No field can be changed, and the docstring describes every field that the class adds."""
    detail = example(kind)
    with pytest.raises(attrs.exceptions.FrozenInstanceError):
        detail.at = 0.0  # type: ignore[misc]
    own = [field.name for field in attrs.fields(kind) if not field.inherited]
    documented = re.findall(r"^ {4}([\w, ]+):", inspect.cleandoc(kind.__doc__ or ""), re.MULTILINE)
    assert [name for names in documented for name in names.split(", ")] == own


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
def test_each_has_a_description(kind: type[Detail]) -> None:
    """It has more than one word and no placeholder left."""
    words = in_words(example(kind))
    assert len(words.split()) > 1
    assert "{" not in words


def test_descriptions_that_depend_on_values() -> None:
    """The description depends on whether there is a deadline, on what a gap recovered, and on the reason of a status."""
    assert in_words(example(DeadlineMoved)) == "the lease has no deadline"
    assert in_words(example(DeadlineMoved, deadline=40.0, left=30.0)) == "the lease ends in 30.0 s"
    assert in_words(example(GapMarked, since=1.0, until=3.5, recovered=True)) == "a gap of 2.5 s, recovered"
    assert in_words(example(GapMarked, since=1.0, until=3.5, recovered=False)).endswith("may be missing")
    assert in_words(example(GapMarked, since=1.0, until=3.5, recovered=None)).endswith("messages follow")
    assert in_words(example(StatusChanged, reason=Reason.LOGGED_OUT)) == "disconnected: logged_out"
    assert in_words(example(StatusChanged, status="waiting", attempt=2, reason=None)) == "waiting, attempt 2"


@pytest.mark.parametrize(
    ("detail", "words"),
    [
        (example(EventsReceived, events=1, duplicates=0), "1 event came, 0 of them twice"),
        (example(EventsReceived, events=2, duplicates=1), "2 events came, 1 of them twice"),
        (example(EventsDropped, dropped=1), "a full stream lost 1 event"),
        (example(EventsDropped, dropped=0), "a full stream lost 0 events"),
        (example(PageFetched, messages=1), "1 missed message was fetched"),
        (example(PageFetched, messages=2), "2 missed messages were fetched"),
        (example(DetailsDropped, dropped=1), "1 detail was dropped"),
        (example(DetailsDropped, dropped=2), "2 details were dropped"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_descriptions_count_one_and_more(detail: Detail, words: str) -> None:
    """A noun has its plural for each number but one."""
    assert in_words(detail) == words


def test_without_hooks_the_package_is_not_loaded() -> None:
    """`import cometconn` imports no module of `cometconn.instrumentation`."""
    code = "import cometconn, sys; print(*[name for name in sys.modules if 'cometconn.instr' in name])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=120)
    assert done.stdout.strip() == ""
