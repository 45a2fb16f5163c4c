"""Programs that run once, each in an interpreter of its own."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator

from .process import ROOT

__all__ = ["new_processes"]


@contextlib.contextmanager
def new_processes() -> Iterator[Callable[..., str]]:
    """Inside the block, the function that it gives runs a program with arguments, and returns what it prints.

    The first run of a program compiles the modules that it imports, and later ones find them compiled, as those of an
    installed library are. They are kept in a folder of the block's own, also where `PYTHONDONTWRITEBYTECODE` is set:
    without compiled modules, compiling ours would be two fifths of the time of a cold start.
    """
    with tempfile.TemporaryDirectory() as compiled:
        environment = os.environ | {"PYTHONPYCACHEPREFIX": compiled, "PYTHONDONTWRITEBYTECODE": ""}

        def run(program: str, *arguments: str) -> str:
            command = [sys.executable, "-c", program, *arguments]
            return subprocess.run(  # noqa: S603 - our own programs
                command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, check=True, text=True
            ).stdout

        yield run
