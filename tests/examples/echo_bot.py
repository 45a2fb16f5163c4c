"""Says back whatever it is told."""

import trio

import cometconn
from cometconn import AppSettings, Endpoints
from cometconn.errors import ApiError
from cometconn.events import Group, TextMessage


async def main():
    server = Endpoints.at("http://127.0.0.1:9000")  # leave it out for CometChat's cloud
    settings = AppSettings(region="us", catch_up=True)  # whoever wrote while the bot was away is answered, too
    async with cometconn.open_client("APP", settings, endpoints=server) as chat:
        me = await chat.login(uid="amy-2", auth_key="KEY")
        async with chat.events(TextMessage) as events:
            async for event in events:
                if isinstance(event, TextMessage) and event.sender.uid != me.uid:
                    to = event.receiver if isinstance(event.receiver, Group) else event.sender
                    try:
                        await chat.send_text(to.id, event.text, receiver_type=to.receiver_type)
                    except ApiError as error:
                        print(f"Message {event.id} is not answered: {error}")


trio.run(main)
