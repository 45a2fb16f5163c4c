"""What could not be decoded is counted for each client, with a warning at most once a minute."""

from __future__ import annotations

import json
import logging
from typing import Any

import pytest
import trio
from trio.testing import MockClock

from cometconn.events import TextMessage, UnreadableFrame
from tests.connection.harness import Pair, open_pair, settle


def text_message(number: int, **data: Any) -> dict[str, Any]:
    """A message from amy-2 to zed-1 whose data is *data*."""
    body = {"id": str(number), "category": "message", "type": "text", "sender": "amy-2", "receiver": "zed-1"}
    return {"type": "message", "sender": "amy-2", "receiver": "zed-1", "body": {**body, "data": {"text": "x", **data}}}


def warnings(caplog: pytest.LogCaptureFixture) -> list[str]:
    """The warnings so far."""
    return [record.getMessage() for record in caplog.records if record.levelno == logging.WARNING]


async def push(pair: Pair, *frames: Any) -> None:
    """Let the server send frames, and the client read them."""
    for frame in frames:
        pair.server.push("zed-1", frame)
    await settle()


async def test_an_attribute_that_cannot_be_read_is_counted_and_logged(
    autojump_clock: MockClock, caplog: pytest.LogCaptureFixture
) -> None:
    """The event comes with the default; the statistics and a WARNING name the class and the place in the JSON."""
    async with open_pair(connect=True) as pair, pair.chat.events(TextMessage) as events:
        await push(pair, text_message(1, metadata="{}"), text_message(2, metadata=5, mentions=[1]))
        assert [event.metadata for event in await events.batch() if isinstance(event, TextMessage)] == [{}, {}]
        counted = pair.chat.statistics()
        assert counted.fields_unread == 3
        assert counted.fields_unread_at == {"TextMessage data.metadata": 2, "TextMessage data.mentions": 1}
        assert counted.frames_unreadable == 0
        [warning] = warnings(caplog)
        assert "TextMessage data.metadata" in warning


async def test_an_unreadable_frame_that_no_stream_wants_is_counted_and_logged(
    autojump_clock: MockClock, caplog: pytest.LogCaptureFixture
) -> None:
    """An unreadable frame is counted and logged although no stream wants it; a bot that reads only text has nothing else."""
    async with open_pair(connect=True) as pair, pair.chat.events(TextMessage) as events:
        frame = text_message(1)
        del frame["body"]["id"]
        await push(pair, frame, text_message(2))
        assert [event.id for event in await events.batch() if isinstance(event, TextMessage)] == [2]
        assert pair.chat.statistics().frames_unreadable == 1
        [warning] = warnings(caplog)
        assert "body.id is missing" in warning


async def test_it_is_logged_once_a_minute(autojump_clock: MockClock, caplog: pytest.LogCaptureFixture) -> None:
    """A server that sends nothing else does not fill the log: further warnings in a minute only increase the counter."""
    async with open_pair(connect=True) as pair:
        for second in range(130):
            await push(pair, text_message(second + 1, metadata="{}"))
            await trio.sleep(1)
        assert pair.chat.statistics().fields_unread == 130
        assert len(warnings(caplog)) == 3


async def test_what_a_server_wrote_is_not_in_the_log(
    autojump_clock: MockClock, caplog: pytest.LogCaptureFixture
) -> None:
    """No key or value from a server is in a warning or a counter: the counters are named after attributes."""
    async with open_pair(connect=True) as pair, pair.chat.events(UnreadableFrame) as events:
        evil = "\x1b]0;evil\x07"
        await push(
            pair,
            text_message(1, mentions={evil: {"uid": evil, "name": 5}}, metadata=evil),
            text_message(2, mentions={f"{evil}{number}": {} for number in range(100)}),
            {"type": "message", "body": {evil: evil, "id": evil, "category": "message"}},
        )
        assert isinstance(await anext(events), UnreadableFrame)
        counted = pair.chat.statistics()
        assert set(counted.fields_unread_at) == {"User name", "TextMessage data.metadata", "TextMessage data.mentions"}
        assert "evil" not in json.dumps(warnings(caplog))
