"""The model finds clients that are broken on purpose."""

from __future__ import annotations

import ast
import pathlib
from typing import TYPE_CHECKING

import pytest

from cometconn import AppSettings
from cometconn.testing import actions as act
from cometconn.testing.scripts import play

from . import model
from .breaks import BREAKS, foreground_undoes_disconnect, two_sockets, unsolicited_pong_raises
from .compare import DisagreementError, check_script
from .fuzz import fuzz

if TYPE_CHECKING:
    from collections.abc import Callable


# The seed of the ten scripts that find a break first, if from 1 on that would take more than a second.
STARTS = {
    "a_cancelled_connect_ends_a_standing_wish": 121,
    "a_refused_renewal_is_retried": 91,
    "a_renewal_without_a_bound": 151,
    "backoff_starts_over_a_bit_late": 331,
    "cancelled_is_called_failed": 81,
    "duplicates_are_delivered": 141,
    "foreground_undoes_disconnect": 31,
    "grace_counts_from_the_last_pong": 11,
    "lost_in_the_background_is_retried": 31,
    "retry_after_of_a_renewal_is_ignored": 21,
    "shortcuts_without_end": 71,
    "the_key_is_never_kept": 41,
    "too_many_requests_is_final": 191,
    "unsolicited_pong_raises": 21,
}


@pytest.mark.parametrize("broken", BREAKS, ids=lambda broken: broken.__name__)
def test_a_broken_client_is_found(broken: Callable[[pytest.MonkeyPatch], None]) -> None:
    """Three hundred scripts find each break, and the error contains the script as a test."""
    with pytest.MonkeyPatch.context() as patch:
        broken(patch)
        with pytest.raises(DisagreementError, match=r"    check_script\(script, manual="):
            fuzz(300, STARTS.get(broken.__name__, 1), shrink=False)


def test_a_failure_shrinks_to_a_short_script() -> None:
    """Of the many actions of a script that failed, only the necessary ones are left."""
    with pytest.MonkeyPatch.context() as patch:
        foreground_undoes_disconnect(patch)
        with pytest.raises(DisagreementError) as caught:
            fuzz(300, STARTS["foreground_undoes_disconnect"])
    script = [line.strip() for line in str(caught.value).splitlines() if line.startswith("        act.")]
    assert script == ["act.Login(uid='zed-1'),", "act.Disconnect(),", "act.EnterForeground(),"]


def test_two_sockets_are_counted_when_the_second_is_dialled() -> None:
    """A dial during a closing handshake is seen, however short the overlap."""
    script = [act.Login(), act.Silence(), act.Disconnect(), act.Connect()]
    assert play(script).most_sockets == 1
    with pytest.MonkeyPatch.context() as patch:
        two_sockets(patch)
        assert play(script).most_sockets == 2


def test_a_client_that_raises_is_a_failure_with_its_script() -> None:
    """An exception of the client is shown with the script as a test, as a disagreement is."""
    with pytest.MonkeyPatch.context() as patch:
        unsolicited_pong_raises(patch)
        with pytest.raises(DisagreementError, match=r"(?s)IndexError.*act\.LatePong\(\)"):
            check_script([act.Login(), act.LatePong()], manual=False)


def test_the_model_knows_only_the_actions() -> None:
    """The model imports the vocabulary of scripts from the package, and nothing that decides."""
    tree = ast.parse(pathlib.Path(model.__file__).read_text(encoding="utf-8"))
    modules = {node.module for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
    modules |= {name.name for node in ast.walk(tree) if isinstance(node, ast.Import) for name in node.names}
    assert modules <= {"__future__", "math", "typing", "attrs", "cometconn.testing"}
    names = {
        name.name
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom) and node.module == "cometconn.testing"
        for name in node.names
    }
    assert names == {"actions"}


def test_settings_reach_the_client() -> None:
    """The mode of the settings that the model uses is the mode in which the client runs."""
    assert play([act.Login()], AppSettings(auto_establish_socket_connection=False)).dials == ()
    assert play([act.Login()]).dials == (0.0,)
