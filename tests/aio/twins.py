"""Makes the classes of `cometconn.aio` from their twins for Trio: signatures, types, docstrings, and most bodies.

`python -m tests.aio.twins` compares, and with `--write` writes, the modules of `MODULES`. A twin has every member of its
original, so each member needs a kind here; one without a kind is an error. Add a row when you add a member, and run it
with `--write` when you have changed a signature or a docstring.
"""

from __future__ import annotations

import ast
import builtins
import importlib.util
import pathlib
import subprocess
import sys
import textwrap
from typing import TYPE_CHECKING, Any

import attrs

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = pathlib.Path(__file__).parents[2]

WORDS = {
    "They must be\n    made in Trio's thread; from another thread use `trio.from_thread.run_sync(chat.enter_background)`.": (
        "They must be\n    made in the thread of the asyncio loop; from another thread use"
        " `loop.call_soon_threadsafe(chat.enter_background)`."
    ),
    "Run it in a nursery. When": "Run it in a task of its own. When",
    "A checkpoint; if cancelled, the": "If cancelled, the",
    "A checkpoint; cancelling it": "Cancelling it",
    "A checkpoint; returns when": "Returns when",
    "A checkpoint. If cancelled": "If cancelled",
    "A checkpoint; nothing": "Nothing",
    "Always a checkpoint. If": "The loop always gets a turn. If",
    "Not a\n        checkpoint;": "Does not\n        wait;",
    "Not a checkpoint.": "Does not wait.",
    "the task that got it calls": "the asyncio task that got it calls",
    "that this task got before": "that this asyncio task got before",
    "no nursery of this library wraps it in an exception group": "it is the same object, in no exception group",
    "a store of your own is a `cometconn.stores.Store`.": (
        "a store of your own is a\n            `cometconn.stores.Store`, and its calls run in asyncio."
    ),
    "async with cometconn.open_client(": "async with cometconn.aio.open_client(",
    "With a `trio.testing.MockClock` a day is replayed without waiting.": "It is replayed in real time.",
    "environment: network, clock and randomness, for tests.": (
        "environment: network, clock and randomness, for tests. Its calls run in Trio, also here."
    ),
    "The first error of a hook is logged; errors in hooks have no other effect.": (
        "The loop calls them, each a turn after its step. The first error of a hook is\n"
        "            logged; errors in hooks have no other effect."
    ),
}
"""Words of the originals' docstrings, and what they are here. A row that fits no docstring is an error."""

UNWANTED = ("checkpoint", "nursery", "Trio's", "trio.")
"""Words that no docstring of a twin has. With them comes a new row of `WORDS`, or another sentence in the original."""

COPIED = "copied"
"""The body is that of the original: it waits for nothing."""
RUN = "run"
"""The body is that of the original, which ends with `await F()()`: here the wait that `F()` returns runs as a call."""


LISTS = "lists"
"""The body is that of the original, which makes a `Listing` for Trio: here it makes the one for asyncio."""

COMMITS = "commits"
"""The body is that of the original, but what it passes on to commit the position runs as a call."""


@attrs.frozen
class Body:
    """The body of a member is this text."""

    text: str


@attrs.frozen
class Twin:
    """A class or function to be made.

    Attributes:
        source: the module of the original.
        name: its name.
        members: the kind of each member of a class, for names that are separated by blanks.
        body: the body of a function.
    """

    source: str
    name: str
    members: dict[str, Any] = attrs.field(factory=dict)
    body: str = ""

    def kind(self, member: str) -> Any:
        """Return the kind of a member."""
        kinds = [kind for names, kind in self.members.items() if member in names.split()]
        if len(kinds) != 1:
            message = f"{self.name}.{member} has {len(kinds)} kinds in tests/aio/twins.py: give it one."
            raise LookupError(message)
        return kinds[0]


