"""From the text of a frame to a value: every golden frame, and everything that is no frame."""

from __future__ import annotations

import copy
import json
from typing import Any

import pytest

from cometconn import events
from cometconn._json.signs import DEEPEST, at_once
from cometconn._wire.decoder import (
    AuthReply,
    Decoder,
    Echo,
    Pong,
    decode,
    decode_user,
)
from cometconn._wire.message_key import message_key
from cometconn._wire.outgoing import strip_secrets
from cometconn.errors import DecodeError

from .conftest import GOLDEN, golden
from .listeners import LISTENERS, STEPS, as_listeners_see_it, class_of, subjects

REPLIES = {
    "auth.ok": AuthReply(accepted=True, code="200", status="OK"),
    "auth.failed": AuthReply(accepted=False, code="401", status="ERROR"),
    "pong.echo": Pong(),
    "pong.minimal": Pong(),
}


def read(frame: object, *, own_uid: str | None = "zed-1", session_id: str | None = "session-1") -> Any:
    """Decode a frame given as a JSON value."""
    return decode(json.dumps(frame), own_uid=own_uid, session_id=session_id)


def fetched(body: object, *, own_uid: str | None = None) -> Any:
    """Decode the body of a message that came over REST, given as a JSON value."""
    return Decoder(own_uid, None).decode_fetched(json.dumps(body).encode())


def test_golden_frames(received: dict[str, Any]) -> None:
    """Every observed frame becomes the class of the listener that it called, with the same values."""
    decoded: Any = read(received["frame"])
    if "listener" not in received:
        assert decoded == REPLIES[received["name"]]
        return
    assert decoded.raw == received["frame"]
    assert type(decoded) is class_of(received)
    got = subjects(decoded)
    assert len(got) == len(received["listener_args"])
    for subject, expected in zip(got, received["listener_args"], strict=True):
        if isinstance(expected, dict):
            assert {getter: as_listeners_see_it(subject, getter) for getter in expected} == expected
        elif expected is None:  # a scope that stands with the member only: CometChat's own clients do not look there
            member = received["frame"]["body"]["data"]["entities"]["on"]["entity"]
            assert subject in {member["scope"], member["oldScope"]}
        else:
            assert subject == expected


def test_every_kind_has_a_golden_frame() -> None:
    """Every listener, and every step of an AI agent, has a frame that was observed to call it."""
    seen = [example for path in sorted(GOLDEN.glob("s2c-*.json")) for example in golden(path.stem)]
    reached = {class_of(example) for example in seen if "listener" in example}
    assert reached == {*LISTENERS.values(), *STEPS.values(), events.AIAssistantEvent}


def test_more_fields_change_nothing(received: dict[str, Any]) -> None:
    """Unknown fields are ignored, and kept in raw."""
    frame = received["frame"]
    more = {**frame, "x-new": {"a": [1]}}
    if isinstance(frame.get("body"), dict):
        more["body"] = {**frame["body"], "xNew": [None]}
    assert read(more) == read(frame)
    assert getattr(read(more), "raw", more) == more


def test_unneeded_fields_may_be_missing(received: dict[str, Any]) -> None:
    """A body with only the fields that CometChat's clients need is a readable event or reply.

    Except the number of a message, which ours promises to have.
    """
    paths = received.get("required_paths_rn") or received.get("required_paths_js", [])
    needed = {str(path).split(" ")[0] for path in paths}
    for key in received["frame"].get("body", {}):
        frame = json.loads(json.dumps(received["frame"]))
        del frame["body"][key]
        if f"body.{key}" not in needed and key not in {"id", "messageId", "reaction", "category", "data"}:
            less = {events.MediaMessage, events.AIAssistantEvent} if key == "type" else set()
            assert type(read(frame)) in {type(read(received["frame"])), *less}


@pytest.mark.parametrize(
    ("code", "accepted", "text"),
    [
        ("200", True, "200"),
        (200, True, "200"),
        (200.0, True, "200.0"),
        ("401", False, "401"),
        (401, False, "401"),
        ("OK", False, "OK"),
        (" 200", False, " 200"),
        (True, False, "True"),
        (None, False, ""),
        ([], False, ""),
        ("9" * 100, False, "9" * 100),
    ],
)
def test_only_code_200_accepts(code: object, accepted: bool, text: str) -> None:
    """An auth frame accepts with code 200, as text or number, and refuses with any other."""
    reply = read({"type": "auth", "body": {"code": code, "message": "go away"}})
    assert (reply.accepted, reply.code, reply.status, reply.message) == (accepted, text, None, "go away")
    assert "go away" not in repr(reply)


