"""Certificates, good and bad."""

from __future__ import annotations

import datetime
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

    def client(self) -> ssl.SSLContext:
        """The context of a client that trusts it."""
        context = ssl.create_default_context()
        self._trusted.configure_trust(context)
        return context

    def server(self, kind: str | None) -> ssl.SSLContext:
        """The context of a server whose certificate is of this kind."""
        signer = trustme.CA() if kind == "self-signed" else self._trusted
        host = "elsewhere.example" if kind == "wrong host" else "127.0.0.1"
        long_ago = datetime.datetime.now(datetime.UTC) - datetime.timedelta(days=1)
        certificate = signer.issue_cert(host, not_after=long_ago if kind == "expired" else None)
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        certificate.configure_cert(context)
        return context
