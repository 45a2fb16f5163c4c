"""A client, a server in memory, and an environment that can answer in the server's place: what the tests of this folder share."""

from __future__ import annotations

import json
import urllib.parse
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any, TypeAlias

import attrs
import trio

import cometconn
from cometconn import AppSettings, CometChat, MemoryStore
from cometconn.emulator import Kind
from cometconn.environment import Request, Response
from cometconn.testing import MemoryServer, open_memory_server

Stand: TypeAlias = Callable[[str, dict[str, str]], Any]
"""Answers a request for a path with these parameters: a JSON value, bytes, a `Response`, or `None` to leave it to the server."""


@attrs.define(eq=False)
class Environment:
    """The server's environment, in which *stand* answers what comes after the login.

    Attributes:
        server: the server.
        stand: answers in its place.
        asked: the path and the parameters of each request that *stand* has seen.
    """

    server: MemoryServer
    stand: Stand | None = None
    asked: list[tuple[str, dict[str, str]]] = attrs.field(factory=list, init=False)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.server, name)

    async def request(self, request: Request) -> Response:
        """Answer, or let the server do it."""
        parts = urllib.parse.urlsplit(request.url)
        path, query = parts.path.removeprefix("/v3.0"), dict(urllib.parse.parse_qsl(parts.query))
        self.asked.append((f"{request.method} {path}", query))
        answer = self.stand(path, query) if self.stand is not None else None
        if isinstance(answer, Awaitable):
            answer = await answer
        if answer is None:
            return await self.server.request(request)
        if isinstance(answer, Response):
            return answer
        body = answer if isinstance(answer, bytes) else json.dumps(answer).encode()
        return Response(200, {"content-type": "application/json"}, body)


@attrs.frozen(eq=False)
class Pair:
    """A client of zed-1, and its server."""

    chat: CometChat
    server: MemoryServer
    environment: Environment

    def post(self, text: str, *, sender: str = "amy-2", to: str = "zed-1", group: bool = False, **more: Any) -> int:
        """Let a user send a message, and return its id."""
        draft = {"receiver": to, "receiverType": "group" if group else "user", "category": "message", "type": "text"}
        return int(self.server.world.post(sender, {**draft, "data": {"text": text}, **more})["id"])

    def requests(self) -> int:
        """The number of requests that the server has answered."""
        return len(self.server.world.log.of(Kind.REST))

    async def as_user(self, uid: str, method: str, path: str, body: Any = None) -> Any:
        """Make a request to the server as another user, and return its `data`."""
        token = self.server.world.sessions.issue_token(uid)
        text = None if body is None else json.dumps(body).encode()
        url = f"{self.server.endpoints.client_url}{path}"
        response = await self.server.request(Request(method, url, {"authToken": token, "appId": "APP"}, text))
        return json.loads(response.body)["data"]


@asynccontextmanager
async def open_chat(stand: Stand | None = None, **world: Any) -> AsyncGenerator[Pair, None]:
    """Open a server and a client, and log zed-1 in. From then on *stand* answers."""
    world.setdefault("users", ("zed-1", "amy-2", "bob-3"))
    world.setdefault("groups", {"hikers": ("zed-1", "amy-2")})
    settings = AppSettings(auto_establish_socket_connection=False)
    with trio.fail_after(3600):
        async with open_memory_server(**world) as server:
            environment = Environment(server)
            async with cometconn.open_client(
                "APP", settings, store=MemoryStore(), endpoints=server.endpoints, environment=environment
            ) as chat:
                await chat.login(uid="zed-1", auth_key="KEY")
                environment.stand = stand
                environment.asked.clear()
                yield Pair(chat, server, environment)


def page(elements: list[Any], *, pages: int | None = 1, **cursor: Any) -> dict[str, Any]:
    """Return a page of a list as CometChat does."""
    pagination = {} if pages is None else {"pagination": {"total_pages": pages, "current_page": 1}}
    return {"data": elements, "meta": {**pagination, "cursor": cursor}}


def message(number: int | None, **more: Any) -> dict[str, Any]:
    """Return the JSON of a text message from amy-2 to zed-1; without an id if *number* is `None`."""
    body = {"sender": "amy-2", "receiver": "zed-1", "receiverType": "user", "category": "message", "type": "text"}
    return {**({} if number is None else {"id": str(number)}), **body, "data": {"text": str(number)}, **more}
