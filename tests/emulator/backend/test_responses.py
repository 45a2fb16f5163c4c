"""`cometconn.emulator.backend.responses`."""

from __future__ import annotations

import json

from cometconn.emulator.backend.responses import error_response


def test_errors_have_the_documented_shape() -> None:
    """Code and message stand under `error`; headers are passed on."""
    response = error_response(503, "ERR_X", "No.", {"retry-after": "3"})

    assert response.status == 503
    assert response.headers == {"content-type": "application/json", "retry-after": "3"}
    error = json.loads(response.body)["error"]
    assert (error["code"], error["message"]) == ("ERR_X", "No.")
