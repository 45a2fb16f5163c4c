"""`cometconn._streams.buffer`: bounds in events and bytes, and its statistics."""

from __future__ import annotations

from cometconn._streams.buffer import Buffer
from cometconn.events import UnknownEvent


def event(name: str) -> UnknownEvent:
    """An event."""
    return UnknownEvent(type=name, raw={})


def test_it_is_full_by_events() -> None:
    """The event that reaches the bound is still taken, and then the buffer is full."""
    buffer = Buffer(2, 100)
    buffer.put(event("a"), 1)
    assert not buffer.full
    buffer.put(event("b"), 1)
    assert buffer.full
    assert [taken.type for taken, _ in (buffer.take(), buffer.take()) if isinstance(taken, UnknownEvent)] == ["a", "b"]
    assert not buffer.full
    assert not buffer


def test_it_is_full_by_bytes() -> None:
    """A buffer is full at its bound in bytes, and what is taken out makes room again."""
    buffer = Buffer(10, 100)
    buffer.put(event("a"), 99)
    assert not buffer.full
    buffer.put(event("b"), 1)
    assert buffer.full
    assert buffer.take()[1] == 99
    assert not buffer.full
    assert buffer.size == 1


def test_its_statistics() -> None:
    """The statistics of a buffer count everything that waits in it, and contain its bounds."""
    buffer = Buffer(10, 100)
    buffer.put(event("a"), 7)
    buffer.put(event("b"), 8)
    seen = buffer.statistics()
    assert (seen.events, seen.size, seen.max_events, seen.max_bytes) == (2, 15, 10, 100)
    assert [size for _, size in buffer.take_all()] == [7, 8]
    assert (buffer.size, len(buffer)) == (0, 0)


def test_what_is_unwanted_is_dropped() -> None:
    """When unwanted events are dropped, the others keep their order, and the size is theirs alone."""
    buffer = Buffer(10, 100)
    for name, size in ("a", 1), ("b", 2), ("c", 4):
        buffer.put(event(name), size)
    assert buffer.drop(lambda dropped: dropped == event("b")) == 1
    assert buffer.size == 5
    assert buffer.take_all() == [(event("a"), 1), (event("c"), 4)]
