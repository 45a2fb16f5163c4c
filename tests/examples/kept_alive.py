"""CometChat's own way: manual mode, in the background, kept alive by pings."""

import signal

import trio

import cometconn
from cometconn import AppSettings, CometChat, Endpoints, MemoryStore
from cometconn.events import TextMessage

SETTINGS = AppSettings(region="us", auto_establish_socket_connection=False)


async def main() -> None:
    server = Endpoints.at("http://127.0.0.1:9000")  # leave it out for CometChat's cloud
    async with cometconn.open_client("APP", SETTINGS, endpoints=server, store=MemoryStore()) as chat:
        await chat.login(uid="amy-2", auth_key="KEY")
        await chat.connect(retry=True)
        chat.enter_background()  # from now on the connection lives 30 s ...
        async with trio.open_nursery() as nursery:
            nursery.start_soon(chat.keep_alive)  # ... from each ping to the next, and they come every 20 s
            nursery.start_soon(show, chat)
            with trio.open_signal_receiver(signal.SIGINT, signal.SIGTERM) as signals:
                await anext(signals)
            nursery.cancel_scope.cancel()  # leaving open_client closes the connection


async def show(chat: CometChat) -> None:
    async with chat.events(TextMessage, markers=False) as messages:
        async for message in messages:
            print(f"{message.sender.name}: {message.text}", flush=True)


trio.run(main)
