"""`cometconn fleet status`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cometconn.cli.terminal import json_line

from .snapshot import take_snapshot

if TYPE_CHECKING:
    from .engine_options import EngineOptions

__all__ = ["status"]


async def status(engine: EngineOptions, *, as_json: bool, watch: bool) -> None:
    """Print what the fleet looks like."""
    async with engine.connect() as connection:
        snapshot = await take_snapshot(connection)
    print(json_line({"engine": engine.label, **snapshot.to_json()}, indent=2))  # noqa: T201 - a program's output
