"""The tables of places fit the classes."""

from __future__ import annotations

import attrs

from cometconn import events
from cometconn._wire import places
from cometconn._wire.places import camel, place_of


def test_camel_case() -> None:
    """Names are spelled as the wire spells them."""
    assert [camel(name) for name in ("id", "sent_at", "has_blocked_me")] == ["id", "sentAt", "hasBlockedMe"]


def test_an_attribute_is_a_key_of_the_body_unless_a_table_says_otherwise() -> None:
    """The rule and an exception."""
    assert place_of(events.TextMessage, "sent_at") == ("sentAt",)
    assert place_of(events.TextMessage, "text") == ("data", "text")
    assert place_of(events.MediaMessage, "caption") == ("data", "text")


def test_the_tables_name_real_attributes() -> None:
    """No row of the tables is about an attribute that its class does not have."""
    for kind, table in places._PLACES.items():
        assert set(table) <= {field.name for field in attrs.fields(kind)}, kind


def test_every_kind_of_message_is_in_the_tables() -> None:
    """A class without a row would lose its thread, metadata and mentions."""
    classes = [getattr(events, name) for name in events.__all__]
    kinds = {kind for kind in classes if issubclass(kind, events.Message) and not kind.__subclasses__()}
    assert kinds <= set(places._PLACES)
