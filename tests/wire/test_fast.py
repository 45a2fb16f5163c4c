"""The fast decoder: what it decodes itself, what it leaves to the reference decoder, and that both give equal events."""

from __future__ import annotations

import copy
import json
import pickle
import random
from math import inf
from typing import Any

import attrs
import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cometconn import events
from cometconn._wire import decoder, fast
from cometconn._wire.decoder import Decoded, Decoder, Echo, Pong, decode

from .differential import check, check_fetched, frames, same, sessions, sweep, users

# What is read without the reference, but for what comes seldom: a message that has been changed, or quotes another.
FAST = (
    events.TextMessage,
    events.MediaMessage,
    events.Receipt,
    events.Typing,
    events.TransientMessage,
    events.Reaction,
)
SELDOM = ("text.quoted",)
NO_CHANGES = "s2c-attributes"


@pytest.fixture
def left(monkeypatch: pytest.MonkeyPatch) -> list[object]:
    """Every text that was left to the reference decoder."""
    asked: list[object] = []

    def decode_plainly(self: Decoder, text: str | bytes) -> Decoded:
        asked.append(text)
        return plainly(self, text)

    plainly = Decoder.decode_plainly
    monkeypatch.setattr(Decoder, "decode_plainly", decode_plainly)
    return asked


def read(text: str) -> Any:
    """Decode *text* as user zed-1."""
    return Decoder("zed-1", "session-1").decode(text)


@settings(max_examples=500, deadline=None)
@given(text=frames(), own_uid=users, session_id=sessions)
def test_both_read_the_same(text: str, own_uid: str | None, session_id: str | None) -> None:
    """Golden frames, changed in any way, give both decoders the same value, raw and error included."""
    check(text, own_uid, session_id)


@pytest.mark.parametrize("first", [3, 23])
def test_any_value_at_any_place(first: int) -> None:
    """With any value at any place both give the same; one in 211 of these is tested here, one in ten in `nox -s fuzz`."""
    assert sweep(first, 211) > 2000


@settings(max_examples=200, deadline=None)
@given(texts=st.lists(frames(), max_size=6), session_id=sessions)
def test_many_are_read_as_one_by_one(texts: list[str], session_id: str | None) -> None:
    """Frames in one call become the same events as one by one, up to the first that is left to the reference."""
    made = fast.first_events(texts, session_id=session_id, known=fast.KnownPeople("zed-1"))
    for text, event in zip(texts, made, strict=False):
        same(event, decode(text, own_uid="zed-1", session_id=session_id))
    assert len(made) <= len(texts)
    if len(made) < len(texts):
        assert fast.first_events(texts[len(made) :], session_id=session_id, known=fast.KnownPeople("zed-1")) == []


def test_golden_frames_take_the_fast_path(
    received: dict[str, Any], left: list[object], request: pytest.FixtureRequest
) -> None:
    """Every frequent kind is decoded without the reference decoder, and to the same value."""
    text = json.dumps(received["frame"], separators=(",", ":"))
    decoded = read(text)
    often = isinstance(decoded, FAST) or getattr(decoded, "category", None) == "custom"
    often &= not received["name"].startswith(SELDOM) and NO_CHANGES not in request.node.name
    assert left == [text] * (not often and not isinstance(decoded, Pong))
    check(text)


def test_golden_messages_are_the_same_when_fetched(received: dict[str, Any]) -> None:
    """A message in a fetched list is the same event as in a frame, except for `raw`."""
    if received["frame"].get("type") == "message":
        assert type(check_fetched(json.dumps(received["frame"]["body"]))) is type(read(json.dumps(received["frame"])))


def test_an_echo_is_known_when_fetched(text_frame: dict[str, Any]) -> None:
    """An echo is recognised by the session id of the frame, or of the message when it is fetched."""
    session_id = text_frame["body"]["data"]["resource"]
    assert text_frame["deviceId"] == session_id
    both = Decoder("zed-1", session_id)
    assert both.decode(json.dumps(text_frame)) == Echo(1001)
    assert both.decode_fetched(json.dumps(text_frame["body"]).encode()) == Echo(1001)
    assert type(Decoder("zed-1", "other").decode_fetched(json.dumps(text_frame["body"]).encode())) is events.TextMessage


