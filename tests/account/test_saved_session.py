"""Contract section 8 with the system's own refusals: killed programs, full and read-only disks, other people's files."""

from __future__ import annotations

import functools
import os
import pathlib
import re
import subprocess
import sys

import pytest
import trio

from cometconn import FileStore
from cometconn._account import store as store_module
from cometconn._account.session import Session
from cometconn.emulator import open_emulator
from cometconn.errors import StoreError

HERE = pathlib.Path(__file__).parent
SESSION = Session("APP", "zed-1", "A-TOKEN", "A-JWT", {"uid": "zed-1"}, {"CHAT_HOST": "ws.example"})

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="POSIX signals, rights and limits")


@pytest.fixture
def path(tmp_path: pathlib.Path) -> pathlib.Path:
    """Where the session goes, reachable for whoever the test becomes."""
    for folder in (tmp_path, tmp_path.parent, tmp_path.parent.parent):
        folder.chmod(folder.stat().st_mode | 0o011)
    return tmp_path / "state" / "session.json"


async def run(program: str, *words: str) -> str:
    """Run a program of this folder to its end, and return what it printed."""
    with trio.fail_after(60):
        done = await trio.run_process(
            (sys.executable, "-W", "error", str(HERE / program), *words),
            capture_stdout=True,
            stderr=subprocess.STDOUT,
            check=False,
            # A child that has given up its rights cannot write down what it covered.
            env={name: value for name, value in os.environ.items() if not name.startswith("COVERAGE")},
        )
    assert done.returncode == 0, done.stdout.decode()
    return done.stdout.decode()


async def test_killed_while_saving_the_old_or_the_new_session_is_there(path: pathlib.Path) -> None:
    """Two hundred programs are killed at any moment of saving: never half a session, no lock, nothing piles up."""
    assert (await run("killed_program.py", str(path), "200")).startswith("200 rounds")


@pytest.mark.parametrize(
    ("trouble", "words"), [("full", "StoreError.*File too large"), ("read-only", "StoreError.*Permission denied")]
)
async def test_when_the_disk_refuses_nobody_is_logged_in(path: pathlib.Path, trouble: str, words: str) -> None:
    """`login()` says so, and what was saved before is still there."""
    async with open_emulator() as server:
        out = await run("refused_program.py", str(path), server.url, trouble)
    assert re.search(words, out), out
    assert out.splitlines()[-1] == "None"
    assert not list(path.parent.glob(".*saving"))


async def test_one_program_at_a_time(path: pathlib.Path) -> None:
    """A second process is told that the file is in use; a lock dies with its process."""
    program = (
        "import sys, trio, cometconn\n"
        "async def main():\n"
        "    store = cometconn.FileStore(sys.argv[1])\n"
        "    await store.open('APP')\n"
        "    print('mine', flush=True)\n"
        "    await trio.sleep_forever()\n"
        "trio.run(main)\n"
    )
    with trio.fail_after(30):
        async with trio.open_nursery() as nursery:
            command = (sys.executable, "-c", program, str(path))
            start = functools.partial(trio.run_process, command, stdout=subprocess.PIPE, check=False)
            other = await nursery.start(start)
            assert await other.stdout.receive_some() == b"mine\n"
            with pytest.raises(StoreError, match="in use by another client"):
                await FileStore(path).open("APP")
            other.kill()
            await other.wait()
            store = FileStore(path)
            await store.open("APP")
            await store.aclose()


async def test_what_a_killed_program_left_is_swept_away(path: pathlib.Path) -> None:
    """Only its own temporary files: others keep theirs."""
    path.parent.mkdir(mode=0o700)
    (path.parent / ".session.json.abc.saving").write_text("half")
    (path.parent / ".other.json.abc.saving").write_text("somebody's")
    store = FileStore(path)
    await store.open("APP")
    await store.aclose()
    assert sorted(file.name for file in path.parent.iterdir()) == [".other.json.abc.saving", "session.json.lock"]


@pytest.mark.parametrize(("mode", "fine"), [(0o777, False), (0o757, False), (0o1777, True), (0o755, True)])
async def test_a_folder_that_everybody_may_write_is_refused(path: pathlib.Path, mode: int, fine: bool) -> None:
    """Unless, as in the system's folder for temporary files, nobody may replace what belongs to others."""
    path.parent.mkdir()
    path.parent.chmod(mode)
    store = FileStore(path)
    if fine:
        await store.open("APP")
        await store.aclose()
    else:
        with pytest.raises(StoreError, match="written by everybody"):
            await store.open("APP")
        assert not list(path.parent.iterdir())


async def test_a_file_that_is_far_too_long_is_moved_aside(path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is not even read to its end."""
    monkeypatch.setattr(store_module, "_LIMIT", 1000)
    path.parent.mkdir(mode=0o700)
    path.write_text('{"schema": 1, "app_id": "APP", "device_id": "d", "session": null}' + " " * 1000)
    store = FileStore(path)
    assert (await store.open("APP")).session is None
    await store.aclose()
    assert len(list(path.parent.glob("*.unreadable-*"))) == 1


async def test_a_link_in_place_of_the_lock_is_not_followed(path: pathlib.Path) -> None:
    """What it points to is untouched."""
    path.parent.mkdir(mode=0o700)
    target = path.parent / "target"
    target.write_text("precious")
    path.with_name("session.json.lock").symlink_to(target)
    with pytest.raises(StoreError, match="cannot be locked"):
        await FileStore(path).open("APP")
    assert target.read_text() == "precious"


async def test_a_link_that_comes_while_the_client_is_open_is_replaced(path: pathlib.Path) -> None:
    """Saving renames over it: what it pointed to is untouched."""
    store = FileStore(path)
    await store.open("APP")
    target = path.parent / "target"
    target.write_text("precious")
    path.symlink_to(target)
    await store.save(SESSION)
    await store.aclose()
    assert target.read_text() == "precious"
    assert not path.is_symlink()


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() != 0, reason="only root can give a file away")
async def test_somebody_elses_file_is_refused(path: pathlib.Path) -> None:
    """It may be a trap: another user's session is not ours to take up."""
    path.parent.mkdir(mode=0o700)
    path.write_text("{}")
    os.chown(path, 12345, 12345)
    with pytest.raises(StoreError, match="plain file of yours"):
        await FileStore(path).open("APP")
