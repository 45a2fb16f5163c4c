"""There is a strategy for every kind of event, and every drawn frame decodes to the event from which it was made."""

from __future__ import annotations

import json
from typing import Any

import attrs
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cometconn import events as ev
from cometconn._wire import kinds
from cometconn._wire.decoder import Decoder
from cometconn.errors import SettingsError
from cometconn.testing import event_strategies, event_values, to_frame
from cometconn.testing.event_strategies import KINDS
from cometconn.testing.strategies import events, frames

CLASSES: list[type[Any]] = [getattr(ev, name) for name in ev.__all__ if name != "as_json"]
LEAVES = [  # and AIAssistantEvent, which is also the class of unknown kinds
    kind
    for kind in CLASSES
    if issubclass(kind, ev.Event)
    and (kind is ev.AIAssistantEvent or not any(other is not kind and issubclass(other, kind) for other in CLASSES))
]
SENT = [kind for kind in LEAVES if not issubclass(kind, ev.Marker)]
few = settings(max_examples=8, deadline=None, suppress_health_check=list(HealthCheck), database=None)


def read(frame: Any, uid: str = "zed-1") -> Any:
    """Return the event that both decoders make of a frame, in which no attribute is unreadable."""
    text = frame if isinstance(frame, str) else json.dumps(frame)
    unread: list[Any] = []
    decoder = Decoder(uid, "session-1", on_unread=unread.append)
    event = decoder.decode(text)
    assert decoder.decode_plainly(text) == event
    assert not unread or isinstance(event, ev.UnreadableFrame)
    return event


def test_every_class_of_events_has_a_strategy() -> None:
    """A new class of events fails this test until it has a strategy."""
    assert set(KINDS) == set(LEAVES)


@pytest.mark.parametrize("kind", SENT, ids=lambda kind: kind.__name__)
def test_a_frame_becomes_the_event_it_was_made_from(kind: type[Any]) -> None:
    """Every attribute is equal after encoding and decoding, whatever its value; `raw` is the frame."""

    @few
    @given(events(kind))
    def check(event: Any) -> None:
        assert type(event) is kind or kind is ev.AIAssistantEvent
        again = read(to_frame(event))
        assert again == event
        assert again.raw == event.raw

    check()


def test_every_attribute_is_drawn_at_times() -> None:
    """Every attribute of these messages and signals is sometimes drawn with another value than its default."""
    seen: set[tuple[type, str]] = set()
    classes = (ev.TextMessage, ev.IncomingCall, ev.MessagesRead)

    @settings(few, max_examples=600, derandomize=True)
    @given(events(*classes))
    def look(event: Any) -> None:
        for field in attrs.fields(type(event)):
            default = field.default.factory() if isinstance(field.default, attrs.Factory) else field.default  # type: ignore[arg-type]
            if getattr(event, field.name) != default:
                seen.add((type(event), field.name))

    look()
    assert {name for _, name in seen} == {field.name for kind in classes for field in attrs.fields(kind)}


@few
@given(events(ev.Marker))
def test_markers_are_drawn_but_never_sent(event: ev.Marker) -> None:
    """The client's own markers can be drawn as events, but have no frame."""
    with pytest.raises(SettingsError, match=type(event).__name__):
        to_frame(event)


@few
@given(frames())
def test_frames_are_of_kinds_that_servers_send(frame: Any) -> None:
    """By default any frame is drawn. It decodes to an event, and only texts decode to `UnreadableFrame`."""
    event = read(frame)
    assert isinstance(event, ev.Event)
    assert isinstance(event, ev.UnreadableFrame) == isinstance(frame, str)


@few
@given(st.data())
def test_outgoing_calls_belong_to_the_logged_in_user(data: Any) -> None:
    """With another `uid`, the outgoing calls are that user's."""
    event = data.draw(events(ev.OutgoingCallAccepted, uid="amy-2"))
    assert event.initiator.uid == "amy-2"
    assert read(data.draw(frames(ev.IncomingCall, uid="amy-2")), "amy-2").initiator.uid != "amy-2"


def test_a_base_class_stands_for_its_kinds() -> None:
    """`events(Receipt)` draws each of the four, and nothing else."""
    drawn = set()

    @settings(few, max_examples=40, derandomize=True)
    @given(events(ev.Receipt))
    def draw(event: Any) -> None:
        drawn.add(type(event))

    draw()
    assert drawn == set(ev.Receipt.__subclasses__())


def test_a_step_of_a_new_kind_is_of_no_known_kind(monkeypatch: pytest.MonkeyPatch) -> None:
    """The word that selects a known class is never drawn for the base class, however likely it is."""
    monkeypatch.setitem(event_values._USUAL, (ev.AIAssistantEvent, "type"), ("run_started", "novel"))
    (row,) = (row for row in kinds.KINDS if row.event is ev.AIAssistantEvent)

    @few
    @given(event_strategies._of_row(row, "zed-1", within=False))
    def check(event: ev.AIAssistantEvent) -> None:
        assert event.type in {"", "novel"}

    check()


@pytest.mark.parametrize("classes", [(ev.User,), (int,)])
def test_other_classes_are_refused(classes: Any) -> None:
    """A class that is not an event raises `SettingsError`."""
    with pytest.raises(SettingsError, match="kinds"):
        events(*classes)
    with pytest.raises(SettingsError, match="kinds"):
        frames(*classes)


def test_no_frame_can_be_drawn_for_markers() -> None:
    """A marker has no frame."""
    with pytest.raises(SettingsError, match="nothing to draw"):
        frames(ev.Gap)
