"""Functions that tests pass to --run and --login."""

from __future__ import annotations

import trio

from cometconn.fleet import Account, Credentials, Owned

NOT_A_FUNCTION = 1
AUTH_KEY = "the-auth-key-of-the-app"


def not_async(owned: Owned) -> None:
    """A handler must be async."""


async def log_in(account: Account) -> Credentials:
    """Log in with the app's key, whatever the environment has."""
    await trio.lowlevel.checkpoint()
    return Credentials(auth_key=AUTH_KEY)


async def stubborn(owned: Owned) -> None:
    """Ignore cancellation."""
    with trio.CancelScope(shield=True):
        await trio.sleep_forever()


class Callables:
    """Functions that are not at the top level of a module."""

    @staticmethod
    async def handle(owned: Owned) -> None:
        """Do nothing."""
        del owned
        await trio.sleep_forever()

    async def __call__(self, owned: Owned) -> None:
        """Do nothing."""
        await trio.sleep_forever()


instance = Callables()
