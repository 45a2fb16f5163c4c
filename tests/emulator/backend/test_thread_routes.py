"""`cometconn.emulator.backend.thread_routes`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from tests.emulator.conftest import Backend


@pytest.fixture
def threads(backend: Backend) -> Backend:
    """Three threads: `1` of zed-1 with amy-2, `2` of amy-2 in a group, `3` of bob-3 with zed-1; replies 4 to 7, one a second."""
    draft: dict[str, Any] = {"category": "message", "type": "text", "data": {"text": "x"}}
    private = {**draft, "receiverType": "user"}
    backend.world.post("zed-1", {**private, "receiver": "amy-2"})
    backend.world.post("amy-2", {**draft, "receiver": "hikers", "receiverType": "group"})
    backend.world.post("bob-3", {**private, "receiver": "zed-1"})
    for sender, parent in (("amy-2", 1), ("amy-2", 2), ("bob-3", 3), ("amy-2", 1)):
        backend.clock[0] += 1
        body = {**draft, **_where(backend, sender, parent)}
        assert backend.request("POST", f"/messages/{parent}/thread", body, authToken=backend.token(sender))[0] == 200
    return backend


def _where(backend: Backend, sender: str, parent: int) -> dict[str, str]:
    message: Any = backend.world.messages.get(str(parent))
    if message["receiverType"] == "group":
        return {"receiver": message["receiver"], "receiverType": "group"}
    return {"receiver": ({message["sender"], message["receiver"]} - {sender}).pop(), "receiverType": "user"}


def request(backend: Backend, method: str, path: str, uid: str = "zed-1") -> Any:
    """Make a request, which must succeed."""
    status, answer = backend.request(method, path, authToken=backend.token(uid))
    assert status == 200, answer
    return answer["data"]


@pytest.mark.parametrize(
    ("path", "found"),
    [
        ("threads", ["1", "3", "2"]),
        ("threads?participatedByMe=true", ["1"]),
        ("threads?limit=2", ["1", "3"]),
        ("users/bob-3/threads", ["3"]),
        ("groups/hikers/threads", ["2"]),
    ],
)
def test_threads_are_listed_by_their_newest_reply(threads: Backend, path: str, found: list[str]) -> None:
    """All, those in which the user takes part, and those of one conversation."""
    assert [each["id"] for each in request(threads, "GET", f"/{path}")] == found


def test_a_page_begins_with_the_thread_that_is_named(threads: Backend) -> None:
    """By the time of its newest reply and its id, as the JavaScript SDK pages."""
    first, second = request(threads, "GET", "/threads?limit=2")
    page = request(threads, "GET", f"/threads?limit=2&updatedAt={second['updatedAt']}&id={second['id']}")
    assert [each["id"] for each in page] == ["3", "2"]
    assert first["updatedAt"] > second["updatedAt"]


def test_a_thread_is_described(threads: Backend) -> None:
    """How many replies it has, the newest one, and how many are unread."""
    (thread, *_) = request(threads, "GET", "/threads")
    assert (thread["replyCount"], thread["unreadReplyCount"], thread["lastReply"]["id"]) == (2, 2, "7")


def test_a_reply_subscribes_and_a_request_unsubscribes(threads: Backend) -> None:
    """A message shows it to the user that asks for it, and a subscription is taking part."""
    assert request(threads, "GET", "/messages/1?withThreadSubscribed=true", "amy-2")["threadSubscribed"] is True
    assert request(threads, "GET", "/messages/3?withThreadSubscribed=true")["threadSubscribed"] is False
    request(threads, "POST", "/messages/3/thread/subscription")
    assert request(threads, "GET", "/messages/3?withThreadSubscribed=true")["threadSubscribed"] is True
    assert [each["id"] for each in request(threads, "GET", "/threads?participatedByMe=true")] == ["1", "3"]
    request(threads, "DELETE", "/messages/1/thread/subscription", "amy-2")
    assert request(threads, "GET", "/messages/1?withThreadSubscribed=true", "amy-2")["threadSubscribed"] is False


def test_bad_parameters_are_refused(threads: Backend) -> None:
    """With the name of the parameter."""
    status, answer = threads.request("GET", "/threads?limit=x", authToken=threads.token("zed-1"))
    assert (status, answer["error"]["code"]) == (400, "ERR_BAD_REQUEST")
    assert "limit" in answer["error"]["message"]
