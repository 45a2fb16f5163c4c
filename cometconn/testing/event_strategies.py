"""Hypothesis strategies for events of every kind, and for the frames from which a client makes them."""

from __future__ import annotations

import datetime
import functools
from collections.abc import Callable, Mapping
from typing import Any, Final, TypeAlias

import attrs
from hypothesis import strategies as st

from cometconn import events as ev
from cometconn._arguments import checked
from cometconn._wire import kinds
from cometconn._wire.kinds import Kind, types_of
from cometconn.errors import ConnectionLostError, DecodeError, SettingsError

from .event_frames import to_frame, words_of, written_paths
from .event_values import ME, attributes, bare_receivers, groups, json_values, names, strategy_of, times, users

__all__ = ["KINDS", "events", "frames"]

Strategy: TypeAlias = "st.SearchStrategy[Any]"
Maker: TypeAlias = Callable[[str], Strategy]
"""Returns the strategy of one kind for a logged-in user's uid."""


@checked
def events(*kinds: type[ev.Event], uid: str = ME) -> st.SearchStrategy[Any]:
    """Draw events as `chat.events()` yields them: complete, valid, and with the `raw` that belongs to them.

    Args:
        kinds: the classes to draw from, where a base class stands for its subclasses; by default all, including the
            client's own markers (`Gap`, `Overflow`, `Resumed`).
        uid: the logged-in user, whose calls are the outgoing ones.

    Raises:
        SettingsError: *kinds* contains no class of events.
    """
    chosen = [kind for kind in KINDS if not kinds or issubclass(kind, kinds)]
    return st.one_of([KINDS[kind](uid) for kind in chosen]).map(_with_raw) if chosen else _refuse(kinds)


@checked
def frames(*kinds: type[ev.Event], uid: str = ME) -> st.SearchStrategy[Any]:
    """Draw frames as a server sends them: JSON objects, and for `UnreadableFrame` texts that are not.

    Send them with `Emulator.push()`, `MemoryServer.push()` or `ServerScript.say()`: the client makes of each frame the
    event from which it was made.

    Args:
        kinds: as for `events()`, but without the markers, which a server never sends.
        uid: the logged-in user.

    Raises:
        SettingsError: *kinds* contains no class of events that a server sends.
    """
    chosen = [kind for kind in KINDS if (not kinds or issubclass(kind, kinds)) and not issubclass(kind, ev.Marker)]
    return st.one_of([KINDS[kind](uid) for kind in chosen]).map(to_frame) if chosen else _refuse(kinds)


def _refuse(kinds: tuple[object, ...]) -> Strategy:
    message = f"There is nothing to draw for {kinds!r}: name classes of cometconn.events."
    raise SettingsError(message)


def _with_raw(event: Any) -> Any:
    """Return *event* with the `raw` from which a client would have made it."""
    if isinstance(event, ev.Marker | ev.UnknownEvent | ev.UnreadableFrame):
        return event
    return attrs.evolve(event, raw=to_frame(event))


# Events from the server: one strategy for each row of the table.

_WITHIN: Final = (ev.TextMessage, ev.MediaMessage, ev.CustomMessage, ev.CardMessage)
"""The classes of a message inside another event; it quotes no message."""


@functools.cache
def _sent(kind: Any, uid: str, *, within: bool = False) -> Strategy:
    return st.one_of([_of_row(row, uid, within=within) for row in kinds.KINDS if row.event is kind])


def _of_row(row: Kind, uid: str, *, within: bool) -> Strategy:
    """Draw events of this row. A message *within* another event contains no message itself."""
    event: Any = row.event
    types, places = types_of(event), written_paths(event)
    needed: dict[str, Strategy] = {}
    noted: dict[str, Strategy] = {}
    messages = st.deferred(lambda: st.one_of([_sent(kind, uid, within=True) for kind in _WITHIN]))
    for field in attrs.fields(event):
        if field.name == "raw" or (within and types[field.name] == ev.Message | None):
            continue
        strategy = _word(row, field.name)
        if strategy is None:
            strategy = strategy_of(event, field.name, types[field.name], messages)
        if (places[field.name], types[field.name]) == (("receiver",), ev.User | ev.Group):
            strategy = bare_receivers
        (needed if field.default is attrs.NOTHING or field.name in words_of(row) else noted)[field.name] = strategy
    drawn = attributes(event, needed, noted)
    if row.when is not None:
        drawn = st.builds(_belong_to, drawn, st.sampled_from(_calls(row.when)), st.just(uid), users, groups)
    return drawn.map(lambda event: _settle(event, row, uid))


