"""`cometconn fleet events`: the log in order, holes and late messages marked, and consumed by a group."""

from __future__ import annotations

import io
import json
import sys
from typing import TYPE_CHECKING, Any

import pytest
import trio
from trio.testing import MockClock

from cometconn.cli.fleet.events import LogReader, entry_line, entry_text
from cometconn.fleet import MemoryEngine
from cometconn.fleet.values import Append, EntryKind, LogEntry, LogEvent

from .conftest import record, worker

if TYPE_CHECKING:
    from cometconn.fleet import EngineConnection

    from .conftest import Done, FleetCommand


def body(number: int, text: str, sender: str = "bob") -> bytes:
    """What the recorder keeps of a text message."""
    message = {
        "id": str(number),
        "conversationId": "amy_user_bob",
        "sender": sender,
        "receiver": "amy",
        "receiverType": "user",
        "category": "message",
        "type": "text",
        "sentAt": 1700000000,
        "data": {
            "text": text,
            "entities": {"sender": {"entity": {"uid": sender, "name": sender}, "entityType": "user"}},
        },
    }
    return json.dumps({"message": message}).encode()


def message(number: int, text: str = "hello") -> LogEvent:
    """An event of the log."""
    return LogEvent(number, body(number, text))


HOLE = LogEvent(None, b'{"hole": {"after_id": 1, "before_id": 9}}', EntryKind.HOLE)


async def fill(connection: EngineConnection) -> None:
    """Amy has got 1, a hole, 9 and late 5; zed 2."""
    claimed = await worker(connection, "w1", "amy", "zed")
    await record(connection, claimed["amy"], message(1, "one"), HOLE, message(9, "nine"), message(5, "five"))
    await record(connection, claimed["zed"], message(2, "two"))


@pytest.fixture
def events(fleet: FleetCommand, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Runs `fleet events`, whose output is bytes."""

    def run(*words: str) -> list[str]:
        out = io.BytesIO()
        stream = io.TextIOWrapper(out, encoding="utf-8", write_through=True)
        with monkeypatch.context() as patch:
            patch.setattr(sys, "stdout", stream)
            done: Done = fleet("events", *words)
        stream.detach()
        assert (done.status, done.error) == (0, "")
        return out.getvalue().decode().splitlines()

    return run


def test_the_log(fleet: FleetCommand, events: Any) -> None:
    """Account by account in its order, with what is missing or late; reading changes nothing."""
    fleet.with_engine(fill)
    for _ in range(2):
        lines = [line.partition(" ")[2] for line in events()]
        assert [line for line in lines if line.startswith("amy")] == [
            "amy #1 TextMessage from bob: one",
            "amy HOLE: messages after 1 and before 9 may be missing",
            "amy #9 TextMessage from bob: nine",
            "amy #5 (late) TextMessage from bob: five",
        ]
        assert [line for line in lines if line.startswith("zed")] == ["zed #2 TextMessage from bob: two"]
    assert len(events("--account", "zed")) == 1


def test_as_json(fleet: FleetCommand, events: Any) -> None:
    """One object a line, for programs."""
    fleet.with_engine(fill)
    first, hole, *_, late = map(json.loads, events("--account", "amy", "--json"))
    assert (first["account"], first["id"], first["kind"], first["late"]) == ("amy", 1, "message", False)
    assert (first["event"]["event"], first["event"]["text"]) == ("TextMessage", "one")
    assert (hole["kind"], hole["id"], hole["hole"]) == ("hole", None, {"after_id": 1, "before_id": 9})
    assert (late["id"], late["late"]) == (5, True)


def test_a_group_gets_each_once(fleet: FleetCommand, events: Any) -> None:
    """What was printed is acknowledged; another group gets it, too. It ends when nothing comes."""
    fleet.with_engine(fill)
    assert len(events("--group", "bots", "--account", "amy")) == 4
    groups = json.loads(fleet("status", "--json").out)["groups"]
    assert [(group["name"], group["behind_seconds"]) for group in groups] == [("bots", 0)]
    assert groups[0]["consumers"][0]["left"] is True


def test_mistakes(fleet: FleetCommand) -> None:
    """One sentence each."""
    fleet("accounts", "add", "amy")
    assert fleet.fails("events", "--account", "bob") == "The fleet has no account bob, and neither has its log."
    assert "is the group of the workers" in fleet.fails("events", "--group", "workers")
    assert "name of a consumer group must have" in fleet.fails("events", "--group", "a b")


def test_a_removed_account_has_its_entries(fleet: FleetCommand, events: Any) -> None:
    """They can be read until the log is trimmed."""
    fleet.with_engine(fill)
    fleet("accounts", "remove", "zed")
    assert len(events("--account", "zed")) == 1


@pytest.mark.parametrize(
    ("entry", "text"),
    [
        (LogEntry("1", "amy", None, EntryKind.SIGNAL, False, b"{", 0.0), "amy UnreadableFrame"),
        (LogEntry("1", "amy", None, EntryKind.HOLE, False, b"{", 0.0), "amy HOLE: messages here may be missing"),
        (
            LogEntry("1", "amy", None, EntryKind.HOLE, False, b'{"hole": {"dropped": 3}}', 0.0),
            "amy HOLE: 3 events were dropped",
        ),
        (
            LogEntry("1", "\x1bamy", 1, EntryKind.MESSAGE, False, body(1, "a\nb"), 0.0),
            "\\u001bamy #1 TextMessage from bob: a\\nb",
        ),
    ],
)
def test_any_entry_is_one_line(entry: LogEntry, text: str) -> None:
    """Whatever its body is."""
    assert entry_text(entry) == f"1970-01-01T00:00:00.000+00:00 {text}"
    assert len(entry_line(entry).splitlines()) == 1
    assert json.loads(entry_line(entry))["account"] == entry.account


async def test_many_partitions_are_one_log(autojump_clock: MockClock) -> None:
    """In the order of time, in more than one read of each partition; with *follow*, what comes later comes, too."""
    uids = [f"u{number}" for number in range(8)]
    async with MemoryEngine().connect("APP", partitions=4) as connection:
        claimed = await worker(connection, "w1", *uids)
        for number in range(1, 301):
            uid = uids[number % 8]
            await connection.append([Append(uid, claimed[uid].word, number, (message(number),))])
            await trio.sleep(0.1)
        reader = LogReader(connection, range(4), follow=False)
        read: list[int | None] = []
        while entries := await reader.batch():
            read += [entry.id for entry in entries]
        assert read == list(range(1, 301))
        following = LogReader(connection, range(4), follow=True)
        seen: list[int | None] = []
        while len(seen) < 300:
            seen += [entry.id for entry in await following.batch()]
        assert seen == read
        with trio.move_on_after(10.0) as waiting:
            await following.batch()
        assert waiting.cancelled_caught
        await connection.append([Append("u0", claimed["u0"].word, 301, (message(301),))])
        assert [entry.id for entry in await following.batch()] == [301]
