"""Hypothesis strategies for what events are made of: people, words, numbers, times, JSON."""

from __future__ import annotations

import datetime
from typing import TYPE_CHECKING, Any, Final

from hypothesis import strategies as st

from cometconn.events import Group, User

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = [
    "ME",
    "attributes",
    "bare_receivers",
    "counts",
    "groups",
    "ids",
    "json_objects",
    "json_values",
    "names",
    "receivers",
    "texts",
    "times",
    "users",
    "words",
]

ME: Final = "zed-1"
"""The logged-in user, unless another is named."""

_UIDS: Final = (ME, "amy-2", "bob-3", "uid with ünicode")
_LARGEST: Final = 2**53
_EARLIEST, _LATEST = 946_684_800, 4_102_444_800  # the years 2000 and 2100

# No half of a surrogate pair: it has no place in a text frame.
texts: st.SearchStrategy[str] = st.one_of(
    st.sampled_from(["hello", "", "\N{THUMBS UP SIGN}", "two\nlines", "\x00", "x" * 300]),
    st.text(st.characters(exclude_categories=["Cs"]), max_size=20),
)
"""What people write: anything that JSON can hold."""
words: st.SearchStrategy[str] = st.one_of(
    st.sampled_from(["", "a", "b-1"]), st.text(st.characters(exclude_categories=["Cs"]), max_size=8)
)
"""Short, and perhaps empty."""
names: st.SearchStrategy[str] = words.filter(bool)
"""Short, and not empty."""
ids: st.SearchStrategy[int] = st.integers(1_000_000, _LARGEST)
"""Numbers of messages: far from those that a test's own server gives, because a client drops what it has seen."""
counts: st.SearchStrategy[int] = st.integers(0, _LARGEST)
"""How many."""
times: st.SearchStrategy[datetime.datetime] = st.integers(_EARLIEST, _LATEST).map(
    lambda seconds: datetime.datetime.fromtimestamp(seconds, datetime.UTC)
)
"""Whole seconds, UTC, as CometChat stamps."""
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
json_objects: st.SearchStrategy[Any] = st.dictionaries(words, json_values, max_size=2)
"""The data of apps."""


def attributes(
    kind: type[Any], needed: Mapping[str, st.SearchStrategy[Any]], noted: Mapping[str, st.SearchStrategy[Any]]
) -> st.SearchStrategy[Any]:
    """Draw objects of a class, with the attributes *needed* and some of those *noted*."""
    return st.fixed_dictionaries(dict(needed), optional=dict(noted)).map(lambda drawn: kind(**drawn))


users: st.SearchStrategy[Any] = attributes(
    User,
    {"uid": st.sampled_from(_UIDS)},
    {
        "name": texts,
        "role": words,
        "avatar": texts,
        "status": st.sampled_from(["online", "offline"]),
        "metadata": json_objects,
        "link": texts,
        "last_active_at": times,
        "tags": st.lists(words, max_size=2).map(tuple),
        "has_blocked_me": st.booleans(),
        "blocked_by_me": st.booleans(),
        "created_at": times,
        "deactivated_at": times,
    },
)
"""Users, described to some extent."""
groups: st.SearchStrategy[Any] = attributes(
    Group,
    {"guid": st.sampled_from(["hikers", "a group"])},
    {
        "name": texts,
        "type": st.sampled_from(["public", "private", "password"]),
        "owner": names,
        "icon": texts,
        "description": texts,
        "members_count": counts,
        "scope": st.sampled_from(["participant", "moderator", "admin", "owner"]),
        "has_joined": st.booleans(),
        "metadata": json_objects,
        "tags": st.lists(words, max_size=2).map(tuple),
        "created_at": times,
    },
)
"""Groups, described to some extent."""
receivers: st.SearchStrategy[Any] = st.one_of(users, groups)
"""Whom a message goes to."""
bare_receivers: st.SearchStrategy[Any] = st.one_of(
    st.sampled_from(_UIDS).map(User), st.sampled_from(["hikers", "a group"]).map(Group)
)
"""Whom a signal goes to: it says no more than the id."""
