"""REST for a user's preferences of push notifications. They are kept; nothing is pushed."""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING

from .call import Call, Route
from .responses import Refusal

if TYPE_CHECKING:
    from cometconn.emulator.jsontext import Json

__all__ = ["NOTIFICATION_ROUTES"]

_DONE: Json = {"data": {"success": True}}


def _preferences(call: Call) -> Json:
    return {"data": copy.deepcopy(call.person().preferences)}


def _update(call: Call) -> Json:
    """Set the preferences that the body names, group by group."""
    kept = call.person().preferences
    for name, value in copy.deepcopy(call.body).items():
        both = isinstance(value, dict) and isinstance(kept.get(name), dict)
        kept[name] = {**kept[name], **value} if both else value
    return _preferences(call)


def _reset(call: Call) -> Json:
    call.person().preferences.clear()
    return _preferences(call)


def _token(call: Call) -> Json:
    call.person()
    return _DONE


def _muted(call: Call) -> Json:
    return {"data": {"mutedConversations": list(call.person().muted.values())}}


def _mute(call: Call) -> Json:
    call.person().muted |= {(each["type"], each["id"]): copy.deepcopy(each) for each in _conversations(call)}
    return _DONE


def _unmute(call: Call) -> Json:
    for each in _conversations(call):
        call.person().muted.pop((each["type"], each["id"]), None)
    return _DONE


def _conversations(call: Call) -> list[Json]:
    """Return the conversations that the body names: objects with a type and an id."""
    named = call.body.get("conversations")
    if not isinstance(named, list) or not all(
        isinstance(each, dict) and isinstance(each.get("id"), str) and isinstance(each.get("type"), str)
        for each in named
    ):
        raise Refusal(
            400, "ERR_BAD_REQUEST", "The field conversations must be a list of objects with an id and a type."
        )
    return named


def _timezone(call: Call) -> Json:
    return {"data": {"success": True, "timezone": call.person().timezone}}


def _set_timezone(call: Call) -> Json:
    call.person().timezone = call.text("timezone")
    return _timezone(call)


_PUSH = "notifications/push/v1"

NOTIFICATION_ROUTES: tuple[Route, ...] = (
    ("GET", f"{_PUSH}/preferences", _preferences),
    ("PATCH", f"{_PUSH}/preferences", _update),
    ("DELETE", f"{_PUSH}/preferences", _reset),
    ("POST", f"{_PUSH}/tokens", _token),
    ("DELETE", f"{_PUSH}/tokens", _token),
    ("GET", f"{_PUSH}/preferences/mute", _muted),
    ("PUT", f"{_PUSH}/preferences/mute", _mute),
    ("DELETE", f"{_PUSH}/preferences/mute", _unmute),
    ("GET", "notifications/v1/preferences/timezone", _timezone),
    ("PATCH", "notifications/v1/preferences/timezone", _set_timezone),
)
