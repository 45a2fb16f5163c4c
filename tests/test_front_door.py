"""The front door: short, sorted, documented, and light."""

from __future__ import annotations

import ast
import inspect
import subprocess
import sys

import pytest

import cometconn

NAMES = """open_client CometChat AppSettings Timing Endpoints SubscriptionType AppState ConnectionState Reason Status
Connected Connecting Waiting Disconnected StatusChange FileStore MemoryStore User EventStream Environment
preload"""


def test_all_is_the_contracts_list_sorted() -> None:
    """`__all__` holds the twenty-one names of the contract and no other, in order."""
    assert sorted(NAMES.split()) == cometconn.__all__
    assert len(cometconn.__all__) <= 21


@pytest.mark.parametrize("name", cometconn.__all__)
def test_every_name_is_documented(name: str) -> None:
    """Each public name can be imported and has a docstring."""
    assert getattr(cometconn, name).__doc__


@pytest.mark.parametrize("name", [name for name in dir(cometconn.CometChat) if not name.startswith("_")])
def test_every_member_is_documented(name: str) -> None:
    """Each member of CometChat has a docstring."""
    assert getattr(cometconn.CometChat, name).__doc__


def test_the_version_is_lazy_and_other_names_are_errors() -> None:
    """`__version__` is the installed one; a misspelt name is an AttributeError."""
    assert cometconn.__version__ == "0.1.0"
    with pytest.raises(AttributeError, match="no_such_name"):
        cometconn.no_such_name  # noqa: B018


def test_every_name_is_where_type_checkers_find_it() -> None:
    """The lazy imports (`_HOME`) and the imports for type checkers name the same modules."""
    (block,) = (
        node
        for node in ast.parse(inspect.getsource(cometconn)).body
        if isinstance(node, ast.If) and node.orelse == [] and isinstance(node.test, ast.Name)
    )
    read = {alias.name: node.module for node in block.body if isinstance(node, ast.ImportFrom) for alias in node.names}
    assert read == cometconn._HOME
    assert {*read, "preload"} == set(cometconn.__all__) <= set(dir(cometconn))


def test_importing_alone_imports_nothing() -> None:
    """`import cometconn` imports almost nothing: not even Trio is imported before a name is used."""
    code = """
import sys, cometconn
assert "trio" not in sys.modules
assert cometconn.errors.ApiError and cometconn.events.TextMessage
assert cometconn.AppSettings(region="us")
assert "trio" not in sys.modules, "settings, events and errors are pure"
from cometconn import *
assert open_client and "trio" in sys.modules
assert "asyncio" not in sys.modules
assert cometconn.aio.open_client and "asyncio" in sys.modules
"""
    subprocess.run([sys.executable, "-c", code], check=True, timeout=120)


def test_importing_pulls_in_no_extra() -> None:
    """Nothing loads an extra, and httpx2 and the file's lock are loaded only when they are needed."""
    heavy = "asyncio filelock starlette hypercorn httpx2 httpcore2 python_socks urllib.request cyclopts rich pytest hypothesis"
    code = f"import cometconn, sys; cometconn.open_client; print(*[m for m in '{heavy}'.split() if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=120)
    assert done.stdout.strip() == ""