@pytest.mark.parametrize("body", [None, [], "200", {}])
def test_an_auth_frame_without_a_code_refuses(body: object) -> None:
    """An auth frame without a code refuses, because a missing code is not 200."""
    assert read({"type": "auth", "body": body}) == AuthReply(accepted=False, code="")


def test_an_auth_frame_with_our_session_id_is_no_echo() -> None:
    """The reply to the auth frame has our own session id and is no echo."""
    assert read({"type": "auth", "deviceId": "session-1", "body": {"code": "200"}}).accepted


def test_echoes_are_messages_of_this_session(text_frame: dict[str, Any], frame: Any) -> None:
    """A message with our session id is an echo; other kinds, and those of other sessions, are events."""
    text_frame["deviceId"] = "session-1"
    assert read(text_frame) == Echo(1001)
    assert type(read(text_frame, session_id="session-2")) is events.TextMessage
    assert type(read(text_frame, session_id=None)) is events.TextMessage
    for file, name in (
        ("s2c-reactions", "added"),
        ("s2c-typing", "ended.user"),
        ("s2c-message_changes", "moderated"),
    ):
        other = frame(file, name) | {"deviceId": "session-1"}
        assert isinstance(read(other), events.Event)


@pytest.mark.parametrize("body", [None, {}, {"id": "x"}, {"id": None}, 5])
def test_an_echo_that_cannot_be_read_is_an_echo(body: object) -> None:
    """An echo is dropped anyway, so its body need not be valid."""
    assert read({"type": "message", "deviceId": "session-1", "body": body}) == Echo(None)


def test_a_pong_needs_only_its_action() -> None:
    """A pong needs no type; a ping from the server is an unknown event."""
    assert read({"action": "pong", "type": "whatever"}) == Pong()
    assert read({"action": "ping"}) == events.UnknownEvent("", {"action": "ping"})


@pytest.mark.parametrize("frame", [{}, {"type": None}, {"type": "hologram", "body": 5}])
def test_unknown_kinds_keep_everything(frame: dict[str, Any]) -> None:
    """An object of an unknown kind is an unknown event with the whole frame."""
    assert read(frame) == events.UnknownEvent(frame.get("type") or "", frame)


@pytest.mark.parametrize("kind", [5, [], {}, True])
def test_a_type_is_text(kind: object) -> None:
    """A type that is not text makes the frame unreadable."""
    assert read({"type": kind}).error.path == ("type",)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "The frame is not JSON: Input data was truncated."),
        ("hello", "The frame is not JSON: invalid character (byte 0)."),
        ('{"a":1}x', "The frame is not JSON: trailing characters"),
        ("nul", "The frame is not JSON: "),
        ('{"a":1e}', "The frame is not JSON: "),
        ('{"a":"\\u12G4"}', "The frame is not JSON: "),
        ("NaN", "The JSON must be an object, not a number."),
        ('"\\ud800"', "The JSON must be an object, not text."),
        ("[]", "The JSON must be an object, not an array."),
        ("null", "The JSON must be an object, not null."),
        ("true", "The JSON must be an object, not a boolean."),
        ("5", "The JSON must be an object, not a number."),
        ('"x"', "The JSON must be an object, not text."),
        ("[" * 9_000 + "]" * 9_000, "The JSON is nested too deeply."),
        ('{"a":' * 4_000 + "1" + "}" * 4_000, "The JSON is nested too deeply."),
        ("[" * 100_000, "The message has more than 10,000 items (Limits.max_items)."),
        ('{"a":' * 100_000, "The message has more than 10,000 items (Limits.max_items)."),
        (b"{}", "The frame is binary; CometChat sends text."),
        (b"\xff\x00", "The frame is binary; CometChat sends text."),
    ],
)
def test_what_is_no_frame(text: str | bytes, words: str) -> None:
    """What is no frame is an unreadable frame with the cause and the text that was received."""
    unreadable = decode(text, own_uid="zed-1", session_id=None)
    assert isinstance(unreadable, events.UnreadableFrame)
    assert unreadable.raw is text
    assert str(unreadable.error).startswith(words)
    assert unreadable.error.path == ()
    assert unreadable.error.__traceback__ is None
    assert unreadable.error.__context__ is None


