"""The reference names every public name, setting and command, with its real value."""

from __future__ import annotations

import importlib
import inspect
import pathlib
import re
from collections.abc import Iterator
from types import ModuleType

import attrs
import pytest
from cyclopts import App

import cometconn
from cometconn import AppSettings, Reason, Timing, errors, events
from cometconn.cli.app import app

DOCS = pathlib.Path(__file__).parents[2] / "docs"
PUBLIC = {
    "cometconn": "cometconn",
    "cometconn.admin": "admin",
    "cometconn.aio": "aio",
    "cometconn.aio.admin": "aio",
    "cometconn.events": "events",
    "cometconn.errors": "errors",
    "cometconn.stores": "stores",
    "cometconn.testing": "testing",
    "cometconn.testing.actions": "testing",
    "cometconn.testing.scripts": "testing",
    "cometconn.testing.strategies": "testing",
    "cometconn.emulator": "emulator",
    "cometconn.instrumentation": "instrumentation",
    "cometconn.appstate": "appstate",
    "cometconn.fleet": "fleet",
    "cometconn.fleet.key_rotation": "fleet",
    "cometconn.fleet.opentelemetry": "fleet",
    "cometconn.fleet.prometheus": "fleet",
}


def page(name: str) -> str:
    """The text of one page."""
    return (DOCS / f"{name}.md").read_text(encoding="utf-8")


def codes(text: str) -> set[str]:
    """Everything in backticks."""
    return set(re.findall(r"`([^`\n]+)`", text))


def cells(text: str) -> dict[str, list[str]]:
    """The rows of a page's tables, by the code in their first cell."""
    rows = [line.strip("| ").split(" | ") for line in text.splitlines() if line.startswith("| `")]
    return {row[0].strip("`"): row[1:] for row in rows}


@pytest.mark.parametrize("name", PUBLIC)
def test_every_public_name_is_in_the_api(name: str) -> None:
    """Each public name has a directive of its own, or its whole module has one."""
    try:
        module: ModuleType = importlib.import_module(name)
    except ModuleNotFoundError:
        pytest.skip(f"{name} is not there yet")
    text = page(f"api/{PUBLIC[name]}")
    if f"automodule:: {name}\n" not in text:
        missing = {each for each in module.__all__ if not re.search(rf"^\.\. \S+:: {each}$", text, re.MULTILINE)}
        assert missing <= {"User", "FileStore", "MemoryStore"}  # with the events, and in the front door


def test_every_method_of_the_client_is_in_the_api() -> None:
    """Each method of the client is in the lists of the page, which are written by hand."""
    text = page("api/cometconn")
    public = {name for name in vars(cometconn.CometChat) if not name.startswith("_")}
    assert public <= set(re.findall(r"^   \.\. auto(?:method|property):: (\w+)$", text, re.MULTILINE))


def test_no_public_package_is_forgotten() -> None:
    """Each public package has a page and a line in `PUBLIC`."""
    tops = {path.name.removesuffix(".py") for path in pathlib.Path(cometconn.__file__).parent.iterdir()}
    public = {name for name in tops if not name.startswith("_") and name != "py"}
    # The front door exports these; the command has a page of its own.
    assert public - {"settings", "status", "environment", "cli", "py.typed"} <= {name.split(".")[-1] for name in PUBLIC}


def test_every_error_is_in_the_table() -> None:
    """The table has each error, with its condition and whether a retry may help."""
    assert set(errors.__all__) == {name for name in cells(page("reference/errors")) if name.endswith("Error")}


def test_every_reason_is_in_the_table() -> None:
    """The table has each reason, with the call or event that ends it."""
    assert {reason.name for reason in Reason} <= codes(page("reference/errors"))


def test_every_event_is_on_the_page(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each event is in a table of the page, or in one that is made from the table of kinds."""
    monkeypatch.syspath_prepend(str(DOCS / "_ext"))
    tables: ModuleType = importlib.import_module("event_tables")
    text = page("reference/events")
    groups = re.findall(r"^```{event-kinds} (\w+)$", text, re.MULTILINE)
    made = [line for group in groups for lines in (tables.kind_table, tables.attribute_table) for line in lines(group)]
    assert set(events.__all__) <= {re.split(r"[.(]", code)[0] for code in codes("\n".join([text, *made]))}


def test_the_durations_are_those_of_the_code() -> None:
    """The table has each field of `Timing`, with its default."""
    shown = {name: float(row[0]) for name, row in cells(page("reference/timing")).items() if name in dir(Timing)}
    assert shown == attrs.asdict(Timing())


def test_the_settings_are_those_of_the_code() -> None:
    """The table has each field of `AppSettings`, with its default."""
    shown = {name: row[0].strip("`") for name, row in cells(page("reference/settings")).items()}
    for field in attrs.fields(AppSettings):
        default = getattr(AppSettings(), field.name)
        assert shown[field.name] in {repr(default), str(default), f"{type(default).__name__}()"}, field.name


def test_every_option_of_the_client_is_in_the_table() -> None:
    """The table has each keyword of `open_client()`."""
    parameters = inspect.signature(cometconn.open_client).parameters.values()
    options = {each.name for each in parameters if each.kind is inspect.Parameter.KEYWORD_ONLY}
    assert options <= set(cells(page("reference/settings")))


def commands(group: App, before: str = "") -> Iterator[tuple[str, App]]:
    """Each command with its words, and the groups of commands that have an own section."""
    for name, command in group.resolved_commands().items():
        if not name.startswith("-"):
            if command.default_command is not None or not before:
                yield f"{before}{name}", command
            yield from commands(command, f"{before}{name} ")


def test_every_command_has_a_section() -> None:
    """Each command has a section with a table that is made from its own options."""
    text = page("reference/command-line")
    for name, command in commands(app):
        assert f"## `cometconn {name}`\n" in text
        if command.default_command is not None:
            assert f"```{{command-options}} {name}\n" in text
