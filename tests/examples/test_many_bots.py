"""Many clients in one process."""

from __future__ import annotations

import gc
import pathlib
from typing import TYPE_CHECKING

import trio

from cometconn.emulator import open_emulator

from . import many_bots

if TYPE_CHECKING:
    import pytest

DOCS = pathlib.Path(__file__).parents[2] / "docs"
BOTS = [f"bot-{number}" for number in range(40)]


def test_the_page_shows_it() -> None:
    """What is shown is what is run here."""
    assert "examples/many_bots.py" in (DOCS / "how-to" / "many-clients.md").read_text(encoding="utf-8")


async def test_all_known_bots_answer(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """A bot that cannot log in is printed and does not stop the others; a cancel ends all."""
    usual, frozen = gc.get_threshold(), gc.get_freeze_count()
    async with open_emulator(users=["amy-2", *BOTS]) as server:

        def answers() -> list[str]:
            texts = [message["data"]["text"] for message in server.world.messages]
            return sorted(text for text in texts if text != "hello")

        monkeypatch.setattr(many_bots, "SERVER", server.url)
        with trio.fail_after(60):
            async with trio.open_nursery() as nursery:
                await nursery.start(many_bots.run_bots, [*BOTS, "nobody"])
                assert gc.get_freeze_count() > frozen
                assert gc.get_threshold()[0] == 100_000
                gc.unfreeze()  # the tests go on
                gc.set_threshold(*usual)
                assert all(server.connections(uid) == 1 for uid in BOTS)
                for uid in BOTS:
                    server.say("amy-2", "hello", receiver=uid)
                while len(answers()) < len(BOTS):
                    await trio.sleep(0.01)
                nursery.cancel_scope.cancel()
        assert answers() == sorted(f"{uid}: hello" for uid in BOTS)
    gc.collect()
    gc.freeze()  # as tests/conftest.py did
    assert capsys.readouterr().out.startswith("nobody stays away: ")
