"""The parameters of a request's URL."""

from __future__ import annotations

import urllib.parse
from typing import TYPE_CHECKING

from cometconn.emulator.world.messages import DEFAULT_PER_PAGE, HAVING, PageRequest, is_number

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["flag", "list_page", "names", "number", "page_request", "split_url"]

_MAX_PER_PAGE = 100
_MAX_PER_LIST_PAGE = 1_000


def split_url(url: str) -> tuple[str, dict[str, str]]:
    """Return the path of a URL, percent escapes and all, and its parameters; of a repeated one the last value."""
    parts = urllib.parse.urlsplit(url)
    return parts.path, dict(urllib.parse.parse_qsl(parts.query, keep_blank_values=True))


def flag(query: Mapping[str, str], name: str) -> bool:
    """Whether a parameter is `1` or `true`."""
    return query.get(name, "0").lower() in {"1", "true"}


def names(query: Mapping[str, str], name: str) -> frozenset[str]:
    """Return the names that a parameter lists, separated by commas."""
    return frozenset(filter(None, query.get(name, "").split(",")))


def list_page(query: Mapping[str, str]) -> tuple[int, int]:
    """Read `page`, by default 1, and `per_page` or `limit`, by default 100 and at most 1000, of a list of other things than messages.

    Raises `ValueError`, naming the parameter, for a value that is not allowed.
    """
    per_page = number(query, "per_page", least=1) or number(query, "limit", least=1) or _MAX_PER_PAGE
    return number(query, "page", least=1) or 1, min(per_page, _MAX_PER_LIST_PAGE)


def page_request(query: Mapping[str, str]) -> PageRequest:
    """Read the parameters of a message listing; others are ignored. A page has at most 100 messages, by default 30.

    Raises `ValueError`, naming the parameter, for a value that is not allowed.
    """
    affix = query.get("affix", "append")
    if affix not in {"append", "prepend"}:
        message = "affix must be append or prepend."
        raise ValueError(message)
    return PageRequest(
        affix=affix,
        per_page=min(number(query, "per_page", least=1) or DEFAULT_PER_PAGE, _MAX_PER_PAGE),
        id=number(query, "id"),
        sent_at=number(query, "sentAt"),
        updated_at=number(query, "updatedAt"),
        only_updates=flag(query, "onlyUpdates"),
        categories=names(query, "categories"),
        types=names(query, "types"),
        search=query.get("searchKey", ""),
        tags=names(query, "tags"),
        hide_replies=flag(query, "hideReplies"),
        hide_deleted=flag(query, "hideDeleted"),
        hide_quoted=flag(query, "hideQuotedMessages"),
        mentioned=names(query, "mentionedUids"),
        attachment_types=names(query, "attachmentTypes"),
        having=frozenset(name for name in HAVING if flag(query, name)),
    )


def number(query: Mapping[str, str], name: str, *, least: int = 0) -> int | None:
    """Read a parameter that is a whole number. Raises `ValueError`, naming it, for anything else."""
    text = query.get(name)
    if text is None:
        return None
    if not (is_number(text) and int(text) >= least):
        message = f"{name} must be a whole number, {least} or more."
        raise ValueError(message)
    return int(text)
