"""CometChat's constants are sorted by the shape of their names, so that new ones are found."""

from __future__ import annotations

import pytest

from .theirs import their_words


@pytest.mark.parametrize(
    ("javascript", "group", "found"),
    [
        ('t.ANYTHING_NEW={TYPE:"new_kind"}', "frame type", {"new_kind"}),
        ('var M={TYPES:["pin"],CONVERSATION_TYPES:["conversation_pin"]};', "frame type", {"pin", "conversation_pin"}),
        ('t.WS_TYPE_FEED="feed_item"', "frame type", {"feed_item"}),
        ('t.KEYS={TYPE:"type"},t.OTHER_KEYS={TYPE:"type"}', "frame type", set()),
        ('t.Any={CATEGORY:{CARD:"card"}}', "category", {"card"}),
        ('(u=t.MessageCategory||(t.MessageCategory={})).CARD="card"', "category", {"card"}),
        ('t.Any={TYPE:{TOOL_RESULT:"tool-result"}}', "message type", {"tool-result"}),
        ('t.Any={ACTIONS:{TYPE_GROUP:"group",JOINED:"joined"}}', "message type", {"group"}),
        ('t.Any={ACTIONS:{TYPE_GROUP:"group",JOINED:"joined"}}', "action", {"joined"}),
        ('t.Any={ACTION_TYPE:{TYPE_MESSAGE:"message",TYPE_MESSAGE_EDITED:"edited"}}', "action", {"edited"}),
        ('t.Any={TYPE:"any",ACTION:{SENT:"sent"}}', "action", {"sent"}),
        ('var M={ACTIONS:{PINNED:["pinned","pin"]}};', "action", {"pinned", "pin"}),
        ('t.Any={CALL_STATUS:{BUSY:"busy"}}', "call status", {"busy"}),
        ('t.ANY_EVENTS={STARTED:"run_started"}', "streamed type", {"run_started"}),
        ('(u=t.Mood||(t.Mood={})).GLAD="glad"', "enum", {"glad"}),
        ("this.onRead=e[0].onRead", "listener", {"onRead"}),
        ('t.Any={ELSEWHERE:{A:"a"}}', "enum", set()),
    ],
)
def test_a_constant_is_in_its_group(javascript: str, group: str, found: set[str]) -> None:
    """The last names decide the group, whatever the first one is."""
    assert their_words(javascript)[group] == found


def test_enums_are_also_found_in_the_declarations() -> None:
    """An enum that the bundle's reader overlooks is in TypeScript's declarations; members without a text are not."""
    typings = 'export enum Mood {\n  GLAD = "glad",\n}\nexport enum Days {\n  ONE\n}\n'
    assert their_words("", typings)["enum"] == {"glad"}
    assert their_words("", 'enum MessageCategory { CARD = "card" }')["category"] == {"card"}
