"""`cometconn fleet keys`: which keys the saved sessions need, and moving them to the first key."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cometconn.cli.terminal import json_line, safe_text
from cometconn.errors import SettingsError
from cometconn.fleet.key_rotation import PLAIN, KeyUse, key_use, rotate_sessions

if TYPE_CHECKING:
    from cometconn.fleet import KeyRing

    from .engine_options import EngineOptions

__all__ = ["rotate"]


async def rotate(engine: EngineOptions, *, plain: bool, dry_run: bool, as_json: bool) -> None:
    """Encrypt every session with the first key, unless it is a dry run, and print which keys are still needed."""
    ring = engine.ring()
    if ring is None:
        message = "fleet keys rotate needs --keys, or COMETCONN_FLEET_KEYS: the new key first, then the old one."
        raise SettingsError(message)
    async with engine.connect() as connection:
        rotated = 0 if dry_run else await rotate_sessions(connection, ring, plain=plain)
        use = await key_use(connection, ring, log=True)
    if as_json:
        print(json_line(_report(ring, use, rotated), indent=2))  # noqa: T201 - a program's output
        return
    for line in _lines(ring, use, None if dry_run else rotated):
        print(safe_text(line))  # noqa: T201 - a program's output


def _report(ring: KeyRing, use: KeyUse, rotated: int) -> dict[str, object]:
    return {
        "first": ring.first,
        "rotated": rotated,
        "sessions": {key or "(not encrypted)": count for key, count in sorted(use.sessions.items())},
        "unreadable": use.unreadable,
        "entries": {key or "(not encrypted)": count for key, count in sorted((use.entries or {}).items())},
        "removable": [key for key in ring.ids[1:] if not use.needs(key)],
    }


def _lines(ring: KeyRing, use: KeyUse, rotated: int | None) -> list[str]:
    lines = []
    if rotated is not None:
        lines.append(f"{rotated} sessions were encrypted anew, with {ring.first}.")
    lines.append(f"{use.sessions.get(ring.first, 0)} of {sum(use.sessions.values())} sessions have the first key.")
    entries = use.entries or {}
    for key in ring.ids[1:]:
        if use.needs(key):
            needed = f"{use.sessions.get(key, 0)} sessions and {entries.get(key, 0)} entries of the log"
            lines.append(f"Keep {key}: {needed} need it.")
        else:
            lines.append(f"{key} is not needed any more: remove it from all rings.")
    if use.sessions.get(PLAIN):
        lines.append(f"{use.sessions[PLAIN]} sessions are not encrypted: --plain encrypts them.")
    missing = use.unreadable - use.sessions.get(PLAIN, 0)
    if missing:
        lines.append(f"{missing} sessions cannot be decrypted with these keys: their accounts have to log in again.")
    return lines
