"""The running server: where it is, and its door to newcomers. The levers are in `levers`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cometconn.settings import Endpoints

from .advertised import API_VERSION, at_host
from .levers import Levers

if TYPE_CHECKING:
    from .door import Door
    from .world import World

__all__ = ["Emulator"]


class Emulator(Levers):
    """A running server. `open_emulator()` makes it; do not build it yourself.

    All but the two `wait_` methods act at once and never block; they are to be called
    from Trio's thread.

    Attributes:
        world: users, groups, tokens and messages, to look at and to change.
        endpoints: what to give to `open_client(endpoints=...)`.
    """

    def __init__(self, world: World, door: Door, *, allow_insecure: bool = False) -> None:
        self.world: World = world
        self._door = door
        place = at_host(*door.address)
        api = f"http://{place}/{API_VERSION}"
        self.endpoints: Endpoints = Endpoints(
            admin_url=api, client_url=api, socket_url=f"ws://{place}/", allow_insecure=allow_insecure
        )

    def __repr__(self) -> str:
        return f"<Emulator at {self.url}>"

    @property
    def port(self) -> int:
        """The port, also after `refuse_connections()`."""
        return self._door.address[1]

    @property
    def url(self) -> str:
        """The address, without a path: `http://127.0.0.1:PORT`."""
        return f"http://{at_host(*self._door.address)}"

    def refuse_connections(self) -> None:
        """Lose the network for newcomers: connecting is refused. Open connections stay. Idempotent."""
        self._door.refuse_connections()
        self._note("refuse_connections")

    def accept_connections(self) -> None:
        """Listen again, on the same port. Idempotent. Raises `OSError` when the port was taken meanwhile."""
        self._door.accept_connections()
        self._note("accept_connections")
