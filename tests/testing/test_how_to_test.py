"""The page about testing: its code blocks form a test module that passes."""

from __future__ import annotations

import pathlib
import re

import pytest

PAGE = pathlib.Path(__file__).parents[2] / "docs" / "how-to" / "test.md"
pytest_plugins = ["pytester"]


def test_the_blocks_of_the_page_pass_as_tests(pytester: pytest.Pytester) -> None:
    """They pass in a project whose only setting is `trio_mode`."""
    blocks = re.findall(r"^```python\n(.*?)^```", PAGE.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)
    code = "\n".join(blocks)
    pytester.makeini("[pytest]\ntrio_mode = true\n")
    pytester.makepyfile(code)
    result = pytester.runpytest_inprocess("-q", "-p", "_cometconn_pytest", "-p", "no:cacheprovider", "-p", "no:asyncio")
    result.assert_outcomes(passed=len(re.findall(r"def test_", code)))


def test_the_names_on_the_page_exist() -> None:
    """Everything that the page imports exists, and all functions of the kit are on the page."""
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
