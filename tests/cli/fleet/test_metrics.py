"""`cometconn fleet run --metrics`: a worker serves its metrics for as long as it runs."""

from __future__ import annotations

import pathlib
import re
import socket

import pytest
import trio

from cometconn.cli.fleet.engine_options import EngineOptions
from cometconn.cli.fleet.run import run_worker
from cometconn.cli.fleet.worker_settings import FleetOptions
from cometconn.cli.options import ServerOptions
from cometconn.errors import SettingsError

client = pytest.importorskip("prometheus_client")


async def run(folder: pathlib.Path, port: int) -> int:
    """Run a worker without accounts."""
    engine = EngineOptions(app_id="APP", engine=str(folder / "fleet.db"))
    options = {"name": "w1", "run": None, "login": None, "metrics": port}
    return await run_worker(engine, ServerOptions(region="us"), FleetOptions(), **options)


async def test_metrics_are_served(tmp_path: pathlib.Path, capfd: pytest.CaptureFixture[str]) -> None:
    """Its address is printed; beside those of the worker are those of the process; afterwards the names are free again."""
    with trio.fail_after(60):
        async with trio.open_nursery() as nursery:
            nursery.start_soon(run, tmp_path, 0)
            printed = ""
            while "joined" not in printed:
                await trio.sleep(0.02)
                printed += capfd.readouterr().err
            found = re.search(r"metrics at http://127\.0\.0\.1:(\d+)/metrics\n", printed)
            assert found is not None
            await trio.sleep(0.1)
            async with await trio.open_tcp_stream("127.0.0.1", int(found[1])) as stream:
                await stream.send_all(b"GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n")
                reply = b"".join([chunk async for chunk in stream])
            assert b'cometconn_fleet_owned{worker="w1"} 0.0' in reply
            assert b"python_info" in reply
            nursery.cancel_scope.cancel()
    assert b"cometconn_fleet" not in client.generate_latest()


async def test_a_port_in_use(tmp_path: pathlib.Path) -> None:
    """One sentence with the option, before the worker joins; so does a number that is no port."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(SettingsError, match=f"--metrics: the port {port} cannot be opened: Address already in use"):
            await run(tmp_path, port)
    with pytest.raises(SettingsError, match="--metrics must be a number"):
        await run(tmp_path, 70000)
