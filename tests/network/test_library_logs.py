"""What the libraries log at DEBUG about our connections contains nothing that the server sent."""

from __future__ import annotations

import contextvars
import logging

import pytest

from cometconn._network.library_logs import OURS


@pytest.mark.parametrize(
    ("name", "said", "logged"),
    [
        (
            "httpcore2.http11",
            "receive_response_headers.complete return_value=(b'x\n')",
            "receive_response_headers.complete return_value=",
        ),
        (
            "httpcore2.http11",
            "receive_response_headers.failed exception=X('x')",
            "receive_response_headers.failed exception=",
        ),
        ("trio-websocket", "client-1 received event: CloseConnection(x)", "client-1 received event:"),
        ("trio-websocket", "client-1 websocket closed x", "client-1 websocket closed"),
        ("trio-websocket", "client-1 ping b'x'", "client-1 ping"),
        ("trio-websocket", "client-1 remote protocol error: x", "client-1 remote protocol error:"),
    ],
)
def test_what_the_server_sent_is_removed(name: str, said: str, logged: str, caplog: pytest.LogCaptureFixture) -> None:
    """In a task of ours; elsewhere in the process the record is not changed."""
    caplog.set_level(logging.DEBUG)

    def ours() -> None:
        OURS.set(True)
        logging.getLogger(name).debug("%s", said)

    contextvars.copy_context().run(ours)
    logging.getLogger(name).debug("%s", said)
    assert caplog.messages == [f"{logged} (not shown)", said]


def test_other_records_are_not_changed(caplog: pytest.LogCaptureFixture) -> None:
    """Such as those about sizes and steps."""
    caplog.set_level(logging.DEBUG)
    OURS.set(True)
    logging.getLogger("trio-websocket").debug("%s sending %d bytes", "client-1", 5)
    assert caplog.messages == ["client-1 sending 5 bytes"]
