"""What becomes of a message that is longer than it may be."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cometconn._json.parts import raw_message_id
from cometconn._transport.abc import LONG_MESSAGE_HEAD
from cometconn.errors import DecodeError
from cometconn.events import UnreadableFrame

if TYPE_CHECKING:
    from cometconn._transport.abc import LongMessage
    from cometconn.settings import Limits

__all__ = ["long_fetched", "long_frame"]


def long_frame(message: LongMessage, limits: Limits) -> UnreadableFrame:
    """Return the event of *message*, which came over the socket."""
    return UnreadableFrame(message.head, _error("frame", message.size, limits))


def long_fetched(text: bytes, limits: Limits) -> UnreadableFrame:
    """Return the event of the message of which *text* is the JSON, and which came over REST."""
    head = text[:LONG_MESSAGE_HEAD].decode("utf-8", "ignore")
    return UnreadableFrame(head, _error("fetched message", len(text), limits), raw_message_id(text))


def _error(what: str, size: int, limits: Limits) -> DecodeError:
    kept = "its first 64 KiB are kept" if size > LONG_MESSAGE_HEAD else "it was not read"
    return DecodeError(f"The {what} has {size:,} bytes, and Limits.max_message is {limits.max_message:,}: {kept}.")
