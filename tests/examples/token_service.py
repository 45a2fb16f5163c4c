"""A web service that gives each bot a token of its own user. Only this service has a key of the app."""

import hmac
import os
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from cometconn import Endpoints
from cometconn.aio.admin import Admin, open_admin
from cometconn.errors import ApiError

SERVER = os.environ.get("CHAT_SERVER", "http://127.0.0.1:9000")
BOTS = {"weather": ("Weather bot", os.environ["WEATHER_SECRET"])}  # in earnest: your own accounts


@asynccontextmanager
async def lifespan(app: Starlette) -> AsyncGenerator[None, None]:
    server = Endpoints.at(SERVER)  # leave it out for CometChat's cloud, and give region="us"
    async with open_admin("APP", api_key=os.environ["COMETCONN_API_KEY"], endpoints=server) as admin:
        app.state.admin = admin
        yield


def bot_of(request: Request) -> str | None:
    """Return the uid of the bot whose secret the request has."""
    given = request.headers.get("authorization", "").removeprefix("Bearer ")
    for uid, (_, secret) in BOTS.items():
        if hmac.compare_digest(given.encode(), secret.encode()):
            return uid
    return None


async def create_token(request: Request) -> Response:
    admin: Admin = request.app.state.admin
    uid = bot_of(request)
    if uid is None:
        return JSONResponse({"error": "The secret is unknown."}, 401)
    try:
        await admin.ensure_user(uid, BOTS[uid][0])
        token = await admin.create_auth_token(uid)
    except ApiError as error:
        headers = {"Retry-After": f"{error.retry_after or 5:.0f}"}
        return JSONResponse({"error": error.message}, 503 if error.worth_retrying else 500, headers)
    return JSONResponse({"token": token}, headers={"Cache-Control": "no-store"})


async def revoke_token(request: Request) -> Response:
    admin: Admin = request.app.state.admin
    uid, body = bot_of(request), await request.json()
    if uid is None:
        return JSONResponse({"error": "The secret is unknown."}, 401)
    await admin.revoke_auth_token(uid, body["token"])
    return Response(status_code=204)


routes = [
    Route("/token", create_token, methods=["POST"]),
    Route("/token", revoke_token, methods=["DELETE"]),
]
app = Starlette(routes=routes, lifespan=lifespan)
