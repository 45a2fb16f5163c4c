"""CometChat's words: the values of the constants of its SDKs, sorted into groups by the form of their names."""

from __future__ import annotations

import re
from collections.abc import Mapping

from . import bundle

# A group of words, and the names under which CometChat keeps such words. The first name of most is left open:
# a new constant of the same shape, such as `NEW_KIND = {TYPE: "new_kind"}`, is found whatever its name is.
GROUPS: Mapping[str, re.Pattern[str]] = {
    group: re.compile("|".join(shapes))
    for group, shapes in {
        "frame type": (r"(?!\w*KEYS)\w+\.TYPE", r"(\w+_)?TYPES", r"WS_TYPE_\w+"),
        "category": (r"\w+\.CATEGORY\.\w+", r"MessageCategory\.\w+"),
        "message type": (
            r"\w+\.TYPE\.\w+",
            r"\w+\.CALL_TYPE\.\w+",
            r"\w+\.ACTIONS\.TYPE_\w+",
            r"\w+\.ACTION_TYPE\.TYPE_MESSAGE",
            r"AttachmentType\.\w+",
        ),
        "action": (
            r"\w+\.ACTION\.\w+",
            r"(\w+\.)?(\w+_)?ACTIONS\.(?!TYPE_)\w+",
            r"\w+\.ACTION_TYPE\.(?!TYPE_MESSAGE$)\w+",
            r"\w+_ACTION\.\w+",
            r"WS_ACTION_\w+",
            r"\w+\.STATUS\.\w+",  # of users: the words of presence
        ),
        "call status": (r"\w+\.CALL_STATUS\.\w+",),
        "streamed type": (r"\w+_EVENTS\.\w+",),
    }.items()
}
LISTENER, ENUM = "listener", "enum"


def their_words(javascript: str, typings: str = "") -> Mapping[str, frozenset[str]]:
    """Return the words of an SDK's bundle by their groups.

    Enums that belong to none of the groups are all in the group `enum`. They are also looked for in the type
    declarations, so that one which the bundle's reader overlooked is found there.
    """
    read = bundle.read(javascript)
    words: dict[str, set[str]] = {group: set() for group in (*GROUPS, LISTENER, ENUM)}
    enums = [(".".join(member.names), member.word) for member in read.enums] + _declared_enums(typings)
    for names, word in enums:
        words[_group(names) or ENUM].add(word)
    for constant in read.constants:
        group = _group(".".join(constant.names))
        if group:
            words[group].add(constant.word)
    words[LISTENER] = set(read.listeners)
    return {group: frozenset(found) for group, found in words.items()}


def _group(names: str) -> str | None:
    return next((group for group, shape in GROUPS.items() if shape.fullmatch(names)), None)


def _declared_enums(typings: str) -> list[tuple[str, str]]:
    """Return the members that have a text, of the enums in TypeScript's declarations."""
    return [
        (f"{name}.{member}", word)
        for name, body in re.findall(r"\benum (\w+) \{(.*?)\}", typings, re.DOTALL)
        for member, word in re.findall(r"(\w+) = \"(.*?)\"", body)
    ]
