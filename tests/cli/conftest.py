"""`cometconn doctor` at work, in this process."""

from __future__ import annotations

import json
import os
import pathlib
from typing import Any

import attrs
import pytest
import trio

from cometconn.cli.doctor import doctor
from cometconn.cli.options import Options


@attrs.frozen
class Diagnosis:
    """What the doctor found.

    Attributes:
        status: the exit status.
        findings: as the JSON has them.
    """

    status: int
    findings: list[dict[str, Any]]

    def of(self, step: str, part: str = "") -> dict[str, Any]:
        """The first finding of this step, of a part that begins so."""
        return next(one for one in self.findings if one["step"] == step and one["part"].startswith(part))

    @property
    def failed(self) -> dict[str, Any]:
        """The first that failed."""
        return next(one for one in self.findings if one["outcome"] == "failed")

    @property
    def course(self) -> list[str]:
        """Steps and outcomes, in a word each."""
        return [f"{one['step']} {one['outcome']}" for one in self.findings]


@attrs.define(eq=False)
class Clinic:
    """Examines, with a session file of its own and nothing in the environment but what a test puts there."""

    session: pathlib.Path
    patch: pytest.MonkeyPatch
    capture: pytest.CaptureFixture[str]

    async def read(self, *, as_json: bool = False, patience: float = 5.0, **options: Any) -> tuple[int, str]:
        """The exit status, and what is printed."""
        given: dict[str, Any] = {"app_id": "APP", "session": self.session, **options}
        with trio.fail_after(60):
            status = await doctor(Options(**given), as_json=as_json, timeout=patience)
        printed = self.capture.readouterr()
        assert printed.err == ""
        return status, printed.out

    async def examine(self, *, patience: float = 5.0, **options: Any) -> Diagnosis:
        """The exit status, and what is found."""
        status, printed = await self.read(as_json=True, patience=patience, **options)
        report = json.loads(printed)
        assert (report["status"], report["ok"]) == (status, status == 0)
        return Diagnosis(status, report["findings"])


@pytest.fixture
def clinic(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Clinic:
    """The doctor, ready to see a account."""
    for name in list(os.environ):
        if name.startswith("COMETCONN_") or name.lower().endswith("_proxy"):
            monkeypatch.delenv(name)
    return Clinic(tmp_path / "session.json", monkeypatch, capsys)