def test_a_key_that_is_not_known_does_not_slow_frames_down(text_frame: dict[str, Any], left: list[object]) -> None:
    """A frame with unknown keys is decoded without the reference, and raw has them: CometChat may add keys anywhere."""
    for place in ((), ("body",), ("body", "data"), ("body", "data", "entities", "sender", "entity")):
        frame = copy.deepcopy(text_frame)
        where = frame
        for key in place:
            where = where[key]
        where["new"] = {"a": [1, 2.5, None]}
        event = read(json.dumps(frame))
        assert event == read(json.dumps(text_frame))
        assert event.raw == frame
    assert left == []


@pytest.mark.parametrize("written", ["nul", "01", "1.", '"\\q"', '"\\u12G4"', "[1,]"])
def test_what_is_no_json_hides_nowhere(frame: Any, written: str) -> None:
    """Invalid JSON makes a frame unreadable, even behind an unknown or unused key."""
    for golden in (frame("s2c-messages", "text.user"), frame("s2c-message_changes", "edited")):
        text = json.dumps(golden)
        for place in ('"body": {', '"data": {', '"entities": {', '"entity": {', '"uid": "amy-2", '):
            for key in ("new", "on", "for", "by", "metadata"):
                changed = text.replace(place, f'{place}"{key}": {written}, ')
                assert isinstance(check(changed), events.UnreadableFrame)


def test_what_is_too_deep_hides_nowhere(frame: Any) -> None:
    """Too deep nesting makes a frame unreadable, even behind an unknown or unused key."""
    for golden in (frame("s2c-messages", "text.user"), frame("s2c-message_changes", "edited")):
        text = json.dumps(golden)
        for place in ('"body": {', '"data": {', '"entities": {', '"entity": {', '"uid": "amy-2", '):
            for key in ("new", "on", "for", "by", "metadata"):
                changed = text.replace(place, f'{place}"{key}": {"[" * 101 + "]" * 101}, ')
                kind = type(check(changed))
                assert kind is events.UnreadableFrame or (key != "new" and kind is type(read(text)))


@pytest.mark.parametrize(
    ("written", "value"), [("1e999", inf), ("9" * 5000, inf), ("-" + "9" * 5000, -inf), ('"\\ud800"', "\ufffd")]
)
def test_what_is_nearly_json_hides_nowhere(
    text_frame: dict[str, Any], left: list[object], written: str, value: object
) -> None:
    """Where JSON is nearly valid, only its own attribute is lost, and `raw` has it; numbers behind unknown keys are passed over."""
    text = json.dumps(text_frame)
    for place in ('"body": {', '"data": {', '"entities": {', '"entity": {', '"uid": "amy-2", '):
        for key in ("new", "on", "metadata"):
            changed = text.replace(place, f'{place}"{key}": {written}, ')
            left.clear()
            event = read(changed)
            assert left == [] or (left == [changed] and (key, value) != ("new", inf))
            check(changed)
            assert (type(event), event.id, event.text, event.sender.uid) == (
                events.TextMessage,
                1001,
                "hello zed",
                "amy-2",
            )
            if key == "new":
                assert event == read(text)
                assert repr(value) in repr(event.raw)


class Raw(msgspec.Struct):
    """An object of which one value is kept undecoded."""

    key: msgspec.Raw


class Other(msgspec.Struct):
    """An object without the key of that value."""

    other: int


ODD_JSON = [
    *('"a\\u00e9\\n\\"\\\\/\\b\\f\\r\\t"', "-12.5e+10", '[1,2,{"a":[]}]', '{"a":{"b":null},"c":true,"d":false}'),
    *('"\\ud83d\\ude00"', '"\\ud83d"', '"\\ude00"', '"\\ud83dx"', '"\\ud83d\\u0041"', '"\u00e9\U0001f600"'),
    *("0", "-0", "0.0", "1e999", "9" * 30, "[[],[],{}]", "[ 1 , 2 ]", '{ "a" : 1 }'),
]


