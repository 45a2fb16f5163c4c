"""Packages come from npm; if that fails, the error names the cause."""

from __future__ import annotations

import io
import json
import pathlib
import sys
import tarfile

import pytest

from . import packages
from .packages import NpmError, Package, fetch, unpack

FILES = {
    "package.json": json.dumps({"version": "4.2.0", "main": "Chat.js", "types": "./Chat.d.ts"}),
    "Chat.js": 't.A={TYPE:"a"}',
    "Chat.d.ts": 'export enum Mood { GLAD = "glad" }',
}


def archive(path: pathlib.Path) -> pathlib.Path:
    """Make an archive as npm makes them."""
    with tarfile.open(path, "w:gz") as made:
        for name, text in FILES.items():
            about = tarfile.TarInfo(f"package/{name}")
            about.size = len(text.encode())
            made.addfile(about, io.BytesIO(text.encode()))
    return path


def program_called_npm(folder: pathlib.Path, source: str) -> None:
    """Put a program called npm into *folder*."""
    npm = folder / "npm"
    npm.write_text(f"#!{sys.executable}\n{source}", encoding="utf-8")
    npm.chmod(0o755)


def test_a_package_is_read_out_of_its_archive(tmp_path: pathlib.Path) -> None:
    """The version, the bundle and the declarations are read from the places in package.json."""
    assert unpack(archive(tmp_path / "p.tgz")) == Package("4.2.0", FILES["Chat.js"], FILES["Chat.d.ts"])


def test_a_package_is_fetched_and_nothing_kept(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The archive lies in a folder that is gone afterwards."""
    packed = archive(tmp_path / "made.tgz")
    program_called_npm(
        tmp_path,
        "import pathlib, shutil, sys\n"
        "folder = sys.argv[sys.argv.index('--pack-destination') + 1]\n"
        "assert sys.argv[-1] == '@a/b@4', sys.argv\n"
        f"shutil.copy({str(packed)!r}, folder)\n"
        f"pathlib.Path({str(tmp_path / 'folder')!r}).write_text(folder)\n",
    )
    monkeypatch.setenv("PATH", str(tmp_path))
    assert fetch("@a/b").version == "4.2.0"
    assert not pathlib.Path((tmp_path / "folder").read_text(encoding="utf-8")).exists()


def test_without_npm_the_error_names_node(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without npm, the error states that it comes with Node.js."""
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(NpmError, match=r"comes with Node\.js"):
        fetch("@a/b")


def test_the_message_of_npm_is_in_the_error(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """If a package cannot be fetched, the error contains npm's message."""
    program_called_npm(tmp_path, "import sys\nsys.exit('404 no such package')\n")
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(NpmError, match="@a/b.* 404 no such package"):
        fetch("@a/b")


def test_npm_has_its_time(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An npm that does not come to an end is ended."""
    program_called_npm(tmp_path, "import time\ntime.sleep(60)\n")
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(packages, "_PATIENCE", 0.0)
    with pytest.raises(NpmError, match="within"):
        fetch("@a/b")
