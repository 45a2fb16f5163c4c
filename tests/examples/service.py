"""A background service: connected while it runs, follows the machine's sleep, and closes the connection when it stops."""

import logging
import os
import pathlib
import signal

import trio

import cometconn
from cometconn import AppSettings, Endpoints, FileStore, appstate
from cometconn.errors import AppStateError
from cometconn.events import TextMessage

log = logging.getLogger("service")
SETTINGS = AppSettings(region="us", catch_up=True)  # messages sent while the machine slept are fetched


async def main() -> None:
    logging.basicConfig(format="%(message)s")  # the journal adds the time
    server = Endpoints.at("http://127.0.0.1:9000")  # leave it out for CometChat's cloud
    async with (
        cometconn.open_client("APP", SETTINGS, endpoints=server, store=FileStore("session.json")) as chat,
        trio.open_nursery() as nursery,
    ):
        await nursery.start(stop_when_asked, nursery.cancel_scope)
        for source in (appstate.follow_logind, appstate.follow_network, appstate.follow_job_control):
            try:
                await nursery.start(source, chat)
            except AppStateError as error:  # a container has no logind: go on without
                log.warning("%s", error)
        if chat.get_logged_in_user() is None:
            await chat.login(uid="amy-2", auth_key=credential("auth-key"))
        async with chat.events(TextMessage, markers=False) as messages:
            async for message in messages:
                print(f"{message.sender.name}: {message.text}", flush=True)


async def stop_when_asked(
    scope: trio.CancelScope, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED
) -> None:
    with trio.open_signal_receiver(signal.SIGTERM, signal.SIGINT) as signals:
        task_status.started()
        async for number in signals:
            scope.cancel(reason=signal.Signals(number).name)  # leaving open_client closes the connection


def credential(name: str) -> str:
    """Read a secret that systemd's LoadCredential= has put where only this service can read it."""
    return pathlib.Path(os.environ["CREDENTIALS_DIRECTORY"], name).read_text(encoding="utf-8").strip()


trio.run(main)
