"""Autobahn's cases against our WebSocket, without those of large messages, which `nox -s autobahn` has as well."""

from __future__ import annotations

import pytest
import trio

pytest.importorskip("kosoku", reason="kosoku, which has Autobahn's cases, is not installed")

from .clients import CLIENTS, OURS
from .examination import COMPRESSION, LARGE, examine
from .results import PAGE, exceptions

INFORMATIONAL = {"7.1.6", "7.13.1", "7.13.2"}


async def test_our_websocket_does_as_every_case_requires() -> None:
    """With and without the scanner, each case is OK, but for the three that judge nothing; the documentation shows them."""
    verdicts: dict[str, dict[str, str]] = {}

    async def examine_one(name: str) -> None:
        verdicts[name] = await examine(CLIENTS[name], without=(*COMPRESSION, *LARGE))

    with trio.fail_after(240):
        async with trio.open_nursery() as nursery:
            for name in OURS:
                nursery.start_soon(examine_one, name)
    page = PAGE.read_text(encoding="utf-8")
    for name in OURS:
        assert len(verdicts[name]) == 246
        assert {case for case, verdict in verdicts[name].items() if verdict != "OK"} == INFORMATIONAL
        assert all(line in page for line in exceptions(name, verdicts[name]))


async def test_a_client_that_sends_nothing_back_fails() -> None:
    """It fails a case, also when that is run again, and the report has no reason for it."""

    async def silent(url: str, got: list[str | bytes] | None) -> None:
        client = CLIENTS[OURS[0]]
        if got is not None:
            await client(url, got)
            return
        received: list[str | bytes] = []
        async with trio.open_nursery() as nursery:
            nursery.start_soon(client, url, received)
            while not received:
                await trio.lowlevel.checkpoint()
            nursery.cancel_scope.cancel()

    verdicts = await examine(silent, ["1.1.2"])
    assert verdicts["1.1.2"] == "FAILED"
    assert "Not explained" in next(exceptions("silent", verdicts))
