"""Certificates, good and bad."""

from __future__ import annotations

import datetime
import pathlib
import ssl

import trustme

__all__ = ["Authority"]


class Authority:
    """A certificate authority of our own, and what it has signed."""

    def __init__(self) -> None:
        self._authority: trustme.CA | None = None

    @property
    def _trusted(self) -> trustme.CA:
        if self._authority is None:  # making keys takes a moment, and most rows need none
            self._authority = trustme.CA()
        return self._authority

    def client(self, *, certificate: bool = False) -> ssl.SSLContext:
        """The context of a client that trusts it, and, on request, has a certificate of its own."""
        context = ssl.create_default_context()
        self._trusted.configure_trust(context)
        if certificate:
            self._trusted.issue_cert("amy-2@example.com").configure_cert(context)
        return context

    def server(self, kind: str | None, *, wants_certificate: bool = False) -> ssl.SSLContext:
        """The context of a server whose certificate is of this kind."""
        signer = trustme.CA() if kind == "self-signed" else self._trusted
        hosts = (
            ["elsewhere.example"]
            if kind == "wrong host"
            else [
                "127.0.0.1",
                "chat.test",
                "*.api-us.cometchat.io",
                "*.apiclient-us.cometchat.io",
                "socket.cometchat.io",
            ]
        )
        day = datetime.timedelta(days=1)
        now = datetime.datetime.now(datetime.UTC)
        certificate = signer.issue_cert(
            *hosts,
            not_before=now + day if kind == "not yet valid" else None,
            not_after={"expired": now - day, "not yet valid": now + 2 * day}.get(kind or ""),
        )
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        certificate.configure_cert(context)
        if wants_certificate:
            self._trusted.configure_trust(context)
            context.verify_mode = ssl.CERT_REQUIRED
        return context

    def files(self, folder: pathlib.Path) -> tuple[str, str, str]:
        """Its certificate, a client's, and that client's key, as files."""
        client = self._trusted.issue_cert("amy-2@example.com")
        paths = folder / "ca.pem", folder / "client.pem", folder / "client.key"
        self._trusted.cert_pem.write_to_path(paths[0])
        paths[1].write_bytes(b"".join(blob.bytes() for blob in client.cert_chain_pems))
        client.private_key_pem.write_to_path(paths[2])
        return str(paths[0]), str(paths[1]), str(paths[2])

    def server_file(self, path: pathlib.Path) -> None:
        """Write a key and a certificate for "chat.test" into one file."""
        self._trusted.issue_cert("chat.test").private_key_and_cert_chain_pem.write_to_path(path)
