"""Every attribute of every class, with every wrong value: an optional one gets its default, a needed one loses the frame.

The attributes come from the classes and from the table of paths; what a value must become is written here by hand.
"""

from __future__ import annotations

import copy
import datetime
import functools
import itertools
import json
import math
import re
import typing
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import attrs
import pytest

from cometconn import events
from cometconn._wire.decoder import Decoder, decode_user
from cometconn._wire.kinds import KINDS, OWN_KEY, JsonPath, paths_of, types_of
from cometconn.errors import DecodeError

from .conftest import GOLDEN, golden

WRITTEN: list[tuple[str, Any]] = [
    ("7", 7),
    ("-1.5", -1.5),
    ("true", True),
    ('"words"', "words"),
    ('""', ""),
    ('"Invalid date"', "Invalid date"),
    ("[]", []),
    ("{}", {}),
    ("[1]", [1]),
    ('{"a": 1}', {"a": 1}),
    ('"1800000200"', "1800000200"),
    ("1800000200123", 1800000200123),
    ('"1800000200123"', "1800000200123"),
    ('"false"', "false"),
    ('"\\ud83d"', "\ufffd"),
    ("NaN", math.nan),
    ("1e999", math.inf),
    ("9" * 5000, math.inf),
    (
        '{"a": ' + "[" * 60 + "NaN" + "]" * 60 + "}",
        {"a": functools.reduce(lambda inner, _: [inner], range(60), math.nan)},
    ),
]
"""Wrong values as they would be written, and what JavaScript makes of them."""
NO = object()
"""What cannot be read."""
_FLAGS = {"true": True, "false": False, "1": True, "0": False}


def clean(value: Any) -> Any:
    """Return *value* as what has a JSON form: no number is infinite."""
    if isinstance(value, list):
        return [clean(item) for item in value]
    if isinstance(value, dict):
        return {key: clean(item) for key, item in value.items()}
    return None if isinstance(value, float) and not math.isfinite(value) else value


def _as_number(value: Any) -> Any:
    whole = re.fullmatch(r"-?\d{1,19}", str(value)) and not isinstance(value, bool)
    return int(value) if whole else NO


def _as_flag(value: Any) -> Any:
    return value if isinstance(value, bool) else _FLAGS.get(value, NO) if isinstance(value, str) else NO


def _as_time(value: Any) -> Any:
    if isinstance(value, bool) or not re.fullmatch(r"-?\d{1,19}(\.\d+)?", str(value)):
        return NO
    seconds = float(value) / (1000 if abs(float(value)) > 1e11 else 1)
    return datetime.datetime.fromtimestamp(seconds, datetime.UTC)


def _as_person(kind: Any, value: Any, *, to_group: bool) -> Any:
    group = to_group and kind not in (events.User, events.User | None)
    if not isinstance(value, str) or not value or (kind is events.Group and not group):
        return NO
    return (events.Group if group else events.User)(value)


_SCALARS: dict[Any, Callable[[Any], Any]] = {
    Any: clean,
    **{kind: lambda value: value if isinstance(value, str) else NO for kind in (str, str | None)},
    **dict.fromkeys((int, int | None), _as_number),
    bool: _as_flag,
    datetime.datetime | None: _as_time,
}
_PERSONS = (events.User, events.User | None, events.Group, events.User | events.Group)
_WITHOUT_NEEDS = (events.Conversation, events.FeedItem, events.ToolCall)


def meaning(kind: Any, value: Any, *, to_group: bool) -> Any:
    """Return what *value* is as a *kind*, or `NO`; by hand, and not as the decoders find it."""
    if kind in _SCALARS:
        return _SCALARS[kind](value)
    if typing.get_origin(kind) is Mapping:
        return clean(value) if isinstance(value, dict) else {} if value == [] else NO
    if typing.get_origin(kind) is tuple:
        return () if value == [] or (value == {} and kind == tuple[events.User, ...]) else NO
    if kind in _PERSONS:
        return _as_person(kind, value, to_group=to_group)
    return kind() if kind in _WITHOUT_NEEDS and isinstance(value, dict) else NO


@attrs.frozen(eq=False)
class Spot:
    """One attribute of an object somewhere in an event, and where it stands in the frame."""

    chain: tuple[str | int, ...]  # the way to it from the event
    owner: type[Any]
    name: str
    paths: tuple[JsonPath, ...]  # in its object, as they are reported
    places: tuple[tuple[str | int, ...] | None, ...]  # in the frame; `None` without an envelope
    around: Spot | None  # the attribute that its object is in

    @property
    def default(self) -> Any:
        """What it is without a value; `attrs.NOTHING` if it must have one."""
        default = attrs.fields_dict(self.owner)[self.name].default
        return default.factory() if isinstance(default, attrs.Factory) else default  # type: ignore[arg-type]

    def told(self, at: int) -> str:
        """The text that is reported when the value at path number *at* cannot be decoded."""
        return f"{self.owner.__name__} {'.'.join(key for key in self.paths[at] if key != '^')}"


