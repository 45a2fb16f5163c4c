"""The frames that the servers send."""

from __future__ import annotations

import json

import pytest

from benchmarks.contenders.events import reader
from benchmarks.frames import LENGTH, frame, message
from cometconn.events import TextMessage
from tests.received import received, received_one


def test_messages_are_cometchats_and_about_600_bytes() -> None:
    """They are read as what they are, each with an id of its own, and all are of one length."""
    events = received(*(message(number).decode() for number in (0, 1, 99_999)), uid="bot-01")
    assert all(isinstance(event, TextMessage) for event in events)
    assert len({event.id for event in events if isinstance(event, TextMessage)}) == 3
    assert {len(frame(message(number))) for number in (0, 1, 99_999)} == {LENGTH}
    assert 550 <= LENGTH <= 750


def test_the_others_events_have_what_ours_have() -> None:
    """The baseline does not get away with less."""
    ours = received_one(message(7).decode(), "bot-01")
    assert isinstance(ours, TextMessage)
    for detailed in (True, False):
        theirs = reader(detailed=detailed)(json.loads(message(7)))
        for name in ("id", "conversation_id", "sent_at", "text", "muid", "metadata"):
            assert getattr(theirs, name) == getattr(ours, name)
        for attribute in ("sender", "receiver"):
            for name in ("uid", "name", "role", "avatar", "status"):
                assert getattr(getattr(theirs, attribute), name) == getattr(getattr(ours, attribute), name)


@pytest.mark.parametrize(("size", "head"), [(0, b"\x81\x00"), (125, b"\x81\x7d"), (126, b"\x81\x7e\x00\x7e")])
def test_frames_are_rfc_6455s(size: int, head: bytes) -> None:
    """Whole, unmasked, with the shortest length."""
    assert frame(bytes(size)) == head + bytes(size)


def test_no_frame_is_longer_than_can_be_written() -> None:
    """It would be a mistake of ours."""
    with pytest.raises(ValueError, match="long"):
        frame(bytes(65_536))
