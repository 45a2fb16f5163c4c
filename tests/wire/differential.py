"""The fast decoder against the reference, and live frames against fetched bodies: the same value, to the last leaf.

`python -m tests.wire.differential --cases 20000 --seed 1`, or as part of `nox -s fuzz`.
"""

from __future__ import annotations

import argparse
import json
import pathlib
import random
import re
from typing import Any

import attrs
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st

from cometconn import events
from cometconn._wire.decoder import Decoded, Decoder

__all__ = ["GOLDEN", "check", "check_fetched", "frames", "fuzz", "same", "sessions", "sweep", "users"]

GOLDEN: list[Any] = sorted(
    (
        example["frame"]
        for path in sorted((pathlib.Path(__file__).parent.parent / "golden").glob("s2c-*.json"))
        for example in json.loads(path.read_text(encoding="utf-8"))
    ),
    key=lambda frame: frame.get("type") in {None, "auth"},  # Hypothesis likes what comes first
)
DEVICE = "WEB-4_2_0-aaaa-1800000000000"  # the sender of the golden messages

# What stands for a value, as it would be written: JSON, nearly JSON, and none.
_WRITTEN = [
    *("null", "true", "false", "0", "1", "-1", "-0", "-0.0", "1.0", "1.5", "1e3", "1E18", "1e308", "1e999", "-1e400"),
    *("1800000200", "1800000200.0", "1800000200.25", "253402300799", "253402300800", "-62135596800", "-62135596801"),
    *("9223372036854775807", "9223372036854775808", "-9223372036854775808", "-9223372036854775809"),
    *("9" * 30, "9" * 5000, "0." + "1" * 400, "9" * 400 + ".0", "01", "1.", "-", "NaN", "Infinity", "nul"),
    *('""', '"1001"', '"007"', '"-5"', '"+5"', '" 5"', '"1_0"', '"1.0"', '"1800000200"', '"2026-01-01T00:00:00Z"'),
    *('"\u0663"', '"\u00b2"', '"9223372036854775807"', '"9223372036854775808"', '"' + "9" * 5000 + '"'),
    *('"\\u00e9"', '"\\ud83d\\ude00"', '"\\ud800"', '"\\udc00x"', '"\\q"', '"\\u12G4"', '"\x01"', '"\ud800"', '"é😀"'),
    *('"user"', '"group"', '"text"', '"image"', '"message"', '"custom"', '"action"', '"call"', '"true"', '"null"'),
    *('"started"', '"online"', '"read"', '"edited"', '"joined"', '"kicked"', '"scopeChanged"', f'"{DEVICE}"'),
    *("[]", "{}", "[[]]", '{"":0}', "[null]", '["a"]', "[1]", "[1,]", '{"a":1,}', "{1:1}", "[1 2]"),
    *('{"uid":"x"}', '{"uid":null}', '{"guid":"g"}', '{"guid":null,"uid":"x"}', '{"guid":"g","membersCount":"7"}'),
    *(
        '[{"uid":"x"}]',
        '{"x":{"uid":"x"}}',
        '{"entity":{"uid":"x"}}',
        '{"entity":null}',
        '{"entity":{"uid":"x","new":1e999}}',
    ),
    *('{"uid":"x","createdAt":1e999}', '{"uid":"x","metadata":{"a":[1.0,{"b":9999999999999999999999}]}}'),
    *("[" * 8 + "]" * 8, "[" * 9 + "]" * 9, "[" * 90 + "]" * 90, "[" * 96 + "]" * 96, "[" * 101 + "]" * 101),
    *('{"a":' * 120 + "1" + "}" * 120, '{"uid":"x","deep":' + "[" * 95 + "]" * 95 + "}"),
]
_KEYS = sorted(
    {
        *("new", "", "é", "type", "action", "deviceId", "receiver", "receiverType", "sender", "messageSender", "body"),
        *(
            "id",
            "category",
            "data",
            "muid",
            "sentAt",
            "updatedAt",
            "editedAt",
            "deletedBy",
            "readAt",
            "parentId",
            "tags",
        ),
        *(
            "quotedMessage",
            "mentions",
            "metadata",
            "entities",
            "by",
            "for",
            "on",
            "entity",
            "entityType",
            "guid",
            "uid",
        ),
        *("text", "url", "attachments", "size", "customData", "subType", "timestamp", "user", "messageId", "reaction"),
        *("reactedBy", "lastActiveAt", "hasBlockedMe", "membersCount", "hasJoined", "createdAt", "extras", "scope"),
        *("interactiveData", "interactionGoal", "allowSenderInteraction", "conversationId", "resource", "myReceipt"),
        *("reactions", "replyCount", "pinnedAt", "pinnedBy", "savedAt", "threadSubscribed", "moderation", "caption"),
        *("card", "fallbackText", "elements", "toolCalls", "runId", "message", "conversation", "feedItem"),
    }
)


