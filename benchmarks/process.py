"""Helper processes: each prints one line of JSON at its start, and then one for each line of its input."""

from __future__ import annotations

import json
import os
import pathlib
import select
import subprocess
import sys
import tempfile
from typing import TYPE_CHECKING, Any, Self

if TYPE_CHECKING:
    from collections.abc import Mapping
    from types import TracebackType

__all__ = ["LeftOutError", "Process", "last_words"]

ROOT = pathlib.Path(__file__).parents[1]
PATIENCE = 300.0  # seconds for one result; on an idle machine none takes a tenth of it


class LeftOutError(Exception):
    """Something cannot be measured here. The text gives the reason."""


class Process:
    """One helper process, for as long as the `with` block runs.

    Args:
        module: the module to run; `python -m` finds it in this repository.
        arguments: for its command line.
        environment: variables, beside those of this process.
        wait: whether to wait until it is ready. Otherwise `wait()` comes first, and others can start at the same time.
    """

    greeting: dict[str, Any]

    def __init__(
        self, module: str, *arguments: object, environment: Mapping[str, str] | None = None, wait: bool = True
    ) -> None:
        self._name = " ".join(str(argument) for argument in (module, *arguments))
        self._errors = tempfile.TemporaryFile()  # noqa: SIM115 - closed on leaving
        self._process = subprocess.Popen(  # noqa: S603 - our own modules
            [sys.executable, "-m", *self._name.split(" ")],
            cwd=ROOT,
            env={**os.environ, **(environment or {})},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._errors,
            text=True,
        )
        if wait:
            try:
                self.wait()
            except BaseException:
                self.close()
                raise

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()

    def wait(self) -> None:
        """Wait until it is ready; raise `LeftOutError` if it cannot be."""
        self.greeting = self._hear()

    def ask(self, **job: object) -> dict[str, Any]:
        """Send it a *job* and return the result; raise `LeftOutError` if it cannot do it."""
        assert self._process.stdin is not None
        try:
            self._process.stdin.write(json.dumps(job) + "\n")
            self._process.stdin.flush()
        except BrokenPipeError:
            raise LeftOutError(self._last_words()) from None
        return self._hear()

    def close(self) -> None:
        """Kill it: it has nothing to save."""
        self._process.kill()
        self._process.communicate()
        self._errors.close()

    def _hear(self) -> dict[str, Any]:
        assert self._process.stdout is not None
        ready, _, _ = select.select([self._process.stdout], [], [], PATIENCE)
        if not ready:
            message = f"{self._name} did not answer within {PATIENCE:g} s"
            raise LeftOutError(message)
        line = self._process.stdout.readline()
        if not line:
            raise LeftOutError(self._last_words())
        answer: dict[str, Any] = json.loads(line)
        if "left_out" in answer:
            raise LeftOutError(answer["left_out"])
        return answer

    def _last_words(self) -> str:
        self._process.wait()
        self._errors.seek(0)
        return f"{self._name} failed: {last_words(self._errors.read().decode(errors='replace'))}"


def last_words(said: str) -> str:
    """Return the last error in the output of a process, also from an exception group, which prints boxes around its errors."""
    lines = [line.strip(" |+-") for line in reversed(said.splitlines())]
    errors = (line for line in lines if "Error: " in line)
    return next(errors, next(filter(None, lines), "without a word"))
