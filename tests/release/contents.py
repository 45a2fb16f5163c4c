"""What the wheel and the source distribution must contain, and what they do contain."""

from __future__ import annotations

import pathlib
import tarfile
import zipfile

__all__ = ["differences", "expected_sdist", "expected_wheel", "sdist_files", "wheel_files"]

METADATA = ("METADATA", "RECORD", "WHEEL", "entry_points.txt", "licenses/LICENSE")
"""The files that the build adds to the wheel, in its folder of metadata."""


def expected_wheel(tracked: set[str], version: str) -> set[str]:
    """Return the files of the wheel: the tracked files of the package, its command and its pytest plugin, and the metadata."""
    ours = {name for name in tracked if name.startswith("cometconn/")}
    modules = {"_cometconn_command.py", "_cometconn_pytest.py"}
    return ours | modules | {f"cometconn-{version}.dist-info/{name}" for name in METADATA}


def expected_sdist(tracked: set[str]) -> set[str]:
    """Return the files of the source distribution: every tracked file, and the metadata."""
    return tracked | {"PKG-INFO"}


def wheel_files(wheel: pathlib.Path) -> set[str]:
    """Return the names of the files in *wheel*."""
    with zipfile.ZipFile(wheel) as archive:
        return {name for name in archive.namelist() if not name.endswith("/")}


def sdist_files(sdist: pathlib.Path) -> set[str]:
    """Return the names of the files in *sdist*, without its one top folder."""
    with tarfile.open(sdist) as archive:
        return {member.name.partition("/")[2] for member in archive.getmembers() if member.isfile()}


def differences(kind: str, found: set[str], expected: set[str]) -> list[str]:
    """Return a line for each file that is missing in a distribution, and for each that does not belong there."""
    missing = [f"the {kind} lacks {name}" for name in sorted(expected - found)]
    return missing + [f"the {kind} has {name}, which is not expected" for name in sorted(found - expected)]
