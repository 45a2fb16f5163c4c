"""A new kind of event is a row: its class, its place in the table, and what shows it; nothing that reads or writes frames."""

from __future__ import annotations

import ast
import io
import json
import os
import pathlib
import shutil
import subprocess
import sys
import tokenize
from typing import Any

import attrs
import pytest

ROOT = pathlib.Path(__file__).parents[2]
COPIED = ("cometconn", "docs", "tests/golden", "tests/wire", "tests/events", "tests/testing", "tests/docs")
TESTS = [
    *("tests/wire/test_decoder.py", "tests/wire/test_fast.py", "tests/wire/test_lenient.py"),
    *("tests/events/test_events.py", "tests/testing/test_event_strategies.py", "tests/docs/test_events_page.py"),
]
MOST_FILES = 7
MOST_LINES = 1_130  # 1,000, about 90 for kinds that came later, and 40 for files, edits and quotes that are sent

CLASS = '''@attrs.frozen(kw_only=True)
class MessageTranslated(_ServerEvent):
    """A message was translated.

    Attributes:
        message_id: the message.
        language: the language of the translation.
        text: the translation.
        translated_at: when, UTC.
        translated_by: the user who translated it.
        raw: the whole frame. It is neither in the `repr` nor compared.
    """

    message_id: int
    language: str
    text: str = ""
    translated_at: datetime.datetime | None = None
    translated_by: User | None = None


'''
FRAME = {
    "appId": "app0probe",
    "receiver": "zed-1",
    "receiverType": "user",
    "deviceId": "WEB-4_2_0-aaaa-1800000000000",
    "sender": "amy-2",
    "type": "message_translated",
    "body": {
        "action": "translated",
        "messageId": "1001",
        "language": "no",
        "text": "hei",
        "translatedAt": 1800000900,
        "translatedBy": {"uid": "amy-2", "name": "Amy Two"},
    },
}
EXAMPLE = {
    "name": "translated",
    "listener": ["MessageListener.onMessageTranslated"],
    "listener_args": [{"messageId": "1001", "language": "no", "text": "hei"}],
    "required_paths_js": ["type", "body", "body.action", "body.language"],
    "frame": FRAME,
}
SCRIPT = """
import json, sys
from cometconn import events
from cometconn._wire.decoder import Decoder

frame = json.loads(sys.argv[1])
decoder = Decoder("zed-1", "session-1")
event = decoder.decode_plainly(json.dumps(frame))
assert type(event) is events.MessageTranslated, event
assert (event.message_id, event.language, event.text, event.translated_by.name) == (1001, "no", "hei", "Amy Two")
assert event.translated_at is not None and event.raw == frame
del frame["body"]["translatedBy"]
text = json.dumps(frame)
[fast] = decoder.first_events([text])
assert fast == decoder.decode_plainly(text), fast
assert fast.raw == frame
"""


