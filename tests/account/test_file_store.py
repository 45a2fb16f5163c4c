"""A FileStore on a slow disk, with real threads: every call keeps its bound, and writes keep their order."""

from __future__ import annotations

import functools
import os
import pathlib
import subprocess
import sys
import threading
import time
from typing import TYPE_CHECKING, Any

import attrs
import pytest
import trio
import trio.testing

from cometconn import AppSettings, FileStore, Timing, open_client
from cometconn._account.session import Session
from cometconn._account.session_files import SessionFiles
from cometconn.emulator import open_emulator
from cometconn.errors import SettingsError, StoreError
from cometconn.stores import SavedPosition

if TYPE_CHECKING:
    from collections.abc import Iterator

SESSION = Session("APP", "zed-1", "A-TOKEN", "A-JWT", {"uid": "zed-1"})
SLACK = 15.0  # seconds, on a machine that is busy with other tests


@pytest.fixture
def path(tmp_path: pathlib.Path) -> pathlib.Path:
    """The session file."""
    return tmp_path / "state" / "session.json"


@pytest.fixture
def disk(monkeypatch: pytest.MonkeyPatch) -> Iterator[threading.Event]:
    """A disk whose fsync waits until the event is set; at first it is set."""
    answers, real = threading.Event(), os.fsync

    def fsync(descriptor: int) -> None:
        assert answers.wait(30)
        real(descriptor)

    monkeypatch.setattr(os, "fsync", fsync)
    answers.set()
    yield answers
    answers.set()


async def until_free(path: pathlib.Path) -> FileStore:
    """Return a store that is loaded as soon as the lock is free."""
    store = FileStore(path)
    with trio.fail_after(10):
        while True:
            try:
                await store.load("APP")
            except StoreError:
                await trio.sleep(0.005)
            else:
                return store


async def test_an_abandoned_write_never_overwrites_a_newer_one(path: pathlib.Path, disk: threading.Event) -> None:
    """Writes whose wait was cancelled are made in order, and the lock is released after the last one."""
    with trio.fail_after(30):
        store = FileStore(path)
        saved = await store.load("APP")
        disk.clear()
        for number in range(3):
            with trio.move_on_after(0.01):
                session = attrs.evolve(SESSION, auth_token=f"TOKEN-{number}")
                await store.save(attrs.evolve(saved, session=session))
        with trio.move_on_after(0.01):
            await store.aclose()
        with pytest.raises(StoreError, match="not open"):
            await store.save(saved)
        with pytest.raises(StoreError, match="in use"):
            await FileStore(path).load("APP")
        with pytest.raises(StoreError, match="in use"):
            await store.load("APP")
        disk.set()
        again = await until_free(path)
        assert await again.load_position() is None
        await again.aclose()
        assert '"TOKEN-2"' in path.read_text()
        assert not list(path.parent.glob(".*saving"))


async def test_writes_to_a_disk_that_hangs_do_not_accumulate(path: pathlib.Path, disk: threading.Event) -> None:
    """Of the writes that were cancelled before they began, only the newest is made."""
    with trio.fail_after(30):
        store = FileStore(path)
        await store.save(attrs.evolve(await store.load("APP"), session=SESSION))
        disk.clear()
        for number in range(100):
            with trio.move_on_after(0):
                await store.save_position(SavedPosition("APP", "zed-1", None, number), durable=True)
        assert len(store._thread._waiting) <= 2
        with trio.move_on_after(0):
            await store.forget()
        assert len(store._thread._waiting) == 1
        disk.set()
        await store.aclose()
        assert "A-TOKEN" not in path.read_text()
        assert not path.with_name("session.json.position").exists()


async def test_a_cancelled_load_leaves_no_lock(path: pathlib.Path) -> None:
    """A cancelled load ends at once, and a lock that its thread has taken by then is released."""
    with trio.fail_after(30):
        with trio.CancelScope() as scope:
            scope.cancel()
            await FileStore(path).load("APP")
        assert scope.cancelled_caught
        await (await until_free(path)).aclose()


