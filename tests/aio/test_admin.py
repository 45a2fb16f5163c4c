"""`cometconn.aio.admin`: the calls of a backend on asyncio."""

from __future__ import annotations

import asyncio

import pytest

from cometconn.aio.admin import open_admin
from cometconn.aio.emulator import open_emulator
from cometconn.errors import ApiError


def test_the_calls_of_a_backend() -> None:
    """The calls work side by side; an error is the same as in Trio; a call can be cancelled; leaving ends the others."""

    async def main() -> None:
        async with open_emulator() as server:
            async with open_admin("APP", api_key="REST-KEY", endpoints=server.endpoints) as admin:
                users = await asyncio.gather(*(admin.ensure_user(f"bob-{number}", "Bob") for number in range(12)))
                assert [user.uid for user in users] == [f"bob-{number}" for number in range(12)]
                token = await admin.create_auth_token("bob-1")
                await admin.revoke_auth_token("bob-1", token)
                with pytest.raises(ApiError, match="ERR_UID_NOT_FOUND"):
                    await admin.create_auth_token("nobody")
                server.set(rest="hang")
                with pytest.raises(TimeoutError):
                    async with asyncio.timeout(0.05):
                        await admin.create_auth_token("bob-1")
                left = asyncio.create_task(admin.create_auth_token("bob-1"))
                await asyncio.sleep(0.05)
            with pytest.raises(RuntimeError, match="leaving open_admin"):
                await left

    asyncio.run(main())