def test_what_msgspec_passes_over_can_be_parsed() -> None:
    """A value that msgspec does not decode is valid or nearly valid JSON: the fast decoder and `raw` rely on that."""
    choose, passed = random.Random(14), 0
    decoders = [msgspec.json.Decoder(kind).decode for kind in (Raw, Other)]
    for _ in range(8_000):
        value = choose.choice(ODD_JSON)
        for _ in range(choose.randint(0, 3)):
            at = choose.randint(0, len(value))
            new = choose.choice('"\\[]{},:0123456789eE+-.truefalsn ud8cbx\t\n\0\x1f\x7f/\u00e9NaI')
            value = value[:at] + choose.choice(["", new]) + value[at + choose.randint(0, 1) :]
        for decode_one, text in zip(
            decoders, (f'{{"key":{value},"key":1}}', f'{{"x":{value},"other":1}}'), strict=True
        ):
            try:
                decode_one(text)
            except msgspec.MsgspecError:
                continue
            json.loads(text)  # as the reference decoder does with what is nearly valid
            passed += 1
    assert passed > 1_000


@pytest.mark.parametrize("key", ['"entities"', '"\\u0065ntities"', '"entitie\\u0073"'])
def test_what_is_no_json_hides_behind_no_key_that_is_there_twice(text_frame: dict[str, Any], key: str) -> None:
    """Both values of a key that is there twice must be valid JSON, however the key is written."""
    text = json.dumps(text_frame)
    for written, kind in (("nul", events.UnreadableFrame), ("1e99", events.TextMessage), ("1e999", events.TextMessage)):
        for value in (written, f'{{"sender": {written}}}', f'{{"sender": {{"entity": {written}}}}}'):
            assert isinstance(check(text.replace('"entities"', f'{key}: {value}, "entities"')), kind)
    inner = text.replace('"sender": {', '"sender": nul, "sender": {')
    assert isinstance(check(inner), events.UnreadableFrame)


@pytest.mark.parametrize("name", ["Zed", "é" * 300, "\U0001f600" * 300])
def test_the_second_key_is_found_wherever_it_is(text_frame: dict[str, Any], name: str) -> None:
    """A second key is found in the data, in data that was skipped, and before long entities with non-ASCII characters."""
    text_frame["body"]["data"]["entities"]["sender"]["entity"]["name"] = name
    text = json.dumps(text_frame, ensure_ascii=False)
    for old, new in (
        ('"entities"', '"entities": nul, "entities"'),
        ('"data"', '"data": {"entities": nul}, "data"'),
        ('"body"', '"body": {"id": 1, "category": "message", "data": {"entities": nul}}, "body"'),
        ('{"appId"', '{"body": {"id": 1, "category": "message", "data": {"entities": nul}}, "appId"'),
    ):
        assert text.count(old) == 1
        assert isinstance(check(text.replace(old, new)), events.UnreadableFrame)
        for fine in ("{}", "1e999"):
            assert isinstance(check(text.replace(old, new.replace("nul", fine))), events.TextMessage)


@pytest.mark.parametrize("hidden", ["nul", "1e999", "{}"])
def test_the_second_key_is_found_among_many(frame: Any, text_frame: dict[str, Any], hidden: str) -> None:
    """A second key is found whatever frames came with it: signals without entities, another such message, one that is left."""
    good = json.dumps(text_frame)
    doubled = good.replace('"entities"', f'"entities": {hidden}, "entities"')
    typing = json.dumps(frame("s2c-typing", "started.user"))
    custom = frame("s2c-messages", "custom")
    custom["body"]["data"]["customData"] = {"entities": 1}
    twice = json.dumps(custom)
    left = json.dumps(frame("s2c-messages", "text.quoted"))
    for texts in (
        [typing, doubled, good],
        [good, doubled, typing, typing],
        [twice, doubled],
        [doubled, left],
        [doubled],
    ):
        made = fast.first_events(texts, session_id="s", known=fast.KnownPeople("zed-1"))
        wanted = texts[: texts.index(doubled) if hidden == "nul" else len(texts) - (left in texts)]
        assert len(made) == len(wanted)
        for text, event in zip(wanted, made, strict=True):
            same(event, decode(text, own_uid="zed-1", session_id="s"))


