"""Scripts of lifecycle events, through asyncio: the client does what a model written from the contract does."""

from __future__ import annotations

from typing import Any

import pytest

from cometconn.testing import actions as act

from ..properties.compare import check_script
from ..properties.fuzz import fuzz


def test_client_and_model_agree() -> None:
    """Client and model agree on twenty scripts, the same ones every time; `nox -s fuzz` tries others."""
    fuzz(20, 20_261_129, on_asyncio=True)


@pytest.mark.parametrize("manual", [False, True], ids=["auto", "manual"])
@pytest.mark.parametrize(
    "script",
    [
        [act.RestDelay(0.5), act.Login(), act.Leave()],
        [act.Login(), act.RestDelay(0.5), act.Logout(), act.Leave()],
        [act.Login(), act.Dialling("hang"), act.Disconnect(), act.Connect(), act.Connect(retry=True), act.Leave()],
        [act.Login(), act.Connect(), act.Pongs(answered=False), act.Ping(), act.Leave(), act.Reopen()],
    ],
    ids=["login", "logout", "connect", "ping"],
)
def test_the_client_is_left_during_a_call(script: list[Any], manual: bool) -> None:
    """The call raises its own error if leaving the client ends it, and `NotConnectedError` if it would outlive the client."""
    check_script(script, manual=manual, on_asyncio=True)
