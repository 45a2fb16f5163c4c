"""`cometconn.emulator.world.receipts`."""

from __future__ import annotations

from typing import Any

from cometconn.emulator.world.receipts import Receipts


def message(number: int, sender: str = "zed-1") -> dict[str, Any]:
    """A message of one conversation."""
    return {"id": str(number), "conversationId": "c", "sender": sender}


def test_a_mark_covers_what_came_before() -> None:
    """It covers earlier messages, not later ones, other conversations or other users."""
    receipts = Receipts()
    receipts.mark(message(10), "amy-2", "delivered")
    assert receipts.reached(message(9), "amy-2", "delivered")
    assert receipts.reached(message(10), "amy-2", "delivered")
    assert not receipts.reached(message(11), "amy-2", "delivered")
    assert not receipts.reached(message(10), "bob-3", "delivered")
    assert not receipts.reached({**message(10), "conversationId": "d"}, "amy-2", "delivered")
    assert not receipts.reached(message(10), "amy-2", "read")


def test_an_earlier_mark_takes_nothing_back() -> None:
    """Of receipts out of order the one of the newest message counts."""
    receipts = Receipts()
    receipts.mark(message(10), "amy-2", "read")
    receipts.mark(message(3), "amy-2", "read")
    assert receipts.reached(message(10), "amy-2", "read")


def test_what_was_read_was_delivered() -> None:
    """A message that was read counts as delivered, too."""
    receipts = Receipts()
    receipts.mark(message(10), "amy-2", "read")
    assert receipts.reached(message(10), "amy-2", "delivered")


def test_by_all_needs_no_mark_of_the_author() -> None:
    """The author of the message needs no mark."""
    receipts = Receipts()
    all_uids = ("zed-1", "amy-2", "bob-3")
    receipts.mark(message(10), "amy-2", "read")
    assert not receipts.reached_by_all(message(10), all_uids, "read")
    receipts.mark(message(10), "bob-3", "read")
    assert receipts.reached_by_all(message(10), all_uids, "read")
