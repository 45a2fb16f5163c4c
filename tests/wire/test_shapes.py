"""The wire's objects as msgspec sees them."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from cometconn._wire.envelopes import Frame
from cometconn._wire.shapes import Body, Data, Entity, Party, loose
from cometconn.events import Group, User


def test_a_loose_shape_differs_in_one_thing() -> None:
    """At every depth it passes over keys that are not known, and it takes the rest as the strict one does."""
    known: Any = {"body": {"action": "online", "user": {"uid": "x"}}, "type": "presence"}
    for where in (known, known["body"], known["body"]["user"]):
        where["new"] = [1]
        text = msgspec.json.encode(known)
        with pytest.raises(msgspec.ValidationError, match="unknown field"):
            msgspec.json.decode(text, type=Frame)
        read = msgspec.json.decode(text, type=loose(Frame))
        assert (type(read).__name__, read.body.user.uid) == ("PresenceFrame", "x")
        del where["new"]
    known["body"]["user"]["uid"] = 5
    with pytest.raises(msgspec.ValidationError, match="Expected `str"):
        msgspec.json.decode(msgspec.json.encode(known), type=loose(Frame))


def test_every_attribute_of_a_user_and_a_group_has_its_key() -> None:
    """Or the fast path would not see what the reference reads."""
    names = {field.name for kind in (User, Group) for field in kind.__attrs_attrs__}
    assert names <= set(Party.__struct_fields__)


def test_what_an_app_sends_is_bounded_in_depth_by_its_type() -> None:
    """Eight levels of the app's own data are taken; more is for the reference."""
    text = '{"entities":{},"metadata":{"a":%s}}'
    msgspec.json.decode(text % ("[" * 8 + "]" * 8), type=Data)
    with pytest.raises(msgspec.ValidationError):
        msgspec.json.decode(text % ("[" * 9 + "]" * 9), type=Data)


def test_the_wire_spells_in_camel_case() -> None:
    """And calls one of the entities `for`, which is a word of Python."""
    names = {*Body.__struct_encode_fields__, *Entity.__struct_encode_fields__, *Data.__struct_encode_fields__}
    assert {"sentAt", "quotedMessage", "entityType", "customData"} <= names
