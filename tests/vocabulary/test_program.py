"""The session as a person sees it."""

from __future__ import annotations

import pytest

from . import __main__ as program
from .golden import NodeError, golden_frames
from .packages import NpmError, Package


def test_what_does_not_agree_is_exit_1(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """A word that the table lacks and a golden frame that calls nothing are reported, with the versions of the SDKs."""
    monkeypatch.setattr(program, "fetch", lambda _: Package("4.9.9", 't.A={TYPE:"new_kind"}', ""))
    monkeypatch.setattr(program, "called", lambda _, frames: [[] for _ in frames])
    assert program.main() == 1
    out = capsys.readouterr().out
    assert "frame type 'new_kind': only in JavaScript 4.9.9 and React Native 4.9.9." in out
    silent = [golden for golden in golden_frames() if not golden.listeners]
    assert f"  JavaScript 4.9.9: {len(silent)} of {len(golden_frames())}\n" in out
    assert "golden frame s2c-messages text.user: names MessageListener.onTextMessageReceived, and" in out


def test_what_agrees_is_exit_0(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """If the words and the listeners agree, the last line reports it."""
    goldens = golden_frames()
    monkeypatch.setattr(program, "fetch", lambda name: Package("4.9.9", name, ""))
    answers = {"chat-sdk-javascript": "JavaScript", "chat-sdk-react-native": "React Native"}
    monkeypatch.setattr(
        program,
        "called",
        lambda javascript, _: [golden.expected(answers[javascript.partition("/")[2]]) for golden in goldens],
    )
    monkeypatch.setattr(program, "differences", lambda *_: [])
    monkeypatch.setattr(program, "complaints", lambda _: [])
    assert program.main() == 0
    assert capsys.readouterr().out.splitlines()[-1].startswith("The table and CometChat's SDKs agree on all its ")


@pytest.mark.parametrize("error", [NpmError("no npm"), NodeError("no node")])
def test_nothing_to_compare_is_exit_2(
    error: Exception, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A missing or failing program prints its error on standard error and no report."""

    def missing(_: str) -> Package:
        raise error

    monkeypatch.setattr(program, "fetch", missing)
    assert program.main() == 2
    assert capsys.readouterr() == ("", f"{error}\n")
