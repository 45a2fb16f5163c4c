"""One process of a fleet. Start as many as you like, each with a name of its own: `python fleet_worker.py w1`."""

import os
import signal
import sys

import trio

from cometconn import AppSettings, Endpoints, fleet
from cometconn.events import TextMessage

SERVER = "http://127.0.0.1:9000"


def engine() -> fleet.Engine:
    """Return what the processes have in common: Redis if there is one, or else a file."""
    url = os.environ.get("REDIS_URL")
    return fleet.RedisEngine(url) if url else fleet.SQLiteEngine("fleet.db")


async def answer(owned: fleet.Owned) -> None:
    """Answer the messages to one account. This is cancelled when the account moves to another process."""
    async with owned.events(TextMessage, markers=False) as messages:
        async for message in messages:
            if isinstance(message, TextMessage) and message.sender.uid != owned.account.uid:
                with trio.CancelScope(shield=True):  # an answer that has begun is finished before the account moves
                    # The `muid` of the answer is made from the key: after a crash, a second copy can be recognised.
                    await owned.send_text(message.sender.uid, f"You wrote: {message.text}", key=message.id)


async def login(account: fleet.Account) -> fleet.Credentials:
    """Return how an account logs in. Called when there is no saved session: once for each account, if all goes well."""
    return fleet.Credentials(auth_key=os.environ["COMETCONN_AUTH_KEY"])


async def drain_on_signal(
    worker: fleet.Worker, process: trio.CancelScope, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED
) -> None:
    """Drain at the first SIGTERM or Ctrl-C, and end at once at the second."""
    with trio.open_signal_receiver(signal.SIGINT, signal.SIGTERM) as signals:
        task_status.started()
        await anext(signals)
        worker.drain()
        await anext(signals)
        process.cancel()


async def main(name: str) -> None:
    """Keep this process's share of the accounts connected until it is drained."""
    settings, server = AppSettings(region="us"), Endpoints.at(SERVER)  # leave `endpoints` out for CometChat's cloud
    with trio.CancelScope() as process:
        async with (
            fleet.open_worker(
                "APP", settings, engine=engine(), name=name, run=answer, login=login, endpoints=server
            ) as worker,
            trio.open_nursery() as nursery,
        ):
            await nursery.start(drain_on_signal, worker, process)
            print(f"{name} has joined", flush=True)
            await worker.drained()
            nursery.cancel_scope.cancel()


if __name__ == "__main__":
    trio.run(main, sys.argv[1])
