"""The twins over TLS: their rows and goals, on made-up figures."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Self

import pytest

from benchmarks import bench_background, bench_burst, bench_paced, bench_tls
from benchmarks.receiving import OURS
from benchmarks.run import Run


@pytest.fixture(autouse=True)
def made_up(monkeypatch: pytest.MonkeyPatch) -> None:
    """Ours takes half the time and half the memory; nothing is started."""

    class Made:
        def __init__(self, module: str, *arguments: str, environment: Mapping[str, str]) -> None:
            self.greeting = {"port": 1}
            self._factor = 1.0 if "ours" in arguments else 2.0
            self._weighed = 0

        def __enter__(self) -> Self:
            return self

        def __exit__(self, *_: object) -> None: ...

        def ask(self, do: str = "push", **_: object) -> dict[str, float]:
            self._weighed += do == "weigh"
            size = self._factor * self._weighed * bench_tls.AFTER * 1024 if do == "weigh" else self._factor * 1024
            return {"bytes": size, "seconds": self._factor}

    def receive(run: Run, rivals: list[bench_tls.Rival], **_: object) -> dict[str, list[dict[str, float]]]:
        ours = {OURS.name: [{"seconds": 1e-5, "cpu": 1e-5}]}
        return ours | {rival.name: [{"seconds": 2e-5, "cpu": 2e-5}] for rival in rivals}

    @contextmanager
    def certificates(run: Run) -> Iterator[dict[str, str] | None]:
        yield None if run.left_out else {"made": "up"}

    monkeypatch.setattr(bench_tls, "Process", Made)
    monkeypatch.setattr(bench_tls, "receive", receive)
    monkeypatch.setattr(bench_tls, "certificates", certificates)
    monkeypatch.setattr(bench_background, "times_of", lambda *_, **__: ([[0.002]], [[0.001]]))


def test_every_goal_of_the_table_is_there() -> None:
    """In the order of the questions."""
    rows = bench_tls.measure(Run(quick=True))
    assert [(row.question, row.against, row.goal, round(row.ratio, 2)) for row in rows if row.goal] == [
        ("memory after a burst", "trio-websocket, bare connection", "<= 4", 0.5),
        ("burst, TLS", "trio-websocket + json + cattrs", ">= 8.5", 2.0),
        ("burst, TLS", "websockets.asyncio + json.loads", ">= 1.7", 2.0),
        ("burst, TLS", "picows + orjson + cattrs", ">= 1.7", 2.0),
        ("paced, TLS", "trio-websocket + json + cattrs", "<= 0.62", 0.5),
        ("background, TLS", "a bare close frame", "<= 1.5", 2.0),
        ("background, TLS", "all", ">= 1", 1.0),
        ("memory, TLS", "trio-websocket, bare connection", "<= 1.4", 0.5),
        ("memory after a burst", "trio-websocket, bare connection", "<= 2.5", 0.5),
    ]
    assert [row.question for row in rows if not row.goal] == ["paced, TLS", "paced, TLS", "connects, TLS"]


def test_without_certificates_only_plain_tcp_is_measured() -> None:
    """The reason is told elsewhere."""
    assert [row.case.split(", ")[2] for row in bench_tls.measure(Run(left_out=["TLS: a reason"]))] == [
        "plain TCP: 1.0 / 2.0 KiB each"
    ]


def test_the_programs_are_those_of_the_plain_questions() -> None:
    """A goal for a program that is not there would never be missed."""
    for rivals in (bench_burst.RIVALS, bench_paced.RIVALS):
        assert set(bench_tls._GOALS) <= {rival.name for rival in rivals}
