"""Golden frames are pushed into an SDK, and what it calls is compared with what they name."""

from __future__ import annotations

import json
import pathlib
import shutil

import pytest

from . import golden
from .golden import Golden, NodeError, called, golden_frames, surprises

# As little of an SDK as the script that pushes frames relies on.
SDK = """
const held = {};
class ChatListener { constructor(given) { if (given.onChat) this.onChat = given.onChat; } }
class MoodListener { constructor(given) { this.onMood = given.onMood; } }
exports.CometChat = {
  AppSettingsBuilder: class { setRegion() { return this; } build() { return {}; } },
  ChatListener, MoodListener,
  init: async () => true,
  login: async () => { (await (await fetch("me")).json()).data.uid === "zed-1" && exports.CometChat.dial(); },
  dial: () => {
    const socket = new WebSocket("wss://made.up");
    socket.onopen = () => socket.send("hello");
    socket.onmessage = ({ data }) => {
      const { type } = JSON.parse(data);
      if (type === "broken") setImmediate(() => { throw new Error("broken"); });
      if (type === "broken") Promise.reject(new Error("broken"));
      if (type === "chat" || type === "both") held.chat.onChat(type);
      if (type === "mood" || type === "both") held.mood.onMood(type);
    };
  },
  addChatListener: (name, listener) => { held.chat = listener; },
  addMoodListener: (name, listener) => { held.mood = listener; },
  addUnknownListener: () => { throw new Error("there is no class UnknownListener"); },
};
"""
FRAMES = [{"type": "chat"}, {"type": "broken"}, {"type": "both"}, {"type": "unknown"}, {"type": "mood"}]
CALLED = [["ChatListener.onChat"], [], ["ChatListener.onChat", "MoodListener.onMood"], [], ["MoodListener.onMood"]]

needs_node = pytest.mark.skipif(shutil.which("node") is None, reason="there is no Node.js here")


@needs_node
def test_the_listeners_that_each_frame_calls_are_reported() -> None:
    """Every listener class of the SDK is heard, frame by frame, in order, also behind a frame that makes it throw."""
    assert called(SDK, FRAMES) == CALLED


@needs_node
def test_an_sdk_that_does_not_start_is_an_error() -> None:
    """The error contains what the SDK printed when it failed."""
    with pytest.raises(NodeError, match="no such thing"):
        called('throw new Error("no such thing")', FRAMES)


@needs_node
def test_an_sdk_has_its_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """An SDK that does not come to an end is ended."""
    monkeypatch.setattr(golden, "_PATIENCE", 0.0)
    with pytest.raises(NodeError, match="within"):
        called("for (;;) {}", [])


def test_without_node_the_error_asks_for_it(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without Node.js, the error asks for its installation."""
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(NodeError, match="Install it"):
        called(SDK, FRAMES)


def test_golden_files_are_read(tmp_path: pathlib.Path) -> None:
    """A frame without a listener expects none, and one that React Native passes over expects none from it."""
    examples = [
        {
            "name": "a",
            "frame": {"type": "a"},
            "listener": ["L.onA"],
            "required_paths_rn": [],
            "required_paths_js": "same",
        },
        {"name": "b", "frame": {"type": "b"}, "listener": ["L.onB"], "required_paths_js": ["type"]},
        {"name": "c", "frame": {"type": "c"}},
    ]
    (tmp_path / "s2c-x.json").write_text(json.dumps(examples), encoding="utf-8")
    (tmp_path / "c2s-y.json").write_text("[{}]", encoding="utf-8")
    frames = golden_frames(tmp_path)
    assert [frame.name for frame in frames] == ["s2c-x a", "s2c-x b", "s2c-x c"]
    assert [frame.expected("JavaScript 4.2.0") for frame in frames] == [["L.onA"], ["L.onB"], []]
    assert [frame.expected("React Native 4.0.21") for frame in frames] == [["L.onA"], [], []]


def test_every_golden_frame_is_there() -> None:
    """The golden frames of this project are found, each under a name of its own."""
    names = [frame.name for frame in golden_frames()]
    assert "s2c-messages text.user" in names
    assert len(names) == len(set(names))


def test_a_frame_that_calls_another_listener_is_reported() -> None:
    """A golden frame that names a wrong listener, none or too few makes the comparison fail."""
    goldens = [
        Golden("f right", {}, ["L.onA"], False),
        Golden("f wrong", {}, ["L.onA"], False),
        Golden("f none", {}, [], False),
        Golden("f passed over", {}, ["L.onA"], True),
    ]
    assert surprises("JavaScript 4", goldens, [["L.onA"], ["L.onB"], ["L.onA", "L.onB"], ["L.onA"]]) == [
        "golden frame f wrong: names L.onA, and JavaScript 4 calls L.onB.",
        "golden frame f none: names no listener, and JavaScript 4 calls L.onA and L.onB.",
    ]
    assert surprises("React Native 4", goldens[3:], [[]]) == []
