"""What would be wrong with a release is found."""

from __future__ import annotations

import io
import pathlib
import subprocess
import tarfile
import zipfile

import pytest

from .changes import disagreements
from .contents import differences, expected_sdist, expected_wheel, sdist_files, wheel_files
from .installed import complaint

TRACKED = {"README.md", "cometconn/__init__.py", "cometconn/py.typed", "tests/conftest.py", "_cometconn_pytest.py"}
GOOD = "# Changelog\n\n## [Unreleased]\n\n## [1.2.0] - 2026-11-29\n\n### Added\n\n- One thing.\n\n## [1.1.0] - 2026-10-01\n"


def test_the_wheel_has_the_package_and_nothing_else() -> None:
    """No tests, no documents; the metadata of its version."""
    expected = expected_wheel(TRACKED, "1.2.0")
    assert {"cometconn/py.typed", "_cometconn_command.py", "cometconn-1.2.0.dist-info/RECORD"} <= expected
    assert not expected & {"README.md", "tests/conftest.py"}


def test_a_file_too_many_and_one_too_few_are_named(tmp_path: pathlib.Path) -> None:
    """In the wheel and in the source distribution alike."""
    wheel, sdist = tmp_path / "a.whl", tmp_path / "a.tar.gz"
    with zipfile.ZipFile(wheel, "w") as archive:
        for name in (expected_wheel(TRACKED, "1.2.0") - {"cometconn/py.typed"}) | {"notes.txt"}:
            archive.writestr(name, "")
    assert differences("wheel", wheel_files(wheel), expected_wheel(TRACKED, "1.2.0")) == [
        "the wheel lacks cometconn/py.typed",
        "the wheel has notes.txt, which is not expected",
    ]
    with tarfile.open(sdist, "w:gz") as tar:
        for name in expected_sdist(TRACKED) - {"tests/conftest.py"}:
            tar.addfile(tarfile.TarInfo(f"cometconn-1.2.0/{name}"), io.BytesIO())
    assert differences("sdist", sdist_files(sdist), expected_sdist(TRACKED)) == ["the sdist lacks tests/conftest.py"]


@pytest.mark.parametrize(
    ("changelog", "words"),
    [
        (GOOD, None),
        (GOOD.replace("## [Unreleased]\n\n", "## [Unreleased]\n\n### Fixed\n\n- Another.\n\n"), "below [Unreleased]"),
        (GOOD.replace("1.2.0", "1.3.0"), "is [1.3.0], the package has 1.2.0"),
        (GOOD.replace(" - 2026-11-29", ""), "has no date"),
        (GOOD.replace("## [Unreleased]\n\n", ""), "does not begin with [Unreleased]"),
        ("# Changelog\n\n## [Unreleased]\n\n- One thing.\n", "is none"),
    ],
)
def test_version_and_changelog_agree(changelog: str, words: str | None) -> None:
    """Each way in which they may not is named."""
    wrong = disagreements("1.2.0", changelog)
    assert (words is None and not wrong) or (words is not None and words in " ".join(wrong))


@pytest.mark.parametrize(
    ("status", "printed", "good"),
    [
        (0, "1 passed in 0.01s", True),
        (0, "1 passed\nTraceback (most recent call last):", False),
        (1, "1 passed, 1 error", False),
        (0, "no tests ran", False),
    ],
)
def test_an_installed_program_that_misbehaves_is_noticed(status: int, printed: str, good: bool) -> None:
    """By its status, by what it does not print, and by a traceback."""
    done = subprocess.CompletedProcess(["/venv/bin/pytest", "test_nothing.py"], status, printed, "")
    found = complaint(done, 0, "1 passed")
    assert found == "" if good else found.startswith("`pytest test_nothing.py` ended with status")