@attrs.define
class Tree:
    """A copy of the sources, and which of its files were edited."""

    root: pathlib.Path
    edited: set[str] = attrs.field(factory=set)

    def edit(self, name: str, old: str, new: str) -> None:
        """Put *new* before the first *old* in the file *name*."""
        self.edited.add(name)
        path = self.root / name
        text = path.read_text(encoding="utf-8")
        assert old in text, (name, old)
        path.write_text(text.replace(old, new + old, 1), encoding="utf-8")

    def add(self, name: str, value: Any) -> None:
        """Write a new file of JSON."""
        self.edited.add(name)
        (self.root / name).write_text(json.dumps(value), encoding="utf-8")

    def run(self, *arguments: str) -> str:
        """Run Python on the copy; return what it printed. Raises `AssertionError` if it failed."""
        ours = {name: value for name, value in os.environ.items() if not name.startswith(("PYTEST_", "COV"))}
        environment = {**ours, "PYTHONPATH": str(self.root), "PYTHONDONTWRITEBYTECODE": "1"}
        done = subprocess.run(
            [sys.executable, *arguments],
            cwd=self.root,
            env=environment,
            capture_output=True,
            text=True,
            timeout=240,
            check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout


@pytest.fixture
def tree(tmp_path: pathlib.Path) -> Tree:
    """A copy of what a new kind may touch."""
    for name in COPIED:
        shutil.copytree(ROOT / name, tmp_path / name, ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("CHANGELOG.md", "README.md", "pyproject.toml", "tests/conftest.py", "tests/scheduling.py"):
        shutil.copy(ROOT / name, tmp_path / name)
    return Tree(tmp_path)


def test_a_new_kind_is_a_row(tree: Tree) -> None:
    """With seven files edited, both decoders read it, the test kit makes it, and the tests of every kind hold for it."""
    tree.edit("cometconn/events/signals.py", "@attrs.frozen(kw_only=True)\nclass InteractionGoalCompleted", CLASS)
    tree.edit("cometconn/events/signals.py", '    "MessagesDelivered",', '    "MessageTranslated",\n')
    tree.edit(
        "cometconn/events/__init__.py",
        "    from .signals import MessagesDelivered as",
        "    from .signals import MessageTranslated as MessageTranslated\n",
    )
    tree.edit("cometconn/events/__init__.py", '    "MessageUnpinned",', '    "MessageTranslated",\n')
    tree.edit(
        "cometconn/_wire/kinds.py",
        "    _presence(ev.UserOnline,",
        '    _signal(ev.MessageTranslated, "onMessageTranslated", "message_translated", action="translated"),\n',
    )
    tree.add("tests/golden/s2c-translations.json", [EXAMPLE])
    tree.edit(
        "tests/wire/listeners.py",
        '    "onMessagePinned":',
        '    "onMessageTranslated": events.MessageTranslated,\n',
    )
    tree.edit("docs/api/events.md", ".. autoclass:: TransientMessage", ".. autoclass:: MessageTranslated\n")
    tree.edit("CHANGELOG.md", "- One odd optional attribute", "- New event: `MessageTranslated`.\n")
    assert len(tree.edited) <= MOST_FILES

    assert str(tree.root) in tree.run("-c", "import cometconn; print(cometconn.__file__)")
    tree.run("-c", SCRIPT, json.dumps(FRAME))
    chosen = "translations or MessageTranslated or test_every_kind or test_every_class or sorted_and_whole"
    told = tree.run("-m", "pytest", "-v", "-p", "no:cacheprovider", "-k", chosen, *TESTS)
    for name in (
        "test_decoder.py::test_golden_frames[s2c-translations-translated]",
        "test_lenient.py::test_an_attribute_that_cannot_be_read[s2c-translations-translated]",
        "test_event_strategies.py::test_a_frame_becomes_the_event_it_was_made_from[MessageTranslated]",
        "test_events.py::test_every_class_and_attribute_is_documented[MessageTranslated]",
    ):
        assert f"{name} PASSED" in told


def lines_of_code(source: str) -> int:
    """Count the lines that have code: neither blank, nor a comment, nor a text that stands by itself."""
    passed_over = {
        line
        for node in ast.walk(ast.parse(source))
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str)
        for line in range(node.lineno, (node.end_lineno or node.lineno) + 1)
    }
    no_code = {
        tokenize.COMMENT,
        tokenize.NL,
        tokenize.NEWLINE,
        tokenize.INDENT,
        tokenize.DEDENT,
        tokenize.ENDMARKER,
    }
    lines = {
        line
        for token in tokenize.generate_tokens(io.StringIO(source).readline)
        if token.type not in no_code
        for line in range(token.start[0], token.end[0] + 1)
    }
    return len(lines - passed_over)


def test_lines_of_code_are_counted() -> None:
    """Comments, blank lines and docstrings are not counted; each line of a statement over several lines is."""
    assert lines_of_code('"""Doc."""\n\n# no\nx = (\n    1,  # yes\n)\n"""Doc\nof x."""\n') == 3


def test_the_wire_is_small() -> None:
    """All code that knows frames, the table included, stays below its limit of lines."""
    files = sorted((ROOT / "cometconn" / "_wire").glob("*.py"))
    counted = {path.name: lines_of_code(path.read_text(encoding="utf-8")) for path in files}
    assert sum(counted.values()) <= MOST_LINES, counted
