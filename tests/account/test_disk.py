"""Contract section 8 with real failures of the system: killed programs, full and read-only disks, files of other users."""

from __future__ import annotations

import errno
import functools
import os
import pathlib
import re
import stat
import subprocess
import sys
import tempfile

import attrs
import pytest
import trio

import cometconn
from cometconn import AppSettings, Endpoints, FileStore, User
from cometconn._account import disk as disk_module
from cometconn._account import saved_session as saved_module
from cometconn._account import session_files as files_module
from cometconn._account.session import Session
from cometconn.emulator import open_emulator
from cometconn.errors import StoreError
from cometconn.stores import SavedSession

HERE = pathlib.Path(__file__).parent
SESSION = Session("APP", "zed-1", "A-TOKEN", "A-JWT", {"uid": "zed-1"}, {"CHAT_HOST": "ws.example"})
SAVED = SavedSession("APP", "A-DEVICE", SESSION)

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="POSIX signals, rights and limits")


@pytest.fixture
def path(tmp_path: pathlib.Path) -> pathlib.Path:
    """The session file, in a folder that the user the test becomes can reach."""
    shared = pathlib.Path(tempfile.gettempdir())
    for folder in (tmp_path, *(parent for parent in tmp_path.parents if shared in parent.parents)):
        folder.chmod(folder.stat().st_mode | 0o011)
    return tmp_path / "state" / "session.json"


async def run(program: str, *words: str) -> str:
    """Run a program of this folder, and return its output."""
    with trio.fail_after(120):
        done = await trio.run_process(
            (sys.executable, "-W", "error", str(HERE / program), *words),
            capture_stdout=True,
            stderr=subprocess.STDOUT,
            check=False,
            # A child that has become another user cannot write the coverage file.
            env={name: value for name, value in os.environ.items() if not name.startswith("COVERAGE")},
        )
    assert done.returncode == 0, done.stdout.decode()
    return done.stdout.decode()


async def test_killed_while_saving_the_old_or_the_new_session_is_there(path: pathlib.Path) -> None:
    """200 programs are killed at any point of saving: the session is complete, the lock free, and no files accumulate."""
    saving, moving = (await run("killed_program.py", str(path), "200")).splitlines()
    assert re.fullmatch(r"[1-9]\d+ points of one saving, 200 killed, [1-9]\d+ sessions", saving)
    assert re.fullmatch(r"[1-9]\d* points of one moving", moving)


@pytest.mark.parametrize("before", ["", "zed-1"])
@pytest.mark.parametrize(
    ("trouble", "words"), [("full", "StoreError.*File too large"), ("read-only", "StoreError.*Permission denied")]
)
async def test_when_the_disk_refuses_no_user_is_logged_in(
    path: pathlib.Path, trouble: str, words: str, before: str
) -> None:
    """If the disk refuses, `login()` raises StoreError, and what was saved before is unchanged."""
    async with open_emulator() as server:
        out = await run("refused_program.py", str(path), server.url, trouble, before)
    assert re.search(words, out), out
    assert out.splitlines()[-2:] == ["None", "untouched"]
    assert not list(path.parent.glob(".*saving"))


async def test_one_program_at_a_time(path: pathlib.Path) -> None:
    """A second process is refused because the file is in use; a lock ends with its process."""
    program = (
        "import sys, trio, cometconn\n"
        "async def main():\n"
        "    store = cometconn.FileStore(sys.argv[1])\n"
        "    await store.load('APP')\n"
        "    print('mine', flush=True)\n"
        "    await trio.sleep_forever()\n"
        "trio.run(main)\n"
    )
    with trio.fail_after(120):
        async with trio.open_nursery() as nursery:
            command = (sys.executable, "-c", program, str(path))
            start = functools.partial(trio.run_process, command, stdout=subprocess.PIPE, check=False)
            other = await nursery.start(start)
            assert (await other.stdout.receive_some()).startswith(b"mine")
            with pytest.raises(StoreError, match="in use by another client"):
                await FileStore(path).load("APP")
            other.kill()
            await other.wait()
            store = FileStore(path)
            await store.load("APP")
            await store.aclose()


