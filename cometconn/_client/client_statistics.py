"""Counters of one client."""

from __future__ import annotations

from typing import TYPE_CHECKING

import attrs

from cometconn._streams.unread import Unread

if TYPE_CHECKING:
    from collections.abc import Mapping

    from cometconn._connection.catch_up import CatchUp
    from cometconn._connection.machine import Machine
    from cometconn._streams.buffer import BufferStatistics
    from cometconn._streams.event_queue import EventStreamStatistics
    from cometconn._streams.streams import Streams

__all__ = ["Statistics", "statistics_of"]


@attrs.frozen
class Statistics:
    """Counters of one client since it was opened.

    Attributes:
        attempts: WebSockets that were begun.
        connections: of these, how many were authenticated.
        frames_sent: frames handed to the socket, pings included.
        events_received: events read from the socket, duplicates included.
        duplicates: of these, how many were dropped because their message had come before.
        fields_unread: optional attributes of frames that could not be read, and have their default instead.
        fields_unread_at: the same, for each class and place in the JSON: `"TextMessage data.metadata"`.
        frames_unreadable: frames, and fetched messages, that came as an `UnreadableFrame`, whether a stream wanted it or not;
            and elements of lists (`messages.history()`, `users.list()`, ...) that were left out because they could not be read.
        unclaimed: what no stream has taken; it waits for the next one.
        streams: the open streams, in the order in which they were opened.
        early: events that came before the server had answered the auth frame.
        fetched: missed messages on their way into the streams; `None` without `catch_up`.
        held: live events that stand behind them; `None` without `catch_up`.
    """

    attempts: int
    connections: int
    frames_sent: int
    events_received: int
    duplicates: int
    fields_unread: int
    fields_unread_at: Mapping[str, int]
    frames_unreadable: int
    unclaimed: BufferStatistics
    streams: tuple[EventStreamStatistics, ...]
    early: BufferStatistics
    fetched: BufferStatistics | None
    held: BufferStatistics | None


def statistics_of(machine: Machine, streams: Streams, catch_up: CatchUp | None) -> Statistics:
    """Return the counters of the client that consists of these."""
    machine.tick()
    unread = streams.unread or Unread()
    return Statistics(
        attempts=machine.attempts,
        connections=machine.connections,
        frames_sent=machine.frames_sent,
        events_received=streams.received,
        duplicates=streams.duplicates,
        fields_unread=sum(unread.fields.values()),
        fields_unread_at=unread.fields,
        frames_unreadable=unread.frames,
        unclaimed=streams.unclaimed.statistics(),
        streams=streams.stream_statistics(),
        early=streams.early.statistics(),
        fetched=catch_up.fetched if catch_up is not None else None,
        held=catch_up.held if catch_up is not None else None,
    )