class _Written(str):
    """Text that stands in the frame as it is."""

    __slots__ = ()


def same(one: Any, other: Any) -> None:
    """Hold that the two are equal, and of equal types all the way down; reading `raw` is part of it."""
    assert type(one) is type(other), (one, other)
    if isinstance(one, Exception):
        assert (str(one), vars(one)) == (str(other), vars(other))
    elif attrs.has(type(one)):
        assert repr(one) == repr(other)
        for field in attrs.fields(type(one)):
            same(getattr(one, field.name), getattr(other, field.name))
        assert isinstance(one, events.UnreadableFrame | events.UnknownEvent) or one == other
    elif isinstance(one, dict):
        assert list(one) == list(other)
        for key in one:
            same(one[key], other[key])
    elif isinstance(one, list | tuple):
        assert len(one) == len(other)
        for first, second in zip(one, other, strict=True):
            same(first, second)
    else:
        assert one == other or (one != one and other != other)  # noqa: PLR0124 - NaN


def check(text: str | bytes, own_uid: str | None = "zed-1", session_id: str | None = "session-1") -> Decoded:
    """Let both read *text*; return what they agree on. Raises `AssertionError` when they do not."""
    told: tuple[list[Any], list[Any]] = ([], [])
    both = [Decoder(own_uid, session_id, on_unread=one.append) for one in told]
    decoded = both[0].decode(text)
    same(decoded, both[1].decode_plainly(text))
    same(*told)
    return decoded


def check_fetched(body: str, own_uid: str | None = "zed-1") -> Decoded:
    """Let a frame bring *body*, and a list of messages; return what they agree on, but for `raw`, or raise."""
    body = re.sub("[\ud800-\udfff]", lambda half: f"\\u{ord(half[0]):04x}", body)  # which no bytes can be
    told: tuple[list[Any], list[Any]] = ([], [])
    live = Decoder(own_uid, None, on_unread=told[0].append).decode(f'{{"type":"message","body":{body}}}')
    fetched = Decoder(own_uid, None, on_unread=told[1].append).decode_fetched(body.encode())
    if isinstance(live, events.UnreadableFrame) and "too deeply" in str(live.error):
        return live  # the frame is an object more
    assert type(live) is type(fetched), (live, fetched)
    if isinstance(live, events.UnreadableFrame) and isinstance(fetched, events.UnreadableFrame):
        assert live.message_id == fetched.message_id
        assert live.error.path in {("body", *fetched.error.path), fetched.error.path}
        assert told == ([live], [fetched])
        return live
    assert isinstance(live, events.Event)
    for field in attrs.fields(type(live)):
        one, other = (getattr(event, field.name) for event in (live, fetched))
        same(one["body"] if field.name == "raw" else one, other)
    same(*told)
    return live


def _pairs(value: Any) -> Any:
    """Return a JSON value whose objects are lists of pairs: they may hold a key twice."""
    if isinstance(value, dict):
        return [(key, _pairs(inner)) for key, inner in value.items()]
    return value


def _objects(value: Any) -> list[list[Any]]:
    """Return every object in it, the value itself first."""
    if not isinstance(value, list) or not value or not isinstance(value[0], tuple):
        return []
    return [value, *(found for _, inner in value for found in _objects(inner))]


def _write(value: Any, space: str, *, ascii_only: bool) -> str:
    if isinstance(value, _Written):
        return value
    if isinstance(value, list) and value and isinstance(value[0], tuple):
        inside = f",{space}".join(
            f"{json.dumps(key, ensure_ascii=ascii_only)}:{space}{_write(inner, space, ascii_only=ascii_only)}"
            for key, inner in value
        )
        return f"{{{inside}}}"
    return json.dumps(value, ensure_ascii=ascii_only)


