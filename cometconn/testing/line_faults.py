"""The faults of a connection through a `FaultProxy`, set by hand or drawn from a seed."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

import attrs

from cometconn._arguments import checked
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


@checked
@attrs.frozen(kw_only=True)
class LineFaults:
    """The faults of one connection through a `FaultProxy`. The defaults are no faults.

    Frames are counted from 0, only text and binary ones, in the direction that `toward` names. Bytes are counted in the
    same direction, including the HTTP head of the upgrade.

    Attributes:
        delay: the seconds by which every byte is delayed, in both directions.
        jitter: the most seconds of an additional delay, drawn for each piece; the order is kept.
        rate: the bytes a second in each direction; `None` for no limit.
        end_after: the number of bytes after which the connection ends, perhaps inside a frame; `None` for never.
        end: how it ends: `close` (the end of the stream, as if the peer had closed), `reset` (RST), or `half-open`
            (nothing is passed on any more, and neither side is notified).
        drop_frames: the numbers of the frames that are dropped.
        duplicate_frames: the numbers of the frames that are sent twice.
        toward: the direction in which bytes and frames are counted: to the `client` or to the `server`.
        refuse: whether the proxy closes the connection instead of passing it on.
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


@checked
def random_faults(
    seed: int, *, good: float = 0.3, most_delay: float = 0.02, most_bytes: int = 20_000, lossy: bool = False
) -> Iterator[LineFaults]:
    """Draw the faults of one connection after the other, without end. The same seed gives the same faults.

    Args:
        seed: the seed of the random numbers.
        good: the share of connections without faults.
        most_delay: the largest delay, and the largest jitter, in seconds.
        most_bytes: the most bytes after which a connection ends, if it ends.
        lossy: also drop and duplicate single frames, which TCP never does: a program that relies on receiving each
            message once then misses some.
    """
    draw = random.Random(seed)  # noqa: S311 - faults, not secrets
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
    """Draw the numbers of two frames, but never 0, which is the reply to the auth frame."""
    return frozenset(draw.sample(range(1, 20), 2))
