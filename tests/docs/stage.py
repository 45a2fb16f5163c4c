"""The stage for one page: a folder, terminals, and the last output."""

from __future__ import annotations

import ast
import contextlib
import inspect
import io
import json
import os
import pathlib
import subprocess
import sys
import time
from typing import Any
from unittest.mock import patch

import attrs
import httpx2
import pytest
import trio

import cometconn
from cometconn import AppSettings, MemoryStore
from cometconn.cli.app import app as cli
from cometconn.emulator import open_emulator

from .terminals import PATIENCE, Repl, ServerThread, Terminal, free_port

__all__ = ["COMETCONN", "Stage"]

SHOWN = "127.0.0.1:9000"  # the address on the pages; in the tests every page gets a server of its own
BOUND = 0.3  # seconds for code that would not end by itself
COMETCONN = (sys.executable, "-c", "from _cometconn_command import main; main()")


def forever(tree: ast.AST) -> bool:
    """Return whether code is meant to run until it is stopped."""
    names = {getattr(node, "attr", getattr(node, "id", "")) for node in ast.walk(tree)}
    loops = any(isinstance(node, ast.AsyncFor | ast.While) for node in ast.walk(tree))
    return loops or bool(names & {"sleep_forever", "keep_alive"})


@attrs.define(eq=False)
class Stage:
    """Everything that the blocks of one page share.

    Attributes:
        folder: for the programs of the page; also their home folder.
        variables: what the page has exported.
        namespace: names that the page's blocks have in common.
        output: the output that the next block of output is compared with: a program's terminal, or text.
        result: the output of the last command.
        repl: the REPL that the page has started.
    """

    folder: pathlib.Path
    namespace: dict[str, Any] = attrs.field(factory=dict)
    variables: dict[str, str] = attrs.field(factory=dict)
    output: Terminal | str = ""
    result: str = ""
    repl: Repl | None = None
    _port: int = attrs.field(factory=free_port, init=False)
    _lines_port: int = attrs.field(factory=free_port, init=False)
    _source: str = ""
    _server: Terminal | ServerThread | None = None
    _program: Terminal | None = None

    def real(self, text: str) -> str:
        """Return *text* with the address that the server has here."""
        return text.replace(SHOWN, f"127.0.0.1:{self._port}")

    def shown(self, text: str) -> str:
        """Return *text* with the address that the page shows."""
        return text.replace(f"127.0.0.1:{self._port}", SHOWN).replace(f"127.0.0.1:{self._lines_port}", SHOWN)

    # Programs that go on until they are stopped.

    def serve(self, *options: str) -> None:
        """Start the server in a terminal of its own."""
        self.stop_server()
        self._server = terminal = self._run((*COMETCONN, "serve", "--port", str(self._port), *options))
        ready = self.shown(terminal.line())
        self.output = self._program or ready

    def _have_server(self) -> None:
        if self._server is None:
            self._server = ServerThread(self._port)

    def save(self, source: str) -> None:
        """Save a program. The next command starts it, or the next block."""
        self._source = self.real(source)

    def run_saved(self) -> None:
        """Start the program that was saved last, unless it was started already."""
        if self._source:
            self.python("program.py")

    def python(self, name: str, *options: str) -> None:
        """Run a program in the reader's terminal, after stopping the one that runs there."""
        if self._source:
            (self.folder / name).write_text(self._source, encoding="utf-8")
            self._source = ""
        self.start((sys.executable, name, *options))

    def start(self, command: tuple[str, ...], **variables: str) -> None:
        """Start a program in the reader's terminal."""
        self._have_server()
        self.interrupt()
        self._program = self.output = self._run(command, **variables)

    def interrupt(self) -> None:
        """Press Ctrl-C in the reader's terminal."""
        if self._program is not None:
            program, self._program = self._program, None
            program.stop()

    def stop_server(self) -> None:
        """Press Ctrl-C in the server's terminal."""
        if self._server is not None:
            server, self._server = self._server, None
            server.stop()

    def start_repl(self, module: str) -> None:
        """Start the REPL of a module, which runs for as long as the page lasts."""
        self._have_server()
        self.repl = Repl(module, self.folder, self._environ(NO_COLOR="1"))

    def close(self) -> None:
        """End the server, the program and the REPL."""
        with contextlib.ExitStack() as stack:
            stack.callback(self.stop_server)
            if self.repl is not None:
                stack.callback(self.repl.stop)
            stack.callback(self.interrupt)
            self.run_saved()
            self.settle()

    def settle(self) -> None:
        """Wait until the reader's program is connected, so that it receives what the next block sends."""
        deadline = time.monotonic() + PATIENCE
        while self._program is not None and self._program.process.poll() is None:
            assert time.monotonic() < deadline, "the program does not connect"
            entries = json.loads(self.request("GET", f"http://{SHOWN}/control/log"))["data"]
            came = {entry["connection"] for entry in entries if entry.get("outcome") == "accepted"}
            if came - {entry["connection"] for entry in entries if entry["kind"] == "gone"}:
                return
            time.sleep(0.02)

    # Commands that end.

    def command(self, words: list[str], **variables: str) -> None:
        """Run a `cometconn` command to its end and keep what it prints on standard output."""
        self._have_server()
        self.settle()
        printed = io.TextIOWrapper(io.BytesIO(), "utf-8", write_through=True)  # some write its bytes
        given = {name: self.real(value) for name, value in {**self.variables, **variables, **self._home()}.items()}
        with contextlib.chdir(self.folder), contextlib.redirect_stdout(printed), patch.dict(os.environ, given):
            with pytest.raises(SystemExit) as ended:
                cli(words)
        assert not ended.value.code, ended.value.code
        printed.seek(0)
        self._keep(printed.read())

    def request(self, method: str, url: str, body: str | None = None) -> str:
        """Make one HTTP request, as curl would."""
        data = None if body is None else body.encode()
        response = httpx2.request(method, self.real(url), content=data, timeout=PATIENCE)
        assert response.is_success, response.text
        return response.text

    def curl(self, method: str, url: str, body: str | None) -> None:
        """Make the request of a line with curl."""
        self._have_server()
        self.settle()
        self._keep(self.request(method, url, body))

    def _keep(self, text: str) -> None:
        self.result = self.shown(text)
        self.output = self._program or self.result

    # Lines that are no program.

    def run_lines(self, source: str, path: str, line: int, called: set[str]) -> None:
        """Run lines of a page, with a server, and with `chat`, a connected client, if they name it.

        Functions that they define and that no line of the page calls are called. Their arguments are the objects of
        the same names.
        """
        tree = ast.parse("\n" * line + source.replace(SHOWN, f"127.0.0.1:{self._lines_port}"), path)
        printed = io.StringIO()
        with (
            contextlib.chdir(self.folder),
            contextlib.redirect_stdout(printed),
            patch.dict(os.environ, self._home()),
        ):
            trio.run(self._play, tree, path, called)
        self.result = self.output = self.shown(printed.getvalue())

    async def _play(self, tree: ast.Module, path: str, called: set[str]) -> None:
        names = {getattr(node, "id", getattr(node, "arg", "")) for node in ast.walk(tree)}
        async with contextlib.AsyncExitStack() as stack:
            server = await stack.enter_async_context(open_emulator(port=self._lines_port))
            self.namespace |= {"server": server, "endpoints": server.endpoints}
            if "chat" in names and "open_client" not in ast.unparse(tree):
                client = cometconn.open_client("APP", AppSettings(), store=MemoryStore(), endpoints=server.endpoints)
                self.namespace["chat"] = chat = await stack.enter_async_context(client)
                self.namespace["me"] = await chat.login(uid="amy-2", auth_key="KEY")
                await chat.connect()
                server.say("zed-1", "hello", receiver="amy-2")
            with trio.move_on_after(BOUND if forever(tree) else PATIENCE) as bound:
                await self._evaluate(tree, path, called)
            assert forever(tree) or not bound.cancelled_caught, "this never ends"

    async def _evaluate(self, tree: ast.Module, path: str, called: set[str]) -> None:
        code = compile(tree, path, "exec", flags=ast.PyCF_ALLOW_TOP_LEVEL_AWAIT, dont_inherit=True)
        result = eval(code, self.namespace)  # noqa: S307 - the project's own pages
        if inspect.iscoroutine(result):
            await result
        for node in tree.body:
            if isinstance(node, ast.AsyncFunctionDef) and node.name not in called:
                await self._call(self.namespace[node.name])

    async def _call(self, function: Any) -> None:
        needed = [name for name, p in inspect.signature(function).parameters.items() if p.default is p.empty]
        missing = [name for name in needed if name not in self.namespace]
        assert not missing, (
            f"{function.__name__}() is never called, and there is no {', '.join(missing)} to call it with"
        )
        await function(*(self.namespace[name] for name in needed))

    def run_tests(self, source: str) -> None:
        """Run tests as a reader would: in a file of their own, with pytest."""
        (self.folder / "test_page.py").write_text(self.real(source), encoding="utf-8")
        words = (sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-o", "trio_mode=true", "test_page.py")
        done = subprocess.run(
            words, cwd=self.folder, env=self._environ(), capture_output=True, text=True, timeout=120, check=False
        )
        assert done.returncode == 0, done.stdout + done.stderr
        self.result = self.output = done.stdout

    # How children are run.

    def _environ(self, **variables: str) -> dict[str, str]:
        # The package under test, whatever the child's folder.
        path = str(pathlib.Path(cometconn.__file__).parents[1])
        given = {name: self.real(value) for name, value in {**self.variables, **variables}.items()}
        ours = {name: value for name, value in os.environ.items() if not name.startswith("COMETCONN_")}
        return {**ours, **self._home(), "PYTHONUNBUFFERED": "1", "PYTHONPATH": path, **given}

    def _home(self) -> dict[str, str]:
        return {"HOME": str(self.folder), "XDG_STATE_HOME": str(self.folder)}

    def _run(self, command: tuple[str, ...], **variables: str) -> Terminal:
        return Terminal(command, self.folder, self._environ(**variables))
