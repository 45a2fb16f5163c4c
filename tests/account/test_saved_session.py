"""The text form of a saved session."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cometconn._account import saved_session as saved_module
from cometconn._account.session import Session
from cometconn.errors import StoreError
from cometconn.stores import SavedSession


def json_values(floats: st.SearchStrategy[float]) -> st.SearchStrategy[Any]:
    """Return a strategy for JSON values with these numbers in them."""
    return st.recursive(
        st.none() | st.booleans() | st.integers() | floats | st.text(),
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
        max_leaves=8,
    )


JSON = json_values(st.floats())
TOKENS = st.text(st.characters(min_codepoint=33, max_codepoint=126), min_size=1)
# Without NaN at any depth, because NaN does not equal itself.
OBJECTS = st.dictionaries(st.text(), json_values(st.floats(allow_nan=False)), max_size=3)
SESSIONS = st.builds(
    Session,
    st.just("APP"),
    st.text(min_size=1),
    TOKENS,
    st.none() | TOKENS,
    OBJECTS,
    OBJECTS,
)
PERSON: dict[str, Any] = {"uid": "u", "auth_token": "t", "jwt": None, "user": {}, "settings": {}}
GOOD: dict[str, Any] = {"schema": 1, "app_id": "APP", "device_id": "d", "session": PERSON}


@given(SESSIONS)
@settings(max_examples=50, deadline=None)
def test_what_is_written_can_be_read(session: Session) -> None:
    """Every session is read as it was written."""
    saved = SavedSession("APP", "device", session)
    assert SavedSession.from_text(saved.to_text()) == saved
    assert SavedSession.from_text(saved.to_text()).to_text() == saved.to_text()


@given(st.data())
@settings(max_examples=150, deadline=None)
def test_any_text_is_read_or_raises_value_error(data: st.DataObject) -> None:
    """Any text, any JSON, or a valid text form with one value replaced is read or raises ValueError."""
    changed = json.loads(json.dumps(GOOD))
    place = data.draw(st.sampled_from([changed, changed["session"]]))
    place[data.draw(st.sampled_from(sorted(place)))] = data.draw(JSON)
    text = data.draw(st.text() | JSON.map(json.dumps) | st.just(""))
    for candidate in (text, json.dumps(changed)):
        try:
            saved = SavedSession.from_text(candidate)
        except ValueError:
            continue
        if saved.session is not None:
            assert saved.session.auth_token.isprintable()
            saved.session.uid.encode()


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("uid", "\ud800"),
        ("auth_token", "a\r\nX-Evil: 1"),
        ("auth_token", ""),
        ("jwt", "a b"),
        ("last_message_id", True),
        ("last_message_id", 1.5),
        ("last_seen_at", float("nan")),
        ("last_seen_at", float("-inf")),
        ("last_seen_at", -1e12),
        ("last_seen_at", 10**400),
        ("last_seen_at", "3"),
    ],
)
def test_invalid_values_are_refused(key: str, value: object) -> None:
    """A token that would inject a header, a uid that cannot be encoded, and an invalid time are refused."""
    with pytest.raises(ValueError):
        SavedSession.from_text(json.dumps({**GOOD, "session": {**PERSON, key: value}}))
    with pytest.raises(ValueError):
        SavedSession.from_text("[" * 100_000)


def test_a_session_that_could_not_be_read_again_is_not_written(monkeypatch: pytest.MonkeyPatch) -> None:
    """A session that is too long or nested too deeply raises StoreError when it is saved."""
    deep: list[Any] = []
    for _ in range(100_000):
        deep = [deep]
    for nonsense in (deep, "x" * 2000):
        monkeypatch.setattr(saved_module, "LIMIT", 1000)
        session = Session("APP", "u", "TOKEN", None, {"uid": "u", "metadata": nonsense})
        with pytest.raises(StoreError, match="too much") as caught:
            SavedSession("APP", "d", session).to_text()
        assert "TOKEN" not in str(caught.value)
    while deep:
        deep = deep.pop()  # freeing it at once would recurse too deeply
