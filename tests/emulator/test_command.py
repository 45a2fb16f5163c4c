"""`cometconn.emulator.command`: `python -m cometconn.emulator`."""

from __future__ import annotations

import json
import signal
import subprocess
import sys

import httpx2
import pytest
import trio

from cometconn.emulator.command import main
from tests.cli.child import running


async def test_it_serves_until_a_signal() -> None:
    """After one line of JSON a made-up user can log in, the limits hold, and SIGTERM ends it with status 0."""
    words = (
        "--port",
        "0",
        "--user",
        "zed-1",
        "--users",
        "2",
        "--auth-key",
        "MY-KEY",
        "--body-size",
        "100",
        "--flow",
        "200/s",
    )
    async with running(*words, command=(sys.executable, "-m", "cometconn.emulator")) as child:
        ready = json.loads(await child.line())
        async with httpx2.AsyncClient(base_url=ready["rest"], headers={"apiKey": "MY-KEY"}) as client:
            login = await client.post("/users/user-2/auth_tokens", json={})
            token = {"authToken": login.json()["data"]["authToken"]}
            while not (await client.get("/messages", headers=token)).json()["data"]:
                await trio.sleep(0.01)
            long = await client.post("/users/user-2/auth_tokens", content=b" " * 101)
        assert await child.stop(signal.SIGTERM) == 0
        await trio.testing.wait_all_tasks_blocked()
    assert ready["users"] == ["zed-1", "user-1", "user-2"]
    assert (login.status_code, login.json()["data"]["uid"]) == (200, "user-2")
    assert long.status_code == 413
    assert child.errors == b""


def test_it_imports_nothing_of_the_command_line_and_of_clients() -> None:
    """What takes long and is not needed for a start: it begins to listen in well under a second."""
    shown = "import cometconn.emulator.command, sys; print(*sys.modules)"
    done = subprocess.run((sys.executable, "-c", shown), capture_output=True, check=True, text=True)
    imported = {name.partition(".")[0] for name in done.stdout.split()}
    assert not {"cattrs", "cyclopts", "httpx2", "msgspec", "rich", "trio_websocket"} & imported
    assert not {"cometconn.cli", "cometconn._connection", "cometconn._wire"} & set(done.stdout.split())


@pytest.mark.parametrize(
    ("words", "status", "message"),
    [
        (["--host", "10.0.0.1"], 1, "cometconn.emulator: --host: 10.0.0.1 is not loopback"),
        (["--host", "nowhere.example"], 1, "nowhere.example"),
        (["--port", "65536"], 1, "cometconn.emulator: --port must be from 0 to 65535, not 65536."),
        (["--group", "hikers=nobody"], 1, "cometconn.emulator: --group: 'hikers'"),
        (["--user", "a", "--user", "a"], 1, "cometconn.emulator: --user: the uid 'a' is given twice."),
        (["--user", "user-1", "--users", "3"], 1, "cometconn.emulator: --user: --users makes user-1, too."),
        (["--flow", "30/s", "--users", "1"], 1, "--flow needs two users, and there is only user-1"),
        (["--webhook-auth", "me:s3cret"], 1, "cometconn.emulator: --webhook-auth needs --webhook."),
        (["--tls-folder", "/proc/nope"], 1, "cometconn.emulator: --tls-folder: No such file or directory: /proc/nope"),
        (["--public", "a b"], 1, "cometconn.emulator: --public must look like"),
        (["--messages", "0"], 1, "cometconn.emulator: --messages must be a whole number from 1"),
        (["--public", "localhost"], 1, "--public must look like"),
        (
            ["--webhook", "http://localhost", "--webhook-auth", "s3cret"],
            1,
            "--webhook-auth must look like USER:PASSWORD",
        ),
        (["--flow", "fast"], 1, "cometconn.emulator: --flow must be a rate such as 30/s"),
        (["--users", "many"], 2, "argument --users: invalid int value: 'many'; see --help."),
        (["--unknown"], 2, "cometconn.emulator: unrecognized arguments: --unknown; see --help."),
    ],
)
def test_bad_input_is_one_line(words: list[str], status: int, message: str, capsys: pytest.CaptureFixture[str]) -> None:
    """It names the option and shows no secret."""
    with pytest.raises(SystemExit) as left:
        main(["--port", "0", *words])
    text = capsys.readouterr().err if status == 2 else f"{left.value.code}\n"
    assert status == (1 if isinstance(left.value.code, str) else left.value.code)
    assert message in text
    assert text.count("\n") == 1
    assert "s3cret" not in text
