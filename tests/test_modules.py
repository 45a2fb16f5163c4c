"""Every public module and class: what `dir()` shows, and the errors for missing names and missing extras."""

from __future__ import annotations

import importlib
import inspect
import re
import subprocess
import sys

import pytest

import cometconn
from cometconn._modules import public_names
from tests.test_arguments import PUBLIC

MODULES = [*PUBLIC, "cometconn.aio"]


@pytest.mark.parametrize("name", MODULES)
def test_dir_shows_the_public_names(name: str) -> None:
    """Nothing that the module merely imports is shown."""
    module = importlib.import_module(name)
    rooms = {"__version__", "environment", "errors", "events", "settings", "status", "stores"}
    assert dir(module) == sorted({*module.__all__, *(rooms if module is cometconn else ())})
    assert all(hasattr(module, each) for each in dir(module))


def test_no_public_module_is_missing() -> None:
    """Every package and module that is public by its name is listed here, or is a part of one that is."""
    import pkgutil

    public = [found.name for found in pkgutil.iter_modules(cometconn.__path__) if not found.name.startswith("_")]
    assert {f"cometconn.{name}" for name in public} - {"cometconn.cli"} == {n for n in MODULES if n.count(".") == 1}


def public_classes() -> dict[str, type]:
    """Return every public class, by its name."""
    found = {}
    for name in MODULES:
        module = importlib.import_module(name)
        values = [(each, getattr(module, each)) for each in module.__all__]
        found |= {f"{name}.{each}": value for each, value in values if isinstance(value, type)}
    return found


def test_each_public_member_of_a_class_is_documented() -> None:
    """A member has a docstring, or stands under *Attributes* of its class or of a base class."""
    undocumented = []
    for name, kind in public_classes().items():
        bases = [base for base in kind.__mro__ if base.__module__.startswith("cometconn")]
        text = "\n".join(base.__doc__ or "" for base in bases)
        lines = re.findall(r"^ {4,8}([\w, ]+?): ", text, re.MULTILINE)
        documented = {each.strip() for line in lines for each in line.split(",")} | set(
            getattr(kind, "__members__", ())
        )
        for member in {each for base in bases for each in vars(base) if not each.startswith("_")} - documented:
            value = inspect.getattr_static(kind, member)
            is_call = callable(value) or isinstance(value, property | classmethod | staticmethod)
            if not (is_call and inspect.getdoc(value)):
                undocumented.append(f"{name}.{member}")
    assert not undocumented


@pytest.mark.parametrize(
    ("code", "error", "words"),
    [
        ("from cometconn import TextMessage", ImportError, "it is in cometconn.events"),
        ("cometconn.TextMessage", AttributeError, "it is in cometconn.events"),
        ("from cometconn import ApiError", ImportError, "it is in cometconn.errors"),
        ("from cometconn import Limits", ImportError, "it is in cometconn.settings"),
        ("from cometconn import open_emulator", ImportError, "it is in cometconn.emulator"),
        ("from cometconn.events import open_client", ImportError, "it is in cometconn"),
        ("from cometconn import open_clinet", ImportError, "Did you mean 'open_client'?"),
        ("cometconn.open_clinet", AttributeError, "Did you mean 'open_client'?"),
        ("from cometconn.errors import ApiEror", ImportError, "Did you mean 'ApiError'?"),
        ("from cometconn import TextMesage", ImportError, "Did you mean cometconn.events.TextMessage?"),
        ("cometconn.no_such", AttributeError, "module 'cometconn' has no attribute 'no_such'"),
        ("cometconn.aio.no_such", AttributeError, "module 'cometconn.aio' has no attribute 'no_such'"),
        ("from cometconn import zzz", ImportError, "cannot import name 'zzz' from 'cometconn'"),
    ],
)
def test_a_missing_name(code: str, error: type[Exception], words: str) -> None:
    """The error names the module that has the name, or the name that was probably meant."""
    with pytest.raises(error) as caught:
        exec(code, {"cometconn": cometconn})  # noqa: S102
    assert str(caught.value).endswith(words)


def test_a_module_that_was_not_imported() -> None:
    """The error shows the import, for each public module that the one above it does not import."""
    names = ["appstate", "emulator", "fleet", "testing", "aio.emulator", "aio.testing"]
    code = f"""
import cometconn.aio
for name in {names}:
    try:
        eval(f"cometconn.{{name}}")
    except AttributeError as error:
        assert str(error).endswith(f": it is a module of its own: write `import cometconn.{{name}}`"), error
    else:
        raise AssertionError(name)
from cometconn import emulator
assert cometconn.emulator.open_emulator
"""
    subprocess.run([sys.executable, "-c", code], check=True, timeout=120)


def test_missing_names_are_attribute_errors_for_hasattr() -> None:
    """`hasattr()` and `getattr()` with a default work as for every module."""
    for name in PUBLIC:
        assert not hasattr(importlib.import_module(name), "TextMesage")


@pytest.mark.parametrize(
    ("module", "library", "extra"),
    [
        ("cometconn.emulator", "hypercorn", "emulator"),
        ("cometconn.testing", "starlette", "testing"),
        ("cometconn.testing.strategies", "hypothesis", "testing"),
    ],
)
def test_a_missing_extra(module: str, library: str, extra: str) -> None:
    """The error of the import names the library, and the command that installs the extra."""
    code = f"import sys; sys.modules['{library}'] = None\nimport {module}"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False, timeout=120)
    (last,) = done.stderr.splitlines()[-1:]
    assert (
        last
        == f'ModuleNotFoundError: {module} needs {library}, which is not installed: pip install "cometconn[{extra}]"'
    )


def test_the_warning_of_a_previous_name() -> None:
    """It names the line that used the name. The name is not shown, and others are unknown."""
    getattr_of_a_module, dir_of_a_module = public_names("shop", ["New"], {"Old": int})
    with pytest.warns(DeprecationWarning, match=r"^shop\.Old is deprecated .* use int\.$") as caught:
        assert getattr_of_a_module("Old") is int
    assert [warning.filename for warning in caught] == [__file__]
    assert dir_of_a_module() == ["New"]
    with pytest.raises(AttributeError, match=r"^module 'shop' has no attribute 'Young'$"):
        getattr_of_a_module("Young")
