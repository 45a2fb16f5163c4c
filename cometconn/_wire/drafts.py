"""Messages before they are sent: functions that return the JSON of one `POST /messages` each.

What the server makes of it (id, times, sender) comes back with the answer, as the body of a
`message` frame.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from cometconn.errors import SettingsError

from .frames import check_receiver, json_text

__all__ = ["custom_draft", "text_draft"]


def text_draft(
    *, text: str, receiver: str, receiver_type: str, metadata: Mapping[str, Any] | None = None, **options: Any
) -> str:
    """Return a text message.

    Args:
        text: what to say.
        receiver: a uid or a guid.
        receiver_type: `"user"` or `"group"`.
        metadata: the app's own data.
        options: `muid`, `parent_message_id` and `tags`, as `CometChat.send_text()` has them.

    Raises:
        SettingsError: one of them is impossible.
    """
    _check_text("text", text)
    data = {"text": text, **_given(metadata=metadata)}
    return _draft("message", "text", receiver, receiver_type, data, **options)


def custom_draft(
    *,
    type: str,  # noqa: A002 - CometChat's word, and the event's
    data: Mapping[str, Any],
    receiver: str,
    receiver_type: str,
    sub_type: str | None = None,
    metadata: Mapping[str, Any] | None = None,
    **options: Any,
) -> str:
    """Return a custom message.

    Args:
        type: the app's own name for this kind of message.
        data: its content.
        receiver: a uid or a guid.
        receiver_type: `"user"` or `"group"`.
        sub_type: a finer name.
        metadata: the app's own data beside the content.
        options: as for `text_draft()`.

    Raises:
        SettingsError: one of them is impossible.
    """
    _check_text("type", type)
    if not isinstance(data, Mapping):
        message = f"data must be a mapping, not {data!r}."
        raise SettingsError(message)
    content = {"customData": data, **_given(subType=sub_type, metadata=metadata)}
    return _draft("custom", type, receiver, receiver_type, content, **options)


def _draft(
    category: str,
    kind: str,
    receiver: str,
    receiver_type: str,
    data: Mapping[str, Any],
    *,
    muid: str | None = None,
    parent_message_id: int | None = None,
    tags: Sequence[str] = (),
) -> str:
    check_receiver(receiver, receiver_type)
    if muid is not None:
        _check_text("muid", muid)
    if isinstance(tags, str) or not all(isinstance(tag, str) and tag for tag in tags):
        message = f"tags must be a sequence of texts, not {tags!r}."
        raise SettingsError(message)
    draft = {"category": category, "type": kind, "receiver": receiver, "receiverType": receiver_type, "data": data}
    parent_id = None if parent_message_id is None else str(parent_message_id)
    return json_text({**draft, **_given(muid=muid, parentId=parent_id, tags=list(tags) or None)})


def _check_text(name: str, value: object) -> None:
    if not (isinstance(value, str) and value):
        message = f"{name} must be a text and not empty, not {value!r}."
        raise SettingsError(message)


def _given(**fields: object) -> dict[str, object]:
    return {name: value for name, value in fields.items() if value is not None}
