"""What a line between client and server does wrong on purpose: values, scripted or drawn from a seed."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

import attrs

from cometconn.errors import SettingsError

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["End", "LineFaults", "random_faults"]

End: TypeAlias = Literal["close", "reset", "half-open"]
_ENDS: tuple[End, ...] = ("close", "reset", "half-open")


def _check_seconds(_: object, attribute: attrs.Attribute[Any], value: float) -> None:
    if not 0 <= value <= 3600:  # noqa: PLR2004 - an hour
        message = f"LineFaults: {attribute.name} must be from 0 to 3600 seconds, not {value!r}."
        raise SettingsError(message)


def _check_rate(_: object, attribute: attrs.Attribute[Any], value: float | None) -> None:
    if value is not None and not value > 0:
        message = f"LineFaults: {attribute.name} must be more than 0 bytes a second, or None, not {value!r}."
        raise SettingsError(message)


def _check_count(_: object, attribute: attrs.Attribute[Any], value: int | None) -> None:
    if value is not None and value < 0:
        message = f"LineFaults: {attribute.name} must be 0 or more bytes, or None, not {value!r}."
        raise SettingsError(message)


def _one_of(*words: str) -> Any:
    def check(_: object, attribute: attrs.Attribute[Any], value: object) -> None:
        if value not in words:
            message = f"LineFaults: {attribute.name} must be one of {', '.join(map(repr, words))}, not {value!r}."
            raise SettingsError(message)

    return check


@attrs.frozen(kw_only=True)
class LineFaults:
    """How one connection through a `FaultProxy` fares. The defaults are those of a good line.

    Frames are counted from 0, text and binary ones only, in the direction that `toward`
    names; bytes likewise, the answer to the upgrade included.

    Attributes:
        delay: seconds every byte is under way, in both directions.
        jitter: up to so many seconds more, chosen anew for each piece; the order is kept.
        rate: bytes a second, in each direction; `None` for as many as there are.
        end_after: after so many bytes the connection ends; `None` for never. A frame may be torn.
        end: how: `close` (the end of the stream, as if the peer had gone), `reset` (RST), or
            `half-open` (nothing passes any more, and nobody is told).
        drop_frames: the numbers of frames that vanish.
        duplicate_frames: the numbers of frames that come twice.
        toward: the direction in which bytes and frames are counted: to the `client`, or to the `server`.
        refuse: the connection is reset as soon as it is made.
    """

    delay: float = attrs.field(default=0.0, validator=_check_seconds)
    jitter: float = attrs.field(default=0.0, validator=_check_seconds)
    rate: float | None = attrs.field(default=None, validator=_check_rate)
    end_after: int | None = attrs.field(default=None, validator=_check_count)
    end: End = attrs.field(default="close", validator=_one_of(*_ENDS))
    drop_frames: frozenset[int] = attrs.field(factory=frozenset)
    duplicate_frames: frozenset[int] = attrs.field(factory=frozenset)
    toward: Literal["client", "server"] = attrs.field(default="client", validator=_one_of("client", "server"))
    refuse: bool = False


def random_faults(
    seed: int, *, good: float = 0.3, most_delay: float = 0.02, most_bytes: int = 20_000, lossy: bool = False
) -> Iterator[LineFaults]:
    """Draw faults for one connection after the other, without end; the same seed gives the same ones.

    Args:
        seed: where to begin.
        good: the share of lines without any fault.
        most_delay: seconds, of delay and of jitter.
        most_bytes: a connection that ends does so within so many bytes.
        lossy: also let single frames vanish or come twice, which no TCP line does: a
            program that counts on each message once must then expect to miss some.
    """
    draw = random.Random(seed)  # noqa: S311 - weather, not a secret
    while True:
        if draw.random() < good:
            yield LineFaults()
            continue
        ends = draw.random() < 0.7  # noqa: PLR2004 - a share
        yield LineFaults(
            delay=draw.uniform(0, most_delay),
            jitter=draw.uniform(0, most_delay),
            rate=draw.choice([None, None, 50_000.0, 500_000.0]),
            end_after=draw.randrange(most_bytes) if ends else None,
            end=draw.choice(_ENDS),
            drop_frames=_two(draw) if lossy else frozenset(),
            duplicate_frames=_two(draw) if lossy else frozenset(),
            toward=draw.choice(["client", "client", "server"]),
            refuse=draw.random() < 0.1,  # noqa: PLR2004 - a share
        )


def _two(draw: random.Random) -> frozenset[int]:
    """Draw the numbers of two frames; the first of all, the answer to the auth frame, is spared."""
    return frozenset(draw.sample(range(1, 20), 2))
