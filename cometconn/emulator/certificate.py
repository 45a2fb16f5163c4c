"""The certificate of a server with TLS, as its clients need it."""

from __future__ import annotations

import pathlib
import ssl

import attrs

__all__ = ["Certificate"]


@attrs.frozen
class Certificate:
    """The certificate of a server with TLS: what clients need in order to trust it.

    An authority of its own has signed it, whose private key is not kept. So a client that trusts `ca_file` trusts
    the certificate of this server and no other one.

    Attributes:
        ca_file: a file (PEM) with the certificate of the authority: for `cometconn listen --ca-file`, for
            `curl --cacert`, or for the authorities that a browser trusts.
        names: the host names and IP addresses that the certificate is for.
        fingerprint: SHA-256 of the server's certificate, as browsers show it: `A1:B2:...`.
        spki: base64 of the SHA-256 of its public key, for Chromium's `--ignore-certificate-errors-spki-list`.
        not_after: when it expires, in seconds since 1970.
    """

    ca_file: pathlib.Path
    names: tuple[str, ...]
    fingerprint: str
    spki: str
    not_after: int

    def client_context(self) -> ssl.SSLContext:
        """Return a TLS context that trusts this server only, to give to `open_client(ssl_context=...)`."""
        return ssl.create_default_context(cafile=self.ca_file)
