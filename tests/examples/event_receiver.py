"""Receives the events of `cometconn listen --forward-to`, and handles each once."""

import hmac
import json
import os
import sqlite3

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

SECRET = os.environ["FORWARD_SECRET"]
database = sqlite3.connect(os.environ.get("DATABASE", "events.sqlite"))
database.execute("CREATE TABLE IF NOT EXISTS handled (key TEXT PRIMARY KEY, event TEXT)")


async def receive(request: Request) -> Response:
    given = request.headers.get("authorization", "")
    if not hmac.compare_digest(given.encode(), f"Bearer {SECRET}".encode()):
        return Response(status_code=401)
    key, event = request.headers["idempotency-key"], await request.json()
    with database:  # the key and what the event changes are stored together, or not at all
        new = database.execute("INSERT OR IGNORE INTO handled VALUES (?, ?)", (key, json.dumps(event))).rowcount
        if new and event["event"] == "TextMessage":
            print(f"{event['sender']['name']}: {event['text']}", flush=True)
    return Response(status_code=204)


app = Starlette(routes=[Route("/events", receive, methods=["POST"])])