def look_up(value: Any, way: tuple[str | int, ...]) -> Any:
    """Return what is at *way* in a JSON value; `None` if nothing is."""
    for key in way:
        try:
            value = value[int(key) if isinstance(value, list) else key]
        except (KeyError, IndexError, TypeError, ValueError):
            return None
    return value


def put(frame: Any, way: tuple[str | int, ...], value: Any) -> None:
    """Write *value* at *way*, inside new objects where there are none."""
    for key, after in itertools.pairwise(way):
        key = int(key) if isinstance(frame, list) else key
        if not isinstance(frame, list) and not isinstance(frame.get(key), dict | list):
            frame[key] = [{}] if after == "0" else {}
        frame = frame[key]
    frame[way[-1]] = value


def spots(subject: Any, frame: Any, at: tuple[str | int, ...], around: Spot | None = None) -> Iterator[Spot]:
    """Go through all the attributes of an event, and of the objects in it."""
    for name, paths in paths_of(type(subject)).items():
        if OWN_KEY in paths[0]:
            continue  # the presence of a key can always be read
        places = tuple((*at, *path) if path[:1] != ("^",) else path[1:] if around is None else None for path in paths)
        spot = Spot((*(around.chain if around else ()), name), type(subject), name, paths, places, around)
        yield spot
        value = getattr(subject, name)
        inside = ((place, look_up(frame, place)) for place in places if place is not None)
        place, written = next(((place, value) for place, value in inside if isinstance(value, dict | list)), ((), None))
        if written is not None and attrs.has(type(value)):
            yield from spots(value, frame, place, spot)
        elif written and isinstance(value, tuple):
            for number, key in enumerate(written if isinstance(written, dict) else range(len(written))):
                if attrs.has(type(value[number])):
                    inner = attrs.evolve(spot, chain=(*spot.chain, number))
                    yield from spots(value[number], frame, (*place, key), inner)


def read(frame: Any, written: str | None = None) -> tuple[Any, list[str]]:
    """Decode a frame, with *written* where it has `"PLACE"`; return the event, and what was reported."""
    told: list[Any] = []
    text = json.dumps(frame)
    text = text if written is None else text.replace('"PLACE"', written)
    event: Any = Decoder(None, None, on_unread=told.append).decode(text)
    if isinstance(event, events.UnreadableFrame):
        assert (told, event.raw) == ([event], text)
        return event, []
    return event, [words for one in told for words in one]


@functools.cache
def todo() -> Mapping[str, list[Spot]]:
    """Return, for each golden frame, what is to be broken in it: each attribute of each class once, and not its words."""
    found: dict[str, list[Spot]] = {}
    seen = set()
    for path in sorted(GOLDEN.glob("s2c-*.json")):
        for example in golden(path.stem):
            found[json.dumps(example["frame"])] = kept = []
            event, _ = read(example["frame"])
            if not isinstance(event, events.Event):
                continue
            for spot in spots(event, example["frame"], ("body",)):
                rows = [row for row in KINDS if row.event is spot.owner]
                words = {path for row in rows for paths in row.words for path in paths}
                key = (spot.owner, spot.name, spot.around and spot.around.name)
                if key not in seen and not words.intersection(spot.paths):
                    seen.add(key)
                    kept.append(spot)
    return found


def at(value: Any, chain: tuple[str | int, ...]) -> Any:
    """Return the attribute of an attribute of an event."""
    for step in chain:
        value = value[step] if isinstance(step, int) else getattr(value, step)
    return value


def differing(one: Any, other: Any, chain: tuple[str | int, ...] = ()) -> Iterator[tuple[str | int, ...]]:
    """Return the way to everything that is not the same in two events, but for `raw`."""
    if attrs.has(type(one)) and type(one) is type(other):
        for field in attrs.fields(type(one)):
            if field.name != "raw":
                yield from differing(getattr(one, field.name), getattr(other, field.name), (*chain, field.name))
    elif isinstance(one, tuple) and isinstance(other, tuple) and len(one) == len(other):
        for number, (first, second) in enumerate(zip(one, other, strict=True)):
            yield from differing(first, second, (*chain, number))
    elif one != other:
        yield chain


Chains = dict[tuple[str | int, ...], bool]


def chains_at(whole: Any, frame: Any, places: list[tuple[str | int, ...]]) -> Chains:
    """Return the way to every attribute, and whether it stands at one of *places*, or around that, or within."""
    chains: Chains = {}
    hit = [[str(key) for key in place] for place in places]
    for spot in spots(whole, frame, ("body",)):
        ways = [[str(key) for key in place] for place in spot.places if place is not None]
        chains[spot.chain] = chains.get(spot.chain, False) or any(
            way[: len(broken)] == broken or broken[: len(way)] == way for broken in hit for way in ways
        )
    return chains


def check_the_others(event: Any, base: Any, chains: Chains) -> None:
    """Hold that nothing else differs."""
    for chain in differing(event, base):
        known = next(chain[:length] for length in range(len(chain), 0, -1) if chain[:length] in chains)
        assert chains[known], chain


