"""Every route of the REST API, with bodies and parameters of every wrong kind: the answer is an error, never a crash."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from cometconn.emulator.backend.routes import ROUTES
from cometconn.environment import Request

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from tests.emulator.conftest import Backend

ODD: tuple[Any, ...] = (
    None,
    True,
    -1,
    10**40,
    1.5,
    "",
    "x" * 5_000,
    "\ud800",
    "\r\n\x00",
    [],
    [[]],
    [7],
    {},
    {"a": {}},
)
"""Values that no field should have, or that it may have and that are hard to handle."""

FIELDS = (
    "blockedUids",
    "category",
    "data",
    "entity",
    "files",
    "guid",
    "groups",
    "interactions",
    "members",
    "messageId",
    "metadata",
    "muid",
    "name",
    "owner",
    "parentId",
    "participants",
    "admins",
    "password",
    "quotedMessageId",
    "receiver",
    "receiverType",
    "scope",
    "statusMessage",
    "tags",
    "type",
    "uid",
    "unset",
    "usersToBan",
)
"""The fields of all requests."""

QUERIES = (
    "page=x&per_page=0",
    "id=-1&affix=x",
    "sentAt=1e9",
    "updatedAt=&limit=",
    "per_page=" + "9" * 30,
    "searchKey=%FF%00&tags=%2C,&uids=,&unread=2&conversationType=x&direction=x",
    "&&=&a",
)

PATHS = {"uid": ("amy-2", "nobody", "%00", "%ED%A0%80"), "guid": ("hikers", "nowhere"), "id": ("1", "x", "9" * 30)}
"""What stands in the path for its names; for other names `x`."""

GOOD = {
    "receiver": "amy-2",
    "receiverType": "user",
    "category": "message",
    "type": "text",
    "data": {"text": "hello"},
    "guid": "new",
    "name": "New",
    "uid": "new-uid",
    "files": {"f": {"name": "n", "size": 1}},
    "blockedUids": ["amy-2"],
    "interactions": ["a"],
    "owner": "amy-2",
    "scope": "admin",
}
"""A body in which most requests find all that they need; each test makes one field of it odd."""


def urls(pattern: str) -> list[str]:
    """Return URLs for a route: one for each value of the first name in its path that has several."""
    filled = [pattern]
    for name in ("version", "reaction", "token", "key", "file", "name"):
        filled = [url.replace(f"{{{name}}}", "x") for url in filled]
    for name, values in PATHS.items():
        filled = [url.replace(f"{{{name}}}", value) for url in filled for value in values]
    return list(dict.fromkeys(filled))


def odd_ones(whole: dict[str, Any], names: Iterable[str], number: int) -> Iterator[dict[str, Any]]:
    """Return copies of an object with one odd field each. *number* turns the values, so that every route gets others."""
    for index, name in enumerate(names, number):
        yield {**whole, name: ODD[index % len(ODD)]}


@pytest.mark.parametrize(("number", "method", "pattern"), [(n, route[0], route[1]) for n, route in enumerate(ROUTES)])
def test_nothing_crashes_the_server(backend: Backend, number: int, method: str, pattern: str) -> None:
    """Each answer is JSON, a file or empty, with a status below 500; the server's own state stays usable."""
    draft = {"receiver": "zed-1", "receiverType": "user", "category": "message", "type": "text"}
    backend.world.post("amy-2", {**draft, "data": {"text": "one"}})
    events: list[object] = []
    backend.world.on_trigger = events.append
    device = backend.device("amy-2")
    headers = {"authToken": backend.token("zed-1"), "apiKey": "REST-KEY"}
    bodies: list[Any] = [None, b"{", b"[]", b"\xff", b'{"a":' * 100, GOOD]
    bodies += odd_ones(GOOD, FIELDS, number)
    if pattern.startswith("messages"):
        bodies += [{**GOOD, "data": {"text": "t", name: odd}} for name in ("mentions", "text") for odd in ODD]
    bodies += [
        {**GOOD, "files": {"f": file}}
        for file in odd_ones({"name": "n", "size": 1}, ("name", "size", "mimeType"), number)
    ]
    first, *others = urls(pattern)
    requests = [(first, "", body) for body in bodies]
    requests += [(first, query, GOOD) for query in QUERIES] + [(url, "", GOOD) for url in others]
    for url, query, body in requests:
        raw = body if body is None or isinstance(body, bytes) else json.dumps(body).encode()
        response = backend.world.answer(Request(method, f"http://127.0.0.1:1/{url}?{query}", headers, raw))
        assert response.status < 500, (url, query, body)
        if response.status >= 400:
            assert json.loads(response.body)["error"]["message"], (url, query, body)
        backend.outbox(device)
        if backend.world.sessions.user_of_token(headers["authToken"]) is None:  # the route was the logout
            headers["authToken"] = backend.token("zed-1")
    for path in ("/conversations", "/groups", "/messages", "/users", "/blockedusers"):
        assert backend.request("GET", path, **headers)[0] == 200
    json.dumps(events)


@pytest.mark.parametrize("host", ["[", "[::1", "a b", "", "\x7f"])
def test_a_bad_host_crashes_nothing(backend: Backend, host: str) -> None:
    """The header is not looked at."""
    assert backend.request("GET", "/settings", Host=host)[0] == 200
