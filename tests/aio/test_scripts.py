"""Scripts of lifecycle events, through asyncio: the client does what a model written from the contract does."""

from __future__ import annotations

from ..properties.fuzz import fuzz


def test_client_and_model_agree() -> None:
    """Client and model agree on twenty scripts, the same ones every time; `nox -s fuzz` tries others."""
    fuzz(20, 20_261_129, on_asyncio=True)