@pytest.mark.parametrize(
    ("written", "value"),
    [
        ("NaN", None),
        ("-Infinity", None),
        ("1e999", None),
        ("9" * 5000, None),
        ('"\\ud83d"', "\ufffd"),
        ('"a\\udc00b"', "a\ufffdb"),
        ('"\ud800"', "\ufffd"),
        (b'"\xff"'.decode(errors="surrogateescape"), "\ufffd"),
        ('["\\ud83d\\ude00", {"\\ud800": Infinity}]', ["\U0001f600", {"\ufffd": None}]),
        ("".join(f"\\ud8{number:02x}é" for number in range(40)).join('""'), "\ufffdé" * 40),
        ("-" + "9" * 5000, None),
    ],
)
def test_what_only_javascript_would_write_is_cleaned(text_frame: dict[str, Any], written: str, value: object) -> None:
    """Half a surrogate pair becomes U+FFFD, a number that is none becomes null, and the event can be sent again."""
    text_frame["body"]["data"] |= {"metadata": {"it": "PLACE"}, "text": "é"}
    event = read_text(json.dumps(text_frame, ensure_ascii=False).replace('"PLACE"', written))
    assert type(event) is events.TextMessage
    assert (event.text, event.metadata) == ("é", {"it": value})
    json.dumps(event.metadata, allow_nan=False).encode()
    assert "null" not in json.dumps(event.raw["body"]["data"]["metadata"])


def test_a_fetched_message_that_is_not_utf_8(text_frame: dict[str, Any]) -> None:
    """What is no UTF-8 becomes U+FFFD."""
    text_frame["body"]["data"]["text"] = "PLACE"
    event: Any = Decoder(None, None).decode_fetched(
        json.dumps(text_frame["body"]).encode().replace(b"PLACE", b"a\xffb")
    )
    assert event.text == event.raw["data"]["text"] == "a\ufffdb"


