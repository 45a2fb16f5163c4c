"""`cometconn history` against the emulator: in this process, and once as a child process."""

from __future__ import annotations

import datetime
import json
import pathlib
import re
from typing import Any

import pytest

from cometconn.cli.history import HistoryOptions, history, parse_place
from cometconn.cli.options import Options
from cometconn.cli.usage_errors import in_options
from cometconn.emulator import Emulator, Kind
from cometconn.errors import CometConnError, SettingsError


@pytest.fixture
def options(emulator: Emulator, tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> Options:
    """The options of zed-1, with ten messages of amy-2 to zed-1 and one in a group."""
    monkeypatch.setenv("COMETCONN_AUTH_KEY", "KEY")
    for number in range(1, 11):
        emulator.say("amy-2", f"m{number}", receiver="zed-1")
    emulator.say("amy-2", "to all", group="hikers")
    return Options(app_id="APP", endpoint=emulator.url, uid="zed-1", session=tmp_path / "zed.json")


CASES: list[tuple[dict[str, Any], list[int]]] = [
    ({"user": "amy-2"}, [10, 9, 8, 7, 6, 5, 4, 3, 2, 1]),
    ({"user": "amy-2", "limit": 3}, [10, 9, 8]),
    ({"user": "amy-2", "limit": 3, "oldest_first": True}, [8, 9, 10]),
    ({"user": "amy-2", "limit": 0, "oldest_first": True}, [1, 2, 3, 4, 5, 6, 7, 8, 9, 10]),
    ({"user": "amy-2", "before": "5", "limit": 2}, [4, 3]),
    ({"user": "amy-2", "after": "5", "limit": 2}, [6, 7]),
    ({"user": "amy-2", "after": "5", "before": "8", "limit": 0}, [6, 7]),
    ({"user": "amy-2", "before": "2020-01-01"}, []),
    ({"group": "hikers"}, [11]),
    ({"limit": 2}, [11, 10]),
]


@pytest.mark.parametrize("case", CASES, ids=lambda case: " ".join(f"{name}={value}" for name, value in case[0].items()))
async def test_what_is_printed(
    case: tuple[dict[str, Any], list[int]], options: Options, emulator: Emulator, capfd: pytest.CaptureFixture[str]
) -> None:
    """The messages in their order, as `listen` prints them, without a connection."""
    wanted, expected = case
    assert await history(options, HistoryOptions(**wanted)) == 0
    printed = [json.loads(line) for line in capfd.readouterr().out.splitlines()]
    assert [message["id"] for message in printed] == expected
    assert all(message["event"] == "TextMessage" for message in printed)
    assert not emulator.log.of(Kind.CONNECT)


BAD: list[tuple[dict[str, Any], str]] = [
    ({"user": "amy-2", "group": "hikers"}, "Give one of --user, --group and --thread"),
    ({"limit": -1}, "--limit must be 0 or more, not -1"),
    ({"before": "yesterday"}, "--before must be the id of a message, or a time"),
    ({"after": "-5"}, "--after must be the id of a message, or a time"),
    ({"user": ""}, "--user"),
    ({"user": "nobody"}, "ERR_UID_NOT_FOUND"),
    ({"group": "nowhere"}, "ERR_GUID_NOT_FOUND"),
    ({"thread": 0}, "--thread must be"),
    ({"thread": 99}, "ERR_MESSAGE_ID_NOT_FOUND"),
]


@pytest.mark.parametrize("case", BAD, ids=[row[1] for row in BAD])
async def test_bad_input(case: tuple[dict[str, Any], str], options: Options, capfd: pytest.CaptureFixture[str]) -> None:
    """The error has the words of the command line."""
    wanted, expected = case
    with pytest.raises(CometConnError) as caught:
        await history(options, HistoryOptions(**wanted))
    text = in_options(str(caught.value), {"--user", "--group", "--thread"})
    assert expected in text
    assert not re.search(r"\w\(", text)
    assert capfd.readouterr().out == ""


def test_the_times() -> None:
    """A time without an offset is in UTC."""
    assert parse_place("--before", "2026-03-07T00:10") == datetime.datetime(2026, 3, 7, 0, 10, tzinfo=datetime.UTC)
    offset = parse_place("--before", "2026-03-07T00:10+05:30")
    assert offset == datetime.datetime(2026, 3, 6, 18, 40, tzinfo=datetime.UTC)
    assert parse_place("--before", None) is None
    assert parse_place("--after", "0") == 0
    for bad in ("", "1e3", "9" * 30, "٣", "2026-13-01"):
        with pytest.raises(SettingsError, match="--after must be"):
            parse_place("--after", bad)


async def test_several_pages(options: Options, emulator: Emulator, capfd: pytest.CaptureFixture[str]) -> None:
    """More than one page is printed."""
    for number in range(95):
        emulator.say("amy-2", f"more {number}", receiver="zed-1")
    await history(options, HistoryOptions(user="amy-2", limit=0))
    texts = [json.loads(line)["text"] for line in capfd.readouterr().out.splitlines()]
    assert (len(texts), texts[0], texts[-1]) == (105, "more 94", "m1")
