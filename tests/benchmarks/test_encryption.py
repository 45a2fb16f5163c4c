"""TLS for the benchmarks, in the processes that measure."""

from __future__ import annotations

import builtins

import pytest

from benchmarks.encryption import FOLDER, client_context, server_context, url, with_tls
from benchmarks.process import Process
from benchmarks.run import Run


def test_without_the_variable_there_is_no_tls() -> None:
    """As in a run of a question that is measured over plain TCP."""
    assert (client_context(), server_context()) == (None, None)
    assert url(80) == "ws://127.0.0.1:80/"


@pytest.mark.parametrize("kind", ["ours", "trio_websocket"])
def test_crowds_use_tls(kind: str) -> None:
    """A client that verifies the server's certificate, and gets its messages; a client without TLS gets nowhere."""
    run = Run()
    with with_tls(run):
        plain, secure = run.ways
        assert (plain.name, secure.name) == ("", ", TLS")
        environment = secure.environment
        with (
            Process("benchmarks.crowd_server", environment=environment) as server,
            Process("benchmarks.crowd", kind, environment=environment) as crowd,
        ):
            assert crowd.ask(do="gather", port=server.greeting["port"], clients=2)["seconds"] > 0
            crowd.ask(do="expect", count=8)
            pushed = server.ask(push=4)
            assert pushed["told"] == 2
            assert crowd.ask(do="received")["at"] > pushed["at"]
            assert crowd.ask(do="weigh")["bytes"] > 0


def test_without_trustme_it_is_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    """With the reason."""
    real = builtins.__import__

    def without(name: str, *arguments: object, **others: object) -> object:
        if name == "trustme":
            raise ImportError(name)
        return real(name, *arguments, **others)  # type: ignore[arg-type]

    monkeypatch.setattr(builtins, "__import__", without)
    run = Run()
    with with_tls(run):
        assert [way.name for way in run.ways] == [""]
    assert run.left_out == ["TLS: trustme is not installed"]
    assert FOLDER == "COMETCONN_BENCH_TLS"
