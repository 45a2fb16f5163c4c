"""Helper processes that are not what they should be."""

from __future__ import annotations

import pytest

from benchmarks.process import LeftOutError, Process, last_words


def test_a_peer_that_is_not_installed_is_left_out() -> None:
    """The error names the module that is not installed, and nothing crashes."""
    with pytest.raises(LeftOutError, match="on_missing is not installed"):
        Process("benchmarks.contender", "on_missing:receive")


def test_a_helper_that_dies_is_left_out_with_its_last_words() -> None:
    """Also when it dies only over its job."""
    with pytest.raises(LeftOutError, match=r"benchmarks\.replay failed: ValueError: not enough values"):
        Process("benchmarks.replay")
    with (
        Process("benchmarks.contender", "stopwatch:Stopwatch") as contender,
        pytest.raises(LeftOutError, match="TypeError"),
    ):
        contender.ask(nonsense=1)


@pytest.mark.parametrize(
    ("said", "words"),
    [
        ("Traceback\nKeyError: 'do'\n", "KeyError: 'do'"),
        ("  | OSError: a\n  +-+---- 15 ----\n    | OSError: b\n    +---- ... ----\n    | and 17 more\n", "OSError: b"),
        ("Killed\n", "Killed"),
        ("", "without a word"),
    ],
)
def test_the_last_words_are_an_error(said: str, words: str) -> None:
    """Trio's come in boxes, and the last line of a box has no content."""
    assert last_words(said) == words


def test_the_replay_server_answers_until_its_input_ends() -> None:
    """Its port first, then what it has seen."""
    with Process("benchmarks.replay", "cometchat", 3, 1000.0) as server:
        assert server.greeting["port"] > 0
        assert server.ask() == {"links": []}
        assert server.ask() == {"links": []}