CHAT = Twin(
    "cometconn._client.client",
    "CometChat",
    {
        "__init__": Body(
            "self._core = core; self._machine = core.machine; self._login = core.login; self._run = calls.run;"
            " self._calls = calls"
        ),
        "reply resend edit delete react unreact login logout connect disconnect wait_closed ping keep_alive request send_text send_custom start_typing end_typing"
        " mark_as_delivered mark_as_read send_transient send_media download": RUN,
        "__repr__ get_logged_in_user enter_background enter_foreground retry_now app_state status features statistics"
        " position statuses typing _send_receipts": COPIED,
        "events": COMMITS,
        **{
            name: Body(f"from ._rest import {kind}\nreturn {kind}(self._core.rest_context(), self._calls)")
            for name, kind in (
                ("messages", "Messages"),
                ("conversations", "Conversations"),
                ("users", "Users"),
                ("groups", "Groups"),
            )
        },
    },
)


def rest_twin(module: str, name: str, members: dict[str, Any]) -> Twin:
    """Return the twin of a class that `CometChat` has as a property."""
    made = Body("self._context = context; self._calls = calls; self._run = calls.run")
    return Twin(f"cometconn._rest.{module}", name, {"__init__": made, **members})


MESSAGES = rest_twin("messages", "Messages", {"history": LISTS, "get": RUN})
CONVERSATIONS = rest_twin(
    "conversations",
    "Conversations",
    {"list": LISTS, "get mark_as_read delete unread_counts": RUN, "_mark _mark_newest": COPIED},
)
USERS = rest_twin(
    "users", "Users", {"list blocked": COPIED, "_listing": LISTS, "get block unblock": RUN, "_change": COPIED}
)
GROUPS = rest_twin(
    "groups",
    "Groups",
    {
        "list _members": LISTS,
        "members banned _add": COPIED,
        "get join leave create delete add_members kick ban unban change_scope": RUN,
    },
)
LISTING = Twin(
    "cometconn._rest.listing",
    "Listing",
    {
        "__init__": Body("self._pager = pager; self._run = calls.run"),
        "__aiter__": COPIED,
        "__anext__": Body("return next_element(self._pager, self._run)"),
    },
)

OPEN_CLIENT = Twin(
    "cometconn._client.open_client",
    "open_client",
    body=(
        "check(open_client, locals())\n"
        "return WrappedBlock(Block("
        "lambda: cometconn.open_client({arguments}), lambda chat, calls: CometChat(chat._core, calls), _end"
        "), usage_of('open_client'))"
    ),
)

EVENT_STREAM = Twin(
    "cometconn._streams.event_stream",
    "EventStream",
    {
        "__init__ __repr__ __aiter__ acknowledge gaps statistics": COPIED,
        "__anext__": Body("return next_event(self._queue)"),
        "batch": Body("return await next_batch(self._queue)"),
        "commit": COPIED,
        "_give_turn": None,
    },
)

STATUS_STREAM = Twin(
    "cometconn._streams.statuses",
    "StatusStream",
    {"__init__ __aiter__": COPIED, "__anext__": Body("return next_status(self._queue)")},
)

ADMIN = Twin(
    "cometconn.admin.admin",
    "Admin",
    {
        "__init__": Body("self._requests = requests; self._run = calls.run"),
        "ensure_user create_auth_token revoke_auth_token": RUN,
        "__repr__": COPIED,
    },
)

OPEN_ADMIN = Twin(
    "cometconn.admin.open_admin",
    "open_admin",
    body=(
        "check(open_admin, locals())\n"
        "return WrappedBlock(Block("
        "lambda: cometconn.admin.open_admin({arguments}), lambda admin, calls: Admin(admin._requests, calls)"
        "), usage_of('open_admin'))"
    ),
)

