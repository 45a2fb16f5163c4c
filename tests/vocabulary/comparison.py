"""Finds the words that only the table or only the SDKs have, except the allowed ones, and reports them."""

from __future__ import annotations

import difflib
import textwrap
from collections.abc import Iterator, Mapping, Sequence

import attrs

Words = Mapping[str, frozenset[str]]

MOST = 20
"""How many lines may explain why a word is on one side only."""
_WIDTH = 100


@attrs.frozen
class Allowed:
    """Words of one group that may be on one side only, and why."""

    group: str
    words: Sequence[str] = attrs.field(converter=str.split)
    reason: str


# Where the table and CometChat's SDKs differ, the table is wrong unless there is a reason.
ALLOWED: Sequence[Allowed] = (
    Allowed("frame type", "auth", "The answer to the login frame. The decoder reads it, and makes no event of it."),
    Allowed("frame type", "message_pin_save", "The SDK's own name for a frame that it has read. It comes in no frame."),
    Allowed(
        "message type",
        "audio file image media video",
        "The class of a message or call does not depend on them: the event keeps its type as it came.",
    ),
    Allowed(
        "message type",
        "group groupMember message user",
        "What an action was done to. What was done decides the class, and the event keeps the type as it came.",
    ),
    Allowed(
        "action",
        "conversationPinned conversationUnpinned",
        "The SDK's own names for the actions conversation_pinned and conversation_unpinned. They come in no frame.",
    ),
    Allowed("action", "JOINED LEFT", "No code of the SDKs compares anything with them."),
    Allowed(
        "listener",
        "onConnected onConnectionError onDisconnected onFeatureThrottled",
        "Statuses of the connection here, and no events.",
    ),
    Allowed(
        "listener",
        "onAudioModesUpdated onCallEnded onCallSwitchedToVideo onError onMediaDeviceListUpdated onRecordingStarted"
        " onRecordingStopped onScreenShareStarted onScreenShareStopped onUserJoined onUserLeft onUserListUpdated"
        " onUserMuted onYouJoined onYouLeft",
        "Of a running call: they come from the calls SDK, and from no frame of the socket.",
    ),
    Allowed(
        "enum",
        "admin member moderator password private protected public",
        "Types of groups and scopes of members. The events keep them as they came, so a new word is no surprise.",
    ),
    Allowed(
        "enum",
        "approved disapproved pending unmoderated",
        "Outcomes of moderation. The events keep them as they came.",
    ),
    Allowed("enum", "allOf anyAction anyOf none", "Goals of an interactive message, which keeps its goal as it came."),
    Allowed(
        "enum",
        "cancelled failed idle in_progress queued rejected requesting_url uploaded uploading",
        "How far an upload is. Files go by REST, and this library sends none.",
    ),
    Allowed("enum", "local session", "Where a browser keeps the session. Here a store does."),
    Allowed(
        "enum",
        "apns_react_native_device apns_react_native_voip fcm_react_native_android fcm_react_native_ios fcm_web"
        " friday group monday oneOnOne saturday sunday thursday tuesday wednesday",
        "Preferences of push notifications, which go by REST.",
    ),
)


@attrs.frozen
class Difference:
    """A word on one side only.

    Attributes:
        group: the group of words.
        word: the word itself.
        sides: where the word is: "the table", or the names of the SDKs.
        similar: a word of that group which the other side has and this one has not, and which looks like it.
    """

    group: str
    word: str
    sides: Sequence[str]
    similar: str | None


def differences(ours: Words, theirs: Mapping[str, Words]) -> list[Difference]:
    """Return every word that only the table has, or only the SDKs, whether or not that is allowed."""
    found = []
    for group, table in ours.items():
        vendor = frozenset().union(*(words.get(group, frozenset()) for words in theirs.values()))
        for word in sorted(table ^ vendor):
            others = sorted(vendor - table if word in table else table - vendor)
            similar = difflib.get_close_matches(word, others, n=1)
            sides = ["the table"] if word in table else [name for name, words in theirs.items() if word in words[group]]
            found.append(Difference(group, word, sides, similar[0] if similar else None))
    return found


def complaints(found: Sequence[Difference], allowed: Sequence[Allowed] = ALLOWED) -> list[str]:
    """Return what is wrong, a line for each: words without a line that allows them, and lines that allow too much."""
    excused = {(line.group, word) for line in allowed for word in line.words}
    differing = {(difference.group, difference.word) for difference in found}
    said = []
    for difference in found:
        if (difference.group, difference.word) not in excused:
            hint = f" Is it meant to be {difference.similar!r}?" if difference.similar else ""
            sides = " and ".join(difference.sides)
            said.append(f"{difference.group} {difference.word!r}: only in {sides}.{hint}")
    said += [
        f"{group} {word!r}: allowed to be on one side only, and it is not. Take it out of the list."
        for group, word in sorted(excused - differing)
    ]
    return said


def counts(ours: Words, theirs: Mapping[str, Words]) -> Iterator[str]:
    """Give the lines of a table: how many words of each group each SDK has, and the table of kinds."""
    columns = {**theirs, "table": ours}
    widths = {name: len(name) + 3 for name in columns}
    yield "Words found in CometChat's SDKs, and in the table of kinds:"
    yield ""
    yield f"  {'':15}" + "".join(f"{name:>{width}}" for name, width in widths.items())
    for group in ours:
        yield f"  {group:15}" + "".join(f"{len(columns[name][group]):{width}}" for name, width in widths.items())
    totals = {name: sum(map(len, words.values())) for name, words in columns.items()}
    yield f"  {'in all':15}" + "".join(f"{totals[name]:{width}}" for name, width in widths.items())


def reasons(allowed: Sequence[Allowed] = ALLOWED) -> Iterator[str]:
    """Return the lines that list which words may be on one side only, and why."""
    yield f"Allowed to be on one side only, {len(allowed)} lines of at most {MOST}:"
    for line in allowed:
        yield ""
        yield from _wrapped(", ".join(line.words), f"  {line.group:15}")
        yield from _wrapped(line.reason, " " * 17)


def verdict(wrong: Sequence[str], ours: Words) -> Iterator[str]:
    """Give the last lines: that all agrees, or what does not."""
    if not wrong:
        yield f"The table and CometChat's SDKs agree on all its {sum(map(len, ours.values()))} words."
        return
    yield f"{len(wrong)} {'thing does' if len(wrong) == 1 else 'things do'} not agree:"
    for sentence in wrong:
        yield from _wrapped(sentence, "  ")


def _wrapped(text: str, margin: str) -> list[str]:
    return textwrap.wrap(
        text, _WIDTH, initial_indent=margin, subsequent_indent=" " * len(margin), break_on_hyphens=False
    )
