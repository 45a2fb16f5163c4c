"""The programs of a fleet: two workers, of which one is drained, and a consumer."""

from __future__ import annotations

import os
import pathlib
import signal
import sys

import pytest
import trio

from cometconn import AppSettings, fleet
from cometconn.emulator import Emulator, open_emulator
from cometconn.fleet import Account, FleetSettings

from . import fleet_consumer, fleet_worker

DOCS = pathlib.Path(__file__).parents[2] / "docs"
UIDS = ("amy-2", "bob-3", "cat-4")
QUICK = FleetSettings(lease_ttl=2.0, lease_margin=0.5, reconcile_every=0.05, connect_burst=100)


def test_the_page_shows_them() -> None:
    """What is shown is what is run here."""
    page = (DOCS / "how-to" / "many-processes.md").read_text(encoding="utf-8")
    assert "examples/fleet_worker.py" in page
    assert "examples/fleet_consumer.py" in page


def answers(server: Emulator) -> list[tuple[str, str]]:
    """The account and the text of each answer."""
    sent = [(message["sender"], message["data"]["text"]) for message in server.world.messages]
    return sorted((uid, text) for uid, text in sent if uid in UIDS)


@pytest.mark.skipif(sys.platform == "win32", reason="there is no SIGTERM")
async def test_every_message_is_answered_once_by_the_worker_that_owns_the_account(
    tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Before, while and after one of two workers is drained by SIGTERM, which ends its program."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("REDIS_URL", raising=False)
    monkeypatch.setenv("COMETCONN_AUTH_KEY", "KEY")
    opened = fleet.open_worker
    monkeypatch.setattr(fleet, "open_worker", lambda *args, **options: opened(*args, fleet_settings=QUICK, **options))
    async with open_emulator(users=("zed-1", *UIDS)) as server:
        monkeypatch.setattr(fleet_worker, "SERVER", server.url)
        with trio.fail_after(60):
            async with fleet.SQLiteEngine("fleet.db").connect("APP", partitions=QUICK.partitions) as connection:
                await connection.administration.add([Account(uid) for uid in UIDS])
                async with trio.open_nursery() as nursery:
                    nursery.start_soon(fleet_worker.main, "w1")
                    await _until_connected(server)
                    await _ask_all(server, "before")
                    os.kill(os.getpid(), signal.SIGTERM)
                await _ask_all(server, "meanwhile", wait=False)
                assert await connection.administration.owners() == {}
                async with trio.open_nursery() as nursery:
                    nursery.start_soon(fleet_worker.main, "w2")
                    await _until_connected(server)
                    await _ask_all(server, "after")
                    os.kill(os.getpid(), signal.SIGTERM)
    assert answers(server) == sorted(
        (uid, f"You wrote: {text}") for uid in UIDS for text in ("before", "meanwhile", "after")
    )
    assert capsys.readouterr().out == "w1 has joined\nw2 has joined\n"


async def _until_connected(server: Emulator) -> None:
    while not all(server.connections(uid) == 1 for uid in UIDS):
        await trio.sleep(0.01)


async def _ask_all(server: Emulator, text: str, *, wait: bool = True) -> None:
    for uid in UIDS:
        server.say("zed-1", text, receiver=uid)
    while wait and sum(answer == f"You wrote: {text}" for _, answer in answers(server)) < len(UIDS):
        await trio.sleep(0.01)


async def test_a_second_signal_ends_the_worker_at_once(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Also if it cannot be drained, because an account's handler does not end."""
    engine = fleet.MemoryEngine()
    monkeypatch.setattr(fleet_worker, "engine", lambda: engine)
    drained = trio.Event()
    monkeypatch.setattr(fleet.Worker, "drain", lambda _: drained.set())
    with trio.fail_after(30):
        async with trio.open_nursery() as nursery:
            nursery.start_soon(fleet_worker.main, "w1")
            while "w1 has joined" not in capsys.readouterr().out:
                await trio.sleep(0.01)
            os.kill(os.getpid(), signal.SIGTERM)
            await drained.wait()
            os.kill(os.getpid(), signal.SIGTERM)


async def test_the_consumer_prints_what_was_recorded(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Each message once, with its account and id; what is acknowledged does not come again."""
    engine = fleet.MemoryEngine()
    monkeypatch.setattr(fleet_consumer, "engine", lambda: engine)
    async with open_emulator(users=("zed-1", "amy-2")) as server:

        async def login(_: Account) -> fleet.Credentials:
            await trio.lowlevel.checkpoint()
            return fleet.Credentials(auth_key="KEY")

        with trio.fail_after(60):
            async with (
                engine.connect("APP") as connection,
                fleet.open_worker(
                    "APP", AppSettings(), engine=engine, name="w1", login=login, endpoints=server.endpoints
                ),
                trio.open_nursery() as nursery,
            ):
                await connection.administration.add([Account("amy-2")])
                while server.connections("amy-2") == 0:
                    await trio.sleep(0.01)
                for text in ("one", "two"):
                    server.say("zed-1", text, receiver="amy-2")
                nursery.start_soon(fleet_consumer.main, "c1")
                printed = ""
                while printed.count("\n") < 2:
                    await trio.sleep(0.01)
                    printed += capsys.readouterr().out
                nursery.cancel_scope.cancel()
    assert [line[:12] for line in printed.splitlines()] == ["('amy-2', 1)", "('amy-2', 2)"]
    assert "text='one'" in printed
