"""Users and groups on the fast path are remembered, within bounds."""

from __future__ import annotations

import copy
import json
import pickle
from typing import Any

import pytest

from cometconn._wire.decoder import Decoder, decode
from cometconn._wire.fast import KnownPeople, first_events
from cometconn.errors import DecodeError
from cometconn.events import GroupMember, User


def test_the_same_json_is_the_same_user(text_frame: dict[str, Any]) -> None:
    """A user is made once for the same JSON, because a room has few users and many messages."""
    decoder = Decoder(None, "s")
    one, other = (decoder.decode(json.dumps(text_frame)) for _ in range(2))
    assert one.sender is other.sender  # type: ignore[union-attr]
    text_frame["body"]["data"]["entities"]["sender"]["entity"]["status"] = "offline"
    later: Any = decoder.decode(json.dumps(text_frame))
    assert later.sender.status == "offline"


def test_two_connections_share_no_user(text_frame: dict[str, Any]) -> None:
    """Two connections share no user object, because two accounts may be shown different data."""
    one, other = (Decoder(None, "s").decode(json.dumps(text_frame)) for _ in range(2))
    assert one == other
    assert one.sender is not other.sender  # type: ignore[union-attr]
    assert one.receiver is not other.receiver  # type: ignore[union-attr]


def test_what_events_share_cannot_be_changed(text_frame: dict[str, Any]) -> None:
    """The metadata of a shared sender cannot be changed; it equals that of the reference, and a copy can be changed."""
    text_frame["body"]["data"]["entities"]["sender"]["entity"]["metadata"] = {"a": {"b": [1, {"c": 2}]}}
    text = json.dumps(text_frame)
    event: Any = Decoder(None, "s").decode(text)
    shared = event.sender.metadata
    for change in (
        lambda: shared.update(x=1),
        lambda: shared.setdefault("x", 1),
        lambda: shared["a"].pop("b"),
        lambda: shared["a"]["b"].append(3),
        shared["a"]["b"].sort,
        lambda: shared["a"]["b"].__setitem__(0, 3),
        lambda: shared["a"]["b"].__iadd__([3]),
        lambda: shared["a"]["b"][1].__setitem__("c", 3),
        lambda: shared.__ior__({"x": 1}),
        lambda: event.receiver.metadata.__setitem__("x", 1),
    ):
        with pytest.raises(TypeError, match="cannot be changed"):
            change()
    assert shared == decode(text, own_uid=None, session_id="s").sender.metadata  # type: ignore[union-attr]
    for made in (copy.deepcopy(shared), pickle.loads(pickle.dumps(shared)), dict(shared)):  # noqa: S301 - our own
        assert made == shared
    assert json.dumps(shared) == '{"a": {"b": [1, {"c": 2}]}}'


def entities(sender: dict[str, Any]) -> bytes:
    """The entities of a message from *sender* to zed-1."""
    return json.dumps({"sender": {"entity": sender}, "receiver": {"entity": {"uid": "zed-1"}}}).encode()


def test_what_is_remembered_is_bounded() -> None:
    """The number and the bytes of remembered users are bounded, whatever the server sends."""
    known = KnownPeople("zed-1")
    for number in range(2000):
        written = entities({"uid": f"user-{number}"})
        assert known.get(written) is None
        assert known[written] is known[written]
        assert len(known) <= 512
    before = dict(known)
    long = entities({"uid": "x", "avatar": "y" * 3000})
    assert known[long] == (User("x", avatar="y" * 3000), User("zed-1"))
    assert known == before
    for number in range(500):
        assert known[entities({"uid": f"user-{number}", "avatar": "y" * 1900})]
        assert sum(map(len, known)) <= 128 * 1024


@pytest.mark.parametrize(
    "written",
    [
        "{}",
        '{"sender":{"entity":{"uid":"x"}}}',
        '{"sender":{"entity":{}},"receiver":{"entity":{"uid":"y"}}}',
        '{"sender":{"entity":{"uid":"x","new":' + "[" * 98 + "]" * 98 + '}},"receiver":{"entity":{"uid":"y"}}}',
        '{"sender":{"entity":{"uid":"x"}},"receiver":{"entity":{"uid":"y"}},"on":nul}',
        '{"sender":{"entity":{"uid":"x","name":5}},"receiver":{"entity":{"uid":"y"}}}',
        '{"sender":{"entity":{"uid":"x","lastActiveAt":1800000100123}},"receiver":{"entity":{"uid":"y"}}}',
    ],
)
def test_invalid_users_are_left_to_the_reference(written: str) -> None:
    """Frames with missing or unusual users, or with entities too deep or invalid, are left to the reference decoder."""
    known = KnownPeople("zed-1")
    frame = f'{{"type":"message","body":{{"id":1,"category":"message","type":"text","data":{{"entities":{written}}}}}}}'
    assert first_events([frame], session_id=None, known=known) == []
    assert known == {}


def test_what_is_not_known_of_users_is_passed_over() -> None:
    """An unknown key of a user, or an unknown entity, does not leave the frame to the reference decoder."""
    known, new = KnownPeople("zed-1"), {"uid": "x", "new": {"a": ["[" * 98]}}
    assert known[entities(new)] == (User("x"), User("zed-1"))
    assert known[entities({"uid": "x"})[:-1] + b',"on":1}'] == (User("x"), User("zed-1"))


def test_a_user_of_a_list_is_read_as_leniently_as_one_in_an_event() -> None:
    """An attribute that cannot be read has its default, and is noted; without a uid there is no user."""
    noted: list[Any] = []
    decoder = Decoder("me", None, on_unread=noted.append)
    user = decoder.decode_value(User, b'{"uid": "amy-2", "name": ["Amy"], "status": "online"}')
    assert (user.uid, user.name, user.status) == ("amy-2", User(uid="x").name, "online")
    assert noted == [["User name"]]
    member = decoder.decode_value(GroupMember, b'{"uid": "amy-2", "scope": "admin"}')
    assert (member.user.uid, member.scope) == ("amy-2", "admin")
    assert len(noted) == 1
    for text in (b'{"name": "Amy"}', b"[]", b"{", b'{"uid": "\xff"'):
        with pytest.raises(DecodeError):
            decoder.decode_value(User, text)
