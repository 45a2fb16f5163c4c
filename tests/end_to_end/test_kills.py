"""Contract section 11 with real processes: no message is lost, and none is handed out again once acknowledged."""

from __future__ import annotations

import pathlib
import sys

import pytest
import trio

from .kills import kill_programs


@pytest.mark.skipif(sys.platform == "win32", reason="there is no SIGKILL")
async def test_eight_killed_programs_lose_nothing_and_repeat_nothing(tmp_path: pathlib.Path) -> None:
    """Eight programs, killed at random moments, lose and repeat no message; `nox -s soak` kills two hundred."""
    with trio.fail_after(140):
        stories = await kill_programs(2, 1, tmp_path, programs=4)
    assert [words for story in stories for words in story.wrong] == []
    assert all(len(story.said) > 50 for story in stories)
