"""Sends every text back to where it came from."""

import signal

import trio

import cometconn
from cometconn import AppSettings, Endpoints
from cometconn.errors import CometConnError
from cometconn.events import Group, TextMessage


async def main():
    server = Endpoints.at("http://127.0.0.1:9000")  # leave it out for CometChat's cloud
    settings = AppSettings(region="us", catch_up=True)
    async with cometconn.open_client("APP", settings, endpoints=server) as chat:
        me = await chat.login(uid="amy-2", auth_key="KEY")
        async with trio.open_nursery() as nursery:
            nursery.start_soon(answer, chat, me)
            with trio.open_signal_receiver(signal.SIGINT, signal.SIGTERM) as signals:
                await anext(signals)  # Ctrl-C, or the service manager's SIGTERM
            nursery.cancel_scope.cancel()


async def answer(chat, me):
    async with chat.events(TextMessage) as events:
        async for event in events:
            if isinstance(event, TextMessage) and event.sender.uid != me.uid:
                print(f"{event.sender.name}: {event.text}", flush=True)
                to = event.receiver if isinstance(event.receiver, Group) else event.sender
                try:
                    with trio.CancelScope(shield=True):  # an answer that has begun is finished
                        await chat.send_text(to.id, event.text, receiver_type=to.receiver_type)
                except CometConnError as error:
                    print(f"Message {event.id} is not answered: {error}", flush=True)


trio.run(main)
