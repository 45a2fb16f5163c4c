"""Input that takes more time than other input of its length: frames and pages of a broken or hostile server.

Every maker takes a number of bytes, and returns at most as many.
"""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable, Mapping
from types import MappingProxyType

import attrs

from .frames import ME, frame, in_empty_fragments, in_fragments

__all__ = ["KINDS", "LARGEST", "PLACES", "Kind", "at_place", "frames_of", "page_of"]

LARGEST = 1 << 20
"""Bytes: no message is longer, unless `Limits` sets another limit."""

_SENT_AT = 1_800_000_000
_FRAGMENT = 64  # bytes, as in Autobahn 9.4.1
_BEFORE_EMPTY = 1024  # bytes of the text before empty fragments
_EMPTY = len(frame(b""))
_ENTITIES = json.dumps(
    {
        "sender": {"entity": {"uid": "amy-2", "name": "Amy Two"}, "entityType": "user"},
        "receiver": {"entity": {"uid": ME, "name": "Bot One"}, "entityType": "user"},
    }
)


def _repeated(before: str, unit: str, after: str, size: int, between: str = ",") -> str:
    count = (size - len(before) - len(after)) // (len(unit) + len(between))
    return before + between.join([unit] * count) + after


def _numbered(before: str, unit: str, after: str, size: int) -> str:
    """The same, with a number in place of each `%d` of a unit, so that no two units are equal."""
    longest = len(unit.replace("%d", str(size))) + 1
    count = (size - len(before) - len(after)) // longest
    return before + ",".join(unit.replace("%d", str(number)) for number in range(count)) + after


def _body(data: str, rest: str = "", kind: str = "text") -> tuple[str, str]:
    """Return a message's body in two parts, split at the `|` in its *data* or its *rest*."""
    head = (
        f'{{"id":"77","conversationId":"c","sender":"amy-2","receiverType":"user","receiver":"{ME}","category":"message",'
        f'"type":"{kind}","sentAt":{_SENT_AT},{rest}"data":{{"entities":{_ENTITIES},{data}}}}}'
    )
    before, _, after = head.partition("|")
    return before, after


def _in_text(unit: str, more: str = "") -> Callable[[int], str]:
    return lambda size: _repeated(*_around(f'"text":"|"{more}', unit), size, between="")


def _around(data: str, unit: str, rest: str = "", kind: str = "text") -> tuple[str, str, str]:
    before, after = _body(data, rest, kind)
    return before, unit, after


def _in_data(data: str, unit: str, *, rest: str = "", kind: str = "text") -> Callable[[int], str]:
    make = _numbered if "%d" in unit else _repeated
    return lambda size: make(*_around(data, unit, rest, kind), size)


def _nested(size: int) -> str:
    before, after = _body('"text":"x","metadata":{"a":|}')
    depth = (size - len(before) - len(after)) // 2
    return before + "[" * depth + "]" * depth + after


def _signal(text: str, unit: str) -> Callable[[int], str]:
    """Return a frame that is no message: *text* with units in place of its `|`."""
    before, _, after = text.partition("|")
    make = _numbered if "%d" in unit else _repeated
    return lambda size: make(before, unit, after, size)


def _envelope(kind: str, body: str) -> str:
    return f'{{"type":"{kind}","receiver":"{ME}","receiverType":"user","sender":"amy-2","body":{body}}}'


_USER = '"user":{"uid":"amy-2","name":"Amy Two"}'


@attrs.frozen
class Kind:
    """One kind of input.

    Attributes:
        make: makes the JSON: a message's body, a whole frame, or a page's list, as *what* says.
        what: `"message"` is sent live and over REST, `"frame"` live, `"page"` over REST.
        fragment: the bytes of a fragment, if it is sent in fragments; 0 for a short text and then empty fragments up to the size.
        is_packed: whether it is compressed by gzip.
    """

    make: Callable[[int], str]
    what: str = "message"
    fragment: int | None = None
    is_packed: bool = False

    @property
    def ways(self) -> tuple[str, ...]:
        """The ways in which it can be sent."""
        if self.fragment is not None:
            return ("live",)
        return {"message": ("live", "rest"), "frame": ("live",), "page": ("rest",)}[self.what]


_PLAIN = _in_text("a")
_numbers = _in_data('"text":"x","metadata":{"a":[|]}', "7" * 4_000)

