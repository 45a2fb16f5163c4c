"""`cometconn.emulator.backend.rest`."""

from __future__ import annotations

import math
from typing import Any

import pytest

from cometconn.emulator import Faults, Kind, ServerControls, World
from cometconn.environment import Request
from tests.emulator.conftest import Backend


@pytest.mark.parametrize("path", ["/settings", "/v3.0/settings", "/v3.0/settings/", "/v3.0/%73ettings"])
def test_the_version_may_be_left_out(backend: Backend, path: str) -> None:
    """A path is found with and without the version before it, and with escapes in it."""
    assert backend.request("GET", path)[0] == 200


@pytest.mark.parametrize("path", ["/", "/v3.0", "/nowhere", "/v3.0/v3.0/settings", "/users/zed-1/auth_tokens/x/y"])
def test_unknown_paths_are_404(backend: Backend, path: str) -> None:
    """A path that is not in the table is answered with CometChat's error JSON."""
    status, answer = backend.request("GET", path)

    assert (status, answer["error"]["code"]) == (404, "ERR_API_NOT_FOUND")


def test_other_methods_are_405(backend: Backend) -> None:
    """The error of a path that is known for other methods names those."""
    status, answer = backend.request("PATCH", "/me")

    assert (status, answer["error"]["code"]) == (405, "ERR_METHOD_NOT_ALLOWED")
    assert "DELETE, GET, PUT" in answer["error"]["message"]


@pytest.mark.parametrize("body", [b"{", b"[]", b"\xff", b'{"a":' * 9_000])
def test_a_body_that_is_no_json_object_is_400(backend: Backend, body: bytes) -> None:
    """It is refused, whatever is wrong with it."""
    status, answer = backend.request("PUT", "/me", body, authToken=backend.token("zed-1"))

    assert (status, answer["error"]["code"]) == (400, "ERR_BAD_REQUEST")


def test_another_app_is_refused(backend: Backend) -> None:
    """The app id is checked if the request has one."""
    status, answer = backend.request("GET", "/settings", appId="OTHER")

    assert (status, answer["error"]["code"]) == (404, "ERR_APP_NOT_FOUND")


def test_an_error_status_can_be_set(backend: Backend) -> None:
    """Every request is answered with the status that was set, and with Retry-After."""
    backend.world.faults = Faults(rest=503, retry_after=9)

    response = backend.world.answer(Request("GET", "http://127.0.0.1:1/settings", {}))

    assert (response.status, response.headers["retry-after"]) == (503, "9")


def test_the_log_has_user_and_request(backend: Backend) -> None:
    """Method, path, query, status, code and user are logged."""
    backend.request("GET", "/messages?id=3&id=4&affix=append", authToken=backend.token("amy-2"))
    backend.request("POST", "/users/zed-1/auth_tokens", {}, apiKey="KEY")
    backend.request("GET", "/me", authToken="made up")

    first, second, third = backend.world.log.of(Kind.REST)
    assert (first.uid, first.detail["path"], first.detail["query"]) == (
        "amy-2",
        "/messages",
        {"id": "4", "affix": "append"},
    )
    assert (second.uid, second.detail["method"], second.detail["status"]) == ("zed-1", "POST", 200)
    assert (third.uid, third.detail["status"], third.detail["code"]) == (None, 401, "AUTH_ERR_AUTH_TOKEN_NOT_FOUND")


def test_the_log_holds_no_secret(backend: Backend) -> None:
    """Neither a path nor a query shows one, found by name or by value."""
    token = backend.token("zed-1")

    backend.request("GET", f"/users/{token}?authToken=unknown-one&x={token}&{token}=y")
    backend.request("GET", "/users/KEY?apiKey=other-one", apiKey="KEY")

    shown = str(backend.world.log.of(Kind.REST))
    for secret in (token, "unknown-one", "'KEY'", "/KEY", "other-one"):
        assert secret not in shown


def test_escapes_hide_no_secret_from_the_log(backend: Backend) -> None:
    """A token in a path is hidden even if it is percent-encoded."""
    token = backend.token("zed-1")

    backend.request("GET", "/users/" + "".join(f"%{byte:02x}" for byte in token.encode()))

    (entry,) = backend.world.log.of(Kind.REST)
    assert entry.detail["path"] == "/users/***"


def test_a_number_of_requests_can_be_allowed_in_a_window() -> None:
    """Further ones get 429 with the seconds until the window ends; the next window, and setting the fault, begin anew."""
    now = [100.0]
    backend = Backend(World(clock=lambda: now[0]), [])
    backend.world.faults = Faults(rest_limit=2, rest_window=10)

    def request() -> Any:
        response = backend.world.answer(Request("GET", "http://127.0.0.1:1/settings", {}))
        return (response.status, response.headers.get("retry-after"))

    assert [request() for _ in range(3)] == [(200, None), (200, None), (429, "10")]
    now[0] += 7.5
    assert request() == (429, "3")
    now[0] += 2.5
    assert [request() for _ in range(3)] == [(200, None), (200, None), (429, "10")]
    Controls(backend.world).set(rest_limit=1)
    assert [request() for _ in range(2)] == [(200, None), (429, "10")]
    assert backend.request("GET", "/settings")[1]["error"]["code"] == "TOO_MANY_REQUEST"
    assert backend.request("GET", "/files/x/y")[0] == 404  # the storage has no such limit


@pytest.mark.parametrize("rest", [503, "hang", "cut"])
def test_a_fault_of_rest_can_end_by_itself(rest: Any) -> None:
    """After so many requests; another fault that is set does not count again, `rest` does."""
    world = World(clock=lambda: 0.0)
    controls = Controls(world)
    request = Request("GET", "http://127.0.0.1:1/settings", {})

    def hurt() -> bool:
        return world.hangs(request) or world.answer(request).status == 503 or world.cuts(request)

    controls.set(rest=rest, rest_times=2)
    assert [hurt() for _ in range(4)] == [True, True, False, False]
    controls.set(pong=False)
    assert not hurt()
    controls.set(rest_times=1)
    assert [hurt() for _ in range(2)] == [True, False]


class Controls(ServerControls):
    """The controls of a world without connections."""

    def __init__(self, world: World) -> None:
        self.world = world

    def refuse_connections(self, seconds: float = math.inf) -> None:
        """Nothing can connect."""

    def accept_connections(self) -> None:
        """Nothing can connect."""
