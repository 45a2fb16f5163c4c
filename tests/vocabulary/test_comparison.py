"""A word on one side only is reported, with a similar word of the other side."""

from __future__ import annotations

import types
from collections.abc import Mapping
from typing import Any

import pytest

from cometconn import events
from cometconn._wire import kinds

from .comparison import ALLOWED, MOST, Allowed, Words, complaints, counts, differences, reasons, verdict
from .ours import our_words
from .theirs import their_words


def bundle_that_says(words: Mapping[str, frozenset[str]]) -> str:
    """Return a small bundle with these words as constants, in shapes that CometChat's SDKs have."""

    def members(group: str) -> str:
        return ",".join(f'K{number}:"{word}"' for number, word in enumerate(sorted(words[group])))

    return ";".join(
        [
            *(f't.A{number}={{TYPE:"{word}"}}' for number, word in enumerate(sorted(words["frame type"]))),
            f"t.B={{TYPE:{{{members('message type')}}},CATEGORY:{{{members('category')}}}}}",
            f"t.C={{ACTION:{{{members('action')}}},CALL_STATUS:{{{members('call status')}}}}}",
            f"t.D_EVENTS={{{members('streamed type')}}}",
            *(f"this.{word}=e[0].{word}" for word in words["listener"]),
            "".join(f'(u=t.E||(t.E={{}})).K="{word}";' for word in words["enum"]),
        ]
    )


@pytest.fixture(scope="module")
def theirs() -> Mapping[str, Words]:
    """Return the words of a bundle that has the words of the table, and those that are allowed to differ."""
    also: dict[str, set[str]] = {group: set() for group in our_words()}
    for line in ALLOWED:
        also[line.group].update(line.words)
    return {"SDK": their_words(bundle_that_says({group: words | also[group] for group, words in our_words().items()}))}


def misspelt(kind: kinds.Kind, word: str, wrong: str) -> Any:
    """Return a row like *kind* that has *wrong* in place of *word*."""

    def spell(one: str) -> str:
        return wrong if one == word else one

    return types.SimpleNamespace(
        event=kind.event,
        frames=[spell(frame) for frame in kind.frames],
        words={paths: [spell(one) for one in said] for paths, said in kind.words.items()},
        listener=spell(kind.listener),
        inner=kind.inner,
    )


def told(theirs: Mapping[str, Words]) -> list[str]:
    """Compare, and return what is wrong."""
    return complaints(differences(our_words(), theirs))


def test_equal_words_leave_nothing_to_report(theirs: Mapping[str, Words]) -> None:
    """The table agrees with a bundle of the same words in which the allowed words are the only others."""
    assert told(theirs) == []


@pytest.mark.parametrize(
    ("event", "group", "word", "wrong"),
    [
        (events.AIToolResultMessage, "message type", "tool-result", "tool_result"),
        (events.GroupMemberScopeChanged, "action", "scopeChanged", "scope_changed"),
        (events.FeedItemReceived, "frame type", "notification_feed_item", "notifications_feed_item"),
        (events.MessagesDeliveredToAll, "listener", "onMessagesDeliveredToAll", "onMessageDeliveredToAll"),
        (events.AIAssistantToolArgumentEvent, "streamed type", "tool_call_args", "tool_call_arguments"),
    ],
)
def test_a_misspelt_row_is_reported(
    event: type[events.Event],
    group: str,
    word: str,
    wrong: str,
    theirs: Mapping[str, Words],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """One misspelling in the table makes the comparison fail: both words are reported, each suggested for the other."""
    rows = [misspelt(kind, word, wrong) if kind.event is event else kind for kind in kinds.KINDS]
    monkeypatch.setattr(kinds, "KINDS", rows)
    assert sorted(told(theirs)) == sorted(
        [
            f"{group} {wrong!r}: only in the table. Is it meant to be {word!r}?",
            f"{group} {word!r}: only in SDK. Is it meant to be {wrong!r}?",
        ]
    )


def test_every_word_of_every_row_is_compared(theirs: Mapping[str, Words], monkeypatch: pytest.MonkeyPatch) -> None:
    """Whichever word of whichever row is misspelt, the comparison fails, and passes again when it is mended."""
    table = list(kinds.KINDS)
    for number, kind in enumerate(table):
        for word in {*kind.frames, kind.listener, *(one for said in kind.words.values() for one in said)}:
            wrong = misspelt(kind, word, f"{word}s")
            monkeypatch.setattr(kinds, "KINDS", [*table[:number], wrong, *table[number + 1 :]])
            assert any(repr(f"{word}s") in sentence for sentence in told(theirs)), (kind.event, word)
    monkeypatch.setattr(kinds, "KINDS", table)
    assert told(theirs) == []


def test_a_word_that_only_cometchat_has_is_reported(theirs: Mapping[str, Words]) -> None:
    """A new kind in the SDKs is reported with the names of the SDKs that have it."""
    sdk = theirs["SDK"]
    more = {**sdk, "frame type": sdk["frame type"] | {"poll_voted"}}
    assert told({"A 1": more, "B 2": sdk}) == ["frame type 'poll_voted': only in A 1."]
    assert told({"A 1": more, "B 2": more}) == ["frame type 'poll_voted': only in A 1 and B 2."]


def test_a_reason_that_is_no_longer_needed_is_reported(theirs: Mapping[str, Words]) -> None:
    """A word in the list of those allowed that is on both sides, or on none, has to leave the list."""
    lines = [*ALLOWED, Allowed("action", "joined", "It was once."), Allowed("enum", "gone", "It was once.")]
    wrong = complaints(differences(our_words(), theirs), lines)
    assert [sentence.partition(":")[0] for sentence in wrong] == ["action 'joined'", "enum 'gone'"]


def test_the_list_of_reasons_is_short() -> None:
    """At most 20 lines may explain why a word is on one side only; each has a sentence, and no word stands there twice."""
    assert len(ALLOWED) <= MOST == 20
    assert all(line.reason.endswith(".") for line in ALLOWED)
    words = [(line.group, word) for line in ALLOWED for word in line.words]
    assert len(words) == len(set(words))


def test_the_words_of_each_side_are_counted(theirs: Mapping[str, Words]) -> None:
    """A row for each group, and one for all, has the number of words of each SDK and of the table."""
    lines = list(counts(our_words(), {"JavaScript 4": theirs["SDK"]}))
    total = sum(map(len, our_words().values()))
    assert lines[-1].split() == ["in", "all", str(total + sum(len(line.words) for line in ALLOWED)), str(total)]
    assert len(lines) == len(our_words()) + 4
    assert len({len(line) for line in lines[2:]}) == 1


def test_every_reason_is_shown() -> None:
    """The report has all words that may be on one side only, in lines that fit a page."""
    lines = list(reasons())
    assert all(len(line) <= 100 for line in lines)
    text = " ".join(" ".join(lines).split())
    assert all(line.reason in text and ", ".join(line.words) in text for line in ALLOWED)


def test_the_report_ends_with_what_is_wrong() -> None:
    """What does not agree stands last, where it is seen; else that all agrees."""
    assert list(verdict(["action 'a': only in the table."], our_words())) == [
        "1 thing does not agree:",
        "  action 'a': only in the table.",
    ]
    assert list(verdict(["one.", "two."], our_words())) == ["2 things do not agree:", "  one.", "  two."]
    [line] = verdict([], our_words())
    assert line.startswith("The table and CometChat's SDKs agree on all its ")
