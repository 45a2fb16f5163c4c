"""The golden frames pushed into CometChat's SDKs: whether the listeners that they name are the ones that are called."""

from __future__ import annotations

import json
import pathlib
import shutil
import subprocess
import tempfile
from collections.abc import Iterable, Sequence
from typing import Any

import attrs

_FOLDER = pathlib.Path(__file__).parents[1] / "golden"
_LISTEN = pathlib.Path(__file__).parent / "listen.js"
_PATIENCE = 120.0  # seconds for all frames; they take less than one


class NodeError(Exception):
    """Node.js is not there, or the SDK did not run in it."""


@attrs.frozen
class Golden:
    """A golden frame.

    Attributes:
        name: the file and the name in it.
        frame: the frame.
        listeners: the listeners that it names.
        only_javascript: whether it says that the React Native SDK calls none of them.
    """

    name: str
    frame: Any
    listeners: Sequence[str]
    only_javascript: bool

    def expected(self, sdk: str) -> Sequence[str]:
        """Return the listeners that the SDK of this name has to call."""
        return [] if self.only_javascript and not sdk.startswith("JavaScript") else self.listeners


def golden_frames(folder: pathlib.Path = _FOLDER) -> list[Golden]:
    """Return every golden frame from the server."""
    return [
        Golden(
            f"{path.stem} {example['name']}",
            example["frame"],
            example.get("listener", []),
            "required_paths_js" in example and "required_paths_rn" not in example,
        )
        for path in sorted(folder.glob("s2c-*.json"))
        for example in json.loads(path.read_text(encoding="utf-8"))
    ]


def called(javascript: str, frames: Iterable[Any]) -> list[list[str]]:
    """Push *frames* into the SDK with this bundle, and return the listeners that each has called.

    Raises:
        NodeError: Node.js is missing, the SDK did not start in it, or took more than 2 minutes.
    """
    node = shutil.which("node")
    if node is None:
        raise NodeError("There is no Node.js here, in which CometChat's SDKs run. Install it, and try again.")
    with tempfile.TemporaryDirectory() as folder:
        bundle = pathlib.Path(folder, "bundle.js")
        bundle.write_text(javascript, encoding="utf-8")
        command = [node, str(_LISTEN), str(bundle)]
        frames_as_text = json.dumps(list(frames))
        try:
            done = subprocess.run(
                command, input=frames_as_text, capture_output=True, text=True, check=False, timeout=_PATIENCE
            )
        except subprocess.TimeoutExpired:
            raise NodeError(f"The SDK did not come to an end within {_PATIENCE:.0f} seconds.") from None
    if done.returncode != 0:
        raise NodeError(f"The SDK does not run: {done.stderr.strip()[-1000:] or 'it says nothing'}")
    heard: list[list[str]] = json.loads(done.stdout)
    return heard


def surprises(sdk: str, goldens: Sequence[Golden], heard: Sequence[Sequence[str]]) -> list[str]:
    """Return a line for each golden frame for which the SDK of this name calls another listener than the file names."""
    return [
        f"golden frame {golden.name}: names {_names(golden.expected(sdk))}, and {sdk} calls {_names(found)}."
        for golden, found in zip(goldens, heard, strict=True)
        if list(found) != list(golden.expected(sdk))
    ]


def _names(listeners: Sequence[str]) -> str:
    return " and ".join(listeners) or "no listener"
