"""`cometconn.emulator.backend.client_traces`: lines of traces become entries of the log."""

from __future__ import annotations

import datetime
import json
import pathlib
from typing import Any

import httpx2
import pytest
import trio

from cometconn.emulator import Kind, ServerLimits, World, open_emulator
from cometconn.emulator.world.devices import Device
from cometconn.instrumentation import Dialled, PingSent, StatusChanged, TraceFile, trace
from cometconn.instrumentation.trace import to_line
from tests.instrumentation.examples import KINDS, example

NOW = 1_800_000_000.0


def at(seconds: float) -> datetime.datetime:
    """Return a time so many seconds after `NOW`."""
    return datetime.datetime.fromtimestamp(NOW + seconds, datetime.UTC)


def lines(*details: Any) -> str:
    """Return the text of a trace."""
    return "".join(f"{to_line(each)}\n" for each in details)


class NoLine:
    """A connection without bytes."""

    def reset(self) -> None:
        """Do nothing."""

    def silence(self) -> None:
        """Do nothing."""


@pytest.fixture
def world() -> World:
    """Make a server without sockets, at a fixed time: 500 s on its own clock."""
    return World(clock=lambda: 500.0, wall_clock=lambda: NOW)


def connected(world: World, port: int | None) -> int:
    """Let a connection come from this port; return its number."""
    device = Device(NoLine(), port=port)
    world.asked(device)
    return device.number


def test_names_are_bounded(world: World) -> None:
    """A long name of a client or a program is not kept for the time that its connections are known."""
    dialled = example(Dialled, connection_id="c" * 100_000, local_port=4000, at_utc=at(0))
    assert world.traces.add(lines(dialled), "s" * 100_000)["taken"] == 1
    assert all(len(name) <= 1_000 for key in world.traces._dials for name in key[:2])


def test_every_kind_of_detail_becomes_an_entry(world: World) -> None:
    """With its client, its time on the server's clock, its words and its fields; and all of it is JSON."""
    details = [example(kind, at_utc=at(-2.5)) for kind in KINDS]
    assert world.traces.add(lines(*details), "prog") == {"taken": len(details), "unreadable": 0}
    entries = world.log.of(Kind.TRACE)
    assert [entry.detail["detail"] for entry in entries] == [kind.__name__ for kind in KINDS]
    for entry in entries:
        assert (entry.detail["source"], entry.detail["client"], entry.detail["generation"]) == ("prog", "APP-1", 3)
        assert entry.detail["happened"] == 497.5
        assert entry.detail["words"]
        json.dumps(dict(entry.detail), allow_nan=False)


def test_details_belong_to_the_connection_from_the_same_port(world: World) -> None:
    """Also those of the same text that are before the dial, and those of later texts; of each client its own."""
    first, second, third = connected(world, 1000), connected(world, None), connected(world, 1002)
    assert (first, second, third) == (1, 2, 3)
    mine = {"at_utc": at(-1), "connection_id": "APP-1"}
    begun = example(PingSent, **mine)
    world.traces.add(lines(begun, example(Dialled, local_port=1002, **mine)), "one")
    world.traces.add(lines(example(PingSent, **{**mine, "generation": 4})), "one")
    world.traces.add(lines(example(PingSent, **mine)), "one")
    world.traces.add(lines(begun), "other")
    world.traces.add(lines(example(Dialled, local_port=None, **mine)), "third")
    assert [entry.connection for entry in world.log.of(Kind.TRACE)] == [3, 3, None, 3, None, None]


def test_an_entry_has_the_user_of_its_connection(world: World) -> None:
    """From the auth frame on, and also when the connection is over; `None` where the connection is not known."""
    device = Device(NoLine(), port=1000)
    world.accepted(device)
    world.traces.add(lines(example(Dialled, local_port=1000, at_utc=at(0))), "one")
    jwt = world.sessions.jwt_for(world.sessions.issue_token("zed-1"))
    world.received(device, json.dumps({"type": "auth", "sender": "zed-1", "body": {"auth": jwt}}))
    ping = lines(example(PingSent, at_utc=at(0)))
    world.traces.add(ping, "one")
    world.closed(device, "cut")
    world.traces.add(ping, "one")
    world.traces.add(ping, "other")
    assert [entry.uid for entry in world.log.of(Kind.TRACE)] == [None, "zed-1", "zed-1", None]


