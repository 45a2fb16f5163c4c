"""The page about testing: its code blocks form a test module that passes."""

from __future__ import annotations

import pathlib
import re

import pytest

PAGE = pathlib.Path(__file__).parents[2] / "docs" / "how-to" / "test.md"
pytest_plugins = ["pytester"]


# The sections whose blocks are a program of their own, and the plugin that runs them.
APART = {"With pytest-asyncio": "pytest_asyncio", "With anyio's plugin": "anyio"}


def blocks(section: str) -> str:
    """The Python blocks of a section, as one program."""
    return "\n".join(re.findall(r"^```python\n(.*?)^```", section, re.MULTILINE | re.DOTALL))


def sections() -> dict[str, str]:
    """Each section by its title; the first one has none."""
    first, *others = re.split(r"^## ", PAGE.read_text(encoding="utf-8"), flags=re.MULTILINE)
    return {"": first} | {title: text for title, _, text in (other.partition("\n") for other in others)}


def run(pytester: pytest.Pytester, code: str, *options: str) -> None:
    """Run the tests of a program, which must all pass."""
    pytester.makepyfile(code)
    result = pytester.runpytest_inprocess("-q", "-p", "_cometconn_pytest", "-p", "no:cacheprovider", *options)
    backends = 2 if "pytest.mark.anyio" in code else 1
    result.assert_outcomes(passed=backends * len(re.findall(r"def test_", code)))


def test_the_blocks_of_the_page_pass_as_tests(pytester: pytest.Pytester) -> None:
    """They pass in a project whose only setting is `trio_mode`."""
    pytester.makeini("[pytest]\ntrio_mode = true\n")
    parts = [text for title, text in sections().items() if title not in APART]
    run(pytester, "\n".join(map(blocks, parts)), "-p", "no:asyncio")


@pytest.mark.parametrize("title", APART)
def test_the_programs_on_asyncio_pass(pytester: pytest.Pytester, title: str) -> None:
    """Each in a project with the settings of its section, if it has some, and with warnings as errors."""
    pytest.importorskip(APART[title], reason=f"{APART[title]} is not installed")
    section = sections()[title]
    settings = re.search(r"^```ini\n(.*?)^```", section, re.MULTILINE | re.DOTALL)
    pytester.makeini((settings[1] if settings else "[pytest]\n") + "filterwarnings = error\n")
    # Some versions of pytest warn that this process has already imported the plugin.
    loaded = "ignore:Module already imported:pytest.PytestAssertRewriteWarning"
    run(pytester, blocks(section), "-W", loaded, *(() if settings else ("-p", "no:asyncio")))


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
