"""`cometconn.emulator.world.reactions`."""

from __future__ import annotations

from cometconn.emulator.world.reactions import Reactions

_MESSAGE = {"id": "7"}


def test_each_user_reacts_once_with_each_emoji() -> None:
    """The same reaction again is refused; another emoji, or another user's, is not."""
    reactions = Reactions()
    assert reactions.add(_MESSAGE, "🔥", "zed-1", now=1)
    assert not reactions.add(_MESSAGE, "🔥", "zed-1", now=2)
    assert reactions.add(_MESSAGE, "👍", "zed-1", now=3)
    assert reactions.add(_MESSAGE, "🔥", "amy-2", now=4)
    assert [reaction["uid"] for reaction in reactions.of(_MESSAGE, "🔥")] == ["zed-1", "amy-2"]
    assert reactions.summary(_MESSAGE, "amy-2") == [
        {"reaction": "🔥", "count": 2, "reactedByMe": True},
        {"reaction": "👍", "count": 1, "reactedByMe": False},
    ]


def test_only_the_users_own_reaction_is_removed() -> None:
    """A reaction that is not there cannot be removed."""
    reactions = Reactions()
    reactions.add(_MESSAGE, "🔥", "zed-1", now=1)
    assert not reactions.remove(_MESSAGE, "🔥", "amy-2")
    assert reactions.remove(_MESSAGE, "🔥", "zed-1")
    assert not reactions.remove(_MESSAGE, "🔥", "zed-1")
    assert not reactions.of(_MESSAGE)
    assert not reactions.of({"id": "8"})
