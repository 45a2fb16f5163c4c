"""REST for sending: messages, replies in threads, and files with them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cometconn.emulator.jsontext import parse

from .call import Call, Route
from .responses import Refusal

if TYPE_CHECKING:
    from cometconn.emulator.jsontext import Json

__all__ = ["SEND_ROUTES", "check_receiver"]

_CATEGORIES = frozenset({"custom", "interactive", "message"})
_MEDIA = frozenset({"audio", "file", "image", "video"})


def check_receiver(call: Call) -> tuple[str, str]:
    """Return the receiver and its type, which the request's user must be able to reach."""
    receiver, receiver_type = call.text("receiver"), call.text("receiverType")
    if receiver_type == "group":
        call.joined_group(receiver)
    elif receiver_type == "user":
        call.known_user(receiver)
    else:
        raise Refusal(400, "ERR_BAD_REQUEST", "The field receiverType must be user or group.")
    return receiver, receiver_type


def _reply(call: Call) -> Json:
    """Send a message into the thread of another."""
    return _send(call, str(call.message()["id"]))


def _send_message(call: Call) -> Json:
    parent_id = call.body.get("parentId") or ""
    if isinstance(parent_id, bool) or not isinstance(parent_id, str | int):
        raise Refusal(400, "ERR_BAD_REQUEST", "The field parentId must be the id of a message.")
    return _send(call, str(parent_id))


def _send(call: Call, parent_id: str) -> Json:
    app, sender = call.app, call.person().uid
    receiver, receiver_type = check_receiver(call)
    category, kind = call.text("category"), call.text("type")
    if category not in _CATEGORIES:
        raise Refusal(400, "ERR_BAD_REQUEST", f"The field category must be one of {', '.join(sorted(_CATEGORIES))}.")
    extras: Json = {
        "muid": _muid(call),
        "parentId": parent_id,
        "quotedMessageId": _quoted(call),
        "tags": call.texts("tags"),
    }
    data = _data(call, needs_files=category == "message" and kind in _MEDIA)
    if category == "message" and kind == "text" and not (isinstance(data.get("text"), str) and data["text"]):
        raise Refusal(400, "ERR_EMPTY_MESSAGE_TEXT", "The field data.text must be a text and not empty.")
    draft: Json = {"receiver": receiver, "receiverType": receiver_type, "category": category, "type": kind}
    draft |= {name: value for name, value in extras.items() if value}
    if (parent := app.messages.get(parent_id)) is not None:
        parent["replyCount"] = parent.get("replyCount", 0) + 1
        app.messages.subscriptions[sender, parent["id"]] = True
    posted = app.post(sender, {**draft, "data": data}, device_id=call.device_id)
    return {"data": posted}


def _muid(call: Call) -> str:
    """Return the client's id of the message; empty when it has none. Two messages may have the same."""
    muid = call.body.get("muid", "")
    if not isinstance(muid, str):
        raise Refusal(400, "ERR_BAD_REQUEST", "The field muid must be a text.")
    return muid


def _quoted(call: Call) -> str:
    """Return the id of the message that is quoted, which must be in a conversation of the user; or an empty text."""
    identifier = call.body.get("quotedMessageId")
    return "" if not identifier else str(call.message(str(identifier))["id"])


def _data(call: Call, *, needs_files: bool) -> Json:
    """Return the `data` of the message; of a form that is JSON text, and the form's files are added to it."""
    if call.form is None:
        data = call.data()
        data.pop("mentions", None)  # the server finds them in the text
        if needs_files and not (data.get("url") or data.get("attachments")):
            raise Refusal(400, "ERR_BAD_REQUEST", "A media message must have data.url, data.attachments or files.")
        return data
    sent = parse(call.body.get("data") or "{}")
    if sent is None:
        raise Refusal(400, "ERR_BAD_REQUEST", "The field data must be the text of a JSON object.")
    if not call.form.files:
        raise Refusal(400, "ERR_BAD_REQUEST", "The form has no file.")
    attachments = []
    for file in tuple(call.form.files):
        stored = call.form.take(file).finish(call.app.files.new_id(), file.name, file.mime_type)
        attachments.append(stored.attachment(call.base_url))
    return {**sent, "url": attachments[0]["url"], "attachments": attachments}


SEND_ROUTES: tuple[Route, ...] = (
    ("POST", "messages", _send_message),
    ("POST", "messages/{id}/thread", _reply),
)