def _kin(value: Any) -> list[_Written]:
    """Return what is of the same JSON type, or nearly."""
    if isinstance(value, str):
        return _of('"')
    if isinstance(value, int | float):
        return _of("0123456789-tf")
    return _of("{[n")


def _of(first: str) -> list[_Written]:
    return [_Written(text) for text in _WRITTEN if text[0] in first]


_leaves = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text()
_values = st.sampled_from(_WRITTEN).map(_Written) | st.recursive(
    _leaves, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3), max_leaves=6
).map(lambda value: _Written(json.dumps(value)))


@st.composite
def frames(draw: st.DrawFn) -> str:
    """Draw the text of a golden frame with up to three things in it changed, added, doubled or left out."""
    frame = _pairs(draw(st.sampled_from(GOLDEN)))
    for _ in range(draw(st.sampled_from([0, 1, 1, 1, 1, 2, 2, 3]))):
        where = draw(st.sampled_from(_objects(frame) or [[("x", 1)]]))
        at = draw(st.integers(0, len(where) - 1))
        key, value = where[at]
        change = draw(st.sampled_from(["value", "value", "value", "add", "add", "double", "drop", "move"]))
        if change == "value":
            where[at] = (key, draw(st.sampled_from(_kin(value)) | _values))
        elif change == "add":
            where.insert(at, (draw(st.sampled_from(_KEYS)), draw(_values)))
        elif change == "double":
            where.insert(draw(st.integers(0, len(where))), (key, draw(_values | st.just(value))))
        elif change == "move":
            where.insert(draw(st.integers(0, len(where) - 1)), where.pop(at))
        elif len(where) > 1:
            del where[at]
    text = _write(frame, draw(st.sampled_from(["", " ", "\n\t"])), ascii_only=draw(st.booleans()))
    if draw(st.integers(0, 19)) == 7:
        at = draw(st.integers(0, len(text)))
        text = text[:at] + draw(st.text(max_size=3)) + text[at + draw(st.integers(0, 2)) :]
    return text


users = st.sampled_from([None, "zed-1", "amy-2"])
sessions = st.sampled_from(["session-1", "session-1", "session-1", None, DEVICE])


def sweep(first: int = 0, stride: int = 1) -> int:
    """Compare every golden frame with every value written at every place, or each *stride*-th; return how many."""
    count = 0
    for golden in GOLDEN:
        frame = _pairs(golden)
        for where in _objects(frame):
            for at, (key, value) in enumerate(where):
                for written in _WRITTEN:
                    count += 1
                    if count % stride == first:
                        where[at] = (key, _Written(written))
                        check(_write(frame, "", ascii_only=False))
                        if golden.get("type") == "message":
                            check_fetched(_write(dict(frame).get("body"), "", ascii_only=False))
                where[at] = (key, value)
    return count // stride


def fuzz(cases: int, number: int) -> dict[str, int]:
    """Compare so many cases; return how often each class came out."""
    kinds: dict[str, int] = {}

    @seed(number)
    @settings(
        max_examples=cases,
        deadline=None,
        database=None,
        phases=[Phase.explicit, Phase.generate, Phase.shrink],
        suppress_health_check=list(HealthCheck),
    )
    @given(text=frames(), own_uid=users, session_id=sessions)
    def compare(text: str, own_uid: str | None, session_id: str | None) -> None:
        kind = type(check(text, own_uid, session_id)).__name__
        kinds[kind] = kinds.get(kind, 0) + 1

    compare()
    return kinds


def main() -> None:
    """Exit with a traceback that shows the frame, if there is one."""
    parser = argparse.ArgumentParser(prog="python -m tests.wire.differential", description=__doc__)
    parser.add_argument("--cases", type=int, default=20_000)
    parser.add_argument("--seed", type=int, default=random.randrange(10**6))
    options = parser.parse_args()
    print(f"seed {options.seed}")
    print(options.cases, "frames read alike:", fuzz(options.cases, options.seed))
    print(sweep(options.seed % 10, 10), "more, with any value at any place")


if __name__ == "__main__":
    main()
