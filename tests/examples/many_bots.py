"""A thousand users in one process: a few connect at a time, each failure is its own, all of them leave together."""

import gc

import trio

import cometconn
from cometconn import AppSettings, Endpoints, MemoryStore
from cometconn.errors import CometConnError
from cometconn.events import TextMessage

SERVER = "http://127.0.0.1:9000"
AT_ONCE = 32


async def run_bot(uid: str, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
    endpoints = Endpoints.at(SERVER)
    async with (
        cometconn.open_client("APP", AppSettings(), store=MemoryStore(), endpoints=endpoints) as chat,
        chat.events(TextMessage, markers=False, overflow="drop_oldest") as messages,
    ):
        await chat.login(uid=uid, auth_key="KEY")
        await chat.connect(retry=True)
        task_status.started()
        async for message in messages:
            if message.sender.uid != uid:
                try:
                    await chat.send_text(message, f"{uid}: {message.text}")
                except CometConnError as error:
                    print(f"{uid} does not answer message {message.id}: {error}")


async def run_bots(uids: list[str], *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
    waiting = iter(uids)

    async def start_some() -> None:
        for uid in waiting:
            try:
                await bots.start(run_bot, uid)
            except CometConnError as error:
                print(f"{uid} stays away: {error}")

    async with trio.open_nursery() as bots:
        async with trio.open_nursery() as starting:
            for _ in range(AT_ONCE):
                starting.start_soon(start_some)
        gc.collect()
        gc.freeze()  # what is there now is there to stay: full collections need not walk through it
        gc.set_threshold(100_000)  # and nothing here needs to be collected soon
        task_status.started()
