"""Close codes of the server."""

from __future__ import annotations

import pytest

from cometconn._wire.close import is_announced_restart


@pytest.mark.parametrize(
    ("code", "announced"), [(1000, False), (1001, True), (1012, True), (1013, True), (4000, False), (None, False)]
)
def test_restarts(code: int | None, announced: bool) -> None:
    """The codes 1001, 1012 and 1013 announce a restart."""
    assert is_announced_restart(code) is announced
