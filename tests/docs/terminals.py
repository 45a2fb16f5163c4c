"""The programs of a page: one in a terminal, and a server on this machine."""

from __future__ import annotations

import os
import pathlib
import queue
import re
import select
import signal
import socket
import subprocess
import sys
import threading

import trio

from cometconn.emulator import open_emulator

__all__ = ["PATIENCE", "Repl", "ServerThread", "Terminal", "free_port"]

PATIENCE = 50.0  # seconds that a line may take: programs start slowly on a busy machine


def free_port() -> int:
    """Return an unused port."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class Terminal:
    """A program that runs, and the lines that it prints on standard output and standard error."""

    def __init__(self, command: tuple[str, ...], folder: pathlib.Path, environ: dict[str, str]) -> None:
        self.process = subprocess.Popen(
            command, cwd=folder, env=environ, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
        )
        self._lines: queue.Queue[str | None] = queue.Queue()
        self.shown_to_the_end = False  # whether the page shows everything that it prints before it is stopped
        self._reader = threading.Thread(target=self._read)
        self._reader.start()

    def _read(self) -> None:
        assert self.process.stdout is not None
        with self.process.stdout as lines:
            for line in lines:
                self._lines.put(line.rstrip("\n"))
        self._lines.put(None)

    def line(self) -> str:
        """Return the program's next line."""
        try:
            line = self._lines.get(timeout=PATIENCE)
        except queue.Empty:
            raise AssertionError("no further line came") from None
        assert line is not None, f"the program ended: status {self.process.wait()}"
        return line

    def stop(self) -> None:
        """Send SIGINT, and check how the program ends."""
        if self.process.poll() is None:
            assert not self.shown_to_the_end or self._lines.empty(), f"not on the page: {self._lines.get()}"
            self.process.send_signal(signal.SIGINT)
        try:
            status = self.process.wait(PATIENCE)
        finally:
            self.process.kill()
            self._reader.join()
        left = list(iter(self._lines.get, None))
        for line in (*left, None):  # the page may show its last lines
            self._lines.put(line)
        text = "\n".join(line or "" for line in left)
        assert status in {0, 130, -signal.SIGINT}, f"status {status}: {text}"
        # asyncio itself raises the KeyboardInterrupt while it handles the CancelledError of the main task.
        assert "asyncio/runners.py" in text or not any(words in text for words in _CHAINED), text


class Repl:
    """The REPL of a module such as trio, which reads lines from a pipe and prints a prompt before each."""

    def __init__(self, module: str, folder: pathlib.Path, environ: dict[str, str]) -> None:
        self._process = subprocess.Popen(
            (sys.executable, "-m", module),
            cwd=folder,
            env=environ,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        )
        self.continues = False  # whether it waits for another line of a block
        self.printed()  # the banner

    def type(self, line: str) -> None:
        """Enter a line."""
        assert self._process.stdin is not None
        self._process.stdin.write(f"{line}\n".encode())
        self._process.stdin.flush()

    def printed(self) -> list[str]:
        """Return the lines that it prints before its next prompt."""
        assert self._process.stdout is not None
        text = b""
        while not re.search(rb"(?:^|\n)(?:>>> |\.\.\. )$", text):
            ready, _, _ = select.select([self._process.stdout], [], [], PATIENCE)
            chunk = os.read(self._process.stdout.fileno(), 65536) if ready else b""
            assert chunk, f"no prompt came: {text.decode()}"
            text += chunk
        self.continues = text.endswith(b"... ")
        return text.decode().splitlines()[:-1]

    def stop(self) -> None:
        """End it by the end of its input, and check that it leaves nothing behind."""
        out, _ = self._process.communicate(timeout=PATIENCE)
        assert self._process.returncode == 0
        assert b"Traceback" not in out, out.decode()


_CHAINED = ("ExceptionGroup", "Exception Group", "direct cause", "During handling")  # a bare KeyboardInterrupt has none


class ServerThread:
    """A server that the page does not start itself: in a thread, which starts at once."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._ready: queue.Queue[tuple[trio.lowlevel.TrioToken, trio.CancelScope]] = queue.Queue()
        self._thread = threading.Thread(target=trio.run, args=(self._serve,))
        self._thread.start()
        self._token, self._scope = self._ready.get(timeout=PATIENCE)

    async def _serve(self) -> None:
        with trio.CancelScope() as scope:
            async with open_emulator(port=self._port, control=True):
                self._ready.put((trio.lowlevel.current_trio_token(), scope))
                await trio.sleep_forever()

    def stop(self) -> None:
        """End the server."""
        self._token.run_sync_soon(self._scope.cancel)
        self._thread.join()
