"""CometChat's SDKs from npm, read and not kept."""

from __future__ import annotations

import json
import pathlib
import shutil
import subprocess
import tarfile
import tempfile

import attrs

SDKS = {"JavaScript": "@cometchat/chat-sdk-javascript", "React Native": "@cometchat/chat-sdk-react-native"}
_MAJOR = "4"
_PATIENCE = 180.0  # seconds for one package


class NpmError(Exception):
    """npm is not there, or did not give a package."""


@attrs.frozen
class Package:
    """What one SDK's package has: its version, its bundle and its type declarations."""

    version: str
    javascript: str
    typings: str


def fetch(name: str) -> Package:
    """Return the newest version of the package *name*. Nothing of it stays on the disk.

    Raises:
        NpmError: npm is missing, has no such package, or took more than 3 minutes.
    """
    npm = shutil.which("npm")
    if npm is None:
        raise NpmError("There is no npm here. It comes with Node.js: install that, and try again.")
    with tempfile.TemporaryDirectory() as folder:
        command = [npm, "pack", "--silent", "--pack-destination", folder, f"{name}@{_MAJOR}"]
        try:
            done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=_PATIENCE, cwd=folder)
        except subprocess.TimeoutExpired:
            raise NpmError(f"npm did not give {name} within {_PATIENCE:.0f} seconds.") from None
        archives = list(pathlib.Path(folder).glob("*.tgz"))
        if done.returncode != 0 or len(archives) != 1:
            raise NpmError(
                f"npm did not give {name}. It says: {done.stderr.strip() or done.stdout.strip() or 'nothing'}"
            )
        return unpack(archives[0])


def unpack(archive: pathlib.Path) -> Package:
    """Read the three files of a package that matter."""
    with tarfile.open(archive) as members:

        def text(name: str) -> str:
            member = members.extractfile(f"package/{name}")
            assert member is not None
            return member.read().decode()

        about = json.loads(text("package.json"))
        return Package(about["version"], text(about["main"]), text(about["types"].removeprefix("./")))
