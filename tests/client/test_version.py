"""The version is a constant of the package, so a program that was frozen without its metadata works, too."""

from __future__ import annotations

import importlib.metadata
import subprocess
import sys

import cometconn
from cometconn._client.version import client_info

WITHOUT_METADATA = """
import importlib.metadata
discover = importlib.metadata.Distribution.discover
importlib.metadata.Distribution.discover = lambda *_, name, **__: iter(()) if name == "cometconn" else discover(name=name)
try:
    importlib.metadata.version("cometconn")
except importlib.metadata.PackageNotFoundError:
    pass
else:
    raise SystemExit("the metadata is still found")
import sys, trio, cometconn
from cometconn import AppSettings, MemoryStore
from cometconn.testing import open_memory_server

async def main():
    async with open_memory_server() as server, cometconn.open_client(
        "APP", AppSettings(), store=MemoryStore(), endpoints=server.endpoints, environment=server
    ) as chat:
        await chat.login(uid="zed-1", auth_key="KEY")
        await chat.connect()
        print(cometconn.__version__)

trio.run(main)
sys.argv = ["cometconn", "--version"]
from cometconn.cli import main
main()
"""


def test_the_version_is_that_of_the_distribution() -> None:
    """The installed version, `__version__` and the version that is sent are the same."""
    assert cometconn.__version__ == importlib.metadata.version("cometconn")
    info = client_info()
    assert info.version == cometconn.__version__
    assert info.user_agent.startswith(f"cometconn/{cometconn.__version__} Python/")


def test_a_frozen_program_needs_no_metadata() -> None:
    """Without the metadata of the distribution, a client connects and the command prints its version."""
    # The metadata of other distributions stays: trio-websocket reads Trio's.
    done = subprocess.run(
        [sys.executable, "-c", WITHOUT_METADATA], capture_output=True, text=True, timeout=120, check=False
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.split() == [cometconn.__version__] * 2
