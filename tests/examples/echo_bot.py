"""Sends every text back to where it came from."""

import signal

import trio

import cometconn
from cometconn import AppSettings, CometChat, Endpoints, User
from cometconn.errors import CometConnError
from cometconn.events import TextMessage


async def main() -> None:
    server = Endpoints.at("http://127.0.0.1:9000")  # leave it out for CometChat's cloud
    settings = AppSettings(region="us", catch_up=True)
    async with cometconn.open_client("APP", settings, endpoints=server) as chat:
        me = await chat.login(uid="amy-2", auth_key="KEY")
        async with trio.open_nursery() as nursery:
            nursery.start_soon(answer, chat, me)
            with trio.open_signal_receiver(signal.SIGINT, signal.SIGTERM) as signals:
                await anext(signals)  # Ctrl-C, or the service manager's SIGTERM
            nursery.cancel_scope.cancel()


async def answer(chat: CometChat, me: User) -> None:
    async with chat.events(TextMessage, markers=False) as messages:
        async for message in messages:
            if message.sender.uid != me.uid:
                print(f"{message.sender.name}: {message.text}", flush=True)
                try:
                    with trio.CancelScope(shield=True):  # an answer that has begun is finished
                        await chat.send_text(message, message.text)
                except CometConnError as error:
                    print(f"Message {message.id} is not answered: {error}", flush=True)


trio.run(main)
