"""The classes of `cometconn.aio` have every member of their originals, with the same signature, and are made from them."""

from __future__ import annotations

import ast
import inspect
import pathlib
import subprocess
import sys
from collections.abc import Callable
from typing import Any

import attrs
import pytest

import cometconn.admin
import cometconn.aio.admin
from cometconn import aio
from cometconn._rest import conversations, groups, listing, messages, users
from cometconn._streams.statuses import StatusStream
from cometconn.aio import _rest as aio_rest

from . import twins

REST: dict[str, Any] = {
    kind: getattr(module, kind)
    for module in (conversations, groups, listing, messages, users)
    for kind in aio_rest.__all__
    if kind in module.__all__
}
PAIRS = [
    (cometconn.CometChat, aio.CometChat),
    (cometconn.admin.Admin, cometconn.aio.admin.Admin),
    (cometconn.EventStream, aio.EventStream),
    (StatusStream, aio.StatusStream),
    *((REST[kind], getattr(aio_rest, kind)) for kind in aio_rest.__all__),
]


def test_they_are_up_to_date() -> None:
    """What is checked in is what `python -m tests.aio.twins` makes now, and each row of its table of words is of use."""
    done = subprocess.run(
        [sys.executable, "-m", "tests.aio.twins"],
        capture_output=True,
        text=True,
        cwd=twins.ROOT,
        check=False,
        timeout=60,
    )
    assert (done.stdout, done.stderr, done.returncode) == ("", "", 0)


@pytest.mark.parametrize(("original", "twin"), PAIRS)
def test_they_have_the_same_members(original: type, twin: type) -> None:
    """The same public names, each with the same signature and a docstring."""
    names = [name for name in dir(original) if not name.startswith("_")]
    assert names == [name for name in dir(twin) if not name.startswith("_")]
    for name in names:
        ours, theirs = inspect.getattr_static(twin, name), inspect.getattr_static(original, name)
        assert ours.__doc__
        assert type(ours) is type(theirs)
        if not isinstance(ours, property):
            assert inspect.signature(ours) == inspect.signature(theirs)
            assert inspect.iscoroutinefunction(ours) == inspect.iscoroutinefunction(theirs)


@pytest.mark.parametrize(
    ("original", "twin"),
    [(cometconn.open_client, aio.open_client), (cometconn.admin.open_admin, cometconn.aio.admin.open_admin)],
)
def test_what_opens_them_has_the_same_arguments(original: Callable[..., object], twin: Callable[..., object]) -> None:
    """Names, kinds, defaults and types."""
    assert inspect.signature(twin).parameters == inspect.signature(original).parameters


def test_a_member_without_a_kind_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    """A new member of `CometChat` has to be given one."""
    members = {kind: names for names, kind in twins.CHAT.members.items() if isinstance(kind, str)}
    fewer = attrs.evolve(
        twins.CHAT, members={members[twins.RUN].replace("ping", ""): twins.RUN, members[twins.COPIED]: twins.COPIED}
    )
    node = next(each for each in ast.walk(twins.Source.of(fewer.source).tree) if getattr(each, "name", None) == "ping")
    assert isinstance(node, ast.AsyncFunctionDef)
    with pytest.raises(LookupError, match=r"CometChat\.ping has 0 kinds"):
        twins.member_of(fewer, node, twins.Words())


def test_a_call_that_waits_twice_is_an_error() -> None:
    """A body of the kind `RUN` has one wait: the first would run outside of Trio."""
    (node,) = ast.parse("async def ping(self):\n    await f()()\n    await g()()").body
    assert isinstance(node, ast.AsyncFunctionDef)
    with pytest.raises(LookupError, match="awaits 2 things"):
        twins.member_of(twins.CHAT, node, twins.Words())


def test_words_of_trio_are_errors() -> None:
    """A docstring with a word of Trio needs a row in the table of words."""
    with pytest.raises(LookupError, match="nursery"):
        twins.Words().replaced("Run it in a nursery of yours.")


def test_the_page_lists_every_name() -> None:
    """docs/api/aio.md."""
    page = pathlib.Path(twins.ROOT, "docs/api/aio.md").read_text(encoding="utf-8")
    for name in aio.__all__:
        assert name in page
    for name in dir(aio.CometChat):
        if not name.startswith("_"):
            assert f":: {name}\n" in page, name
