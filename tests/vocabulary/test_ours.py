"""The words of the table of kinds."""

from __future__ import annotations

import pytest

from .ours import our_words


@pytest.mark.parametrize(
    ("group", "words"),
    [
        ("frame type", {"message", "receipts", "streamed_message", "conversation_pinned"}),
        ("category", {"message", "action", "call", "agentic"}),
        ("message type", {"text", "tool-result"}),
        ("action", {"joined", "scopeChanged", "readByAll", "online", "message_reaction_added", "unpin"}),
        ("call status", {"initiated", "unanswered"}),
        ("streamed type", {"run_started", "tool_call_args"}),
        ("listener", {"onTextMessageReceived", "onMemberAddedToGroup"}),
    ],
)
def test_words_are_in_the_group_of_the_place_they_are_compared_at(group: str, words: set[str]) -> None:
    """A word of the table is in the same group as CometChat's."""
    assert words <= our_words()[group]


def test_no_word_is_empty() -> None:
    """Every word is a text of at least one sign without blanks."""
    assert all(word and not set(word) & {" ", "="} for words in our_words().values() for word in words)
