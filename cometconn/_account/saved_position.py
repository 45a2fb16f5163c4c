"""What a store saves of a position, from which catching up begins after a restart, and its text form."""

from __future__ import annotations

import json

import attrs

from cometconn._arguments import checked

from .saved_values import message_id, nonempty_text, parse, timestamp

__all__ = ["MOST_ACKNOWLEDGED", "POSITION_LIMIT", "SavedPosition"]

_SCHEMA = 1
MOST_ACKNOWLEDGED = 1024
POSITION_LIMIT = 64 * 1024
"""The most bytes of a text form; 1,024 ids of 19 digits take 22,000. A longer text is not read to its end."""


@checked
@attrs.frozen
class SavedPosition:
    """Which messages of one user are acknowledged. It contains no secret.

    Attributes:
        app_id: the app that it belongs to.
        uid: the user that it belongs to.
        since: where catching up begins if *message_id* is `None`, in seconds since 1970 on the server's clock.
        message_id: the position: every message up to this id is acknowledged.
        acknowledged: the ids of messages after *message_id* that are acknowledged, at most 1,024.
    """

    app_id: str
    uid: str
    since: float | None = None
    message_id: int | None = None
    acknowledged: tuple[int, ...] = ()

    def to_text(self) -> str:
        """Return the text to save: JSON, in ASCII."""
        return json.dumps({"schema": _SCHEMA, **attrs.asdict(self)})

    @classmethod
    def from_text(cls, text: str) -> SavedPosition:
        """Return the position in *text*. The text forms of all earlier versions of cometconn are accepted.

        Raises:
            ValueError: it is not a saved position, or one of its values is invalid.
        """
        data = parse(text, limit=POSITION_LIMIT, schemas=(_SCHEMA,))
        try:
            since, number, acknowledged = data["since"], data["message_id"], data["acknowledged"]
            if not isinstance(acknowledged, list) or len(acknowledged) > MOST_ACKNOWLEDGED:
                message = "not a list of ids, or too long"
                raise ValueError(message)
            return cls(
                nonempty_text(data["app_id"]),
                nonempty_text(data["uid"]),
                None if since is None else timestamp(since),
                None if number is None else message_id(number),
                tuple(map(message_id, acknowledged)),
            )
        except KeyError as error:
            message = "not a saved position"
            raise ValueError(message) from error
