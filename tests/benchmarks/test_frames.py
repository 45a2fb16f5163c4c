"""The frames that the servers send."""

from __future__ import annotations

import json

import pytest

from benchmarks.contenders.events import reader
from benchmarks.frames import LENGTH, frame, in_empty_fragments, in_fragments, message
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


@pytest.mark.parametrize(
    ("size", "head"),
    [
        (0, b"\x81\x00"),
        (125, b"\x81\x7d"),
        (126, b"\x81\x7e\x00\x7e"),
        (65_535, b"\x81\x7e\xff\xff"),
        (65_536, b"\x81\x7f\x00\x00\x00\x00\x00\x01\x00\x00"),
    ],
)
def test_frames_are_rfc_6455s(size: int, head: bytes) -> None:
    """Whole, unmasked, with the shortest length."""
    assert frame(bytes(size)) == head + bytes(size)


def test_a_message_in_fragments_ends_with_the_final_one() -> None:
    """The first has the opcode of text, the others have 0, and only the last one has FIN."""
    assert in_fragments(b"abcde", 2) == b"\x01\x02ab\x00\x02cd\x80\x01e"
    assert in_empty_fragments(b"ab", 3) == b"\x01\x02ab\x00\x00\x00\x00\x80\x00"
