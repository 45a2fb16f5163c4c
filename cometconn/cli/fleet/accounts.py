"""`cometconn fleet accounts`: add, remove, import, list, resume."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from rich.table import Table
from rich.text import Text

from cometconn.cli.send import parse_json_object
from cometconn.cli.terminal import TerminalConsole, json_line, safe_text
from cometconn.errors import SettingsError
from cometconn.fleet import Account

from .account_file import read_accounts, unique

if TYPE_CHECKING:
    import pathlib
    from collections.abc import Iterable, Sequence

    from cometconn.fleet import EngineAdministration
    from cometconn.fleet.values import AccountChange

    from .engine_options import EngineOptions

__all__ = ["add", "import_", "list_accounts", "remove", "resume"]

_FEW = 5  # uids that an error names


async def add(engine: EngineOptions, uids: Sequence[str], metadata: str | None) -> None:
    """Add accounts. Those that exist keep their metadata, unless there is new one."""
    if metadata is not None:
        parse_json_object("--metadata", metadata)
    accounts = unique([(f"argument {number}", Account(uid, metadata or "")) for number, uid in enumerate(uids, 1)])
    await _add(engine, accounts, keep=metadata is None)


async def import_(engine: EngineOptions, path: pathlib.Path) -> None:
    """Add the accounts of a file, or none of them if one of its lines is wrong."""
    await _add(engine, read_accounts(path), keep=False)


async def _add(engine: EngineOptions, accounts: Sequence[Account], *, keep: bool) -> None:
    async with engine.connect(new=True) as connection:
        known = await _known(connection.administration)
        new = [account for account in accounts if account.uid not in known]
        changed = [
            account
            for account in accounts
            if account.uid in known and not keep and known[account.uid].account != account
        ]
        await connection.administration.add([*new, *changed])
    same = len(accounts) - len(new) - len(changed)
    parts = [f"{_count(new)} added"]
    parts += [f"{len(changed)} with new metadata"] * bool(changed) + [f"{same} already there"] * bool(same)
    _print(f"{', '.join(parts)}, in {engine.label}.")


async def remove(engine: EngineOptions, uids: Sequence[str]) -> None:
    """Remove accounts with their sessions and positions, or none of them if one is unknown."""
    async with engine.connect() as connection:
        await _check_known(connection.administration, uids)
        await connection.administration.remove(uids)
    _print(f"{_count(uids)} removed. What the log has of them stays.")


async def resume(engine: EngineOptions, uids: Sequence[str]) -> None:
    """Let parked accounts be claimed again, or none of them if one is unknown."""
    async with engine.connect() as connection:
        known = await _check_known(connection.administration, uids)
        await connection.administration.resume(uids)
    parked = [uid for uid in uids if known[uid].parked is not None]
    others = [uid for uid in uids if uid not in parked]
    rest = f" Not parked: {len(others)}." if others else ""
    _print(f"{_count(parked)} resumed.{rest}")


async def list_accounts(engine: EngineOptions, *, as_json: bool) -> None:
    """Print the accounts with their owners: a table, or one line of JSON for each, which `import` can read."""
    async with engine.connect() as connection:
        administration = connection.administration
        changes = (await administration.accounts()).changes
        alive = {str(member.incarnation) for member in await administration.members() if member.is_alive}
        owners = {
            uid: word.incarnation.name
            for uid, word in (await administration.owners()).items()
            if str(word.incarnation) in alive
        }
    if as_json:
        sys.stdout.writelines(f"{json_line(_fields(change, owners.get(change.uid)))}\n" for change in changes)
        return
    if not changes:
        _print("There are no accounts yet: add some with cometconn fleet accounts add.")
        return
    table = Table(box=None, pad_edge=False)
    for heading in ("account", "owner", "state", "metadata"):
        table.add_column(heading, overflow="fold")
    for change in changes:
        metadata = "" if change.account is None else change.account.metadata
        cells = (change.uid, owners.get(change.uid, "-"), _state(change), metadata)
        table.add_row(*(Text(safe_text(cell)) for cell in cells))
    TerminalConsole(highlight=False).print(table)


def _fields(change: AccountChange, owner: str | None) -> dict[str, object]:
    return {
        "uid": change.uid,
        "metadata": "" if change.account is None else change.account.metadata,
        "owner": owner,
        "parked": change.parked,
        "pinned_to": change.pinned_to,
        "pin_remaining": round(change.pin_remaining, 1),
    }


def _state(change: AccountChange) -> str:
    parts = [] if change.parked is None else [f"parked: {change.parked}"]
    if change.pinned_to is not None:
        parts.append(f"pinned to {change.pinned_to} for {change.pin_remaining:.0f} s")
    return "; ".join(parts)


async def _known(administration: EngineAdministration) -> dict[str, AccountChange]:
    return {change.uid: change for change in (await administration.accounts()).changes}


async def _check_known(administration: EngineAdministration, uids: Sequence[str]) -> dict[str, AccountChange]:
    unique([(f"argument {number}", Account(uid)) for number, uid in enumerate(uids, 1)])
    known = await _known(administration)
    unknown = [uid for uid in uids if uid not in known]
    if unknown:
        more = f" and {len(unknown) - _FEW} more" if len(unknown) > _FEW else ""
        message = f"The fleet has no account {', '.join(unknown[:_FEW])}{more}. Nothing was changed."
        raise SettingsError(message)
    return known


def _count(accounts: Iterable[object]) -> str:
    number = len(list(accounts))
    return f"{number} account" if number == 1 else f"{number} accounts"


def _print(text: str) -> None:
    print(safe_text(text), flush=True)  # noqa: T201 - a program's output
