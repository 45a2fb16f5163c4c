"""Which files several processes may share."""

from __future__ import annotations

import pathlib

import pytest

from cometconn.fleet import EngineError, sqlite_place

MOUNTS = r"""22 27 0:21 / /proc rw,relatime - proc proc rw
27 1 254:0 / / rw,relatime shared:1 - ext4 /dev/vda rw
30 27 0:40 / /srv/with\040space rw - nfs4 host:/export rw
31 27 0:41 / /srv/local rw master:2 - tmpfs tmpfs rw
32 31 0:42 / /srv/local/inner rw - fuse.sshfs host:/ rw
33 27 0:43 / /mnt/c rw - 9p drvfs rw
34 27 0:44 / /srv/over rw - ext4 /dev/vdb rw
35 27 0:45 / /srv/over rw - virtiofs tag rw
"""
KINDS = {
    "/": "ext4",
    "/home/me/fleet": "ext4",
    "/srv/local": "tmpfs",
    "/srv/localx": "ext4",
    "/srv/local/inner/deep": "fuse.sshfs",
    "/srv/with space/x": "nfs4",
    "/mnt/c/x": "9p",
    "/srv/over": "virtiofs",
}


@pytest.mark.parametrize("folder", KINDS)
def test_file_systems(folder: str, tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The innermost and latest mount counts; those that several machines may share are refused with their name."""
    (tmp_path / "mountinfo").write_text(MOUNTS)
    monkeypatch.setattr(sqlite_place, "_MOUNTS", tmp_path / "mountinfo")
    kind = KINDS[folder]
    if kind in {"ext4", "tmpfs"}:
        sqlite_place.check_file_system(pathlib.Path(folder))
        return
    with pytest.raises(EngineError, match=rf"\({kind}\): use a local one") as caught:
        sqlite_place.check_file_system(pathlib.Path(folder))
    assert not caught.value.worth_retrying


def test_this_machine(tmp_path: pathlib.Path) -> None:
    """Has a boot id, a clock that all processes share, and a local folder for temporary files."""
    sqlite_place.check_file_system(tmp_path)
    assert len(sqlite_place.boot_id()) == 36
    assert sqlite_place.time_namespace().startswith("time:[")
    assert 0 <= sqlite_place.boot_time() - sqlite_place.boot_time() + 1 <= 1


def test_other_systems(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without a boot id there are no leases; without time namespaces there is one."""
    monkeypatch.setattr(sqlite_place, "_BOOT_ID", tmp_path / "none")
    monkeypatch.setattr(sqlite_place, "_NAMESPACE", tmp_path / "none")
    with pytest.raises(EngineError, match="needs Linux"):
        sqlite_place.boot_id()
    assert sqlite_place.time_namespace() == "time:[none]"
