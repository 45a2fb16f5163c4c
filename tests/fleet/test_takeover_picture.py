"""The picture of a takeover in the documentation."""

from __future__ import annotations

import functools
import pathlib
import xml.etree.ElementTree as ET

from cometconn.fleet import FleetSettings

from . import takeover

PICTURE = pathlib.Path(__file__).parents[2] / "docs" / "takeover.svg"
recorded = functools.cache(takeover.record)


def test_the_picture_is_of_this_version() -> None:
    """It equals that of the takeover, run again: `python -m tests.fleet.takeover docs/takeover.svg`."""
    assert takeover.draw(recorded()) == PICTURE.read_text(encoding="utf-8")


def test_the_picture_shows_a_takeover() -> None:
    """Only the killed worker's accounts are without a connection, from the kill until its lease is over."""
    seen = recorded()
    moved = {uid: spans for uid, spans in seen.connected.items() if len(spans) > 1}
    assert 0 < len(moved) < takeover.ACCOUNTS
    for (_, ends, old), (begins, _, new) in moved.values():
        assert (old, new != "w1") == ("w1", True)
        assert takeover.KILLED_AT == ends < seen.lease_over <= begins <= seen.back
    assert seen.back - takeover.KILLED_AT <= FleetSettings().lease_ttl + 5.0
    kept = [spans for uid, spans in seen.connected.items() if uid not in moved]
    assert kept == [[(0.0, takeover.ENDS_AT, spans[0][2])] for spans in kept]
    meanwhile = [at for uid in moved for sent, at in seen.messages[uid] if takeover.KILLED_AT < sent < seen.lease_over]
    assert meanwhile
    assert all(seen.lease_over < at < seen.back + 0.5 for at in meanwhile)


def test_the_picture_is_xml_with_its_words() -> None:
    """Its title and texts, without a place outside of the picture."""
    root = ET.fromstring(PICTURE.read_text(encoding="utf-8"))  # noqa: S314 - our own
    words = " ".join(root.itertext())
    for part in ("Nine accounts on three workers", "w1 is killed", "its lease is over", "all are connected again"):
        assert part in words