def test_one_bad_frame_costs_the_next_ones_nothing(text_frame: dict[str, Any], left: list[object]) -> None:
    """The frame after an unreadable one is decoded by the fast decoder again."""
    good = json.dumps(text_frame)
    assert isinstance(read(good[:-1]), events.UnreadableFrame)
    assert isinstance(read(good), events.TextMessage)
    assert left == [good[:-1]]


def test_an_echo_is_an_echo(text_frame: dict[str, Any]) -> None:
    """Messages of our own session are judged by the reference decoder."""
    text_frame["deviceId"] = "session-1"
    assert read(json.dumps(text_frame)) == Echo(1001)


@pytest.mark.parametrize("text", [*sorted(decoder._PONGS), '{ "action": "pong" }', '{"action":"ping","ack":"true"}'])
def test_a_pong_is_known_at_sight(text: str) -> None:
    """A pong as servers write it is decoded fast, to the same value as by the reference."""
    check(text)
    assert isinstance(read(text), Pong) == ("pong" in text)


@pytest.mark.parametrize("text", ["", "x", "{}", "[]", "null", '{"type":"message"}', '{"type":5}', b"{}", b"\xff"])
def test_what_is_left_to_the_reference(text: Any) -> None:
    """What is no frame of a known kind has the value of the reference decoder."""
    check(text)


def test_raw_is_the_frame_and_is_parsed_on_access(text_frame: dict[str, Any]) -> None:
    """Until `raw` is read, the event holds the text of the frame; afterwards it holds one plain dict, and no text."""
    text = json.dumps(text_frame)
    event = read(text)
    assert event._text is text
    raw = event.raw
    assert type(raw) is dict
    assert raw == text_frame
    assert event.raw is raw
    assert not hasattr(event, "_text")
    assert not hasattr(event, "no_such_thing")


def test_a_message_inside_another_has_its_own_raw(frame: Any) -> None:
    """The raw of an edit is the frame; that of the message within it is the message's own mapping."""
    edited = frame("s2c-message_changes", "edited")
    event = read(json.dumps(edited))
    inner = edited["body"]["data"]["entities"]["on"]["entity"]
    assert (event.raw, event.message.raw) == (edited, inner)
    inner["new"] = 1
    event = read(json.dumps(edited))
    assert (event.raw, event.message.raw) == (edited, inner)


def test_events_of_the_fast_path_are_events_like_others(text_frame: dict[str, Any]) -> None:
    """Its events are frozen and can be hashed, copied, pickled and evolved like those of their constructor."""
    text = json.dumps(text_frame)
    event, reference = read(text), decode(text, own_uid="zed-1", session_id="session-1")
    assert type(event) is events.TextMessage
    with pytest.raises(attrs.exceptions.FrozenInstanceError):
        event.text = "x"
    assert hash(event) == hash(reference)
    for twin in (
        copy.copy(read(text)),
        copy.deepcopy(read(text)),
        pickle.loads(pickle.dumps(read(text))),  # noqa: S301 - our own
        attrs.evolve(read(text), text=event.text),
    ):
        same(twin, reference)
        same(twin.sender, event.sender)
    assert attrs.asdict(read(text))["raw"] == text_frame


@pytest.mark.parametrize(
    ("file", "name"),
    [
        ("s2c-messages", "text.user"),
        ("s2c-messages", "custom"),
        ("s2c-messages", "interactive"),
        ("s2c-group_actions", "joined"),
        ("s2c-group_actions", "kicked"),
        ("s2c-message_changes", "edited"),
    ],
)
def test_entities_that_are_not_usual(file: str, name: str, frame: Any, left: list[object]) -> None:
    """An action in a message, two senders, or a change of a change is left to the reference decoder."""
    changed = frame("s2c-message_changes", "deleted")
    for key, entity in (
        ("on", {"entity": {"uid": "x"}}),
        ("on", {"entity": changed["body"]}),
        ("by", {"entity": {"uid": "x"}}),
        ("sender", {"entity": {"uid": "x"}}),
    ):
        golden = frame(file, name)
        golden["body"]["data"]["entities"][key] = entity
        check(json.dumps(golden))
    left.clear()
    golden = frame(file, name)
    golden["body"]["data"]["entities"].pop("on", None)
    check(json.dumps(golden))


