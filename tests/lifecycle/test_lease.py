"""The deadline of the lease."""

from __future__ import annotations

import math

import pytest

from cometconn._lifecycle.lease import lease_deadline
from cometconn._lifecycle.states import Mode
from cometconn.status import AppState


@pytest.mark.parametrize(
    ("mode", "app", "expected"),
    [
        (Mode.AUTO, AppState.FOREGROUND, math.inf),
        (Mode.AUTO, AppState.BACKGROUND, -math.inf),
        (Mode.MANUAL, AppState.FOREGROUND, math.inf),
        (Mode.MANUAL, AppState.BACKGROUND, 130.0),
    ],
)
def test_deadline(mode: Mode, app: AppState, expected: float) -> None:
    """Foreground: never. Auto in the background: at once. Manual in the background: the last life and the grace."""
    assert lease_deadline(mode, app, 100.0, 30.0) == expected
