"""The tables of the verdicts, and the page of the documentation that has them."""

from __future__ import annotations

import importlib.metadata
import itertools
import pathlib
import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

__all__ = ["PAGE", "exceptions", "table", "write"]

PAGE = pathlib.Path(__file__).parents[2] / "docs" / "reference" / "autobahn.md"
_MARK = "<!-- What follows is written by `nox -s autobahn -- --write`. -->\n"
_GROUPS = {
    "1": "framing",
    "2": "pings and pongs",
    "3": "reserved bits",
    "4": "opcodes",
    "5": "fragmentation",
    "6": "UTF-8",
    "7": "closing",
    "9": "up to 16 MiB; a thousand messages in turn",
    "10": "a message in fragments of 1,300 bytes",
}
"""What the cases are about, by the first number of a case."""
_EXPLAINED = {
    r"3\.[234]|4\.[12]\.[345]|5\.15": "Behind a valid message comes a frame that is not allowed. The client closes the connection before the program "
    "has sent the message back. In which of these cases it does so differs from run to run.",
    r"6\.4\.[1-4]": "Invalid UTF-8 is noticed, but not within a second of the byte that makes it invalid; on a busy machine that takes longer.",
    r"9\.[34]\.[12]": "4 MiB in fragments of 64 or 256 bytes. It took longer than a minute, after which the case was ended.",
    r"7\.1\.5": "The server sends a close frame between two fragments of a message, and the closing that follows is not the one it requires.",
    r"7\.1\.6": "The server sends 256 KiB and a close frame directly behind them. RFC 6455 leaves open whether the message is sent back.",
    r"7\.13\.[12]": "The server closes with code 5000 or 65535, for which RFC 6455 gives no rule.",
}
"""Why a verdict is not "OK", by a pattern of its case."""


def table(verdicts: Mapping[str, Mapping[str, str]]) -> Iterator[str]:
    """Give the lines of a table of the verdicts by client and case: one line for each group of cases."""
    yield f"| cases | {' | '.join(map(_title, verdicts))} |"
    yield "|---|" + "---|" * len(verdicts)
    cases = itertools.chain(*verdicts.values())
    for group in sorted({case.partition(".")[0] for case in cases}, key=int):
        cells = [_cell([each[case] for case in each if case.startswith(f"{group}.")]) for each in verdicts.values()]
        yield f"| {group}: {_GROUPS[group]} | {' | '.join(cells)} |"


def _title(client: str) -> str:
    """Return the name of a client, with the version of another library."""
    try:
        return f"{client} {importlib.metadata.version(client)}" if client != "cometconn" else client
    except importlib.metadata.PackageNotFoundError:
        return client


def _cell(verdicts: list[str]) -> str:
    kinds = sorted(set(verdicts), key=lambda verdict: (verdict != "OK", verdict))
    return ", ".join(f"{verdicts.count(kind)} {kind if kind == 'OK' else kind.lower()}" for kind in kinds)


def exceptions(client: str, verdicts: Mapping[str, str]) -> Iterator[str]:
    """Give the lines of the table of the verdicts on one client that are not "OK", each with its reason."""
    others = {case: verdict for case, verdict in verdicts.items() if verdict != "OK"}
    reasons = [(case, verdict, _reason(case)) for case, verdict in others.items()]
    for verdict, reason in dict.fromkeys((verdict, reason) for _, verdict, reason in reasons):
        cases = ", ".join(case for case, *rest in reasons if rest == [verdict, reason])
        yield f"| {client} | {cases} | {verdict.lower()} | {reason} |"


def _reason(case: str) -> str:
    reasons = [reason for pattern, reason in _EXPLAINED.items() if re.fullmatch(pattern, case)]
    return reasons[0] if reasons else "**Not explained.**"


def write(verdicts: Mapping[str, Mapping[str, str]]) -> None:
    """Write the tables into the documentation."""
    text = PAGE.read_text(encoding="utf-8").partition(_MARK)[0]
    lines = [
        f"The cases are those of kosoku {importlib.metadata.version('kosoku')}.",
        "",
        *table(verdicts),
        "",
        'The verdicts that are not "OK":',
        "",
        "| client | cases | verdict | reason |",
        "|---|---|---|---|",
        *(line for client, each in verdicts.items() for line in exceptions(client, each)),
    ]
    PAGE.write_text("\n".join([f"{text}{_MARK}", *lines, ""]), encoding="utf-8")
