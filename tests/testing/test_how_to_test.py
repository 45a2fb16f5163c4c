"""The page for users: its blocks are one test module, and it passes."""

from __future__ import annotations

import pathlib
import re

import pytest

PAGE = pathlib.Path(__file__).parents[2] / "docs" / "how-to" / "test.md"
pytest_plugins = ["pytester"]


def test_the_blocks_of_the_page_pass_as_tests(pytester: pytest.Pytester) -> None:
    """Every block, in a project that has nothing but `trio_mode`."""
    blocks = re.findall(r"^```python\n(.*?)^```", PAGE.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)
    code = "\n".join(blocks)
    pytester.makeini("[pytest]\ntrio_mode = true\n")
    pytester.makepyfile(code)
    result = pytester.runpytest_inprocess("-q", "-p", "_cometconn_pytest", "-p", "no:cacheprovider")
    result.assert_outcomes(passed=len(re.findall(r"def test_", code)))


def test_the_names_on_the_page_exist() -> None:
    """What the page imports is what the kit offers; all of the kit's verbs are on it."""
    import cometconn.testing

    text = PAGE.read_text(encoding="utf-8")
    assert cometconn.testing.__all__ == sorted(set(cometconn.testing.__all__))
    assert all(getattr(cometconn.testing, name).__doc__ for name in cometconn.testing.__all__)
    offered = {name for name in cometconn.testing.__all__ if name[0].islower()}
    assert not {name for name in offered if name not in text} - {
        "memory_socket_pair",
        "random_faults",
        "read_transcript",
    }