@pytest.mark.parametrize(
    "metadata",
    [
        '{"a":1}',
        '{"a":NaN}',
        '{"a":"\\ud83d"}',
        '{"a":}',
        "[" * 5_000,
        f"{'[' * 500}{']' * 500}",
        "[" + "1," * 20_000 + "1]",
    ],
)
def test_what_was_begun_is_decoded_alike(
    text_frame: dict[str, Any], metadata: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whether it is valid or not, live or fetched; and it is not parsed again."""
    text_frame["body"]["data"] |= {"metadata": "PLACE", "text": "x" * 20_000}
    for part in (text_frame, text_frame["body"]):
        text = json.dumps(part).replace('"PLACE"', metadata)
        for as_it_comes in (text, text.encode()):
            fresh, begun = Decoder(None, None), Decoder(None, None)
            expected: Any = decode_either(fresh, as_it_comes)
            at_once(begun.begin(as_it_comes))
            with monkeypatch.context() as only:
                only.setattr("cometconn._wire.decoder.parse_in_steps", None)
                event: Any = decode_either(begun, as_it_comes)
            assert (event, getattr(event, "raw", None)) == (expected, getattr(expected, "raw", None))
            assert str(getattr(event, "error", "")) == str(getattr(expected, "error", ""))
            assert begun._parsed is None


def decode_either(decoder: Decoder, text: str | bytes) -> Any:
    """Decode a frame, or bytes as they come over REST."""
    return decoder.decode(text) if isinstance(text, str) else decoder.decode_fetched(text)


def test_only_the_text_that_was_begun_is_taken_for_it(text_frame: dict[str, Any]) -> None:
    """Another text is decoded from its beginning, also one that is equal."""
    text_frame["body"]["data"]["text"] = "x" * 20_000
    other = json.dumps(text_frame)
    decoder = Decoder(None, None)
    at_once(decoder.begin(other.replace("xxx", "yyy")))
    event: Any = decoder.decode(other)
    assert event.text == "x" * 20_000


def test_a_long_text_is_not_hashed(text_frame: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    """Whether it is a pong is clear from its length, and the hash of 1 MiB takes most of a millisecond."""
    looked_up: list[str] = []

    class Pongs(list[str]):
        def __contains__(self, text: object) -> bool:
            looked_up.append(str(text))
            return False

    monkeypatch.setattr("cometconn._wire.decoder._PONGS", Pongs())
    short = json.dumps(text_frame)
    text_frame["body"]["data"]["text"] = "x" * 20_000
    for text in (short, json.dumps(text_frame)):
        assert type(Decoder(None, None).decode(text)) is events.TextMessage
    assert looked_up == [short]


def read_text(text: Any) -> Any:
    """Decode a frame given as text."""
    return decode(text, own_uid=None, session_id=None)


def test_what_is_not_even_text_is_unreadable() -> None:
    """An argument that is not text is an unreadable frame, so it does not end the connection."""
    assert isinstance(read_text(None), events.UnreadableFrame)


def test_a_fault_of_ours_is_named_and_ends_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """An unexpected exception in the decoder becomes an unreadable frame, whose error names it."""
    monkeypatch.setattr("cometconn._wire.reference.read_frame", lambda _: 1 // 0)
    assert str(read({"type": "x", "body": {}}).error) == "The frame cannot be read: ZeroDivisionError."


@pytest.mark.parametrize("depth", [40, 400])
def test_quotes_in_quotes_in_quotes(text_frame: dict[str, Any], depth: int) -> None:
    """However deep messages quote each other, the frame is an event or an unreadable frame."""
    body = json.dumps(text_frame["body"])
    text = "".join(f'{body[:-1]},"quotedMessage":' for _ in range(depth)) + body + "}" * depth
    event = read_text('{"type":"message","body":' + text + "}")
    assert isinstance(event, events.TextMessage | events.UnreadableFrame)
    assert isinstance(event, events.TextMessage) == (depth == 40)


def test_of_a_key_written_twice_the_last_counts() -> None:
    """Of a key that is there twice the last value counts, as in JavaScript."""
    assert read_text('{"type":"a","type":"b"}') == events.UnknownEvent("b", {"type": "b"})


def test_a_large_message_is_a_message(text_frame: dict[str, Any]) -> None:
    """A large message is decoded like any other."""
    text_frame["body"]["data"]["text"] = "ü" * 1_000_000
    assert len(read(text_frame).text) == 1_000_000


def test_errors_do_not_repeat_what_was_received(text_frame: dict[str, Any]) -> None:
    """Neither the error nor the repr contains the frame, which may contain a token."""
    text_frame["body"]["sentAt"] = "tok-secret"
    text_frame["jwt"] = "jwt-secret"
    for frame in (text_frame, {"type": "new", "authToken": "tok-secret"}):
        event = read(frame)
        assert "secret" not in repr(event)
        assert "secret" not in str(getattr(event, "error", ""))
    assert "secret" not in repr(read_text('{"authToken":"secret'))


def test_a_message_from_rest_is_the_same(text_frame: dict[str, Any], frame: Any) -> None:
    """The bodies of REST give the same events as frames, except that raw is the body."""
    body = text_frame["body"]
    message = fetched(body)
    assert message == read(text_frame)
    assert isinstance(message, events.TextMessage)
    assert message.raw == body
    call = frame("s2c-calls", "user.unanswered")["body"]
    assert type(fetched(call, own_uid="amy-2")) is events.OutgoingCallRejected
    assert type(fetched(call, own_uid="zed-1")) is events.IncomingCallCancelled


def test_bad_bodies_from_rest() -> None:
    """An unknown body of REST is an unknown event, an invalid one an unreadable frame, and neither raises."""
    body = {"id": 5, "category": "hologram"}
    assert fetched(body) == events.UnknownEvent("message", body)
    unreadable = fetched({"id": 5})
    assert unreadable == events.UnreadableFrame('{"id": 5}', unreadable.error, 5)
    assert isinstance(fetched(None), events.UnreadableFrame)


def test_message_keys(text_frame: dict[str, Any], frame: Any) -> None:
    """Duplicates are recognised by the id of the message; an edit is no duplicate of its message."""
    assert message_key(read(text_frame)) == 1001
    assert message_key(read(frame("s2c-message_changes", "edited"))) == 1013
    assert message_key(read(frame("s2c-message_changes", "deleted"))) == 1015
    assert message_key(read(frame("s2c-message_changes", "moderated"))) is None
    assert message_key(read(frame("s2c-group_actions", "left"))) == 1018
    assert message_key(read(frame("s2c-calls", "user.busy"))) == 1028
    assert message_key(read(frame("s2c-receipts", "read"))) is None
    assert message_key(events.Overflow(1)) is None
    assert message_key(read({"type": "hologram", "body": {"id": 5}})) is None


def test_keys_of_unknown_messages() -> None:
    """Duplicates of a message of an unknown kind are recognised, too, from the socket and from REST."""
    body = {"id": "77", "category": "hologram"}
    assert message_key(read({"type": "message", "body": body})) == 77
    assert message_key(fetched(body)) == 77
    assert message_key(fetched({"category": "hologram"})) is None


def test_a_user_has_no_secrets() -> None:
    """The `repr` of a decoded user contains no token, and `strip_secrets()` removes them from a copy of the JSON."""
    given = {
        "uid": "zed-1",
        "name": "Zed One",
        "link": "https://zed.test",
        "blockedByMe": True,
        "deactivatedAt": 0,
        "createdAt": 1800000000,
        "authToken": "secret",
        "jwt": "secret",
        "fat": "secret",
        "wsChannel": {"secret": "secret"},
        "settings": {},
    }
    user = decode_user(given)
    assert "secret" not in repr(user)
    assert (user.uid, user.link, user.blocked_by_me, user.deactivated_at) == ("zed-1", "https://zed.test", True, None)
    assert "secret" not in json.dumps(strip_secrets(given))
    assert strip_secrets(given)["name"] == "Zed One"
    assert "jwt" in given


@pytest.mark.parametrize("depth", [DEEPEST, 950, 4000])
def test_a_body_that_is_too_deep(depth: int) -> None:
    """A body nested too deeply is unreadable, with its id and its JSON, even where the parser's own limit is."""
    text = f'{{"id": 5, "data": {"[" * depth}{"]" * depth}}}'
    event: Any = Decoder(None, None).decode_fetched(text.encode())
    assert (event.message_id, str(event.error), event.raw) == (5, "The JSON is nested too deeply.", text)


def test_what_could_not_be_read_is_reported(text_frame: dict[str, Any]) -> None:
    """Each attribute that was lost is reported by class and place, and each unreadable frame, live or fetched."""
    told: list[Any] = []
    decoder = Decoder("zed-1", None, on_unread=told.append)
    assert isinstance(decoder.decode(json.dumps(text_frame)), events.TextMessage)
    assert told == []
    text_frame["body"] |= {"tags": {}, "sentAt": "Invalid date"}
    text_frame["body"]["data"]["entities"]["sender"]["entity"]["name"] = 5
    decoder.decode(json.dumps(text_frame))
    assert [sorted(one) for one in told] == [["TextMessage sentAt", "TextMessage tags", "User name"]]
    told.clear()
    decoder.decode_fetched(json.dumps(text_frame["body"]).encode())
    assert [sorted(one) for one in told] == [["TextMessage sentAt", "TextMessage tags", "User name"]]
    told.clear()
    unreadable = [decoder.decode("{"), decoder.decode_fetched(b'{"id": 7}')]
    assert told == unreadable
    assert [getattr(event, "message_id", None) for event in unreadable] == [None, 7]


def test_only_the_unreadable_attribute_is_reported(text_frame: dict[str, Any]) -> None:
    """Of an attribute that is lost, nothing within it is reported."""
    told: list[Any] = []
    quoted = {**text_frame["body"], "id": None, "tags": 5}
    text_frame["body"]["quotedMessage"] = quoted
    event: Any = Decoder("zed-1", None, on_unread=told.append).decode(json.dumps(text_frame))
    assert (event.text, event.quoted_message) == ("hello zed", None)
    assert told == [["TextMessage quotedMessage"]]


@pytest.mark.parametrize("opening", ["[", '{"a":'])
def test_a_frame_that_is_too_deep_is_unreadable(opening: str) -> None:
    """A frame at the limit can be copied and encoded; a deeper one is an `UnreadableFrame` with its text."""
    closing = "]" if opening == "[" else "}"

    def frame(depth: int) -> str:
        return '{"type":"new","body":' + opening * (depth - 1) + "1" + closing * (depth - 1) + "}"

    fine = decode(frame(DEEPEST), own_uid=None, session_id=None)
    assert isinstance(fine, events.UnknownEvent)
    assert copy.deepcopy(fine.raw) == fine.raw
    patient = Decoder(None, None, max_items=10**6)  # by default the number of items would be an error, too
    for depth in (DEEPEST + 1, 500, 950, 100_000):
        bad = patient.decode(text := frame(depth))
        assert isinstance(bad, events.UnreadableFrame)
        assert bad.raw == text
        assert isinstance(bad.error, DecodeError)
        assert "too deeply" in str(bad.error)


def test_a_missed_message_that_is_too_deep_is_unreadable() -> None:
    """It becomes an `UnreadableFrame`, as a frame does, and the other messages of its page are decoded."""
    deep: Any = 1
    for _ in range(DEEPEST + 1):
        deep = [deep]
    assert isinstance(fetched({"id": "1", "data": deep}), events.UnreadableFrame)
