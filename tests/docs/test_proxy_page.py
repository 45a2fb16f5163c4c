"""The claims of the page on proxies. Its commands and programs are run with those of all pages."""

from __future__ import annotations

import contextlib
import pathlib
import re
import ssl
from typing import Any

from cometconn._transport.proxy import ProxyFault
from cometconn.cli.app import doctor_command
from cometconn.cli.doctor_findings import DoctorStep
from cometconn.emulator import open_emulator
from tests.cli.conftest import doctor_runner as doctor_runner
from tests.conformance.authority import Authority
from tests.transport.proxies import http_proxy, tls_front

ROOT = pathlib.Path(__file__).parents[2]
PAGE = (ROOT / "docs/how-to/proxy.md").read_text(encoding="utf-8")
SHOWN = (ROOT / "tests/examples/doctor.txt").read_text(encoding="utf-8")


def alike(text: str) -> str:
    """The text without the parts that differ between runs and machines."""
    text = re.sub(r" +\d+ ms", " <time>", text)
    text = re.sub(r"none at \S+", "none at <file>", text)
    text = re.sub(r"the proxy: .*", "the proxy: <address>", text)
    return re.sub(r"by http://[\w.]+:\d+", "by <proxy>", text)


async def test_the_shown_output_is_real(doctor_runner: Any) -> None:
    """With a proxy to a server with another CA, the doctor prints the output on the page."""
    async with (
        open_emulator() as server,
        tls_front(Authority().server(None), server.port) as front,
        http_proxy() as real,
    ):
        real.ports[443] = front
        doctor_runner.patch.setenv("HTTPS_PROXY", real.url("http"))
        doctor_runner.patch.setenv("COMETCONN_AUTH_KEY", "KEY")
        status, printed = await doctor_runner.read_output(region="us", uid="amy-2")
    assert status == 3
    assert "tests/examples/doctor.txt" in PAGE
    assert alike(printed) == alike(SHOWN)


def test_the_exit_statuses_are_those_of_the_steps() -> None:
    """Each exit status is in the table and in the command's own help."""
    statuses = {int(status) for status in re.findall(r"^\| (\d) \|", PAGE, re.MULTILINE)}
    assert statuses == {0, 1, 6} | {step.status for step in DoctorStep}
    assert statuses == {int(status) for status in re.findall(r"(?<![\w-])\d(?= )", doctor_command.__doc__ or "")}


def test_the_tls_context_works(tmp_path: pathlib.Path) -> None:
    """The function on the page works with the files that it names."""
    ca, *_ = Authority().files(tmp_path)
    pathlib.Path(ca).rename(tmp_path / "company-ca.pem")
    source = next(block for block in re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL) if "company_tls" in block)
    names: dict[str, Any] = {}
    exec(source, names)  # noqa: S102
    with contextlib.chdir(tmp_path):
        assert isinstance(names["company_tls"](), ssl.SSLContext)


def test_every_fault_of_a_proxy_is_in_the_table() -> None:
    """The table has one row for each fault of a proxy."""
    table = PAGE.split("the error says that the proxy")[1]
    assert len(re.findall(r"^\| \w", table, re.MULTILINE)) == len(ProxyFault)
