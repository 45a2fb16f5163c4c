"""CometChat's SDK and UI kit from npm, bundled for a browser into a folder that is not committed."""

from __future__ import annotations

import hashlib
import os
import pathlib
import shutil
import subprocess
import tempfile

HERE = pathlib.Path(__file__).parent
_KEPT = HERE / ".packages"
_PATIENCE = 150.0  # seconds for npm
_CHROMIUM = ("chromium", "chromium-browser", "google-chrome")


class MissingError(Exception):
    """Something that these tests need is not here. The text is the reason to skip them."""


def chromium() -> str:
    """Return the path of Chromium.

    Raises:
        MissingError: there is none.
    """
    for name in _CHROMIUM:
        if path := shutil.which(name):
            return path
    raise MissingError("no chromium")


def bundle(entry: str) -> pathlib.Path:
    """Bundle a script of this folder with what it imports; return the folder with `page.js` and `page.css`.

    The packages are kept from one run to the next, by the text of `package.json`, which pins each version.

    Raises:
        MissingError: node or npm is missing, or npm did not give the packages.
    """
    folder = packages()
    out = pathlib.Path(tempfile.mkdtemp(prefix="cometconn-bundle-"))
    done = subprocess.run(
        [
            folder / "node_modules/.bin/esbuild",
            HERE / entry,
            "--bundle",
            "--minify",  # Playwright hands the page over as base64: half of it takes half the time
            "--log-level=error",
            "--jsx=automatic",
            '--define:process.env.NODE_ENV="production"',
            "--loader:.woff2=dataurl",
            "--loader:.svg=dataurl",
            f"--outfile={out / 'page.js'}",
        ],
        env={**os.environ, "NODE_PATH": str(folder / "node_modules")},
        check=False,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    return out


def packages() -> pathlib.Path:
    """Return the folder with the packages, which npm fetches if it is not there.

    Raises:
        MissingError: node or npm is missing, or npm did not give the packages.
    """
    npm = shutil.which("npm")
    if npm is None or shutil.which("node") is None:
        raise MissingError("no node or no npm")
    pins = (HERE / "package.json").read_bytes()
    folder = _KEPT / hashlib.sha256(pins).hexdigest()[:16]
    if folder.exists():
        return folder
    _KEPT.mkdir(exist_ok=True)
    fetched = pathlib.Path(tempfile.mkdtemp(dir=_KEPT))
    try:
        (fetched / "package.json").write_bytes(pins)
        command = [npm, "install", "--silent", "--no-audit", "--no-fund", "--no-package-lock", "--legacy-peer-deps"]
        try:
            done = subprocess.run(command, cwd=fetched, check=False, capture_output=True, text=True, timeout=_PATIENCE)
        except subprocess.TimeoutExpired:
            raise MissingError(f"npm took more than {_PATIENCE:.0f} s") from None
        if done.returncode != 0:
            raise MissingError(f"npm has no packages: {(done.stderr or done.stdout).strip()[:200]}")
        fetched.rename(folder)  # at once: another process may be doing the same
    except OSError:
        if not folder.exists():
            raise
    finally:
        shutil.rmtree(fetched, ignore_errors=True)
    return folder
