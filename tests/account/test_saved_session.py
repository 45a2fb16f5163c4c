"""The saved session as JSON."""

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
    """What JSON can hold, with these numbers in it."""
    return st.recursive(
        st.none() | st.booleans() | st.integers() | floats | st.text(),
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
        max_leaves=8,
    )


JSON = json_values(st.floats())
TOKENS = st.text(st.characters(min_codepoint=33, max_codepoint=126), min_size=1)
# No NaN, at any depth: what is read would never equal what was written.
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
    """Every session comes back as it was."""
    saved = SavedSession("APP", "device", session)
    assert SavedSession.from_text(saved.to_text()) == saved
    assert SavedSession.from_text(saved.to_text()).to_text() == saved.to_text()


@given(st.data())
@settings(max_examples=150, deadline=None)
def test_whatever_is_in_the_file_only_a_value_error_comes_out(data: st.DataObject) -> None:
    """Bytes, JSON, or a good file with one value replaced: it is read or it is a ValueError."""
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
def test_what_could_not_be_taken_up_is_not_read(key: str, value: object) -> None:
    """A token that would be a header of its own, a uid that cannot be sent, a time that is none."""
    with pytest.raises(ValueError):
        SavedSession.from_text(json.dumps({**GOOD, "session": {**PERSON, key: value}}))
    with pytest.raises(ValueError):
        SavedSession.from_text("[" * 100_000)


def test_what_could_not_be_read_again_is_not_written(monkeypatch: pytest.MonkeyPatch) -> None:
    """Too long, or nested too deeply: a StoreError now, and not a lost session later."""
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
        deep = deep.pop()  # or the interpreter would have to do it in one go