OPEN_EMULATOR = Twin(
    "cometconn.emulator.server",
    "open_emulator",
    body=(
        "return WrappedBlock("
        "Block(lambda: cometconn.emulator.open_emulator({arguments}), Emulator), usage_of('open_emulator'))"
    ),
)
OPEN_FAULT_PROXY = Twin(
    "cometconn.testing.fault_proxy",
    "open_fault_proxy",
    body=(
        "return WrappedBlock("
        "Block(lambda: cometconn.testing.open_fault_proxy({arguments}), lambda proxy, _: proxy), usage_of('open_fault_proxy'))"
    ),
)
OPEN_REPLAY = Twin(
    "cometconn.testing.replay",
    "open_replay",
    body=(
        "return WrappedBlock("
        "Block(lambda: cometconn.testing.open_replay({arguments}), lambda replay, _: replay), usage_of('open_replay'))"
    ),
)


@attrs.frozen
class Module:
    """A module to be made.

    Attributes:
        docstring: what is in it.
        twins: the classes and functions.
        imports: where names come from that are not those of the originals' modules: name -> import statement.
        arguments: what `open_client()` passes on of an argument, if not the argument itself.
        tail: source at its end.
    """

    docstring: str
    twins: tuple[Twin, ...]
    imports: dict[str, str] = attrs.field(factory=dict)
    arguments: dict[str, str] = attrs.field(factory=dict)
    tail: str = ""


WRAPPED = {name: f"from cometconn._groups import {name}" for name in ("WrappedBlock", "usage_of")}

MODULES = {
    "cometconn/aio/_chat.py": Module(
        "`open_client()` and `CometChat` for asyncio",
        (OPEN_CLIENT, CHAT),
        {
            "Block": "from ._blocks import Block",
            **WRAPPED,
            "Calls": "from ._calls import Calls",
            "EventStream": "from ._streams import EventStream",
            "StatusStream": "from ._streams import StatusStream",
            **{name: f"from ._rest import {name}" for name in ("Messages", "Conversations", "Users", "Groups")},
            "admitted_in_asyncio": "from ._handed_in import admitted_in_asyncio",
            "called_by_loop": "from ._handed_in import called_by_loop",
            "cometconn": "import cometconn",
            "run_in_asyncio": "from ._handed_in import run_in_asyncio",
        },
        {
            "store": "run_in_asyncio(store)",
            "hooks": "called_by_loop(hooks)",
            "admission": "admitted_in_asyncio(admission)",
        },
        '''
def _end(chat: cometconn.CometChat) -> None:
    """Trio has crashed: end the streams, which are read by tasks of asyncio's."""
    chat._core.streams.close()
    chat._core.machine.statuses.close()
''',
    ),
    "cometconn/aio/_streams.py": Module(
        "The streams of a `CometChat` for asyncio",
        (EVENT_STREAM, STATUS_STREAM),
        {
            "Any": "from typing import Any",
            "EventT_co": "from cometconn._streams.event_stream import EventT_co",
            "Coroutine": "from collections.abc import Coroutine",
            "next_batch": "from ._reading import next_batch",
            "next_event": "from ._reading import next_event",
            "next_status": "from ._reading import next_status",
        },
    ),
    "cometconn/aio/_rest.py": Module(
        "`CometChat.messages`, `conversations`, `users` and `groups` for asyncio",
        (LISTING, MESSAGES, CONVERSATIONS, USERS, GROUPS),
        {
            "Any": "from typing import Any",
            "Calls": "from ._calls import Calls",
            "Coroutine": "from collections.abc import Coroutine",
            "T_co": "from cometconn._rest.listing import T_co",
            "next_element": "from ._reading import next_element",
        },
    ),
    "cometconn/aio/_admin.py": Module(
        "`open_admin()` and `Admin` for asyncio",
        (OPEN_ADMIN, ADMIN),
        {
            "Block": "from ._blocks import Block",
            **WRAPPED,
            "Calls": "from ._calls import Calls",
            "check": "from cometconn._arguments import check",
            "cometconn": "import cometconn.admin",
        },
    ),
    "cometconn/aio/_servers.py": Module(
        "`open_emulator()` for asyncio",
        (OPEN_EMULATOR,),
        {
            "Block": "from ._blocks import Block",
            **WRAPPED,
            "Emulator": "from ._emulator import Emulator",
            "cometconn": "import cometconn.emulator",
        },
    ),
    "cometconn/aio/_test_servers.py": Module(
        "`open_fault_proxy()` and `open_replay()` for asyncio",
        (OPEN_FAULT_PROXY, OPEN_REPLAY),
        {"Block": "from ._blocks import Block", **WRAPPED, **WRAPPED, "cometconn": "import cometconn.testing"},
    ),
}


