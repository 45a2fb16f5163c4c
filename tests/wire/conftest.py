"""The golden frames, as parameters, and a maker of message frames."""

from __future__ import annotations

import copy
import json
import pathlib
from typing import Any, Protocol

import pytest

GOLDEN = pathlib.Path(__file__).parent.parent / "golden"


def golden(name: str) -> list[dict[str, Any]]:
    """Return the examples in one file."""
    examples: list[dict[str, Any]] = json.loads((GOLDEN / f"{name}.json").read_text(encoding="utf-8"))
    return examples


def examples(pattern: str) -> list[Any]:
    """Return every example of the files that match, as parameters."""
    return [
        pytest.param(example, id=f"{path.stem}-{example['name']}")
        for path in sorted(GOLDEN.glob(pattern))
        for example in golden(path.stem)
    ]


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Give tests that ask for `received` or `sent` every golden frame."""
    for argument, pattern in (("received", "s2c-*.json"), ("sent", "c2s-*.json")):
        if argument in metafunc.fixturenames:
            metafunc.parametrize(argument, examples(pattern))


class Frames(Protocol):
    """Gives a fresh copy of one golden frame."""

    def __call__(self, file: str, name: str) -> dict[str, Any]: ...


@pytest.fixture
def frame() -> Frames:
    """Return a function that gives a fresh copy of one golden frame."""

    def get(file: str, name: str) -> dict[str, Any]:
        found: dict[str, Any] = next(example["frame"] for example in golden(file) if example["name"] == name)
        return copy.deepcopy(found)

    return get


@pytest.fixture
def text_frame(frame: Frames) -> dict[str, Any]:
    """Return a text message from amy-2 to zed-1."""
    return frame("s2c-messages", "text.user")
