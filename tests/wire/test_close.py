"""Close codes."""

from __future__ import annotations

import pytest

from cometconn._wire.close import describe_close, is_announced_restart


@pytest.mark.parametrize(
    ("code", "announced"), [(1000, False), (1001, True), (1012, True), (1013, True), (4000, False), (None, False)]
)
def test_restarts(code: int | None, announced: bool) -> None:
    """1001, 1012 and 1013 announce a restart."""
    assert is_announced_restart(code) is announced


@pytest.mark.parametrize(
    ("code", "reason", "words"),
    [
        (None, "", "no close frame"),
        (1000, "", "1000 (normal closure)"),
        (1012, "deploy\n", '1012 (the server is restarting), "deploy\\n"'),
        (4401, "", "4401 (the server's own code)"),
        (3000, "", "3000 (registered by a library or framework)"),
        (2000, "", "2000 (unknown code)"),
    ],
)
def test_words(code: int | None, reason: str, words: str) -> None:
    """Every code has words, and control characters do not get through."""
    assert describe_close(code, reason) == words
