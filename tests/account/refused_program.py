"""Logs in where the disk refuses. Arguments: the session file, the server, `full` or `read-only`, who came before.

Prints what `login()` raised, who is logged in then, and what became of the file. The refusal is the system's own: a limit on the size of
files, or the rights of a folder (given up first, if the tests run as root, who may write everywhere).
"""

from __future__ import annotations

import os
import pathlib
import resource
import signal
import sys

import trio

from cometconn import AppSettings, Endpoints, FileStore, open_client, preload
from cometconn.errors import CometConnError


async def main(path: pathlib.Path, url: str, trouble: str, before: str) -> None:
    """Open the client while all is well, and log somebody in, if so asked; then the trouble comes."""
    settings = AppSettings(auto_establish_socket_connection=False)
    async with open_client("APP", settings, store=FileStore(path), endpoints=Endpoints.at(url)) as chat:
        if before:
            await chat.login(uid=before, auth_key="KEY")
        old = path.read_bytes() if path.exists() else b""
        if trouble == "full":
            signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
            resource.setrlimit(resource.RLIMIT_FSIZE, (20, 20))
        else:
            path.parent.chmod(0o500)
        try:
            await chat.login(uid="amy-2", auth_key="KEY")
        except CometConnError as error:
            print(type(error).__name__, error)
        print(chat.get_logged_in_user())
        if trouble != "full":
            path.parent.chmod(0o700)
        print("untouched" if old == (path.read_bytes() if path.exists() else b"") else "changed")


if __name__ == "__main__":
    # What is read from disk only when it is needed, before the right to read it may be gone.
    "".encode("idna")
    sys.dont_write_bytecode = True  # of which a full disk would keep a part, for all who come later
    preload()
    if os.geteuid() == 0:
        pathlib.Path(sys.argv[1]).parent.mkdir(mode=0o700)
        os.chown(pathlib.Path(sys.argv[1]).parent, 65534, 65534)
        os.setgid(65534)
        os.setuid(65534)
    trio.run(main, pathlib.Path(sys.argv[1]), *sys.argv[2:])
