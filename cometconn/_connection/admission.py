"""Waits for the program's permission, `open_client(admission=)`, before each login and each dial."""

from __future__ import annotations

from typing import TYPE_CHECKING

import attrs

from cometconn.errors import ApiError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from cometconn._text.foreign_text import KnownSecrets

    from .link import Link
    from .machine import Machine

__all__ = ["Admission"]


@attrs.frozen(eq=False)
class Admission:
    """The permission to log in and to dial, which a program gives by an async callable.

    Attributes:
        call: the callable; `None` admits everything.
        secrets: the secrets that are masked in errors.
    """

    call: Callable[[], Awaitable[object]] | None
    secrets: KnownSecrets = attrs.field(repr=False)

    async def wait(self) -> None:
        """Return when the callable has returned.

        Raises:
            ApiError: the callable raised, or is not async. `code` is `ADMISSION_FAILED`; `retry_after` is that of the
                exception, if it has one.
        """
        if self.call is None:
            return
        try:
            await self.call()
        except Exception as error:  # noqa: BLE001 - whatever a program raises means that the attempt has failed
            words = self.secrets.masked_line(error) or type(error).__name__
            failed = ApiError(f"open_client(admission=...) has failed: {words}", code="ADMISSION_FAILED")
            if isinstance(error, ApiError):
                failed.retry_after = error.retry_after
            raise failed from self.secrets.error(error)

    async def wait_for_attempt(self, machine: Machine, link: Link) -> None:
        """Do the same for the attempt of *link*, whose time limit stands still meanwhile."""
        if self.call is None:
            return
        step, link.step = link.step, "open_client(admission=...)"
        with machine.attempt_paused(link):
            await self.wait()
        link.step = step
