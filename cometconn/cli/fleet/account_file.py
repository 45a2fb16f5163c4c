"""Lists of accounts in files: JSON lines, CSV, or one uid a line."""

from __future__ import annotations

import csv
import io
import json
import pathlib
import sys
from typing import TYPE_CHECKING, Any

from cometconn.errors import SettingsError
from cometconn.fleet import Account

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["read_accounts", "unique"]

_LISTED = frozenset({"owner", "parked", "pinned_to", "pin_remaining"})  # `accounts list --json` has them, too
_COLUMNS = frozenset({"uid", "metadata"})


def read_accounts(path: pathlib.Path) -> list[Account]:
    """Return the accounts in a file, or on standard input for the path `-`.

    The first line decides: `{` begins JSON lines, a line with the column `uid` is the head of a CSV file, and everything
    else is one uid a line. Empty lines are left out.

    Raises:
        SettingsError: the file cannot be read, or one of its lines is wrong, which the message names. An account may
            occur once.
    """
    named = "standard input" if str(path) == "-" else str(path)
    try:
        data = sys.stdin.buffer.read() if str(path) == "-" else path.read_bytes()
        text = data.decode("utf-8-sig")
    except OSError as error:
        message = f"{named} cannot be read: {error.strerror or error}."
        raise SettingsError(message) from error
    except UnicodeDecodeError as error:
        message = f"{named} is not UTF-8 text: byte {error.start} is invalid."
        raise SettingsError(message) from None
    found = list(_numbered(named, text))
    if not found:
        message = f"{named} contains no account."
        raise SettingsError(message)
    return unique(found)


def unique(numbered: list[tuple[str, Account]]) -> list[Account]:
    """Return the accounts; raise `SettingsError` if one of them occurs twice. Each comes with its place, for the error."""
    places: dict[str, str] = {}
    for place, account in numbered:
        if not account.uid:
            message = f"{place}: the uid is empty."
            raise SettingsError(message)
        if account.uid in places:
            message = (
                f"{place}: the account {account.uid} occurs twice, first in {places[account.uid]}. Nothing was changed."
            )
            raise SettingsError(message)
        places[account.uid] = place
    return [account for _, account in numbered]


def _numbered(named: str, text: str) -> Iterator[tuple[str, Account]]:
    first = next((line.strip() for line in text.splitlines() if line.strip()), "")
    if first.startswith("{"):
        for number, line in enumerate(text.split("\n"), 1):
            if line.strip():
                place = f"{named}, line {number}"
                yield place, _from_json(place, line)
    elif "uid" in next(csv.reader([first]), []):
        yield from _from_csv(named, text)
    else:
        for number, line in enumerate(text.splitlines(), 1):
            if line.strip():
                yield f"{named}, line {number}", _account(f"{named}, line {number}", line.strip())


def _account(place: str, uid: str, metadata: str = "") -> Account:
    if any(each in uid for each in ",;\t"):
        message = f"{place}: {uid!r:.80} is not a uid. A CSV file needs a first line with the columns uid and metadata."
        raise SettingsError(message)
    return Account(uid, metadata)


def _from_json(place: str, line: str) -> Account:
    try:
        value: Any = json.loads(line)
    except (ValueError, RecursionError):
        value = None
    if not isinstance(value, dict) or not isinstance(value.get("uid"), str) or value.keys() - _COLUMNS - _LISTED:
        message = f'{place} must be a JSON object such as {{"uid": "zed-1", "metadata": {{"x": 1}}}}.'
        raise SettingsError(message)
    metadata = value.get("metadata", "")
    return Account(value["uid"], metadata if isinstance(metadata, str) else json.dumps(metadata, ensure_ascii=False))


def _from_csv(named: str, text: str) -> Iterator[tuple[str, Account]]:
    rows = csv.DictReader(io.StringIO(text), strict=True)
    unknown = sorted(set(rows.fieldnames or ()) - _COLUMNS)
    if unknown:
        message = f"{named}: the column {unknown[0]} is unknown. A CSV file has the columns uid and metadata."
        raise SettingsError(message)
    try:
        for row in rows:
            place = f"{named}, line {rows.line_num}"
            if None in row or None in row.values():
                message = f"{place} does not have {len(rows.fieldnames or ())} columns, as the first line has."
                raise SettingsError(message)
            yield place, _account(place, row["uid"].strip(), row.get("metadata", ""))
    except csv.Error as error:
        message = f"{named} is not CSV after line {rows.line_num}: {error}."
        raise SettingsError(message) from None
