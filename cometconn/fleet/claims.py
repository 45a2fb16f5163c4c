"""Claims and releases of one lease whose results are not known yet, so that none is forgotten (F8)."""

from __future__ import annotations

from collections.abc import Collection, Iterable

import attrs

from .engine import EngineConnection
from .lease import LocalLease
from .values import Claim, Claimed, Incarnation, OwnerWord, Release

__all__ = ["Claims"]

_MOST = 256  # in one call


@attrs.define(eq=False)
class Claims:
    """What was requested of the engine, and repeated until the engine has acknowledged it.

    Attributes:
        incarnation: the member that claims.
        connection: to the engine.
        lease: what is claimed after its end is not taken.
    """

    incarnation: Incarnation
    connection: EngineConnection
    lease: LocalLease
    _claims: dict[str, Claim] = attrs.field(factory=dict, init=False)
    _releases: dict[str, Release] = attrs.field(factory=dict, init=False)

    @property
    def unknown(self) -> Collection[str]:
        """The keys whose claims have no result yet."""
        return self._claims.keys()

    @property
    def keys(self) -> set[str]:
        """The keys that are claimed or released at present."""
        return {*self._claims, *self._releases}

    async def claim(self, keys: Iterable[str]) -> list[Claimed]:
        """Claim *keys*, and what was claimed before without a result. Return what succeeded: keep it or release it.

        Raises `LeaseLostError`, and `EngineError`: then call again.
        """
        self._claims.update((key, Claim(key)) for key in keys)
        claims, claimed = list(self._claims.values()), []
        for start in range(0, len(claims), _MOST):
            for result in await self.connection.claim(self.incarnation, claims[start : start + _MOST]):
                del self._claims[result.key]
                if isinstance(result, Claimed):
                    claimed.append(result)
                elif result.owner is not None and result.owner.incarnation == self.incarnation:
                    self.release(result.key, result.owner)  # a cancelled claim that was made late
        self.lease.check()
        return claimed

    def release(self, key: str, word: OwnerWord, *, parked: str | None = None) -> None:
        """Give *key* back with the next `send_releases()`."""
        self._releases[key] = Release(key, word, parked)

    async def send_releases(self) -> None:
        """Give back until the engine has acknowledged it. Raises `EngineError`: then call again."""
        releases = list(self._releases.values())
        if releases:
            await self.connection.release(releases)
        for release in releases:
            if self._releases.get(release.key) is release:
                del self._releases[release.key]
