"""`cometconn serve`: the emulator for other programs, in any language."""

from __future__ import annotations

import trio

from cometconn.emulator import open_emulator
from cometconn.errors import SettingsError

from .stopping import until_stopped
from .terminal import SECRETS, json_line

__all__ = ["parse_groups", "parse_port", "serve"]


_LAST_PORT = 65535


def parse_port(port: int) -> int:
    """Return *port*, if there can be such a port."""
    if not 0 <= port <= _LAST_PORT:
        message = f"--port must be from 0 to {_LAST_PORT}, not {port}."
        raise SettingsError(message)
    return port


def parse_groups(words: tuple[str, ...]) -> dict[str, tuple[str, ...]]:
    """Read words such as `hikers=zed-1,amy-2`: a guid and its members."""
    groups: dict[str, tuple[str, ...]] = {}
    for word in words:
        guid, _, members = word.partition("=")
        if not guid or not members or guid in groups:
            message = f"--group must be like hikers=zed-1,amy-2, with each group once, not {word!r}."
            raise SettingsError(message)
        groups[guid] = tuple(members.split(","))
    return groups


async def serve(
    *,
    host: str,
    port: int,
    app_id: str,
    auth_key: str,
    api_key: str,
    users: tuple[str, ...],
    groups: dict[str, tuple[str, ...]] | None,
    control: bool,
    public: str | None,
    webhook: str | None,
    webhook_auth: str | None,
) -> None:
    """Print the addresses as one line of JSON when the server is ready, and serve until SIGINT or SIGTERM."""
    for secret in (auth_key, api_key, webhook_auth):
        if secret is not None:
            SECRETS.learn(secret)
    async with open_emulator(
        host=host,
        port=port,
        app_id=app_id,
        auth_key=auth_key,
        api_key=api_key,
        users=users,
        groups=groups,
        control=control,
        public=public,
        webhook=webhook,
        webhook_auth=webhook_auth,
    ) as server:
        ready = {
            "url": server.url,
            "rest": server.endpoints.client_url,
            "socket": server.endpoints.socket_url,
            "control": f"{server.url}/control" if control else None,
            "app_id": app_id,
            "users": list(server.world.people),
            "groups": {guid: list(group.members) for guid, group in server.world.groups.items()},
        }
        print(json_line(ready), flush=True)  # noqa: T201 - a program's output
        await until_stopped(trio.sleep_forever)
