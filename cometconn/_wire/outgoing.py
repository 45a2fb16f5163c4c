"""Makes what the client sends: the text of each frame, and the JSON of each `POST /messages`.

Ids and times are arguments. The mappings are laid out as CometChat's own clients lay them out; its JavaScript and React
Native clients differ in small things, which `auth_frame` names. The response to a draft is the message with its id, times
and sender, in the form of the body of a `message` frame.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Literal

import attrs

from cometconn._json.encoding import NoJsonError, json_text
from cometconn._json.values import sendable
from cometconn._text.secret_names import is_secret_name
from cometconn.errors import SettingsError
from cometconn.settings import SubscriptionType

__all__ = [
    "ClientInfo",
    "Envelope",
    "auth_frame",
    "custom_draft",
    "edit_draft",
    "media_draft",
    "ping_frame",
    "receipt_frame",
    "strip_secrets",
    "text_draft",
    "transient_frame",
    "typing_frame",
]

_PING = '{"action":"ping","ack":"true"}'


@attrs.frozen(kw_only=True)
class ClientInfo:
    """What the auth frame contains about the client.

    Attributes:
        version: this library's version.
        api_version: CometChat's API version, `"v3.0"`.
        origin: the web page's origin; `None` (`null` on the wire) outside a browser.
        user_agent: the library and the Python it runs on.
        platform: the kind of client.
    """

    version: str
    api_version: str = "v3.0"
    origin: str | None = None
    user_agent: str
    platform: str


def auth_frame(
    *,
    app_id: str,
    session_id: str,
    device_id: str,
    uid: str,
    jwt: str | None,
    presence: SubscriptionType | None,
    roles: Sequence[str] = (),
    client: ClientInfo,
    uts: int,
) -> str:
    """Return the first frame of a connection. It holds the token: never log it.

    It contains `NONE` when no presence is wanted, as with React Native, and the roles, as with
    JavaScript. (JavaScript omits the field for none; React Native omits the roles, so that they
    have no effect there.)

    Args:
        app_id: CometChat's app.
        session_id: this run of the client; the server's echoes carry it.
        device_id: the id of this device, which never changes.
        uid: the logged-in user.
        jwt: the token; `None` leaves it out.
        presence: whose presence to report; `None` leaves the field out.
        roles: the roles for `SubscriptionType.ROLES`; left out if empty.
        client: what the frame contains about the client.
        uts: the time now, in milliseconds since 1970.
    """
    app_info = {"version": client.version, "apiVersion": client.api_version, "origin": client.origin, "uts": uts}
    params = {"appInfo": app_info, "userAgent": client.user_agent, "deviceId": device_id, "platform": client.platform}
    wanted = None if presence is None else presence.value
    body = _given(auth=jwt, deviceId=session_id, presenceSubscription=wanted, roles=list(roles) or None, params=params)
    return _json_text({"appId": app_id, "deviceId": session_id, "type": "auth", "sender": uid, "body": body})


def ping_frame() -> str:
    """Return the keepalive frame."""
    return _PING


@attrs.frozen
class Envelope:
    """What every frame to another user, or to a group, has around its body.

    Attributes:
        app_id: CometChat's app.
        session_id: this run of the client.
        uid: the logged-in user.
        user: the user's whole mapping, as the server sent it; secrets are taken out here.
        receiver: the other side of the conversation: a uid or a guid.
        receiver_type: `"user"` or `"group"`.
    """

    app_id: str
    session_id: str
    uid: str
    user: Mapping[str, Any]
    receiver: str
    receiver_type: str

    def around(self, kind: str, body: Mapping[str, Any], **more: object) -> str:
        """Return a frame of this *kind*. Raises `SettingsError` if the receiver is invalid, or *body* is not JSON."""
        _check_receiver(self.receiver, self.receiver_type)
        frame = {"appId": self.app_id, "receiver": self.receiver, "receiverType": self.receiver_type}
        frame |= {"deviceId": self.session_id, "type": kind, "sender": self.uid}
        return _json_text({**frame, **more, "body": {"user": sendable(strip_secrets(self.user)), **body}})


def typing_frame(
    envelope: Envelope, *, action: Literal["started", "ended"], metadata: Mapping[str, Any] | None = None
) -> str:
    """Return the frame that reports that the user begins or stops typing; *metadata* is the app's own. Raises `SettingsError`."""
    return envelope.around("typing_indicator", _given(action=action, metadata=metadata))


def receipt_frame(
    envelope: Envelope, *, action: Literal["read", "delivered"], message_id: int, message_sender: str
) -> str:
    """Return the frame that reports a message of *message_sender*, and all before it, as read or delivered."""
    body = {"action": action, "messageId": str(message_id)}
    return envelope.around("receipts", body, messageSender=message_sender)


