"""`cometconn.instrumentation.console`: what waits, in which batches it goes, and what is dropped."""

from __future__ import annotations

import json

import pytest

from cometconn.errors import SettingsError
from cometconn.instrumentation import ConsoleHook, PingSent, console_hook
from cometconn.instrumentation import console as console_module
from cometconn.instrumentation.console import buffer_of

from .examples import example

URL = "http://127.0.0.1:9000"
PING = example(PingSent)


def next_lines(hook: ConsoleHook) -> tuple[int, list[dict[str, object]]]:
    """Return the number of the next batch and its lines."""
    batch = buffer_of(hook).next_batch()
    assert batch is not None
    number, text = batch
    return number, [json.loads(line) for line in text.splitlines()]


def test_a_batch_stays_until_its_outcome_is_known() -> None:
    """It is the same, under the same number, until the server has taken it; then the next details follow."""
    hook = console_hook(URL)
    for _ in range(150):
        hook(PING)
    first = buffer_of(hook).next_batch()
    hook(PING)
    assert buffer_of(hook).next_batch() == first
    assert (hook.waiting, hook.sent) == (151, 0)
    buffer_of(hook).note_taken()
    number, lines = next_lines(hook)
    assert (number, len(lines), hook.sent) == (2, 51, 100)
    buffer_of(hook).note_taken()
    assert (buffer_of(hook).next_batch(), hook.waiting, hook.sent, hook.dropped) == (None, 0, 151, 0)


def test_the_oldest_details_are_dropped_and_reported(monkeypatch: pytest.MonkeyPatch) -> None:
    """A full buffer drops the oldest detail; the next batch that the server takes begins with how many were dropped."""
    monkeypatch.setattr(console_module, "MOST_WAITING", 3)
    hook = console_hook(URL)
    for generation in range(5):
        hook(example(PingSent, generation=generation))
    assert (hook.waiting, hook.dropped) == (3, 2)
    _, lines = next_lines(hook)
    assert [line["detail"] for line in lines] == ["DetailsDropped", "PingSent", "PingSent", "PingSent"]
    assert [line["generation"] for line in lines] == [2, 2, 3, 4]
    assert lines[0]["dropped"] == 2
    buffer_of(hook).note_refused()
    assert hook.dropped == 5

    hook(PING)
    _, lines = next_lines(hook)
    assert (lines[0]["detail"], lines[0]["dropped"]) == ("DetailsDropped", 5)
    buffer_of(hook).note_taken()

    hook(PING)
    _, lines = next_lines(hook)
    assert [line["detail"] for line in lines] == ["PingSent"]
    assert "1 waiting, 5 dropped" in repr(hook)


def test_of_several_clients_the_first_one_sends() -> None:
    """Only its task is woken; when its client is left, the next one's is."""
    hook, woken = console_hook(URL), list[str]()
    buffer = buffer_of(hook)

    def wake_one() -> None:
        woken.append("one")

    def wake_two() -> None:
        woken.append("two")

    buffer.attach(wake_one)
    buffer.attach(wake_two)
    hook(PING)
    assert (buffer.is_turn(wake_one), buffer.is_turn(wake_two), woken) == (True, False, ["one"])
    buffer.detach(wake_one)
    assert (buffer.is_turn(wake_two), woken) == (True, ["one", "two"])
    buffer.detach(wake_two)
    hook(PING)
    assert hook.waiting == 2


@pytest.mark.parametrize("url", [URL, f"{URL}/", "http://localhost:9000", "https://[::1]:9000"])
def test_a_local_server_is_accepted(url: str) -> None:
    """By name, by address, with and without TLS."""
    assert console_hook(url).url.startswith(f"{url.rstrip('/')}/control/traces?source=")


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("http://10.0.0.1:9000", "on this machine.*10.0.0.1 is not"),
        ("http://127.0.0.1.evil.example", "on this machine"),
        ("http://me:secret@127.0.0.1:9000", "the URL of a local server"),
        ("ftp://127.0.0.1", "the URL of a local server"),
        ("127.0.0.1:9000", "the URL of a local server"),
        ("http://[", "the URL of a local server"),
    ],
)
def test_another_server_is_refused(url: str, words: str) -> None:
    """Details stay on this machine, and the error does not repeat a password."""
    with pytest.raises(SettingsError, match=rf"console_hook\(url=\.\.\.\) must be .*{words}") as error:
        console_hook(url)
    assert "secret" not in str(error.value)
