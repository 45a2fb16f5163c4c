"""Scripts of lifecycle events: the client does what a model written from the contract does."""

from __future__ import annotations

from .fuzz import fuzz


def test_client_and_model_agree() -> None:
    """Client and model agree on a hundred and fifty scripts, the same ones every time; `nox -s fuzz` tries others."""
    fuzz(150, 20_261_124)
