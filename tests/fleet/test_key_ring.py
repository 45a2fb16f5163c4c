"""Keys: where they come from, and what is encrypted with them."""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING

import pytest

from cometconn.errors import SettingsError
from cometconn.fleet import KeyRing
from cometconn.fleet.key_ring import UnreadableError

if TYPE_CHECKING:
    import pathlib

OLD, NEW = b"o" * 16, b"n" * 32
TEXT = f"new:{base64.b64encode(NEW).decode()} # since today\n\n# a comment\n old : {base64.b64encode(OLD).decode()}\n"
PURPOSE = ("cometconn.fleet", "session", "app", "amy")


@pytest.mark.parametrize("plain", [b"", b"a session", bytes(range(256)) * 100])
def test_what_is_encrypted_is_decrypted(plain: bytes) -> None:
    """For the same purpose; each time differently; 30 bytes and the key id longer."""
    ring = KeyRing({"new": NEW})
    sealed = ring.encrypt(plain, *PURPOSE)
    assert ring.decrypt(sealed, *PURPOSE) == plain
    assert sealed != ring.encrypt(plain, *PURPOSE)
    assert len(sealed) == len(plain) + 30 + len("new")
    assert not plain or plain not in sealed


@pytest.mark.parametrize(
    "purpose",
    [
        ("cometconn.fleet", "session", "app", "bob"),
        ("cometconn.fleet", "session", "other", "amy"),
        ("cometconn.fleet", "message", "app", "amy"),
        ("cometconn.fleet", "session", "appa", "my"),
        ("cometconn.fleet", "session", "app\0amy"),
        (),
    ],
)
def test_another_account_cannot_use_it(purpose: tuple[str, ...]) -> None:
    """Also where the parts of the purpose only join to the same text."""
    ring = KeyRing({"new": NEW})
    with pytest.raises(UnreadableError, match="another account"):
        ring.decrypt(ring.encrypt(b"a session", *PURPOSE), *purpose)


def test_every_changed_bit_is_noticed() -> None:
    """In the head, the nonce, the text and the tag; and every cut."""
    ring = KeyRing({"new": NEW})
    sealed = ring.encrypt(b"x", *PURPOSE)
    for index in range(len(sealed) * 8):
        changed = bytearray(sealed)
        changed[index // 8] ^= 1 << index % 8
        with pytest.raises(UnreadableError):
            ring.decrypt(bytes(changed), *PURPOSE)
    for end in range(len(sealed)):
        with pytest.raises(UnreadableError):
            ring.decrypt(sealed[:end], *PURPOSE)


def test_rotation() -> None:
    """The first key encrypts, all decrypt, and a removed one is named."""
    before, after = KeyRing({"old": OLD, "new": NEW}), KeyRing({"new": NEW, "old": OLD})
    assert after.decrypt(before.encrypt(b"x", *PURPOSE), *PURPOSE) == b"x"
    assert KeyRing({"new": NEW}).decrypt(after.encrypt(b"x", *PURPOSE), *PURPOSE) == b"x"
    with pytest.raises(UnreadableError, match="'old'"):
        KeyRing({"new": NEW}).decrypt(before.encrypt(b"x", *PURPOSE), *PURPOSE)


def test_where_keys_come_from(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Text, file and environment have one form; no key is in the repr."""
    (tmp_path / "keys").write_text(TEXT)
    monkeypatch.setenv("COMETCONN_FLEET_KEYS", TEXT.replace("\n\n# a comment\n", ","))
    sealed = KeyRing({"new": NEW}).encrypt(b"x", *PURPOSE)
    monkeypatch.setenv("OLD_KEYS", f"old:{base64.b64encode(OLD).decode()}")
    for ring in (KeyRing.from_text(TEXT), KeyRing.from_file(tmp_path / "keys")):
        assert ring.decrypt(sealed, *PURPOSE) == b"x"
        assert repr(ring) == "KeyRing(new, old)"
    assert repr(KeyRing.from_environment("OLD_KEYS")) == "KeyRing(old)"


BAD = {
    "no key": "",
    "not base64": "new:!!!",
    "no id": base64.b64encode(NEW).decode(),
    "a bad id": f"n w:{base64.b64encode(NEW).decode()}",
    "a short key": "new:c2VjcmV0",
}


@pytest.mark.parametrize("reason", BAD)
def test_bad_keys(reason: str) -> None:
    """Are refused, and not shown."""
    with pytest.raises(SettingsError) as caught:
        KeyRing.from_text(BAD[reason])
    assert not BAD[reason] or BAD[reason] not in str(caught.value)
    assert "c2Vj" not in str(caught.value)


def test_keys_that_are_not_there(tmp_path: pathlib.Path) -> None:
    """The file or the variable is named."""
    with pytest.raises(SettingsError, match="missing"):
        KeyRing.from_file(tmp_path / "missing")
    (tmp_path / "binary").write_bytes(b"\xff")
    with pytest.raises(SettingsError, match="binary"):
        KeyRing.from_file(tmp_path / "binary")
    with pytest.raises(SettingsError, match="NO_SUCH_KEYS"):
        KeyRing.from_environment("NO_SUCH_KEYS")
