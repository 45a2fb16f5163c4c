"""Lists of accounts: three kinds of files, and what can be wrong with them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from cometconn.cli.fleet.account_file import read_accounts
from cometconn.errors import SettingsError
from cometconn.fleet import Account

if TYPE_CHECKING:
    import pathlib

AMY, ZED = Account("amy"), Account("zed", '{"x": 1}')


@pytest.mark.parametrize(
    ("text", "accounts"),
    [
        ("amy\n\n zed-1 \r\n", [AMY, Account("zed-1")]),
        ("\ufeffamy", [AMY]),
        ("uid\namy\n", [AMY]),
        ('uid,metadata\namy,\nzed,"{""x"": 1}"\n', [AMY, ZED]),
        ('metadata,uid\r\n"two\nlines",amy\r\n', [Account("amy", "two\nlines")]),
        ('{"uid": "amy"}\n\n{"uid": "zed", "metadata": {"x": 1}}\n', [AMY, ZED]),
        ('{"uid": "amy", "owner": "w1", "parked": null, "pinned_to": null, "pin_remaining": 0.0}', [AMY]),
        ('{"uid": "amy", "metadata": "line\u2028separator"}', [Account("amy", "line\u2028separator")]),
    ],
)
def test_three_kinds(text: str, accounts: list[Account], tmp_path: pathlib.Path) -> None:
    """The first line decides which one it is."""
    path = tmp_path / "accounts"
    path.write_bytes(text.encode())
    assert read_accounts(path) == accounts


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"", "contains no account"),
        (b"\n \n", "contains no account"),
        (b"amy\xff", "is not UTF-8 text: byte 3"),
        (b"amy\nzed\namy", "line 3: the account amy occurs twice, first in"),
        (b"amy,zed", "line 1: 'amy,zed' is not a uid. A CSV file needs a first line"),
        (b"uid,name\namy,Amy", "the column name is unknown"),
        (b"uid,metadata\namy", "line 2 does not have 2 columns"),
        (b"uid,metadata\namy,a,b", "line 2 does not have 2 columns"),
        (b'uid,metadata\namy,"a', "is not CSV after line 1: unexpected end of data."),
        (b"uid\n\namy\namy", "line 4: the account amy occurs twice, first in"),
        (b'uid,metadata\n"",x', "line 2: the uid is empty"),
        (b'{"uid": "amy"}\n{"uid": 1}', "line 2 must be a JSON object such as"),
        (b'{"uid": "amy"}\nzed', "line 2 must be a JSON object such as"),
        (b'{"uid": "amy", "name": "Amy"}', "line 1 must be a JSON object such as"),
    ],
)
def test_what_is_wrong(data: bytes, words: str, tmp_path: pathlib.Path) -> None:
    """The error names the file, and the line if it is one line."""
    path = tmp_path / "accounts"
    path.write_bytes(data)
    with pytest.raises(SettingsError) as caught:
        read_accounts(path)
    assert words in str(caught.value)
    assert str(path) in str(caught.value)


def test_no_such_file(tmp_path: pathlib.Path) -> None:
    """The reason is the operating system's."""
    with pytest.raises(SettingsError, match=r"none cannot be read: No such file or directory\."):
        read_accounts(tmp_path / "none")
