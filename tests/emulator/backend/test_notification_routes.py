"""`cometconn.emulator.backend.notification_routes`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from tests.emulator.conftest import Backend

PUSH = "/notifications/push/v1"


def request(backend: Backend, method: str, path: str, body: object = None, uid: str = "zed-1") -> Any:
    """Make a request, which must succeed."""
    status, answer = backend.request(method, path, body, authToken=backend.token(uid))
    assert status == 200, answer
    return answer["data"]


def test_preferences_are_kept_until_they_are_reset(backend: Backend) -> None:
    """Group by group, for one user."""
    request(backend, "PATCH", f"{PUSH}/preferences", {"groupPreferences": {"groupMessages": 1}})
    request(
        backend, "PATCH", f"{PUSH}/preferences", {"groupPreferences": {"groupReplies": 2}, "usePrivacyTemplate": True}
    )
    kept = {"groupPreferences": {"groupMessages": 1, "groupReplies": 2}, "usePrivacyTemplate": True}
    assert request(backend, "GET", f"{PUSH}/preferences") == kept
    assert request(backend, "GET", f"{PUSH}/preferences", uid="amy-2") == {}
    assert request(backend, "DELETE", f"{PUSH}/preferences") == {}


def test_conversations_are_muted_and_unmuted(backend: Backend) -> None:
    """By type and id."""
    muted = [{"type": kind, "id": "same", "until": 5} for kind in ("oneOnOne", "group")]
    assert request(backend, "PUT", f"{PUSH}/preferences/mute", {"conversations": muted}) == {"success": True}
    assert request(backend, "GET", f"{PUSH}/preferences/mute") == {"mutedConversations": muted}
    request(backend, "DELETE", f"{PUSH}/preferences/mute", {"conversations": [{"type": "group", "id": "same"}]})
    assert request(backend, "GET", f"{PUSH}/preferences/mute") == {"mutedConversations": muted[:1]}


@pytest.mark.parametrize("named", [None, "x", [1], [{"id": "a"}], [{"id": 1, "type": "group"}]])
def test_bad_conversations_are_refused(backend: Backend, named: object) -> None:
    """The error names the field."""
    body = {"conversations": named}
    status, answer = backend.request("PUT", f"{PUSH}/preferences/mute", body, authToken=backend.token("zed-1"))
    assert (status, answer["error"]["code"]) == (400, "ERR_BAD_REQUEST")


def test_tokens_and_the_timezone(backend: Backend) -> None:
    """A token is taken and not used; the timezone is kept."""
    for method in ("POST", "DELETE"):
        assert request(backend, method, f"{PUSH}/tokens", {"fcmToken": "t"}) == {"success": True}
    path = "/notifications/v1/preferences/timezone"
    assert request(backend, "GET", path)["timezone"] == "UTC"
    request(backend, "PATCH", path, {"timezone": "Europe/Rome"})
    assert request(backend, "GET", path)["timezone"] == "Europe/Rome"