def test_a_dial_may_be_reported_before_its_connection_came(world: World) -> None:
    """From then on the client's details belong to it."""
    world.traces.add(lines(example(Dialled, local_port=1000, at_utc=at(0))), "one")
    connected(world, 1000)
    world.traces.add(lines(example(PingSent, at_utc=at(0))), "one")
    assert [entry.connection for entry in world.log.of(Kind.TRACE)] == [None, 1]


def test_an_old_dial_from_the_same_port_is_another_connection(world: World) -> None:
    """Ports are used again, by this program and by others: a trace of yesterday has no connection here."""
    connected(world, 1000)
    world.traces.add(lines(example(Dialled, local_port=1000, at_utc=at(-3600))))
    assert world.log.of(Kind.TRACE)[0].connection is None


def test_a_batch_is_taken_once(world: World) -> None:
    """A client that did not see the answer sends it again; another source has numbers of its own."""
    text = lines(example(PingSent, at_utc=at(0)))
    taken = [
        world.traces.add(text, source, batch)["taken"] for source, batch in [("a", 1), ("a", 1), ("b", 1), ("a", 2)]
    ]
    assert taken == [1, 0, 1, 1]
    assert len(world.log.of(Kind.TRACE)) == 3


@pytest.mark.parametrize(
    "change",
    [
        {"at": float("nan")},
        {"at_utc": "2026-03-06T21:40:00"},
        {"at_utc": "never"},
        {"generation": "three"},
        {"detail": "Unknown"},
        {"at": 10**400},
    ],
    ids=str,
)
def test_what_is_no_detail_is_counted(world: World, change: dict[str, Any]) -> None:
    """A line that is none does not end the request: the others are taken."""
    good = to_line(example(PingSent))
    bad = json.dumps({**json.loads(good), **change})
    assert world.traces.add(f"{bad}\n\n{good}\nnot JSON\n[]\n") == {"taken": 1, "unreadable": 3}
    assert len(world.log) == 1


def test_a_detail_hides_the_secrets_of_the_server(world: World) -> None:
    """In every text, the name of the program included; and long texts are cut."""
    token = world.sessions.issue_token("zed-1")
    failed = example(next(kind for kind in KINDS if kind.__name__ == "AttemptFailed"), cause=f"{token} {'x' * 5_000}")
    world.traces.add(lines(failed), f"prog {token}")
    (entry,) = world.log.of(Kind.TRACE)
    assert token not in str(entry)
    assert entry.detail["source"] == "prog ***"
    assert len(entry.detail["fields"]["cause"]) <= 1_000


def test_each_entry_is_read_once_as_long_as_the_log_has_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """A picture that is drawn again reads what is new, and what the log has dropped is forgotten, here, too."""
    read: list[str] = []
    original = trace.from_line
    monkeypatch.setattr(trace, "from_line", lambda line: read.append(line) or original(line))
    world = World(clock=lambda: 500.0, wall_clock=lambda: NOW, limits=ServerLimits(log_entries=3))
    world.traces.add(lines(example(PingSent, at_utc=at(2)), example(PingSent, at_utc=at(1))), "s")
    read.clear()
    for _ in range(3):
        assert [detail.at_utc for detail in world.traces.details(world.log)] == [at(1), at(2)]
    assert len(read) == 2
    world.traces.add(lines(example(PingSent, at_utc=at(3)), example(PingSent, at_utc=at(4))), "s")
    assert [detail.at_utc for detail in world.traces.details(world.log)] == [at(1), at(3), at(4)]
    assert len(read) == 2 + 2 + 2  # `add()` reads each line, too
    assert len(world.traces._details) == 3


async def test_a_trace_file_is_uploaded(tmp_path: pathlib.Path) -> None:
    """Its bytes are the body; without a source each upload is one."""
    with TraceFile(tmp_path / "trace") as trace:
        trace(example(StatusChanged))
        trace(example(PingSent))
    body = (tmp_path / "trace").read_bytes() + b'{"detail":"Half'
    async with open_emulator(control=True) as server, httpx2.AsyncClient(base_url=f"{server.url}/control") as client:
        with trio.fail_after(10):
            answers = [(await client.post("/traces", content=body)).json()["data"] for _ in range(2)]
            bad = await client.post("/traces?batch=0", content=body)
            log = (await client.get("/log")).json()["data"]
    assert answers == [{"taken": 2, "unreadable": 1}] * 2
    assert bad.status_code == 400
    traces = [entry for entry in log if entry["kind"] == "trace"]
    assert [entry["source"] for entry in traces] == ["upload-1", "upload-1", "upload-2", "upload-2"]
    assert traces[1]["fields"]["by"] == "application"