async def test_a_thread_that_does_not_start_spoils_one_call(
    path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """When the system starts no thread, that call fails at once; the next one is made, and the failed one is not."""

    def refuse(*_: object) -> None:
        message = "can't start new thread"
        raise RuntimeError(message)

    with trio.fail_after(30):
        store = FileStore(path)
        with monkeypatch.context() as patch:
            patch.setattr("trio.lowlevel.start_thread_soon", refuse)
            with pytest.raises(RuntimeError, match="new thread"):
                await store.load("APP")
        saved = await store.load("APP")
        while store._thread._is_running:  # else its thread makes the next call, too
            await trio.sleep(0.001)
        with monkeypatch.context() as patch:
            patch.setattr("trio.lowlevel.start_thread_soon", refuse)
            with pytest.raises(RuntimeError, match="new thread"):
                await store.save(attrs.evolve(saved, session=SESSION))
        assert await store.load_position() is None
        assert not path.exists(), "the call that failed is not made later"
        await store.aclose()


class Busy:
    """Threads of Trio that are busy with something else."""

    def __init__(self, nursery: trio.Nursery, count: int = 40) -> None:
        self.done = threading.Event()
        for _ in range(count):
            # Abandoned on cancel, so that a failing test ends. The threads end after a minute at the latest.
            nursery.start_soon(functools.partial(trio.to_thread.run_sync, self.done.wait, 60, abandon_on_cancel=True))


@pytest.mark.parametrize("hurdle", ["40 busy threads", "fsync", "both"])
async def test_leaving_and_disconnecting_keep_their_bound(
    path: pathlib.Path, disk: threading.Event, hurdle: str
) -> None:
    """Neither busy threads nor a disk that hangs delay `disconnect()` or leaving by more than close_timeout."""
    with trio.fail_after(60):
        async with open_emulator() as server, trio.open_nursery() as nursery:
            client = open_client("APP", AppSettings(catch_up=True), store=path, endpoints=server.endpoints)
            async with client as chat:
                await chat.login(uid="zed-1", auth_key="KEY")
                await chat.connect()
                busy = Busy(nursery, 40 if hurdle != "fsync" else 0)
                if hurdle != "40 busy threads":
                    disk.clear()
                began = time.monotonic()
                await chat.disconnect()
                assert time.monotonic() - began < 2 + SLACK
                began = time.monotonic()
            assert time.monotonic() - began < 2 + SLACK
            if hurdle != "40 busy threads":
                with pytest.raises(StoreError, match="in use"):
                    await FileStore(path).load("APP")
            busy.done.set()
            disk.set()
            store = await until_free(path)
            assert "zed-1" in path.with_name("session.json.position").read_text()
            await store.aclose()


async def test_login_and_logout_with_a_disk_that_hangs(path: pathlib.Path, disk: threading.Event) -> None:
    """Both raise StoreError after close_timeout; no user is logged in, nor after a restart once the disk works again."""
    with trio.fail_after(60):
        async with open_emulator() as server:
            client = open_client("APP", AppSettings(), store=path, endpoints=server.endpoints)
            async with client as chat:
                disk.clear()
                began = time.monotonic()
                with pytest.raises(StoreError, match="did not answer in time"):
                    await chat.login(uid="zed-1", auth_key="KEY")
                assert time.monotonic() - began < 2 + SLACK
                assert chat.get_logged_in_user() is None
                disk.set()
                await chat.login(uid="zed-1", auth_key="KEY")
                disk.clear()
                began = time.monotonic()
                with pytest.raises(StoreError, match="may still be saved"):
                    await chat.logout()
                assert time.monotonic() - began < 2 + SLACK
            disk.set()
            store = await until_free(path)
            await store.aclose()
            assert (await store.load("APP")).session is None
            await store.aclose()


PROGRAM = """
import os, sys, time, trio, cometconn
from cometconn import AppSettings, Endpoints
async def main():
    settings = AppSettings(auto_establish_socket_connection=False)
    client = cometconn.open_client("APP", settings, store=sys.argv[1], endpoints=Endpoints.at(sys.argv[2]))
    async with client as chat:
        os.fsync = lambda _: time.sleep(60)
        try:
            await chat.login(uid="zed-1", auth_key="KEY")
        except cometconn.errors.StoreError:
            print("refused")
trio.run(main)
print("out")
"""


async def test_a_program_ends_although_a_write_hangs(path: pathlib.Path) -> None:
    """Neither `trio.run` nor the interpreter waits for the store's thread."""
    with trio.fail_after(60):
        async with open_emulator() as server:
            began = time.monotonic()
            done = await trio.run_process(
                [sys.executable, "-c", PROGRAM, str(path), server.url], capture_stdout=True, stderr=subprocess.STDOUT
            )
            assert done.stdout.decode().split() == ["refused", "out"]
            assert time.monotonic() - began < 30


async def test_a_second_client_while_the_first_still_writes(path: pathlib.Path, disk: threading.Event) -> None:
    """A second client is refused until the last write of the first has ended, and the first then writes no more."""
    with trio.fail_after(60):
        async with open_emulator() as server, trio.open_nursery() as nursery:

            async def log_in(chat: Any) -> None:
                with pytest.raises(Exception, match="ended by logout|did not answer|was left"):
                    await chat.login(uid="zed-1", auth_key="KEY")

            settings = AppSettings(timing=Timing(close_timeout=0.2))
            async with open_client("APP", settings, store=path, endpoints=server.endpoints) as chat:
                disk.clear()
                nursery.start_soon(log_in, chat)
                while not list(path.parent.glob(".*saving")):
                    await trio.sleep(0.005)
            with pytest.raises(StoreError, match="in use"):
                async with open_client("APP", settings, store=path, endpoints=server.endpoints):
                    pass
            assert list(path.parent.glob(".*saving")), "the file of a running write is not removed"
            disk.set()
            second = await until_free(path)
            assert '"session": null' in path.read_text()
            written = path.stat()
            await trio.sleep(0.05)
            assert path.stat() == written
            await second.aclose()


async def test_a_client_whose_opening_was_cancelled_leaves_the_file_to_the_next(
    path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Leaving waits until the thread that takes the lock has released it."""
    begun, cancelled, may_end = threading.Event(), threading.Event(), threading.Event()
    load, release = SessionFiles.load, SessionFiles.release

    def slow_load(files: SessionFiles) -> Any:
        begun.set()
        assert cancelled.wait(30)
        return load(files)

    def slow_release(files: SessionFiles) -> None:
        assert may_end.wait(30)
        release(files)

    monkeypatch.setattr(SessionFiles, "load", slow_load)
    monkeypatch.setattr(SessionFiles, "release", slow_release)
    settings = AppSettings(region="us", timing=Timing(close_timeout=30))
    left = trio.Event()

    async def open_and_leave() -> None:
        with trio.CancelScope() as scope:
            nursery.start_soon(cancel, scope)
            async with open_client("APP", settings, store=path):
                raise AssertionError("it was cancelled before")
        left.set()

    async def cancel(scope: trio.CancelScope) -> None:
        while not begun.is_set():
            await trio.sleep(0.001)
        scope.cancel()
        cancelled.set()

    with trio.fail_after(60):
        async with trio.open_nursery() as nursery:
            nursery.start_soon(open_and_leave)
            while not cancelled.is_set():
                await trio.sleep(0.001)
            await trio.testing.wait_all_tasks_blocked()
            assert not left.is_set()
            may_end.set()
            await left.wait()
        async with open_client("APP", settings, store=path):
            pass


@pytest.mark.parametrize("bad", ["", b"bytes", 3, None, "."])
def test_an_invalid_path(bad: Any) -> None:
    """An invalid path raises SettingsError."""
    with pytest.raises(SettingsError, match=r"FileStore\(.*path"):
        FileStore(bad)