# Reading the originals.


@attrs.frozen
class Source:
    """An original's module: its statements, and where its names come from."""

    tree: ast.Module
    imports: dict[str, str]
    type_imports: dict[str, str]

    @classmethod
    def of(cls, module: str) -> Source:
        """Read *module*."""
        spec = importlib.util.find_spec(module)
        assert spec is not None
        assert spec.origin is not None
        tree = ast.parse(pathlib.Path(spec.origin).read_text(encoding="utf-8"))
        package = module.rpartition(".")[0]
        checked = [
            each
            for node in tree.body
            if isinstance(node, ast.If) and isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING"
            for each in node.body
        ]
        defined = {
            name: f"from {module} import {name}"
            for statement in tree.body
            for node in ([statement] if not isinstance(statement, ast.If) else statement.orelse)
            for name in (getattr(node, "name", ""), *map(ast.unparse, getattr(node, "targets", ())))
        }
        return cls(tree, defined | dict(imported_by(tree.body, package)), dict(imported_by(checked, package)))

    def find(self, name: str) -> ast.stmt:
        """Return the class or function of this name."""
        return next(node for node in self.tree.body if getattr(node, "name", None) == name)


def imported_by(body: list[ast.stmt], package: str) -> Iterator[tuple[str, str]]:
    """Yield each name that the imports in *body* make, and an import statement for it."""
    for node in body:
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield alias.asname or alias.name.partition(".")[0], f"import {alias.name}"
        elif isinstance(node, ast.ImportFrom):
            source = importlib.util.resolve_name("." * node.level + (node.module or ""), package)
            for alias in node.names:
                yield alias.asname or alias.name, f"from {source} import {alias.name}"


# Making the twins.


class Words:
    """Replaces words in docstrings, and notes which rows were of use."""

    def __init__(self) -> None:
        self.used: set[str] = set()

    def replaced(self, text: str) -> str:
        """Return *text* in the words of asyncio."""
        for old, new in WORDS.items():
            if old in text:
                self.used.add(old)
                text = text.replace(old, new)
        for word in UNWANTED:
            if word in text:
                message = f"A docstring of cometconn.aio would have the word {word!r}: add a row to WORDS.\n{text}"
                raise LookupError(message)
        return text


def docstring_of(node: ast.AST, words: Words) -> ast.stmt | None:
    """Return the statement that is the docstring of *node*, in other words."""
    first = node.body[0] if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef) else None
    if isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant) and isinstance(first.value.value, str):
        return ast.Expr(ast.Constant(words.replaced(first.value.value)))
    return None


class ToRun(ast.NodeTransformer):
    """Changes `await F()()` to `await self._run(F())`."""

    count = 0

    def visit_Await(self, node: ast.Await) -> ast.AST:
        """Change one."""
        call = node.value
        assert isinstance(call, ast.Call), ast.unparse(node)
        assert isinstance(call.func, ast.Call), f"not of the form `await F()()`: {ast.unparse(node)}"
        self.count += 1
        run = ast.Attribute(ast.Name("self", ast.Load()), "_run", ast.Load())
        return ast.Await(ast.Call(run, [call.func], []))


class CommitAsCall(ast.NodeTransformer):
    """Changes `self._core.positions.commit` to `partial(self._run, self._core.positions.commit)`."""

    def visit_Attribute(self, node: ast.Attribute) -> ast.AST:
        """Change one."""
        if ast.unparse(node) != "self._core.positions.commit":
            return node
        return ast.parse("partial(self._run, self._core.positions.commit)", mode="eval").body


