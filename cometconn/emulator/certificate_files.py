"""Makes a server's certificate, and reads the one that is kept in a folder. Needs the package `cryptography`."""

from __future__ import annotations

import base64
import datetime
import hashlib
import ipaddress
import pathlib
import ssl
import tempfile
from typing import TYPE_CHECKING, Final, TypeAlias

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from cometconn.errors import SettingsError

from .certificate import Certificate

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["read_or_make"]

_LOCAL_NAMES: Final = ("localhost", "127.0.0.1", "::1")
_LIFETIME: Final = datetime.timedelta(days=365)
_RENEWED_BEFORE: Final = datetime.timedelta(days=7)
_CLOCK_SKEW: Final = datetime.timedelta(days=1)
"""A certificate is valid from this long before it was made, because the clock of a client may be behind."""

_CA_FILE: Final = "ca.pem"
_SERVER_FILE: Final = "server.pem"
"""The server's certificate and its private key."""

_NAMED: Final = "cometconn: "
"""How the common name of every certificate that is made here begins."""

_Loaded: TypeAlias = "tuple[Certificate, ssl.SSLContext]"


def read_or_make(folder: pathlib.Path, names: Sequence[str], *, now: datetime.datetime | None = None) -> _Loaded:
    """Return the certificate in a folder, and the server's TLS context; make a new one where there is no good one.

    A good one is complete, is for all *names* and for this machine's, and does not expire within 7 days of *now*.

    Raises:
        SettingsError: one of *names* is neither an IP address nor a host name in ASCII, or the folder has a certificate
            or a private key that was not made here.
        OSError: the folder or a file in it cannot be read or written.
    """
    folder = folder.absolute()
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    wanted = [_general_name(name) for name in dict.fromkeys((*_LOCAL_NAMES, *names))]
    for name in (_CA_FILE, _SERVER_FILE):
        _check_ours(folder / name)
    now = now or datetime.datetime.now(datetime.UTC)
    return _read(folder, wanted, now) or _make(folder, wanted, now)


def _check_ours(path: pathlib.Path) -> None:
    """Raise `SettingsError` for a certificate or key of another origin: to replace it would lose it."""
    try:
        content = path.read_bytes()
    except FileNotFoundError:
        return
    try:
        names = x509.load_pem_x509_certificate(content).subject.get_attributes_for_oid(NameOID.COMMON_NAME)
        is_ours = any(str(name.value).startswith(_NAMED) for name in names)
    except ValueError:
        is_ours = b"PRIVATE KEY-----" not in content  # a damaged file has nothing that could be lost
    if not is_ours:
        message = (
            f"{path} was not made by cometconn, which would replace it: choose another folder for the certificate."
        )
        raise SettingsError(message)


def _general_name(name: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(name))
    except ValueError:
        pass
    try:
        return x509.DNSName(name)
    except ValueError as error:
        message = f"A certificate cannot be for {name!r}: it takes an IP address, or a host name in ASCII."
        raise SettingsError(message) from error


def _read(folder: pathlib.Path, wanted: Sequence[x509.GeneralName], now: datetime.datetime) -> _Loaded | None:
    """Read the certificate in the folder; return `None` where there is no good one."""
    try:
        authority = x509.load_pem_x509_certificate((folder / _CA_FILE).read_bytes())
        leaf = x509.load_pem_x509_certificate((folder / _SERVER_FILE).read_bytes())
        leaf.verify_directly_issued_by(authority)
        context = _server_context(folder)
    except (FileNotFoundError, ValueError, TypeError, ssl.SSLError, InvalidSignature):
        return None
    names = leaf.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    if not set(wanted) <= set(names) or leaf.not_valid_after_utc - now <= _RENEWED_BEFORE:
        return None
    return _described(folder, leaf), context


def _make(folder: pathlib.Path, names: Sequence[x509.GeneralName], now: datetime.datetime) -> _Loaded:
    """Make an authority and a certificate that it signs, and write both into the folder."""
    authority_key, key = ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP256R1())
    # The subject has a random number: browsers mix up authorities with one subject and several keys.
    subject = _name("authority of a local server", x509.random_serial_number())
    authority = (
        _builder(subject, subject, authority_key, authority_key, now)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(_key_usage(signs_certificates=True), critical=True)
        .sign(authority_key, hashes.SHA256())
    )
    leaf = (
        _builder(_name("local server"), subject, key, authority_key, now)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(_key_usage(signs_certificates=False), critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .add_extension(x509.SubjectAlternativeName(names), critical=False)
        .sign(authority_key, hashes.SHA256())
    )
    private = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    _write(folder / _CA_FILE, authority.public_bytes(Encoding.PEM))
    _write(folder / _SERVER_FILE, leaf.public_bytes(Encoding.PEM) + private)
    return _described(folder, leaf), _server_context(folder)


def _name(words: str, number: int | None = None) -> x509.Name:
    attributes = [x509.NameAttribute(NameOID.COMMON_NAME, f"{_NAMED}{words}")]
    if number is not None:
        attributes.append(x509.NameAttribute(NameOID.SERIAL_NUMBER, f"{number:x}"))
    return x509.Name(attributes)


def _builder(
    subject: x509.Name,
    issuer: x509.Name,
    key: ec.EllipticCurvePrivateKey,
    issuer_key: ec.EllipticCurvePrivateKey,
    now: datetime.datetime,
) -> x509.CertificateBuilder:
    issuer_id = x509.AuthorityKeyIdentifier.from_issuer_public_key(issuer_key.public_key())
    return (
        x509.CertificateBuilder(issuer, subject, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - _CLOCK_SKEW)
        .not_valid_after(now + _LIFETIME)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .add_extension(issuer_id, critical=False)
    )


def _key_usage(*, signs_certificates: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not signs_certificates,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=signs_certificates,
        crl_sign=signs_certificates,
        encipher_only=False,
        decipher_only=False,
    )


def _described(folder: pathlib.Path, leaf: x509.Certificate) -> Certificate:
    names = leaf.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    public_key = leaf.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    return Certificate(
        folder / _CA_FILE,
        tuple(str(name.value) for name in names),
        leaf.fingerprint(hashes.SHA256()).hex(":").upper(),
        base64.b64encode(hashlib.sha256(public_key).digest()).decode(),
        int(leaf.not_valid_after_utc.timestamp()),
    )


def _server_context(folder: pathlib.Path) -> ssl.SSLContext:
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(folder / _SERVER_FILE)
    context.set_alpn_protocols(["http/1.1"])
    return context


def _write(path: pathlib.Path, content: bytes) -> None:
    """Replace a file at once, and let only its owner read it."""
    with tempfile.NamedTemporaryFile(dir=path.parent, delete=False) as file:
        file.write(content)
    pathlib.Path(file.name).replace(path)
