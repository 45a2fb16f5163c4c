"""The wheel as users get it: installed into an empty virtual environment."""

from __future__ import annotations

import os
import pathlib
import subprocess
import venv

__all__ = ["complaint", "examine"]

TEST = "def test_nothing():\n    pass\n"
HINT = 'pip install "cometconn[cli,emulator]"'


def examine(wheel: pathlib.Path, version: str, folder: pathlib.Path) -> list[str]:
    """Install *wheel* below *folder*, without extras and then with those of the command; return what does not work."""
    venv.create(folder / "venv", with_pip=True)
    programs = folder / "venv" / "bin"
    (folder / "test_nothing.py").write_text(TEST, encoding="utf-8")

    def run(*words: str) -> subprocess.CompletedProcess[str]:
        # Neither the source tree nor its settings may help: the folder is empty but for the test.
        environ = {name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "PYTEST_"))}
        command = [str(programs / words[0]), *words[1:]]
        return subprocess.run(
            command, cwd=folder, env=environ, capture_output=True, text=True, check=False, timeout=600
        )

    steps: list[tuple[tuple[str, ...], int, str]] = [
        (("python", "-m", "pip", "install", "-q", str(wheel)), 0, ""),
        (("python", "-c", "import cometconn; print(cometconn.__version__)"), 0, version),
        (("cometconn", "--version"), 1, HINT),
        (("python", "-m", "pip", "install", "-q", "pytest"), 0, ""),
        (("python", "-m", "pytest", "-W", "error", "test_nothing.py"), 0, "1 passed"),
        (("python", "-m", "pip", "install", "-q", f"{wheel}[cli,emulator]"), 0, ""),
        (("cometconn", "--version"), 0, version),
    ]
    return [wrong for words, status, shown in steps if (wrong := complaint(run(*words), status, shown))]


def complaint(done: subprocess.CompletedProcess[str], status: int, shown: str) -> str:
    """Return what is wrong with a program that has ended, or an empty text."""
    printed = done.stdout + done.stderr
    if done.returncode == status and shown in printed and "Traceback" not in printed:
        return ""
    words = " ".join([pathlib.Path(done.args[0]).name, *done.args[1:]])
    return f"`{words}` ended with status {done.returncode} (expected: {status}, and {shown!r}):\n{printed.strip()}"
