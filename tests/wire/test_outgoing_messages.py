"""Messages before they are sent."""

from __future__ import annotations

import json
import pathlib
from typing import Any

import pytest

from cometconn._wire.outgoing import custom_draft, edit_draft, media_draft, text_draft
from cometconn.errors import SettingsError

GOLDEN = pathlib.Path(__file__).parents[1] / "golden" / "http-other_requests.json"
TO: dict[str, Any] = {"receiver": "amy-2", "receiver_type": "user"}


def test_a_text_is_what_the_official_client_sends() -> None:
    """Each field of our text is one of the official client, whose others are about its own list of messages."""
    rows = [row for row in json.loads(GOLDEN.read_text()) if row["call"] == "sendMessage text"]
    assert {row["sdk"] for row in rows} == {"rn", "js"}
    for theirs in (row["request"]["body"] for row in rows):
        ours = json.loads(text_draft(text=theirs["text"], **TO))
        assert ours.items() <= theirs.items()
        assert set(theirs) - set(ours) <= {"reactions", "mentionedUsers", "mentionedMe", "text"}


def test_all_that_a_text_can_have() -> None:
    """Each option is at the place that it has in the body of a message."""
    options: dict[str, Any] = {
        "muid": "m-1",
        "metadata": {"a": [1]},
        "parent_message_id": 7,
        "quoted_message_id": 8,
        "tags": ["x"],
    }
    ours = json.loads(text_draft(text="Ωmega 🔥", receiver="hikers", receiver_type="group", **options))
    assert ours == {
        "category": "message",
        "type": "text",
        "receiver": "hikers",
        "receiverType": "group",
        "data": {"text": "Ωmega 🔥", "metadata": {"a": [1]}},
        "muid": "m-1",
        "parentId": "7",
        "quotedMessageId": "8",
        "tags": ["x"],
    }


def test_a_custom_message() -> None:
    """The content is `customData`, with the finer type beside it."""
    ours = json.loads(custom_draft(type="place", data={"x": 1}, sub_type="city", **TO))
    assert (ours["category"], ours["type"]) == ("custom", "place")
    assert ours["data"] == {"customData": {"x": 1}, "subType": "city"}


def test_a_message_with_files() -> None:
    """The files are as the server described them; the caption is the message's text, and may be missing."""
    files = [{"name": "a.png", "url": "https://files.test/a.png"}]
    ours = json.loads(media_draft(type="image", attachments=files, **TO))
    assert (ours["category"], ours["type"], ours["data"]) == ("message", "image", {"attachments": files})
    ours = json.loads(
        media_draft(type="file", attachments=[], url="https://x.test/", caption="c", metadata={"a": 1}, muid="m", **TO)
    )
    assert ours["data"] == {"attachments": [], "url": "https://x.test/", "text": "c", "metadata": {"a": 1}}
    assert ours["muid"] == "m"
    with pytest.raises(SettingsError, match="caption"):
        media_draft(type="file", attachments=[], caption="", **TO)


def test_an_edit() -> None:
    """What is not given is left out, and so stays as it is."""
    assert json.loads(edit_draft(text="new")) == {"category": "message", "type": "text", "data": {"text": "new"}}
    ours = json.loads(edit_draft(text="new", metadata={}, tags=[]))
    assert (ours["data"], ours["tags"]) == ({"text": "new", "metadata": {}}, [])
    with pytest.raises(SettingsError, match="text"):
        edit_draft(text="")


BAD: list[tuple[dict[str, Any], str]] = [
    ({"text": ""}, "text"),
    ({"text": 3}, "text"),
    ({"text": "\ud800"}, "not JSON"),
    ({"receiver": ""}, "receiver"),
    ({"receiver_type": "room"}, "receiver_type"),
    ({"muid": ""}, "muid"),
    ({"metadata": {"x": object()}}, "not JSON"),
    ({"tags": "x"}, "tags"),
    ({"tags": [""]}, "tags"),
]


@pytest.mark.parametrize(("given", "told"), BAD)
def test_what_cannot_be_sent(given: dict[str, Any], told: str) -> None:
    """A message that cannot be sent raises SettingsError, which names the fault."""
    with pytest.raises(SettingsError, match=told):
        text_draft(**{"text": "x", **TO, **given})


@pytest.mark.parametrize(("given", "told"), [({"type": ""}, "type"), ({"data": [1]}, "data"), ({"data": None}, "data")])
def test_what_cannot_be_a_custom_message(given: dict[str, Any], told: str) -> None:
    """A custom message needs a type, and a mapping as its content."""
    with pytest.raises(SettingsError, match=told):
        custom_draft(**{"type": "t", "data": {}, **TO, **given})