async def test_the_temporary_files_of_a_killed_program_are_removed(path: pathlib.Path) -> None:
    """Our temporary files are removed, and those of other session files are not."""
    path.parent.mkdir(mode=0o700)
    (path.parent / ".session.json.abc.saving").write_text("half")
    (path.parent / ".other.json.abc.saving").write_text("of another session file")
    store = FileStore(path)
    await store.load("APP")
    await store.aclose()
    assert sorted(file.name for file in path.parent.iterdir()) == [".other.json.abc.saving", "session.json.lock"]


@pytest.mark.parametrize(("mode", "fine"), [(0o777, False), (0o757, False), (0o1777, True), (0o755, True)])
async def test_a_folder_that_all_users_can_write_is_refused(path: pathlib.Path, mode: int, fine: bool) -> None:
    """Such a folder is accepted only if users cannot replace each other's files in it, as in `/tmp`."""
    path.parent.mkdir()
    path.parent.chmod(mode)
    store = FileStore(path)
    if fine:
        await store.load("APP")
        await store.aclose()
    else:
        with pytest.raises(StoreError, match="writable by all users"):
            await store.load("APP")
        assert not list(path.parent.iterdir())


async def test_a_file_that_is_far_too_long_is_moved_aside(path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file that is too long is moved aside, and not read to its end."""
    monkeypatch.setattr(files_module, "LIMIT", 1000)
    monkeypatch.setattr(saved_module, "LIMIT", 1000)
    path.parent.mkdir(mode=0o700)
    path.write_text('{"schema": 1, "app_id": "APP", "device_id": "d", "session": null}' + " " * 1000)
    store = FileStore(path)
    assert (await store.load("APP")).session is None
    await store.aclose()
    assert len(list(path.parent.glob("*.unreadable-*"))) == 1


async def test_a_link_in_place_of_the_lock_is_not_followed(path: pathlib.Path) -> None:
    """A symbolic link in place of the lock is refused, and its target is not changed."""
    path.parent.mkdir(mode=0o700)
    target = path.parent / "target"
    target.write_text("precious")
    path.with_name("session.json.lock").symlink_to(target)
    with pytest.raises(StoreError, match="cannot be locked"):
        await FileStore(path).load("APP")
    assert target.read_text() == "precious"


async def test_a_link_that_comes_while_the_client_is_open_is_replaced(path: pathlib.Path) -> None:
    """Saving replaces the link by a rename, and does not change its target."""
    store = FileStore(path)
    await store.load("APP")
    target = path.parent / "target"
    target.write_text("precious")
    path.symlink_to(target)
    await store.save(SAVED)
    await store.aclose()
    assert target.read_text() == "precious"
    assert not path.is_symlink()


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() != 0, reason="only root can give a file away")
async def test_another_users_file_is_refused(path: pathlib.Path) -> None:
    """A file of another user is refused, because its owner could have put another session into it."""
    path.parent.mkdir(mode=0o700)
    path.write_text("{}")
    os.chown(path, 12345, 12345)
    with pytest.raises(StoreError, match="plain file of yours"):
        await FileStore(path).load("APP")


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() != 0, reason="only root can give a folder away")
async def test_another_users_folder_is_refused(path: pathlib.Path) -> None:
    """A folder of another user but root is refused, because its owner could replace the session file."""
    path.parent.mkdir(mode=0o700)
    os.chown(path.parent, 12345, 12345)
    with pytest.raises(StoreError, match="belongs to another user"):
        await FileStore(path).load("APP")
    assert not list(path.parent.iterdir())


@pytest.mark.parametrize("there", [True, False])
async def test_a_link_in_place_of_the_folder_is_not_followed(path: pathlib.Path, there: bool) -> None:
    """A symbolic link in place of the folder is refused, whether or not its target exists."""
    target = path.parent.with_name("elsewhere")
    if there:
        target.mkdir(mode=0o700)
    path.parent.symlink_to(target)
    with pytest.raises(StoreError, match="symbolic link|cannot be locked"):
        await FileStore(path).load("APP")
    assert target.exists() == there
    assert not there or not list(target.iterdir())


async def test_a_named_pipe_in_place_of_the_file_does_not_hang(path: pathlib.Path) -> None:
    """A named pipe is refused without opening it, which would wait in a thread that cannot be cancelled."""
    path.parent.mkdir(mode=0o700)
    os.mkfifo(path)
    with trio.fail_after(10), pytest.raises(StoreError, match="plain file"):
        await FileStore(path).load("APP")


async def test_a_file_that_others_can_read_is_restricted_to_its_owner(path: pathlib.Path) -> None:
    """A file that others can read is restricted; one that all users can write is refused, as any may have written it."""
    store = FileStore(path)
    await store.load("APP")
    await store.save(SAVED)
    await store.aclose()
    path.chmod(0o664)
    assert (await store.load("APP")).session == SESSION
    await store.aclose()
    assert path.stat().st_mode & 0o777 == 0o600
    path.chmod(0o602)
    with pytest.raises(StoreError, match="writable by all users"):
        await store.load("APP")


async def test_a_folder_that_cannot_be_synced(path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """If the folder cannot be synced, the complete file is there, so the session is saved and no error is raised."""
    store, real = FileStore(path), os.fsync
    await store.load("APP")

    def fsync(descriptor: int) -> None:
        if stat.S_ISDIR(os.fstat(descriptor).st_mode):
            raise OSError(errno.EIO, os.strerror(errno.EIO))
        real(descriptor)

    monkeypatch.setattr(os, "fsync", fsync)
    await store.save(SAVED)
    await store.aclose()
    assert (await store.load("APP")).session == SESSION
    await store.aclose()


async def test_an_invalid_file_that_cannot_be_moved_aside(path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """On a read-only disk an invalid file raises StoreError and is unchanged, and the lock is free again."""
    path.parent.mkdir(mode=0o700)
    path.write_text("garbage")

    def refuse(*_: object) -> None:
        raise OSError(errno.EROFS, os.strerror(errno.EROFS))

    store = FileStore(path)
    with monkeypatch.context() as patch:
        patch.setattr(os, "replace", refuse)
        with pytest.raises(StoreError, match="moved aside: Read-only file system"):
            await store.load("APP")
    assert sorted(file.name for file in path.parent.iterdir()) == ["session.json", "session.json.lock"]
    assert path.read_text() == "garbage"
    assert (await store.load("APP")).session is None
    await store.aclose()


async def test_a_file_that_cannot_be_read(path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An error of the disk is a StoreError, and the file is not treated as invalid or empty."""
    store = FileStore(path)
    await store.load("APP")
    await store.save(SAVED)
    await store.aclose()

    def broken(*_: object, **__: object) -> None:
        raise OSError(errno.EIO, os.strerror(errno.EIO))

    with monkeypatch.context() as patch:
        patch.setattr(disk_module, "open", broken, raising=False)
        with pytest.raises(StoreError, match=r"cannot be read: Input/output error"):
            await store.load("APP")
    assert (await store.load("APP")).session == SESSION
    await store.aclose()


async def test_a_leftover_that_cannot_be_removed_stays(path: pathlib.Path) -> None:
    """A leftover that cannot be removed does not prevent loading and saving."""
    (path.parent / ".session.json.abc.saving").mkdir(parents=True, mode=0o700)
    path.parent.chmod(0o700)
    store = FileStore(path)
    await store.load("APP")
    await store.save(SAVED)
    await store.aclose()


async def test_a_saved_user_that_cannot_be_decoded(path: pathlib.Path, caplog: pytest.LogCaptureFixture) -> None:
    """If only the saved user is invalid, the user is logged in, with the uid as the only attribute."""
    store = FileStore(path)
    await store.load("APP")
    await store.save(attrs.evolve(SAVED, session=attrs.evolve(SESSION, user={"uid": 3, "name": "Zed"})))
    await store.aclose()
    endpoints = Endpoints.at("http://127.0.0.1:9")
    settings = AppSettings(auto_establish_socket_connection=False)
    async with cometconn.open_client("APP", settings, store=store, endpoints=endpoints) as chat:
        assert chat.get_logged_in_user() == User("zed-1")
    assert "only the uid is known" in caplog.text
