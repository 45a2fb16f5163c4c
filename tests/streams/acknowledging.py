"""Streams without a client for the tests of section 11: messages by number, and which stream has which."""

from __future__ import annotations

from typing import Any

import trio

from cometconn import EventStream
from cometconn._streams.stream_arguments import stream_options
from cometconn._streams.streams import Streams
from cometconn._wire.message_key import message_key
from cometconn.events import Event, Overflow, TextMessage, User

__all__ = ["events_of", "numbers", "published", "reading", "text", "unclaimed"]


def text(number: int, words: str = "") -> TextMessage:
    """A message with this id."""
    return TextMessage(id=number, sender=User("amy-2"), receiver=User("zed-1"), category="message", text=words)


def published(*ids: int, streams: Streams | None = None) -> Streams:
    """Streams to which messages with these ids have come, 10 bytes each."""
    streams = streams or Streams()
    for number in ids:
        streams.publish(text(number), 10)
    return streams


def events_of(
    streams: Streams,
    *types: type[Event],
    acknowledge: str = "next",
    overflow: str = "pause",
    max_events: int = 1024,
    max_bytes: int = 4 * 1024 * 1024,
    markers: bool = True,
) -> Any:
    """What `chat.events()` returns."""
    options = stream_options(types, max_events, max_bytes, overflow, acknowledge, markers=markers)
    return streams.subscribe(options, EventStream, trio.lowlevel.checkpoint)  # there is nothing to save


def numbers(events: Any) -> list[int]:
    """The ids of messages; for an `Overflow`, the number of dropped events, negated."""
    return [-event.dropped if isinstance(event, Overflow) else message_key(event) for event in events]


def unclaimed(streams: Streams) -> list[int]:
    """The ids of what waits for the next stream."""
    return numbers(entry[0] for entry in streams.unclaimed)


async def reading(stream: EventStream, count: int) -> list[int]:
    """The ids of the next *count* events."""
    return numbers([await anext(stream) for _ in range(count)])
