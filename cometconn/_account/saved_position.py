"""The text form of a saved position: where catching up begins after a restart."""

from __future__ import annotations

import json

import attrs

from .judged import message_id, moment, nonempty, structure

__all__ = ["MOST_ACKNOWLEDGED", "POSITION_LIMIT", "SavedPosition"]

_SCHEMA = 1
MOST_ACKNOWLEDGED = 1024
POSITION_LIMIT = 64 * 1024
"""Bytes: 1,024 ids of 19 digits have 22,000. A longer text is not read to its end."""


@attrs.frozen
class SavedPosition:
    """Up to where one user's messages are acknowledged. There is no secret in it.

    Attributes:
        app_id: the app that it belongs to.
        uid: the user that it belongs to.
        since: where to begin when *message_id* is `None`: seconds since 1970, by the server's clock.
        message_id: the position: every message up to it was acknowledged.
        acknowledged: ids of messages beyond it that were acknowledged, at most 1,024.
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
        """Return what *text* holds. Every form that a version of cometconn ever saved is read.

        Raises:
            ValueError: it is no saved position, or one of its values makes no sense.
        """
        if len(text) > POSITION_LIMIT:
            message = "too long"
            raise ValueError(message)
        try:
            data = structure(json.loads(text))
            schema, acknowledged = data["schema"], data["acknowledged"]
            if type(schema) is not int or schema != _SCHEMA:
                message = "of another version"
                raise ValueError(message)
            if not isinstance(acknowledged, list) or len(acknowledged) > MOST_ACKNOWLEDGED:
                message = "no list of ids, or too long a one"
                raise ValueError(message)
            since, number = data["since"], data["message_id"]
            return cls(
                nonempty(data["app_id"]),
                nonempty(data["uid"]),
                None if since is None else moment(since),
                None if number is None else message_id(number),
                tuple(map(message_id, acknowledged)),
            )
        except (KeyError, RecursionError) as error:
            message = "no position"
            raise ValueError(message) from error
