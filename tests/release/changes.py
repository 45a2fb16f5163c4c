"""Whether version and changelog agree."""

from __future__ import annotations

import re

__all__ = ["disagreements"]


def disagreements(version: str, changelog: str) -> list[str]:
    """Return what is wrong with *changelog* for a release of *version*: nothing when it may be published.

    The entries must stand below a heading with the version and a date, and none below `[Unreleased]`.
    """
    heads = list(re.finditer(r"^## \[(.+?)\](.*)$", changelog, re.MULTILINE))
    released = [(head[1], head[2]) for head in heads if head[1] != "Unreleased"]
    wrong = []
    if not heads or heads[0][1] != "Unreleased":
        wrong.append("CHANGELOG.md does not begin with [Unreleased]")
    elif re.search(r"^- ", changelog[heads[0].end() : heads[1].start() if heads[1:] else None], re.MULTILINE):
        wrong.append("CHANGELOG.md has entries below [Unreleased]: move them below the version")
    if not released or released[0][0] != version:
        newest = f"[{released[0][0]}]" if released else "none"
        wrong.append(f"the newest version in CHANGELOG.md is {newest}, the package has {version}")
    elif not re.fullmatch(r" - \d{4}-\d\d-\d\d", released[0][1]):
        wrong.append(f"the heading [{version}] in CHANGELOG.md has no date")
    return wrong