def transient_frame(envelope: Envelope, *, data: Any) -> str:
    """Return the frame that carries *data*, any JSON value, to those connected now. Raises `SettingsError`."""
    return envelope.around("transient_message", {"data": data})


def strip_secrets(user: Mapping[str, Any]) -> dict[str, Any]:
    """Return a user's mapping without tokens and secrets, as other users may see it."""
    return {key: value for key, value in user.items() if not is_secret_name(key)}


def _check_receiver(receiver: object, receiver_type: object) -> None:
    """Raise `SettingsError` if *receiver* or *receiver_type* is invalid."""
    if not (isinstance(receiver, str) and receiver):
        message = f"receiver must be a uid or a guid, not {receiver!r}."
        raise SettingsError(message)
    if receiver_type not in {"user", "group"}:
        message = f'receiver_type must be "user" or "group", not {receiver_type!r}.'
        raise SettingsError(message)


def _json_text(whole: Mapping[str, Any]) -> str:
    """Return *whole* as JSON; `SettingsError` if a value in it has no JSON form."""
    try:
        return json_text(whole)
    except NoJsonError as error:
        message = f"The data or metadata cannot be sent, because it is not JSON: {error}."
        raise SettingsError(message) from None


# Messages that are sent over REST.


def text_draft(
    *, text: str, receiver: str, receiver_type: str, metadata: Mapping[str, Any] | None = None, **options: Any
) -> str:
    """Return a text message.

    Args:
        text: the text of the message.
        receiver: a uid or a guid.
        receiver_type: `"user"` or `"group"`.
        metadata: the app's own data.
        options: `muid`, `parent_message_id`, `quoted_message_id` and `tags`, as `CometChat.send_text()` has them.

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


def media_draft(
    *,
    type: str,  # noqa: A002 - CometChat's word, and the event's
    attachments: Sequence[Mapping[str, Any]],
    url: str | None = None,
    caption: str | None = None,
    receiver: str,
    receiver_type: str,
    metadata: Mapping[str, Any] | None = None,
    **options: Any,
) -> str:
    """Return a message with files.

    Args:
        type: `"image"`, `"video"`, `"audio"` or `"file"`.
        attachments: the files, as the server described them.
        url: the file's URL, if the file was not uploaded.
        caption: the text that belongs to the files.
        receiver: a uid or a guid.
        receiver_type: `"user"` or `"group"`.
        metadata: the app's own data.
        options: as for `text_draft()`.

    Raises:
        SettingsError: one of them is impossible.
    """
    if caption is not None:
        _check_text("caption", caption)
    data = {"attachments": list(attachments), **_given(url=url, text=caption, metadata=metadata)}
    return _draft("message", type, receiver, receiver_type, data, **options)


def edit_draft(*, text: str, metadata: Mapping[str, Any] | None = None, tags: Sequence[str] | None = None) -> str:
    """Return what `PUT /messages/{id}` needs to change a text message.

    Args:
        text: the new text.
        metadata: the new metadata; `None` leaves it out.
        tags: the new tags; `None` leaves them out.

    Raises:
        SettingsError: one of them is impossible.
    """
    _check_text("text", text)
    data = {"text": text, **_given(metadata=metadata)}
    draft = {"category": "message", "type": "text", "data": data}
    return _json_text({**draft, **_given(tags=None if tags is None else _checked_tags(tags))})


def _draft(
    category: str,
    kind: str,
    receiver: str,
    receiver_type: str,
    data: Mapping[str, Any],
    *,
    muid: str | None = None,
    parent_message_id: int | None = None,
    quoted_message_id: int | None = None,
    tags: Sequence[str] = (),
) -> str:
    _check_receiver(receiver, receiver_type)
    if muid is not None:
        _check_text("muid", muid)
    draft = {"category": category, "type": kind, "receiver": receiver, "receiverType": receiver_type, "data": data}
    parent_id, quoted_id = (None if each is None else str(each) for each in (parent_message_id, quoted_message_id))
    options = _given(muid=muid, parentId=parent_id, quotedMessageId=quoted_id, tags=_checked_tags(tags) or None)
    return _json_text({**draft, **options})


def _checked_tags(tags: Sequence[str]) -> list[str]:
    if isinstance(tags, str) or not all(isinstance(tag, str) and tag for tag in tags):
        message = f"tags must be a sequence of texts, not {tags!r}."
        raise SettingsError(message)
    return list(tags)


def _check_text(name: str, value: object) -> None:
    if not (isinstance(value, str) and value):
        message = f"{name} must be a text and not empty, not {value!r}."
        raise SettingsError(message)


def _given(**fields: object) -> dict[str, object]:
    return {name: value for name, value in fields.items() if value is not None}