def test_steps_of_ai_agents(received: dict[str, Any]) -> None:
    """Both decoders give the same for a step of an AI agent with any number of its keys."""
    if received["frame"].get("type") == "streamed_message":
        for key in received["frame"]["body"]:
            less = {name: value for name, value in received["frame"]["body"].items() if name != key}
            assert isinstance(check(json.dumps({"type": "streamed_message", "body": less})), events.AIAssistantEvent)


def test_an_event_without_a_frame_has_no_raw() -> None:
    """An event that was made without a frame raises AttributeError for `raw`."""
    with pytest.raises(AttributeError, match="raw"):
        _ = fast.builder(events.TextMessage)().raw


@pytest.mark.parametrize(("depth", "asked"), [(8, 0), (9, 1)])
def test_what_is_nested_more_than_usual(frame: Any, left: list[object], depth: int, asked: int) -> None:
    """An unusually nested frame is left to the reference decoder, and is the same event."""
    given = frame("s2c-transient", "user")
    given["body"]["data"] = json.loads("[" * depth + "]" * depth)
    text = json.dumps(given)
    assert isinstance(read(text), events.TransientMessage)
    assert len(left) == asked
    check(text)


@pytest.mark.parametrize(("length", "asked"), [(15_000, 0), (17_000, 1)])
def test_a_long_text(text_frame: dict[str, Any], left: list[object], length: int, asked: int) -> None:
    """A message with a long text, whose items the reference counts first, is the same event."""
    text_frame["body"]["data"]["text"] = "x" * length
    text = json.dumps(text_frame)
    assert len(read(text).text) == length
    assert len(left) == asked
    check(text)


@pytest.mark.parametrize(
    "place", [("body", "sender"), ("body", "data", "resource"), ("body", "data", "entities", "on")]
)
def test_unused_keys_may_not_be_too_deep(text_frame: dict[str, Any], place: tuple[str, ...]) -> None:
    """Too deep nesting behind a known key that no attribute uses makes the frame unreadable."""
    where = text_frame
    for key in place[:-1]:
        where = where[key]
    where[place[-1]] = json.loads("[" * 101 + "]" * 101)
    assert isinstance(check(json.dumps(text_frame)), events.UnreadableFrame)


def test_raw_can_be_read_of_every_event_of_a_burst(text_frame: dict[str, Any], frame: Any) -> None:
    """The raw of each event of a burst can be read, also of a message with a key twice after a signal without that key."""
    typing = json.dumps(frame("s2c-typing", "started.user"))
    doubled = json.dumps(text_frame).replace('"entities"', '"entities": 1e999, "entities"')
    for event in fast.first_events([typing, doubled], session_id=None, known=fast.KnownPeople("zed-1")):
        assert event.raw["type"]  # type: ignore[attr-defined]


@pytest.mark.parametrize("count", [500, 501])
def test_of_objects_a_message_has_few(text_frame: dict[str, Any], count: int) -> None:
    """A message with more objects than the limit is left to the reference decoder, and both give the same event."""
    text_frame["body"]["data"]["mentions"] = {f"u{number}": {"uid": "u"} for number in range(count)}
    event: Any = check(json.dumps(text_frame, separators=(",", ":")))
    assert len(event.mentions) == (count if count <= 500 else 0)


def test_few_times_are_remembered(text_frame: dict[str, Any]) -> None:
    """However many different times come, each event has its own, and no more than 512 are remembered."""
    for seconds in range(1_700_000_000, 1_700_001_100):
        text_frame["body"]["sentAt"] = seconds
        message = read(json.dumps(text_frame))
        assert isinstance(message, events.TextMessage)
        assert message.sent_at is not None
        assert message.sent_at.timestamp() == seconds
        assert len(fast._moments) <= 512


def test_the_data_of_a_signal_need_not_be_an_object() -> None:
    """A number is what it is, and takes no step into it."""
    text = (
        '{"type":"transient_message","receiver":"zed-1","receiverType":"user","body":{"user":{"uid":"amy-2"},"data":7}}'
    )
    [event] = fast.first_events([text], session_id=None, known=fast.KnownPeople("zed-1"))
    assert (event, event.data) == (decode(text, own_uid="zed-1", session_id=None), 7)  # type: ignore[attr-defined]
