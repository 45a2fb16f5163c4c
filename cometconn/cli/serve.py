"""`cometconn serve`: the emulator for other programs, and for other languages."""

from __future__ import annotations

import trio

from cometconn.emulator import open_emulator
from cometconn.errors import SettingsError

from .shown import SECRETS, json_line
from .stopping import until_stopped

__all__ = ["groups_of", "serve"]


def groups_of(words: tuple[str, ...]) -> dict[str, tuple[str, ...]]:
    """Read `hikers=zed-1,amy-2` and the like."""
    groups: dict[str, tuple[str, ...]] = {}
    for word in words:
        guid, _, members = word.partition("=")
        if not guid or not members or guid in groups:
            message = f"--group must look like hikers=zed-1,amy-2, each group once, not {word!r}."
            raise SettingsError(message)
        groups[guid] = tuple(members.split(","))
    return groups


async def serve(
    *,
    host: str,
    port: int,
    app_id: str,
    auth_key: str,
    users: tuple[str, ...],
    groups: dict[str, tuple[str, ...]] | None,
    control: bool,
    public: str | None,
) -> None:
    """Serve until a signal comes; print the addresses, in one line of JSON, when ready."""
    SECRETS.learn(auth_key)
    async with open_emulator(
        host=host,
        port=port,
        app_id=app_id,
        auth_key=auth_key,
        users=users,
        groups=groups,
        control=control,
        public=public,
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