class ListingWithCalls(ast.NodeTransformer):
    """Changes `Listing(pager)` to `Listing(pager, self._calls)`."""

    def visit_Call(self, node: ast.Call) -> ast.AST:
        """Change one."""
        if ast.unparse(node.func) == "Listing":
            node.args.append(ast.parse("self._calls", mode="eval").body)
        return node


def is_overload(node: ast.FunctionDef | ast.AsyncFunctionDef) -> bool:
    """Whether it is one of the signatures that `typing.overload` marks."""
    return any(ast.unparse(each).endswith("overload") for each in node.decorator_list)


def member_of(twin: Twin, node: ast.FunctionDef | ast.AsyncFunctionDef, words: Words) -> ast.stmt | None:
    """Return the twin of a method or property; `None` if it has none."""
    kind = twin.kind(node.name)
    if kind is None:
        return None
    docstring = docstring_of(node, words)
    body = node.body[docstring is not None :]
    if isinstance(kind, Body) and not is_overload(node):
        body = ast.parse(kind.text).body
    elif kind is COMMITS:
        body = [CommitAsCall().visit(each) for each in body]
    elif kind is LISTS:
        body = [ListingWithCalls().visit(each) for each in body]
    elif kind is RUN:
        transformer = ToRun()
        body = [transformer.visit(each) for each in body]
        if transformer.count != 1:
            message = f"{twin.name}.{node.name} awaits {transformer.count} things, where RUN needs one."
            raise LookupError(message)
    node.decorator_list = [each for each in node.decorator_list if "enable_ki_protection" not in ast.unparse(each)]
    node.body = ([docstring] if docstring is not None else []) + body
    if node.name == "__init__" and kind is not COPIED:
        node.args.args.append(ast.arg("calls", ast.Name("Calls", ast.Load())))
    if node.name == "__anext__":  # the coroutine of the function that reads, and none around it, for each event
        assert node.returns is not None
        returns = ast.parse(f"Coroutine[Any, Any, {ast.unparse(node.returns)}]", mode="eval").body
        return ast.FunctionDef(node.name, node.args, node.body, node.decorator_list, returns, lineno=0)
    return node


def class_of(twin: Twin, node: ast.ClassDef, words: Words) -> ast.stmt:
    """Return the twin of a class."""
    docstring = docstring_of(node, words)
    body: list[ast.stmt] = [] if docstring is None else [docstring]
    for each in node.body[docstring is not None :]:
        if isinstance(each, ast.FunctionDef | ast.AsyncFunctionDef):
            member = member_of(twin, each, words)
            if member is not None:
                body.append(member)
        else:
            body.append(each)
    node.body = body
    return node


def function_of(twin: Twin, node: ast.AsyncFunctionDef, module: Module, words: Words) -> ast.stmt:
    """Return the twin of a function that makes a context manager."""
    docstring = docstring_of(node, words)
    assert docstring is not None
    assert isinstance(node.returns, ast.Subscript)
    given = node.returns.slice.elts[0] if isinstance(node.returns.slice, ast.Tuple) else node.returns.slice
    arguments = [module.arguments.get(arg.arg, arg.arg) for arg in (*node.args.posonlyargs, *node.args.args)]
    arguments += [f"{arg.arg}={module.arguments.get(arg.arg, arg.arg)}" for arg in node.args.kwonlyargs]
    body = ast.parse(twin.body.format(arguments=", ".join(arguments))).body
    returns = ast.parse(f"AbstractAsyncContextManager[{ast.unparse(given)}]", mode="eval").body
    return ast.FunctionDef(node.name, node.args, [docstring, *body], [], returns, lineno=0)


def names_in(tree: ast.AST) -> set[str]:
    """The names that *tree* reads."""
    return {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)}


