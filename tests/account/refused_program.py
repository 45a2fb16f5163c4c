"""Logs in while the disk refuses writes.

Arguments: the session file, the server's URL, `full` or `read-only`, and the uid of the previous user or "". Prints
what `login()` raised, which user is logged in afterwards, and whether the file was changed. The system itself refuses:
by a limit on the size of files, or by the mode of the folder. Root may write everywhere, so as root the program first
becomes another user.
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
    """Open the client, log the previous user in, if there is one, and then log in while the disk refuses."""
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
    # Import modules that are normally imported when first used: later this process may not be allowed to read them.
    "".encode("idna")
    sys.dont_write_bytecode = True  # on a "full" disk it would be written in part, which later programs would read
    preload()
    if os.geteuid() == 0:
        pathlib.Path(sys.argv[1]).parent.mkdir(mode=0o700)
        os.chown(pathlib.Path(sys.argv[1]).parent, 65534, 65534)
        os.setgid(65534)
        os.setuid(65534)
    trio.run(main, pathlib.Path(sys.argv[1]), *sys.argv[2:])
