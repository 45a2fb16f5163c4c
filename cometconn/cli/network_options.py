"""The proxy and the certificates, from options and environment variables."""

from __future__ import annotations

import os
import ssl
from typing import TYPE_CHECKING

from cometconn.errors import SettingsError

if TYPE_CHECKING:
    import pathlib
    from collections.abc import Mapping

__all__ = ["proxy_choice", "tls_context"]


def proxy_choice(option: str | None, environ: Mapping[str, str] = os.environ) -> str | None:
    """Return the proxy of the option, else that of COMETCONN_PROXY; `None` leaves it to HTTPS_PROXY and the like.

    Raises:
        SettingsError: the option holds a password, which other users of the machine could read.
    """
    if option is None:
        return environ.get("COMETCONN_PROXY")
    if "@" in option:
        message = (
            "--proxy must not hold a user and a password, which other users of this machine could read: "
            "set COMETCONN_PROXY instead."
        )
        raise SettingsError(message)
    return option


def tls_context(
    ca_file: pathlib.Path | None,
    certificate: pathlib.Path | None,
    key: pathlib.Path | None,
    environ: Mapping[str, str] = os.environ,
) -> ssl.SSLContext | None:
    """Return a TLS context that also trusts *ca_file*, and presents *certificate*; `None` if both are `None`.

    The key's password, if it has one, is read from COMETCONN_CLIENT_KEY_PASSWORD.

    Raises:
        SettingsError: a file cannot be read, or does not hold what it should.
    """
    if certificate is None and key is not None:
        message = "--client-key needs --client-cert."
        raise SettingsError(message)
    if ca_file is None and certificate is None:
        return None
    context = ssl.create_default_context()
    if ca_file is not None:
        named = f"--ca-file {ca_file}"
        try:
            context.load_verify_locations(ca_file)
        except OSError as error:  # an SSLError, too
            raise _unreadable(named, error, "no certificates") from error
    if certificate is not None:
        named = f"--client-cert {certificate}"
        password = environ.get("COMETCONN_CLIENT_KEY_PASSWORD", "")  # without one, OpenSSL would prompt for it
        holds = "no certificate, or not its key, or the key has another password"
        try:
            context.load_cert_chain(certificate, key, password)
        except (OSError, ValueError) as error:  # ValueError: the password is too long
            raise _unreadable(named, error, holds) from error
    return context


def _unreadable(named: str, error: OSError | ValueError, holds: str) -> SettingsError:
    if isinstance(error, OSError) and not isinstance(error, ssl.SSLError):
        return SettingsError(f"{named}: {error.strerror or error}.")
    return SettingsError(f"{named}: it holds {holds}.")
