"""`cometconn.emulator.backend.rest`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from cometconn.emulator import Faults, Kind
from cometconn.environment import Request

if TYPE_CHECKING:
    from .conftest import Village


@pytest.mark.parametrize("path", ["/settings", "/v3.0/settings", "/v3.0/settings/", "/v3.0/%73ettings"])
def test_the_version_may_be_left_out(village: Village, path: str) -> None:
    """A path is found with and without the version before it, and with escapes in it."""
    assert village.ask("GET", path)[0] == 200


@pytest.mark.parametrize("path", ["/", "/v3.0", "/nowhere", "/v3.0/v3.0/settings", "/users/zed-1/auth_tokens/x"])
def test_unknown_paths_are_404(village: Village, path: str) -> None:
    """What is not in the table is answered with an error like any other."""
    status, answer = village.ask("GET", path)

    assert (status, answer["error"]["code"]) == (404, "ERR_API_NOT_FOUND")


def test_other_methods_are_405(village: Village) -> None:
    """A path that is known for another method says which."""
    status, answer = village.ask("PATCH", "/me")

    assert (status, answer["error"]["code"]) == (405, "ERR_METHOD_NOT_ALLOWED")
    assert "DELETE, GET, PUT" in answer["error"]["message"]


@pytest.mark.parametrize("body", [b"{", b"[]", b"\xff", b'{"a":' * 9_000])
def test_a_body_that_is_no_json_object_is_400(village: Village, body: bytes) -> None:
    """Whatever is wrong with it."""
    status, answer = village.ask("PUT", "/me", body, authToken=village.token("zed-1"))

    assert (status, answer["error"]["code"]) == (400, "ERR_BAD_REQUEST")


def test_another_app_is_refused(village: Village) -> None:
    """The app id is checked where it is sent."""
    status, answer = village.ask("GET", "/settings", appId="OTHER")

    assert (status, answer["error"]["code"]) == (404, "ERR_APP_NOT_FOUND")


def test_an_error_can_be_asked_for(village: Village) -> None:
    """Every request is answered with the status chosen, and Retry-After beside it."""
    village.world.faults = Faults(rest=503, retry_after=9)

    response = village.world.answer(Request("GET", "http://127.0.0.1:1/settings", {}))

    assert (response.status, response.headers["retry-after"]) == (503, "9")


def test_the_log_knows_who_asked_what(village: Village) -> None:
    """Method, path, query, status, code and user are logged."""
    village.ask("GET", "/messages?id=3&id=4&affix=append", authToken=village.token("amy-2"))
    village.ask("POST", "/users/zed-1/auth_tokens", {}, apiKey="KEY")
    village.ask("GET", "/me", authToken="made up")

    first, second, third = village.world.log.of(Kind.REST)
    assert (first.uid, first.detail["path"], first.detail["query"]) == (
        "amy-2",
        "/messages",
        {"id": "4", "affix": "append"},
    )
    assert (second.uid, second.detail["method"], second.detail["status"]) == ("zed-1", "POST", 200)
    assert (third.uid, third.detail["status"], third.detail["code"]) == (None, 401, "AUTH_ERR_AUTH_TOKEN_NOT_FOUND")


def test_the_log_holds_no_secret(village: Village) -> None:
    """Not in a path, not in a query, by name or by value, however wrong the client put it there."""
    token = village.token("zed-1")

    village.ask("GET", f"/users/{token}?authToken=unknown-one&x={token}&{token}=y")
    village.ask("GET", "/users/KEY?apiKey=other-one", apiKey="KEY")

    shown = str(village.world.log.of(Kind.REST))
    for secret in (token, "unknown-one", "'KEY'", "/KEY", "other-one"):
        assert secret not in shown


def test_escapes_hide_no_secret_from_the_log(village: Village) -> None:
    """A token in a path is found with percent escapes in it, too."""
    token = village.token("zed-1")

    village.ask("GET", "/users/" + "".join(f"%{byte:02x}" for byte in token.encode()))

    (entry,) = village.world.log.of(Kind.REST)
    assert entry.detail["path"] == "/users/***"
