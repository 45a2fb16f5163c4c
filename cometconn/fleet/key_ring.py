"""The keys with which sessions are encrypted before they leave the process, and messages if you want it."""

from __future__ import annotations

import base64
import binascii
import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, final

from cometconn._arguments import checked
from cometconn.errors import SettingsError

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

__all__ = ["KeyRing", "UnreadableError", "key_id_of"]

_FLEET = "cometconn.fleet"
_VERSION = b"\x01"
_NONCE = 12  # bytes: what AES-GCM is specified for
_SIZES = {16, 24, 32}  # bytes: of AES-128, AES-192 and AES-256
_KEY_ID = re.compile(r"[A-Za-z0-9._-]{1,64}")


class UnreadableError(Exception):
    """A text was encrypted with a key that is not in the ring, for another purpose, or was changed since."""


@final
@checked
class KeyRing:
    """Keys for AES-GCM, each with an id. The first one encrypts; all decrypt. No key is in the `repr`.

    To rotate: add the new key at the end of the ring, and restart all processes, so that all can decrypt with it. Put it in
    front, and restart them again. Then `cometconn fleet keys rotate` (or `cometconn.fleet.key_rotation`) moves the sessions
    to it, and shows when the old key is not needed any more.
    A key is good for 2**32 encryptions, that is for a hundred years at one a second.

    Args:
        keys: from key ids to keys of 16, 24 or 32 random bytes. An id has 1 to 64 letters, digits, `.`, `_` and `-`, and is
            stored unencrypted.

    Raises:
        SettingsError: there is no key, one is invalid, or `cryptography` is not installed.
    """

    def __init__(self, keys: Mapping[str, bytes]) -> None:
        try:
            from cryptography.hazmat.primitives.ciphers.aead import AESGCM  # noqa: PLC0415 - an extra
        except ImportError as error:
            message = "A KeyRing needs cryptography: run `pip install cometconn[fleet]`."
            raise SettingsError(message) from error
        for key_id, key in keys.items():
            if not _KEY_ID.fullmatch(key_id) or len(key) not in _SIZES:
                message = "Each key needs an id of 1 to 64 letters, digits, '.', '_' and '-', and 16, 24 or 32 bytes."
                raise SettingsError(message)
        if not keys:
            message = "There is no key."
            raise SettingsError(message)
        self._ciphers: dict[bytes, AESGCM] = {key_id.encode(): AESGCM(key) for key_id, key in keys.items()}

    @classmethod
    def from_text(cls, text: str) -> KeyRing:
        """Return the ring in a text: `id:key` in each line or between commas, the key in base64. `#` begins a comment.

        Raises `SettingsError` as the constructor does. The message contains nothing of the text.
        """
        keys: dict[str, bytes] = {}
        for line in re.split(r"[\n,]", text):
            entry = line.partition("#")[0].strip()
            if entry:
                key_id, _, encoded = entry.partition(":")
                try:
                    keys[key_id.strip()] = base64.b64decode(encoded.strip(), validate=True)
                except binascii.Error:
                    message = "A key is not in base64: each line must be `id:key`."
                    raise SettingsError(message) from None
        return cls(keys)

    @classmethod
    def from_file(cls, path: str | os.PathLike[str]) -> KeyRing:
        """Return the ring in a file; see `from_text`. Raises `SettingsError`, also if the file cannot be read."""
        try:
            text = Path(path).read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            message = f"The keys in {os.fspath(path)!r} cannot be read: {error}."
            raise SettingsError(message) from error
        return cls.from_text(text)

    @classmethod
    def from_environment(cls, name: str = "COMETCONN_FLEET_KEYS") -> KeyRing:
        """Return the ring in an environment variable; see `from_text`. Raises `SettingsError`, also if it is not set."""
        text = os.environ.get(name)
        if text is None:
            message = f"The environment variable {name} is not set: it needs `id:key`, the key in base64."
            raise SettingsError(message)
        return cls.from_text(text)

    def __repr__(self) -> str:
        return f"KeyRing({', '.join(self.ids)})"

    @property
    def first(self) -> str:
        """The id of the key that encrypts."""
        return next(iter(self._ciphers)).decode()

    @property
    def ids(self) -> tuple[str, ...]:
        """The ids of all keys, in their order."""
        return tuple(key_id.decode() for key_id in self._ciphers)

    def encrypt_session(self, plain: bytes, app_id: str, uid: str) -> bytes:
        """Return a session of an account, encrypted."""
        return self.encrypt(plain, _FLEET, "session", app_id, uid)

    def decrypt_session(self, sealed: bytes, app_id: str, uid: str) -> bytes:
        """Return what `encrypt_session()` got. Raises `UnreadableError`."""
        return self.decrypt(sealed, _FLEET, "session", app_id, uid)

    def encrypt(self, plain: bytes, *purpose: str) -> bytes:
        """Return *plain*, encrypted with the first key. It can only be decrypted for the same purpose.

        The result is longer by 30 bytes and the key id: a version, the key id with its length, a random nonce, and the
        ciphertext with its tag (RFC 5116, AEAD_AES_256_GCM).
        """
        key_id, cipher = next(iter(self._ciphers.items()))
        head = _VERSION + bytes([len(key_id)]) + key_id
        nonce = os.urandom(_NONCE)
        return head + nonce + cipher.encrypt(nonce, plain, _associated(head, purpose))

    def decrypt(self, sealed: bytes, *purpose: str) -> bytes:
        """Return what `encrypt()` got. Raises `UnreadableError`, whose text names the key id if it is unknown."""
        from cryptography.exceptions import InvalidTag  # noqa: PLC0415 - an extra

        if sealed[:1] != _VERSION or len(sealed) < 2:  # noqa: PLR2004 - the version, and the length of the key id
            message = "it is not encrypted"
            raise UnreadableError(message)
        end = 2 + sealed[1]
        head, key_id, nonce = sealed[:end], sealed[2:end], sealed[end : end + _NONCE]
        cipher = self._ciphers.get(key_id)
        if cipher is None:
            message = f"the key {key_id[:64].decode(errors='replace')!r} is not in the ring"
            raise UnreadableError(message)
        try:
            return cipher.decrypt(nonce, sealed[end + _NONCE :], _associated(head, purpose))
        except (InvalidTag, ValueError) as error:
            message = "it was changed, or belongs to another account"
            raise UnreadableError(message) from error


def key_id_of(sealed: bytes) -> str | None:
    """Return the id of the key with which a text is encrypted; `None` if it is not encrypted."""
    if sealed[:1] != _VERSION or len(sealed) < 2:  # noqa: PLR2004 - the version, and the length of the key id
        return None
    return sealed[2 : 2 + sealed[1]].decode(errors="replace")


def _associated(head: bytes, purpose: tuple[str, ...]) -> bytes:
    """Return the associated data, in which no part can be confused with another."""
    parts = [part.encode("utf-8", "surrogatepass") for part in purpose]
    return head + b"".join(len(part).to_bytes(4) + part for part in parts)