def annotations_in(tree: ast.AST) -> set[str]:
    """The names that only annotations of *tree* read."""
    annotations: list[ast.AST] = []
    for node in ast.walk(tree):
        if isinstance(node, ast.arg | ast.AnnAssign) and node.annotation is not None:
            annotations.append(node.annotation)
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.returns is not None:
            annotations.append(node.returns)
    inside = {id(node) for annotation in annotations for node in ast.walk(annotation)}
    used = {node.id for node in ast.walk(tree) if isinstance(node, ast.Name) and id(node) not in inside}
    return names_in(tree) - used


def made(path: str, words: Words) -> str:
    """Return the source of a module."""
    module = MODULES[path]
    nodes: list[ast.stmt] = []
    imports: dict[str, str] = {}
    type_imports: dict[str, str] = {}
    for twin in module.twins:
        source = Source.of(twin.source)
        node = source.find(twin.name)
        if isinstance(node, ast.ClassDef):
            nodes.append(class_of(twin, node, words))
        else:
            assert isinstance(node, ast.AsyncFunctionDef)
            nodes.append(function_of(twin, node, module, words))
        type_imports |= source.imports | source.type_imports
        imports |= source.imports
    imports["AbstractAsyncContextManager"] = "from contextlib import AbstractAsyncContextManager"
    nodes += ast.parse(module.tail).body
    own = {twin.name for twin in module.twins} | {getattr(node, "name", "") for node in nodes}
    tree = ast.fix_missing_locations(ast.Module(nodes, []))
    local = {node.arg for node in ast.walk(tree) if isinstance(node, ast.arg)} | {
        node.id for node in ast.walk(tree) if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)
    }
    inside = {  # what bodies import for themselves
        alias.asname or alias.name
        for node in ast.walk(tree)
        if isinstance(node, ast.Import | ast.ImportFrom)
        for alias in node.names
    }
    only_types = annotations_in(tree) | inside
    needed: set[str] = {"from typing import TYPE_CHECKING"}
    needed_types: set[str] = set()
    for name in names_in(tree) - own - set(vars(builtins)):
        statement = module.imports.get(name) or imports.get(name) or type_imports.get(name)
        if statement is None:
            assert name in local, f"{path}: where does {name} come from?"
            continue
        at_run_time = name not in only_types and (name in module.imports or name in imports)
        (needed if at_run_time else needed_types).add(statement)
    header = (
        f'"""{module.docstring}.\n\nMade from {", ".join(f"`{source}`" for source in dict.fromkeys(twin.source for twin in module.twins))}'
        ' by `python -m tests.aio.twins --write`: change it there.\n"""'
    )
    names = sorted(twin.name for twin in module.twins)
    parts = [
        header,
        "from __future__ import annotations",
        "\n".join(sorted(needed)),
        "if TYPE_CHECKING:\n" + textwrap.indent("\n".join(sorted(needed_types)), "    "),
        f"__all__ = {names!r}",
        "\n\n".join(map(ast.unparse, tree.body)),
    ]
    return formatted("\n\n".join(parts), path)


def formatted(source: str, path: str) -> str:
    """Return *source* as ruff formats it, with the imports in order."""
    for arguments in (["check", "--select=I", "--fix", "--quiet"], ["format", "--quiet"]):
        command = [sys.executable, "-m", "ruff", *arguments, f"--stdin-filename={ROOT / path}", "-"]
        source = subprocess.run(
            command, input=source, capture_output=True, text=True, check=True, timeout=60, cwd=ROOT
        ).stdout
    return source


def stale_words(words: Words) -> set[str]:
    """The rows of `WORDS` that were of no use."""
    return set(WORDS) - words.used


def main() -> int:
    """Compare the modules with what would be made now, or write them."""
    words, different = Words(), 0
    for path in MODULES:
        source, file = made(path, words), ROOT / path
        if "--write" in sys.argv:
            file.write_text(source, encoding="utf-8")
        elif not file.exists() or file.read_text(encoding="utf-8") != source:
            print(f"{path} is out of date: run `python -m tests.aio.twins --write`")
            different = 1
    for row in stale_words(words):
        print(f"WORDS: no docstring has {row!r}")
        different = 1
    return different


if __name__ == "__main__":
    sys.exit(main())
