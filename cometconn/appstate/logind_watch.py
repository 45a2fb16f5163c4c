"""systemd-logind over one connection to the bus: its delay lock, and its announcements of sleep."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Protocol, Self

import attrs

from .system_bus import BUS, RefusedError

if TYPE_CHECKING:
    from .source import AppStateTarget, BackgroundGuard
    from .system_bus import Bus

__all__ = ["DelayLock", "LogindWatch"]

_LOG = logging.getLogger("cometconn")
_LOGIND = "org.freedesktop.login1"
_PATH = "/org/freedesktop/login1"
_MANAGER = "org.freedesktop.login1.Manager"
_BUS_PATH = "/org/freedesktop/DBus"
_SLEEPING = f"type='signal',path='{_PATH}',interface='{_MANAGER}',member='PrepareForSleep'"
_OWNED = f"type='signal',sender='{BUS}',member='NameOwnerChanged',arg0='{_LOGIND}'"


class _Closeable(Protocol):
    def close(self) -> None: ...


@attrs.define(eq=False)
class DelayLock:
    """logind's delay lock: held while its file descriptor is open."""

    _bus: Bus
    _who: str
    _why: str
    _descriptor: _Closeable | None = attrs.field(default=None, init=False)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.release()

    async def take(self) -> None:
        """Take the lock, unless it is held."""
        if self._descriptor is None:
            arguments = ("sleep", self._who, self._why, "delay")
            (self._descriptor,) = await self._bus.call(_LOGIND, _PATH, f"{_MANAGER}.Inhibit", "ssss", arguments)

    def release(self) -> None:
        """Release the lock, so that the machine may sleep. Idempotent."""
        if self._descriptor is not None:
            self._descriptor.close()
            self._descriptor = None


@attrs.define(eq=False)
class LogindWatch:
    """Handles what logind announces on one connection to the bus, in order."""

    _chat: AppStateTarget
    _bus: Bus
    _lock: DelayLock
    _away: BackgroundGuard
    _patience: float
    _owner: str = attrs.field(default="", init=False)

    async def begin(self) -> None:
        """Subscribe first and read the state afterwards, so that no change between the two is missed."""
        await self._bus.subscribe(_SLEEPING)
        await self._bus.subscribe(_OWNED)
        (owner,) = await self._bus.call(BUS, _BUS_PATH, f"{BUS}.GetNameOwner", "s", (_LOGIND,))
        await self._new_owner(owner)

    async def run(self) -> None:
        """Handle signals until the bus disconnects, which raises `BusError`."""
        while True:
            signal = await self._bus.next_signal()
            if signal.sender == BUS and signal.member == f"{BUS}.NameOwnerChanged":
                await self._owner_changed(*signal.body)
            elif signal.sender == self._owner and signal.member == f"{_MANAGER}.PrepareForSleep":
                await self._sleep_changed(sleeping=bool(signal.body[0]))

    async def _owner_changed(self, name: str, before: str, after: str) -> None:
        del name, before
        self._lock.release()
        self._owner = after
        if after:
            await self._new_owner(after)
        else:
            _LOG.warning("systemd-logind is gone for now: before the next sleep the connection would not be closed.")
            self._away.end()

    async def _new_owner(self, owner: str) -> None:
        self._owner = owner
        arguments = (_MANAGER, "PreparingForSleep")
        ((_, sleeping),) = await self._bus.call(_LOGIND, _PATH, f"{BUS}.Properties.Get", "ss", arguments)
        if sleeping:
            await self._sleep_changed(sleeping=True)
        else:
            await self._lock.take()

    async def _sleep_changed(self, *, sleeping: bool) -> None:
        if sleeping:
            self._away.begin()
            await self._away.wait_quiet(self._patience)
            self._lock.release()
        else:
            self._away.end()
            self._chat.retry_now()
            try:
                await self._lock.take()
            except RefusedError as error:
                _LOG.warning(
                    "systemd-logind refuses the delay lock, so it may not wait for the closing handshake at the next sleep: %s.",
                    error,
                )