KINDS: Mapping[str, Kind] = MappingProxyType(
    {
        "plain text": Kind(_PLAIN),
        "text of \\u00e9": Kind(_in_text("\\u00e9")),
        "text of \\ud83d": Kind(_in_text("\\ud83d")),
        "text of \\\\": Kind(_in_text("\\\\")),
        "text of a\\n, and NaN": Kind(_in_text("a\\n", ',"metadata":{"a":NaN}')),
        "text of \\n, and lists": Kind(_in_text("\\n", f',"metadata":{{"a":[{"[]," * 4_000}1]}}')),
        "texts of \\n": Kind(_in_data('"text":"x","metadata":{"a":[|]}', json.dumps("\n" * 60))),
        "names of \\n": Kind(_in_data('"text":"x","metadata":{|}', '"' + "\\n" * 50 + '%d":1')),
        "a name of \\n": Kind(
            lambda size: _repeated(*_around('"text":"x","metadata":{"|":1}', "\\n"), size, between="")
        ),
        "numbers of 4,000 digits": Kind(_numbers),
        "such numbers, a wrong end": Kind(lambda size: _numbers(size)[:-1] + "]"),
        "such numbers, 99 levels": Kind(_in_data(f'"text":"x","metadata":{{"a":{"[" * 96}|{"]" * 96}}}', "7" * 4_000)),
        "such numbers, and spaces": Kind(_in_data(f'"text":"x","metadata":{{"a":{" " * 5_000}[|]}}', "7" * 4_000)),
        "texts of \\ud83d": Kind(_in_data('"text":"x","metadata":{"a":[|]}', '"\\ud83d"')),
        "objects of NaN": Kind(_in_data('"text":"x","metadata":{|}', '"k%d":{"a":NaN}')),
        "halves of surrogate pairs": Kind(_in_text("".join(f"\\ud{number:03x}" for number in range(0x800, 0xC00)))),
        "text of brackets": Kind(_in_text("[{,")),
        "tags:[1,...]": Kind(_in_data('"text":"x"', "1", rest='"tags":[|],')),
        "attachments:[1,...]": Kind(_in_data('"attachments":[|]', "1", kind="image")),
        "attachments:[{},...]": Kind(_in_data('"attachments":[|]', "{}", kind="image")),
        "mentions:{u:{}}": Kind(_in_data('"text":"x","mentions":{|}', '"u%d":{}')),
        "valid mentions": Kind(_in_data('"text":"x","mentions":{|}', '"u%d":{"uid":"u%d"}')),
        "metadata of lists": Kind(_in_data('"text":"x","metadata":{"a":[|]}', "[]")),
        "metadata of objects": Kind(_in_data('"text":"x","metadata":{|}', '"k%d":{}')),
        "deeply nested": Kind(_nested),
        "unknown keys": Kind(_in_data('"text":"x",|', '"k%d":1')),
        "entities twice": Kind(_in_data('"text":"x","entities":{"sender":{"entity":{"uid":"u","tags":[|]}}}', '"t"')),
        "quoted messages": Kind(_in_data('"text":"x"', "[]", rest='"quotedMessage":{"a":[|]},')),
        "unknown type, [[],...]": Kind(_signal(_envelope("new_kind", "[|]"), "[]"), "frame"),
        "transient, [[],...]": Kind(
            _signal(_envelope("transient_message", f'{{{_USER},"data":{{"a":[|]}}}}'), "[]"), "frame"
        ),
        "interactions:[{},...]": Kind(
            _signal(_envelope("interaction_completed", f'{{{_USER},"messageId":"7","interactions":[|]}}'), "{}"),
            "frame",
        ),
        "typing metadata": Kind(
            _signal(_envelope("typing_indicator", f'{{{_USER},"action":"started","metadata":{{|}}}}'), '"k%d":[]'),
            "frame",
        ),
        "no JSON, [[],...": Kind(_signal(_envelope("message", "[|"), "[]"), "frame"),
        "fragments of 64 bytes": Kind(_PLAIN, fragment=_FRAGMENT),
        "empty fragments": Kind(_PLAIN, fragment=0),
        "page of 1s": Kind(_signal("[|]", "1"), "page"),
        "page of [],...": Kind(_signal("[|]", "[]"), "page"),
        "page of no JSON": Kind(_signal("[|]", "NaN"), "page"),
        "gzip of [],...": Kind(_signal("[|]", "[]"), "page", is_packed=True),
        "gzip of spaces": Kind(_signal("[1|]", " "), "page", is_packed=True),
    }
)

PLACES: Mapping[str, str] = MappingProxyType(
    {
        "tags": '"tags":[|],"data":{}',
        "unknown key": '"new":[|],"data":{}',
        "quoted message": '"quotedMessage":{"data":{"a":[|]}},"data":{}',
        "metadata": '"data":{"metadata":{"a":[|]}}',
        "custom data": '"data":{"customData":{"a":[|]}}',
        "attachments": '"data":{"attachments":[|]}',
        "mentions": '"data":{"mentions":{"a":[|]}}',
        "reactions": '"data":{"reactions":[|]}',
        "entities": f'"data":{{"text":"x","entities":{{"sender":{{"entity":{{"uid":"u","tags":[|]}}}},"receiver":{_USER[7:]}}}}}',
        "action": '"category":"action","data":{"action":"added","extras":{"scope":{"new":[|]}},"entities":{}}',
    }
)
"""Where in a message's body a list may stand: for shapes that are searched."""


def at_place(place: str, category: str, kind: str, unit: str, size: int) -> str:
    """Return the frame of a message with *unit*, the JSON of a value, repeated at a place up to *size* bytes."""
    head = f'"id":"77","sender":"amy-2","receiver":"{ME}","receiverType":"user","sentAt":1,"category":"{category}","type":"{kind}",'
    before, _, after = _envelope("message", f"{{{head}{PLACES[place]}}}").partition("|")
    return _repeated(before, unit, after, size)


_WHOLE = Kind(_PLAIN)


def frames_of(kind: Kind, size: int) -> bytes:
    """Return the frames that a server sends on the socket for a message of at most *size* bytes."""
    if kind.fragment == 0:
        text = frames_of(_WHOLE, _BEFORE_EMPTY)[4:]
        return in_empty_fragments(text, (size - len(text)) // _EMPTY)
    if kind.what == "message":
        whole = _envelope("message", "|")
        before, _, after = whole.partition("|")
        payload = (before + kind.make(size - len(before) - len(after)) + after).encode()
    else:
        payload = kind.make(size).encode()
    return frame(payload) if kind.fragment is None else in_fragments(payload, kind.fragment)


def page_of(kind: Kind, size: int) -> bytes:
    """Return a server's response to a request for messages: the head, and a body of at most *size* bytes unpacked."""
    before, after = ('{"data":[', "]}") if kind.what == "message" else ('{"data":', "}")
    body = (before + kind.make(size - len(before) - len(after)) + after).encode()
    head = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nConnection: close\r\n"
    if kind.is_packed:
        body = gzip.compress(body)
        head += "Content-Encoding: gzip\r\n"
    return f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body
