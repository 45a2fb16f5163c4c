"""A snapshot as tables for a terminal. All text from outside is masked and escaped."""

from __future__ import annotations

import datetime
from typing import TYPE_CHECKING

from rich.console import Group
from rich.table import Table
from rich.text import Text

from cometconn.cli.terminal import safe_text

from .snapshot import hole_fields

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from rich.console import RenderableType

    from .snapshot import GroupView, MemberView, Snapshot

__all__ = ["summary", "view"]

_COLOURS = ("cyan", "magenta", "blue", "green", "bright_cyan", "bright_magenta", "bright_blue", "bright_green")
_ORPHAN, _PARKED = "red", "yellow"
_CELL = "■"
_MOST_CELLS = 240  # accounts that get a cell of their own
_BAR = 8  # columns of the bar of a lease
_FEW = 6  # rows of a list that may be long


def summary(snapshot: Snapshot) -> str:
    """Return the fleet in one line."""
    alive = sum(each.member.is_alive for each in snapshot.workers)
    parts = [
        _number(alive, "worker"),
        _number(len(snapshot.accounts), "account"),
        f"{snapshot.connected} connected",
        f"{len(snapshot.orphans)} without an owner",
        f"{len(snapshot.parked)} parked",
        _number(len(snapshot.holes), "hole"),
    ]
    return ", ".join(parts)


def view(
    snapshot: Snapshot,
    label: str,
    *,
    rates: Mapping[str, float] | None = None,
    recent: Sequence[str] = (),
    trouble: str | None = None,
) -> RenderableType:
    """Return the fleet as tables.

    Args:
        snapshot: the fleet.
        label: the engine.
        rates: events a second of workers, by the text of their incarnation.
        recent: what changed, as lines.
        trouble: why the snapshot is not new.
    """
    colours = _colours(snapshot)
    parts: list[RenderableType] = [
        _line(("Fleet of ", "bold"), (snapshot.app_id, "bold"), ("  ", ""), (label, "dim")),
        _line((summary(snapshot), "bold red" if snapshot.orphans else "")),
    ]
    if trouble is not None:
        parts.append(_line((trouble, "bold red")))
    if snapshot.accounts:
        parts.append(_strip(snapshot, colours))
    parts += [
        "",
        _workers(snapshot, colours, rates) if snapshot.workers else Text("No worker runs: cometconn fleet run"),
    ]
    parts += _lists(snapshot)
    if snapshot.groups:
        parts += ["", _groups(snapshot.groups, snapshot.partitions)]
    if recent:
        parts += ["", Text("Recent changes", style="bold"), *(_line(("  ", ""), (line, "")) for line in recent)]
    return Group(*parts)


def _line(*parts: tuple[str, str]) -> Text:
    return Text.assemble(*((safe_text(text), style) for text, style in parts), overflow="fold")


def _number(count: int, word: str) -> str:
    return f"{count:,} {word}" if count == 1 else f"{count:,} {word}s"


def _colours(snapshot: Snapshot) -> dict[str, str]:
    names = sorted({each.name for each in snapshot.workers})
    return {name: _COLOURS[index % len(_COLOURS)] for index, name in enumerate(names)}


