"""`LogHook` writes details to the log."""

from __future__ import annotations

import logging

import pytest

from cometconn.instrumentation import (
    ConnectionLost,
    Detail,
    EnteredBackground,
    LogHook,
    PingSent,
    TokenRefused,
)

from .examples import KINDS, example


def test_a_record_names_the_connection(caplog: pytest.LogCaptureFixture) -> None:
    """Connection id and generation are in the message and are attributes of the record, as the detail is."""
    caplog.set_level(logging.DEBUG)
    lost = example(ConnectionLost, cause="it broke")
    LogHook()(lost)
    (record,) = caplog.records
    assert record.name == "cometconn.connection"
    assert record.getMessage() == "[APP-1 #3] lost after 0 s: it broke"
    assert (vars(record)["connection_id"], vars(record)["generation"]) == ("APP-1", 3)
    assert vars(record)["detail"] is lost


@pytest.mark.parametrize(
    ("kind", "level"),
    [
        (PingSent, logging.DEBUG),
        (EnteredBackground, logging.INFO),
        (ConnectionLost, logging.WARNING),
        (TokenRefused, logging.ERROR),
    ],
)
def test_levels_follow_what_has_to_be_done(kind: type[Detail], level: int, caplog: pytest.LogCaptureFixture) -> None:
    """Pings are DEBUG, normal steps INFO, failures that need no action WARNING, and those that need a login ERROR."""
    caplog.set_level(logging.DEBUG)
    LogHook()(example(kind))
    assert caplog.records[0].levelno == level


def test_a_disabled_level_costs_no_description(monkeypatch: pytest.MonkeyPatch) -> None:
    """The level is checked before the detail is described."""
    monkeypatch.setattr("cometconn.instrumentation.logs.in_words", lambda _: pytest.fail("put into words"))
    quiet = logging.getLogger("cometconn.test.quiet")
    quiet.setLevel(logging.CRITICAL)
    for kind in KINDS:
        LogHook(quiet)(example(kind))
    assert "cometconn.test.quiet" in repr(LogHook(quiet))
