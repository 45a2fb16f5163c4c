"""Our words: those of the table of kinds, sorted into the same groups."""

from __future__ import annotations

from collections.abc import Mapping

from cometconn._wire import kinds

from .theirs import ENUM, GROUPS, LISTENER

_GROUP_OF_KEY = {"category": "category", "type": "message type", "action": "action", "status": "call status"}


def our_words() -> Mapping[str, frozenset[str]]:
    """Return every word that the table compares with what comes in, and the listener that each row names."""
    words: dict[str, set[str]] = {group: set() for group in (*GROUPS, LISTENER, ENUM)}
    for kind in kinds.KINDS:
        words["frame type"].update(kind.frames)
        words[LISTENER].add(kind.listener)
        for paths, said in kind.words.items():
            streamed = list(kind.frames) == ["streamed_message"]
            words["streamed type" if streamed else _GROUP_OF_KEY[paths[0][-1]]].update(said)
        # A user who is online has a status that follows from the kind: `=online`.
        fixed = [place for places in kind.inner.values() for place in places.values() if place.startswith("=")]
        words["action"].update(place[1:] for place in fixed)
    return {group: frozenset(found) for group, found in words.items()}