def _word(row: Kind, name: str) -> Strategy | None:
    """Return what draws an attribute that selects the row, or `None` for any other attribute.

    If other rows of the same frame are selected by it, their words are not drawn.
    """
    if name in words_of(row):
        return st.sampled_from(words_of(row)[name])
    event: Any = row.event
    place = written_paths(event)[name]
    theirs = {
        word
        for other in kinds.KINDS
        if set(other.frames) & set(row.frames)
        and all(set(other.words.get(paths, ())) & set(row.words[paths]) for paths in row.words)
        for paths, known in other.words.items()
        if place in paths
        for word in known
    }
    if not theirs:
        return None
    return strategy_of(event, name, str).filter(lambda word: word not in theirs)


def _calls(when: kinds.When) -> list[tuple[bool, bool]]:
    """Return the calls that a row is for: whether they are the user's own, and whether they are in a group."""
    mine = when(True, True)  # noqa: FBT003 - all members of a group receive the frame, and the row is for some of them
    return [(mine, group) for group in (False, True) if when(mine, group)]


def _belong_to(call: Any, whose: tuple[bool, bool], uid: str, user: ev.User, group: ev.Group) -> Any:
    mine, in_group = whose
    another = user if user.uid != uid else attrs.evolve(user, uid=f"not {uid}")
    return attrs.evolve(call, initiator=ev.User(uid) if mine else another, receiver=group if in_group else user)


def _settle(event: Any, row: Kind, uid: str) -> Any:
    """Return *event* with those attributes equal that a frame contains only once."""
    if isinstance(event, ev.GroupAction):
        own = isinstance(event, ev.GroupMemberJoined | ev.GroupMemberLeft)
        event = attrs.evolve(event, sender=event.by, user=event.by if own else event.user, receiver=event.group)
    if isinstance(event, ev.MediaMessage) and event.url is None and event.attachments:
        event = attrs.evolve(event, url=event.attachments[0].url)
    if isinstance(event, ev.Message):
        quoted = event.quoted_message_id if event.quoted_message is None else event.quoted_message.id
        mentioned = any(user.uid == uid for user in event.mentions)
        event = attrs.evolve(event, quoted_message_id=quoted, has_mentioned_me=mentioned)
    if isinstance(event, ev.MessageModerated):
        event = attrs.evolve(event, message=attrs.evolve(event.message, moderation_status=event.status))
    for name, parts in row.inner.items():
        known = {part: word[1:] for part, word in parts.items() if word.startswith("=")}
        event = attrs.evolve(event, **{name: attrs.evolve(getattr(event, name), **known)})
    return _with_what_is_inside(event)


def _with_what_is_inside(event: Any) -> Any:
    """Return *event* with each attribute that is a whole object of the frame containing the attributes inside it."""
    kind: Any = type(event)
    places = written_paths(kind)
    for name, place in places.items():
        inside = [other for other in places.values() if other[: len(place)] == place != other]
        if isinstance(getattr(event, name), Mapping) and inside:
            whole: Any = to_frame(event)
            whole = whole["body"]
            for key in place:
                whole = whole.get(key, {})
            event = attrs.evolve(event, **{name: whole})
    return event


# Markers, unknown events and unreadable frames.

_seconds = st.floats(0, 1e6, allow_nan=False)


def _gap(since: float, length: float, recovered: bool | None, until_utc: datetime.datetime) -> ev.Gap:  # noqa: FBT001 - drawn
    since_utc = until_utc - datetime.timedelta(seconds=length)
    cause = ConnectionLostError("The connection was lost.")
    return ev.Gap(since, since + length, cause, recovered, since_utc=since_utc, until_utc=until_utc)


_gaps: Strategy = st.builds(_gap, _seconds, st.floats(0, 1e5), st.sampled_from([True, None, False]), times)
_unknown: Strategy = st.builds(
    lambda word, body: ev.UnknownEvent(f"novel_{word}", {"type": f"novel_{word}", "body": body}), names, json_values
)
_NOT_JSON: Final = ("", "this is not JSON", "{", "[]", '"text"', "null", '{"type": 1}', '{"type": "message"}')
_unreadable: Strategy = st.sampled_from(_NOT_JSON).map(
    lambda text: ev.UnreadableFrame(text, DecodeError("The frame cannot be read."))
)

_MARKERS: Final[Mapping[type[ev.Event], Strategy]] = {
    ev.Gap: _gaps,
    ev.Overflow: st.integers(1, 10_000).map(ev.Overflow),
    ev.Resumed: _seconds.map(ev.Resumed),
    ev.UnknownEvent: _unknown,
    ev.UnreadableFrame: _unreadable,
}


def _maker(kind: Any) -> Maker:
    return lambda uid: _MARKERS[kind] if kind in _MARKERS else _sent(kind, uid)


KINDS: Final[Mapping[type[ev.Event], Maker]] = {
    kind: _maker(kind) for kind in (*dict.fromkeys(row.event for row in kinds.KINDS), *_MARKERS)
}
"""The strategy of each kind. A test requires that every class of events is here."""
