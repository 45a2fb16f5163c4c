"""Outgoing frames: every observed frame, reproduced."""

from __future__ import annotations

import json
import pathlib
import types
from typing import Any

import attrs
import pytest

from cometconn import SubscriptionType
from cometconn._wire.outgoing import (
    ClientInfo,
    Envelope,
    auth_frame,
    ping_frame,
    receipt_frame,
    strip_secrets,
    transient_frame,
    typing_frame,
)
from cometconn.errors import SettingsError

GOLDEN = pathlib.Path(__file__).parents[1] / "golden"


def cases(name: str) -> list[dict[str, Any]]:
    """The golden frames of one file."""
    return list(json.loads((GOLDEN / f"c2s-{name}.json").read_text()))


def envelope(frame: dict[str, Any]) -> Envelope:
    """What is around *frame*. The user still has the tokens that must not go out."""
    return Envelope(
        app_id=frame["appId"],
        session_id=frame["deviceId"],
        uid=frame["sender"],
        user={**frame["body"]["user"], "authToken": "SECRET", "jwt": "SECRET", "fat": "SECRET"},
        receiver=frame["receiver"],
        receiver_type=frame["receiverType"],
    )


@pytest.mark.parametrize("case", cases("auth"), ids=lambda case: case["name"])
def test_auth(case: dict[str, Any]) -> None:
    """Each auth frame of both SDKs can be produced; the SDKs differ in what they leave out."""
    frame, body = case["frame"], case["frame"]["body"]
    about = body["params"]["appInfo"]
    presence = body.get("presenceSubscription")
    made = auth_frame(
        app_id=frame["appId"],
        session_id=frame["deviceId"],
        device_id=body["params"]["deviceId"],
        uid=frame["sender"],
        jwt=body["auth"],
        presence=SubscriptionType(presence) if presence else None,
        roles=body.get("roles", ()),
        client=ClientInfo(
            version=about["version"],
            origin=about["origin"],
            user_agent=body["params"]["userAgent"],
            platform=body["params"]["platform"],
        ),
        uts=about["uts"],
    )
    assert json.loads(made) == frame


def test_auth_without_a_jwt() -> None:
    """Without a JWT the frame has no auth field."""
    client = ClientInfo(version="1", user_agent="x", platform="python")
    made = auth_frame(app_id="a", session_id="s", device_id="d", uid="u", jwt=None, presence=None, client=client, uts=1)
    assert "auth" not in json.loads(made)["body"]


def test_ping() -> None:
    """The ping frame equals the observed one."""
    assert [json.loads(ping_frame())] == [case["frame"] for case in cases("ping")]


@pytest.mark.parametrize("case", cases("typing"), ids=lambda case: case["name"])
def test_typing(case: dict[str, Any]) -> None:
    """Typing frames equal the observed ones, without the user's tokens."""
    frame = case["frame"]
    made = typing_frame(envelope(frame), action=frame["body"]["action"], metadata=frame["body"].get("metadata"))
    assert json.loads(made) == frame


@pytest.mark.parametrize("case", cases("receipts"), ids=lambda case: case["name"])
def test_receipts(case: dict[str, Any]) -> None:
    """Receipts equal the observed ones, with message ids as text."""
    frame = case["frame"]
    made = receipt_frame(
        envelope(frame),
        action=frame["body"]["action"],
        message_id=int(frame["body"]["messageId"]),
        message_sender=frame["messageSender"],
    )
    assert json.loads(made) == frame


@pytest.mark.parametrize("case", cases("transient"), ids=lambda case: case["name"])
def test_transient(case: dict[str, Any]) -> None:
    """Transient messages equal the observed ones."""
    frame = case["frame"]
    assert json.loads(transient_frame(envelope(frame), data=frame["body"]["data"])) == frame


def test_what_cannot_be_sent_is_refused_without_showing_it() -> None:
    """Invalid JSON or Unicode, or no receiver, raises SettingsError without any of the data."""
    good = envelope(cases("transient")[0]["frame"])
    endless: list[Any] = []
    endless.append(endless)
    for data in (object(), float("nan"), "\ud800", endless):
        with pytest.raises(SettingsError, match="not JSON"):
            transient_frame(good, data=data)
    bad: dict[str, Any]
    for bad in ({"receiver": ""}, {"receiver": None}, {"receiver_type": "room"}):
        with pytest.raises(SettingsError, match="receiver"):
            transient_frame(attrs.evolve(good, **bad), data={})


def test_mappings_of_any_kind_are_objects() -> None:
    """A read-only mapping is written like any other."""
    good = envelope(cases("transient")[0]["frame"])
    made = transient_frame(good, data=types.MappingProxyType({"k": 1}))
    assert json.loads(made)["body"]["data"] == {"k": 1}


def test_secrets_are_stripped() -> None:
    """The tokens of a user's mapping are removed before it is sent."""
    assert strip_secrets({"uid": "u", "authToken": "x", "jwt": "x", "fat": "x", "wsChannel": {}}) == {"uid": "u"}
