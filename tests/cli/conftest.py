"""Runs `cometconn doctor` in this process."""

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
        findings: the findings, as in the JSON.
    """

    status: int
    findings: list[dict[str, Any]]

    def of(self, step: str, part: str = "") -> dict[str, Any]:
        """Return the first finding of this step, in a part whose name begins so."""
        return next(one for one in self.findings if one["step"] == step and one["part"].startswith(part))

    @property
    def failed(self) -> dict[str, Any]:
        """The first failed finding."""
        return next(one for one in self.findings if one["outcome"] == "failed")

    @property
    def outcomes(self) -> list[str]:
        """Each step with its outcome."""
        return [f"{one['step']} {one['outcome']}" for one in self.findings]


@attrs.define(eq=False)
class DoctorRunner:
    """Runs the doctor with a session file of its own, and only the environment variables that a test sets."""

    session: pathlib.Path
    patch: pytest.MonkeyPatch
    capture: pytest.CaptureFixture[str]

    async def read_output(self, *, as_json: bool = False, patience: float = 5.0, **options: Any) -> tuple[int, str]:
        """Return the exit status and the printed text."""
        given: dict[str, Any] = {"app_id": "APP", "session": self.session, **options}
        with trio.fail_after(60):
            status = await doctor(Options(**given), as_json=as_json, timeout=patience)
        printed = self.capture.readouterr()
        assert printed.err == ""
        return status, printed.out

    async def diagnose(self, *, patience: float = 5.0, **options: Any) -> Diagnosis:
        """Return the exit status and the findings."""
        status, printed = await self.read_output(as_json=True, patience=patience, **options)
        report = json.loads(printed)
        assert (report["status"], report["ok"]) == (status, status == 0)
        return Diagnosis(status, report["findings"])


@pytest.fixture
def doctor_runner(
    tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> DoctorRunner:
    """Runs the doctor without the developer's proxies and COMETCONN_ variables."""
    for name in list(os.environ):
        if name.startswith("COMETCONN_") or name.lower().endswith("_proxy"):
            monkeypatch.delenv(name)
    return DoctorRunner(tmp_path / "session.json", monkeypatch, capsys)