def check(spot: Spot, number: int, frame: Any) -> None:
    """Break an attribute of a golden frame at one of its places, in every way."""
    place = spot.places[number]
    assert place is not None
    whole, _ = read(frame)
    bare = copy.deepcopy(frame)
    for other in spot.places:
        if other is not None and look_up(bare, other) is not None and other != ("body",):
            del look_up(bare, other[:-1])[other[-1]]
    put(bare, place, "PLACE")
    missing = copy.deepcopy(bare)
    del look_up(missing, place[:-1])[place[-1]]
    base, told_before = read(missing)
    body = look_up(frame, ("body",)) if spot.around is None else look_up(frame, place[: -len(spot.paths[number])])
    receiver_type = body.get("receiverType") or (frame.get("receiverType") if spot.around is None else None)
    kind, default = types_of(spot.owner)[spot.name], spot.default
    ours = isinstance(whole, events.Presence) and spot.chain in {("user", "status"), ("user", "last_active_at")}
    if default is not attrs.NOTHING:
        assert type(base) is type(whole)
        assert ours or at(base, spot.chain) == default
    by_one = chains_at(whole, frame, [place])
    by_all = chains_at(whole, frame, [place for place in spot.places if place is not None])
    for written, value in WRITTEN:
        means = meaning(kind, value, to_group=receiver_type == "group")
        event, told = read(bare, written)
        more = list(told)
        for words in told_before:
            if words in more:
                more.remove(words)
        if not isinstance(event, events.UnreadableFrame):
            whole_frame = copy.deepcopy(bare)
            put(whole_frame, place, value)
            assert repr(event.raw) == repr(whole_frame)
        if means is not NO:
            assert type(event) is type(whole), written
            made = at(event, spot.chain)
            assert ours or made == means or (spot.chain == ("user",) and made.uid == means.uid), written
            assert spot.told(number) not in more
            check_the_others(event, whole, by_all)
        elif default is not attrs.NOTHING:
            assert type(event) is type(whole), written
            assert at(event, spot.chain) == at(base, spot.chain), written
            check_the_others(event, base, by_one)
            empty = value == "" and kind in (events.User | None, events.User | events.Group)
            assert (spot.told(number) in more) is not empty, written
        else:
            check_needed(spot, number, event, told, written)


def check_needed(spot: Spot, number: int, event: Any, told: list[str], written: str) -> None:
    """Hold that what needs the attribute is not there: the attribute that its object is in, or the event."""
    place = spot.places[number]
    assert place is not None
    outer: Spot | None = spot
    while outer is not None:
        is_told = any(outer.told(other) in told for other in range(len(outer.paths)))
        if outer.default is not attrs.NOTHING:
            own = outer.chain[:-1] if isinstance(outer.chain[-1], int) else outer.chain
            assert is_told, written
            assert len(outer.paths) > 1 or at(event, own) == outer.default, written
            return
        if is_told and not isinstance(event, events.UnreadableFrame):
            return  # the next of its places was read
        outer = outer.around
    first = next(other for other in spot.places if other is not None)
    assert event.error.path[: len(place)] == place or (written == '""' and event.error.path == first), written


def test_an_attribute_that_cannot_be_read(received: dict[str, Any]) -> None:
    """An attribute that cannot be decoded gets its default and is reported, all else is unchanged; without a default, the frame is unreadable."""
    frame = received["frame"]
    for spot in todo()[json.dumps(frame)]:
        for number, place in enumerate(spot.places):
            if place is not None and place != ("body",):
                check(spot, number, frame)


def test_every_class_is_broken() -> None:
    """The golden frames have an object of every class that comes in frames. Members of groups come over REST: tests/rest."""
    broken = {spot.owner for kept in todo().values() for spot in kept} | {events.GroupMember}
    parts = {getattr(events, name) for name in events.__all__ if name != "as_json"} - {
        events.UnknownEvent,
        events.UnreadableFrame,
    }
    bases = {base for kind in parts for base in kind.__mro__[1:]} - {events.AIAssistantEvent}
    assert broken == {kind for kind in parts - bases if not issubclass(kind, events.Marker)}


@pytest.mark.parametrize("name", [name for name in paths_of(events.User) if name != "uid"])
def test_the_own_user_needs_a_uid_only(name: str) -> None:
    """The user in the response of `PUT /me` needs only a uid: with any other fault the login succeeds."""
    [[key]] = paths_of(events.User)[name]
    for written, value in WRITTEN:
        user = decode_user({"uid": "zed-1", key: value})
        means = meaning(types_of(events.User)[name], value, to_group=False)
        assert user == (events.User("zed-1") if means is NO else events.User("zed-1", **{name: means})), written


def test_a_user_without_a_uid_is_refused() -> None:
    """A user whose uid is missing or no text is refused."""
    for _, value in [("", None), *WRITTEN]:
        if isinstance(value, str):
            assert decode_user({"uid": value}).uid == value
        else:
            with pytest.raises(DecodeError, match=r"^uid (is missing|must be text, not .*)\.$") as caught:
                decode_user({"uid": value})
            assert caught.value.path == ("uid",)
