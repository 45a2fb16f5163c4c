"""Hypothesis strategies for the attributes of events: users, groups, texts, numbers, times, JSON."""

from __future__ import annotations

import datetime
import types
import typing
from collections.abc import Mapping, Sequence
from typing import Any, Final

import attrs
from hypothesis import strategies as st

from cometconn._wire.kinds import KINDS, paths_of, types_of
from cometconn.events import Call, Conversation, FeedItem, Group, GroupAction, MediaMessage, Message, User

__all__ = [
    "ME",
    "attributes",
    "bare_receivers",
    "groups",
    "json_objects",
    "json_values",
    "names",
    "objects",
    "strategy_of",
    "times",
    "users",
]

ME: Final = "zed-1"
"""The logged-in user, unless another is named."""

_UIDS: Final = (ME, "amy-2", "bob-3", "uid with ünicode")
_GUIDS: Final = ("hikers", "a group")
_CLASSES: Final[Sequence[Any]] = [kind.event for kind in KINDS]
_KEYS: Final = frozenset(path[-1] for kind in _CLASSES for paths in paths_of(kind).values() for path in paths if path)
"""Names that an app's data cannot have because CometChat uses them, such as `fallbackText` in the data of a card."""
_LARGEST: Final = 2**53
_EARLIEST, _LATEST = 946_684_800, 4_102_444_800  # the years 2000 and 2100

# Without halves of surrogate pairs, which a text frame cannot contain.
texts: st.SearchStrategy[str] = st.one_of(
    st.sampled_from(["hello", "", "\N{THUMBS UP SIGN}", "two\nlines", "\x00", "x" * 300]),
    st.text(st.characters(exclude_categories=["Cs"]), max_size=20),
)
"""Texts of messages: anything that JSON can contain."""
words: st.SearchStrategy[str] = st.one_of(
    st.sampled_from(["", "a", "b-1"]), st.text(st.characters(exclude_categories=["Cs"]), max_size=8)
)
"""Short texts, which may be empty."""
names: st.SearchStrategy[str] = words.filter(bool)
"""Short texts that are not empty."""
ids: st.SearchStrategy[int] = st.integers(1_000_000, _LARGEST)
"""Ids of messages, larger than those that a test's own server assigns, because a client drops ids that it has seen."""
counts: st.SearchStrategy[int] = st.integers(0, _LARGEST)
"""Numbers of things."""
times: st.SearchStrategy[datetime.datetime] = st.integers(_EARLIEST, _LATEST).map(
    lambda seconds: datetime.datetime.fromtimestamp(seconds, datetime.UTC)
)
"""Times in whole seconds, UTC, as CometChat's timestamps are."""
json_values: st.SearchStrategy[Any] = st.recursive(
    st.one_of(
        st.none(),
        st.booleans(),
        st.integers(-_LARGEST, _LARGEST),
        st.floats(allow_nan=False, allow_infinity=False),
        words,
    ),
    lambda inner: st.one_of(st.lists(inner, max_size=2), st.dictionaries(words, inner, max_size=2)),
    max_leaves=4,
)
"""Any JSON value."""
json_objects: st.SearchStrategy[Any] = st.dictionaries(
    words.filter(lambda word: word not in _KEYS), json_values, max_size=2
)
"""The apps' own data."""


def attributes(
    kind: type[Any], needed: Mapping[str, st.SearchStrategy[Any]], noted: Mapping[str, st.SearchStrategy[Any]]
) -> st.SearchStrategy[Any]:
    """Draw objects of a class with all attributes in *needed* and some of those in *noted*."""
    return st.fixed_dictionaries(dict(needed), optional=dict(noted)).map(lambda drawn: kind(**drawn))


_USUAL: Final[Mapping[tuple[type[Any], str], Sequence[str]]] = {
    (User, "uid"): _UIDS,
    (User, "status"): ("online", "offline"),
    (Group, "guid"): _GUIDS,
    (Group, "type"): ("public", "private", "password"),
    (Group, "scope"): ("participant", "moderator", "admin", "owner"),
    (MediaMessage, "type"): ("image", "video", "audio", "file", ""),
    (Call, "type"): ("audio", "video"),
    (GroupAction, "type"): ("groupMember",),
    (Conversation, "conversation_type"): ("user", "group"),
    (FeedItem, "receiver_type"): ("user", "group"),
}
"""Attributes with a few possible values, in a class and its subclasses."""
_PLAIN: Final[Mapping[Any, st.SearchStrategy[Any]]] = {
    bool: st.booleans(),
    datetime.datetime: times,
    Any: json_values,
    Mapping[str, Any]: json_objects,
}


def strategy_of(
    kind: type[Any], name: str, declared: Any, messages: st.SearchStrategy[Any] | None = None
) -> st.SearchStrategy[Any]:
    """Return the strategy for an attribute.

    Args:
        kind: the class.
        name: the attribute's name.
        declared: the attribute's type.
        messages: the strategy for messages inside the attribute; needed only if it contains messages.

    Raises:
        KeyError: there is no strategy for this type.
    """
    parts = [part for part in typing.get_args(declared) if part is not type(None)]
    usual = next((_USUAL[base, name] for base in kind.__mro__ if (base, name) in _USUAL), None)
    if usual is not None:
        drawn: st.SearchStrategy[Any] = st.sampled_from(usual)
    elif typing.get_origin(declared) is tuple:
        key = (lambda user: user.uid) if parts[0] is User else None
        drawn = st.lists(strategy_of(kind, name, parts[0], messages), max_size=2, unique_by=key).map(tuple)
    elif isinstance(declared, types.UnionType):  # attributes() decides whether the attribute is set at all
        drawn = st.one_of([strategy_of(kind, name, part, messages) for part in parts])
    elif declared is Message and messages is not None:
        drawn = messages
    elif attrs.has(declared):
        drawn = objects(declared, messages)
    elif declared is int or declared is str:
        drawn = _number_or_text(kind, name, declared)
    else:
        drawn = _PLAIN[declared]
    return drawn


def _number_or_text(kind: type[Any], name: str, declared: type[Any]) -> st.SearchStrategy[Any]:
    is_id = name == "id" or name.endswith(("_id", "_by"))
    if declared is int:
        return ids if is_id else counts
    return names if is_id or attrs.fields_dict(kind)[name].default is attrs.NOTHING else texts


def objects(kind: Any, messages: st.SearchStrategy[Any] | None = None) -> st.SearchStrategy[Any]:
    """Draw objects of a class that is not an event, with some of their optional attributes set."""
    needed: dict[str, st.SearchStrategy[Any]] = {}
    noted: dict[str, st.SearchStrategy[Any]] = {}
    for field in attrs.fields(kind):
        strategy = strategy_of(kind, field.name, types_of(kind)[field.name], messages)
        (needed if field.default is attrs.NOTHING else noted)[field.name] = strategy
    return attributes(kind, needed, noted)


users: Final = objects(User)
"""Users with some of their optional attributes set."""
groups: Final = objects(Group)
"""Groups with some of their optional attributes set."""
bare_receivers: st.SearchStrategy[Any] = st.one_of(st.sampled_from(_UIDS).map(User), st.sampled_from(_GUIDS).map(Group))
"""Receivers of signals, of which the frame contains only the id."""
