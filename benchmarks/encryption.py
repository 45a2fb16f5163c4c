"""TLS for the benchmarks: which certificates a process uses, and whether it uses any.

The process that measures makes the certificates, and tells its servers and contenders the folder in an environment
variable. Without one, all of them speak plain TCP.
"""

from __future__ import annotations

import contextlib
import functools
import os
import pathlib
import socket
import ssl
import tempfile
from collections.abc import Iterator

from .process import LeftOutError
from .run import PLAIN, Run, Way

__all__ = ["FOLDER", "client_context", "encrypted", "server_context", "url", "with_tls"]

FOLDER = "COMETCONN_BENCH_TLS"
"""The environment variable."""


def _make_certificates(folder: pathlib.Path) -> None:
    """Write an authority's certificate, and a server's with its key, into *folder*."""
    try:
        import trustme  # noqa: PLC0415 - without it TLS is left out
    except ImportError:
        message = "trustme is not installed"
        raise LeftOutError(message) from None
    authority = trustme.CA()
    authority.cert_pem.write_to_path(folder / "ca.pem")
    authority.issue_cert("127.0.0.1").private_key_and_cert_chain_pem.write_to_path(folder / "server.pem")


@contextlib.contextmanager
def with_tls(run: Run) -> Iterator[None]:
    """Let *run* measure over TLS as well, with certificates that last as long as the block."""
    with tempfile.TemporaryDirectory() as folder:
        try:
            _make_certificates(pathlib.Path(folder))
        except LeftOutError as reason:
            run.leave_out("TLS", reason)
        else:
            run.ways = (PLAIN, Way(", TLS", {FOLDER: folder}))
        yield


def url(port: int, scheme: str = "ws") -> str:
    """Return the URL of a server of this machine: `ws` or `wss`, `http` or `https`."""
    return f"{scheme}{'s' if FOLDER in os.environ else ''}://127.0.0.1:{port}/"


@functools.cache
def client_context() -> ssl.SSLContext | None:
    """Return the setting of this process' clients; `None` for plain TCP."""
    folder = os.environ.get(FOLDER)
    return None if folder is None else ssl.create_default_context(cafile=f"{folder}/ca.pem")


def encrypted(connection: socket.socket) -> socket.socket:
    """Do a server's handshake, if this process uses TLS. Raises `OSError`."""
    context = server_context()
    return connection if context is None else context.wrap_socket(connection, server_side=True)


@functools.cache
def server_context() -> ssl.SSLContext | None:
    """Return the setting of this process' servers; `None` for plain TCP."""
    folder = os.environ.get(FOLDER)
    if folder is None:
        return None
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(f"{folder}/server.pem")
    return context