def _strip(snapshot: Snapshot, colours: Mapping[str, str]) -> Text:
    """Return one cell for each account, in the colour of its owner; for many accounts, a cell stands for several."""
    parked, step = snapshot.parked, -(-len(snapshot.accounts) // _MOST_CELLS)
    strip = Text()
    for change in snapshot.accounts[::step]:
        owner = snapshot.owners.get(change.uid)
        cell = "·" if change.uid in parked else _CELL if owner is not None else "○"
        strip.append(cell, _PARKED if change.uid in parked else colours.get(owner or "", _ORPHAN))
    return strip


def _table(*headings: str, numbers: Sequence[str] = (), one_line: Sequence[str] = ()) -> Table:
    table = Table(box=None, pad_edge=False, header_style="bold", padding=(0, 2, 0, 0))
    for heading in headings:
        no_wrap = heading in numbers or heading in one_line
        table.add_column(heading, justify="right" if heading in numbers else "left", no_wrap=no_wrap, overflow="fold")
    return table


def _workers(snapshot: Snapshot, colours: Mapping[str, str], rates: Mapping[str, float] | None) -> Table:
    headings = ["worker", "lease", "connected", "lag", "state", "process"]
    if rates is not None:
        headings.insert(4, "events/s")
    versions = {each.info["version"] for each in snapshot.workers if each.member.is_alive and "version" in each.info}
    table = _table(*headings, one_line=(*headings[:2], "state"), numbers=("connected", "lag", "events/s"))
    for each in sorted(snapshot.workers, key=lambda view: (view.name, -view.member.remaining)):
        alive = each.member.is_alive
        cells = [
            Text(safe_text(each.incarnation), colours[each.name] if alive else "dim"),
            _lease(each),
            Text(f"{each.number('connected'):,.0f} of {len(each.owned):,}" if alive else "-"),
            Text(f"{each.number('append_lag'):.1f} s" if alive else "-"),
            _state(each),
            Text(safe_text(_process(each, with_version=len(versions) > 1))),
        ]
        if rates is not None:
            rate = rates.get(str(each.member.incarnation))
            cells.insert(4, Text("-" if rate is None or not alive else f"{rate:,.1f}"))
        table.add_row(*cells)
    return table


def _lease(each: MemberView) -> Text:
    remaining = each.member.remaining
    if not each.member.is_alive:
        return Text("-", "dim")
    share = min(1.0, remaining / (each.number("lease_ttl") or remaining))
    filled = max(1, round(share * _BAR))
    style = "green" if share > 0.5 else "yellow" if share > 0.25 else "red"
    return Text.assemble(("█" * filled, style), ("░" * (_BAR - filled), "dim"), f" {remaining:.1f} s")


def _state(each: MemberView) -> Text:
    member = each.member
    if member.is_alive:
        return Text("draining", "yellow") if member.draining else Text("working", "green")
    ago = f"{-member.remaining:.0f} s ago"
    return Text(f"left {ago}", "dim") if member.left else Text(f"lost {ago}", "red")


def _process(each: MemberView, *, with_version: bool) -> str:
    info = each.info
    if "pid" not in info:
        return "-"
    version = f" {info.get('version', '?')}" if with_version else ""  # they differ during a rolling update
    return f"{info.get('host', '?')}:{info['pid']}{version}"


def _lists(snapshot: Snapshot) -> list[RenderableType]:
    parts: list[RenderableType] = []
    if snapshot.orphans:
        shown, more = snapshot.orphans[: 2 * _FEW], len(snapshot.orphans) - 2 * _FEW
        rest = f" and {more:,} more" if more > 0 else ""
        parts += ["", _line(("Without an owner: ", "bold red"), (f"{', '.join(shown)}{rest}", ""))]
    parts += _list(
        "Parked", list(snapshot.parked.items()), "cometconn fleet accounts resume UID, after the reason is mended"
    )
    pins = [(c.uid, f"{c.pinned_to}, for {c.pin_remaining:.0f} s more") for c in snapshot.pins]
    parts += _list("Pinned to", pins)
    holes = [(f"{_time(hole.at)} {hole.account}", _hole(hole_fields(hole.body))) for hole in reversed(snapshot.holes)]
    parts += _list("Holes, the newest first", holes, "messages may be missing there")
    return parts


def _list(title: str, rows: Sequence[tuple[str, str]], hint: str = "") -> list[RenderableType]:
    if not rows:
        return []
    table = _table("", "")
    table.show_header = False
    for left, right in rows[:_FEW]:
        table.add_row(Text(f"  {safe_text(left)}"), Text(safe_text(right)))
    more = f" ({len(rows):,}, of which {_FEW} are shown)" if len(rows) > _FEW else ""
    return ["", _line((f"{title}{more}", "bold"), (f": {hint}" if hint else "", "dim")), table]


def _hole(fields: Mapping[str, object]) -> str:
    if "dropped" in fields:
        return f"{fields['dropped']} events were dropped"
    after, before = fields.get("after_id"), fields.get("before_id")
    parts = [f"after message {after}"] * (after is not None) + [f"before message {before}"] * (before is not None)
    return ", ".join(parts) or "at the beginning"


def _time(at: float) -> str:
    return datetime.datetime.fromtimestamp(at, datetime.UTC).strftime("%m-%d %H:%M:%SZ")


def _groups(groups: Iterable[GroupView], partitions: int) -> Table:
    table = _table("consumer group", "consumers", "partitions owned", "behind", numbers=("consumers",))
    for group in groups:
        alive = [each for each in group.members if each.member.is_alive]
        owned = sum(len(each.owned) for each in alive)
        table.add_row(
            Text(safe_text(group.name)),
            Text(str(len(alive))),
            Text(f"{owned} of {partitions}", "" if owned == partitions else "yellow"),
            Text(_age(group.behind) if group.behind else "-"),
        )
    return table


def _age(seconds: float) -> str:
    for size, unit in ((86400, "d"), (3600, "h"), (60, "min")):
        if seconds >= size:
            return f"{seconds / size:.1f} {unit}"
    return f"{max(0.0, seconds):.1f} s"
