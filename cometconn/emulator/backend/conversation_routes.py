"""REST for conversations, as the request's user sees them: lists, tags, deletion."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .call import Call, Route
from .responses import Refusal

if TYPE_CHECKING:
    from collections.abc import Sequence

    from cometconn.emulator.jsontext import Json

__all__ = ["CONVERSATION_ROUTES", "conversation"]


def conversation(call: Call) -> Json:
    """Describe the conversation that the path names."""
    identifier = call.conversation()
    messages = [m for m in call.app.messages if m["conversationId"] == identifier and _belongs(m) and call.visible(m)]
    if "guid" in call.path:
        return _describe(call, identifier, "group", call.path["guid"], messages)
    return _describe(call, identifier, "user", call.path["uid"], messages)


def _describe(call: Call, identifier: str, kind: str, other: str, messages: Sequence[Json]) -> Json:
    uid, app = call.person().uid, call.app
    unread = [message for message in messages if call.is_unread(message)]
    last_read = app.messages.receipts.last(identifier, uid, "read")
    pinned_at = app.conversations.pinned_at(uid, identifier)
    return {
        "conversationId": identifier,
        "conversationType": kind,
        "conversationWith": app.groups[other].public(uid) if kind == "group" else app.public(other, by=uid),
        "unreadMessageCount": len(unread),
        "unreadMentionsCount": sum(uid in message["data"].get("mentions", ()) for message in unread),
        "lastReadMessageId": str(last_read),
        "tags": app.conversations.tags(uid, identifier),
        **({} if pinned_at is None else {"pinnedAt": pinned_at, "pinnedBy": uid}),
        **({"lastMessage": call.view(messages[-1]), "latestMessageId": messages[-1]["id"]} if messages else {}),
    }


def _belongs(message: Json) -> bool:
    """Whether this is a message of a conversation: the action that edits or deletes one is not."""
    return not (message["category"] == "action" and message["type"] == "message")


def _one(call: Call) -> Json:
    return {"data": conversation(call)}


def _list(call: Call) -> Json:
    """List the conversations that have messages: the pinned ones first, and the one with the newest message first."""
    kind, tags, pinned_by = call.query.get("conversationType"), call.names("tags"), call.names("pinnedBy")
    if kind not in {None, "user", "group"}:
        raise Refusal(400, "ERR_BAD_REQUEST", "The parameter conversationType must be user or group.")
    found = [shown for shown in _all(call) if kind in {None, shown["conversationType"]}]
    return call.listing(
        [
            shown
            for shown in found
            if (not call.flag("unread") or shown["unreadMessageCount"])
            and (not tags or not tags.isdisjoint(shown["tags"]))
            and (not pinned_by or ("pinnedAt" in shown and "me" in pinned_by))
            and _has_tags_of_the_other(call, shown)
            and call.searches(shown["conversationWith"]["name"])
        ]
    )


def _has_tags_of_the_other(call: Call, shown: Json) -> bool:
    """Whether the other user, or the group, has one of the tags that the URL names for it, if it names some."""
    wanted = call.names(f"{shown['conversationType']}Tags")
    named = wanted or call.names("userTags") | call.names("groupTags")
    return not named or not wanted.isdisjoint(shown["conversationWith"].get("tags", ()))


def _all(call: Call) -> list[Json]:
    uid = call.person().uid
    messages: dict[str, list[Json]] = {}
    for message in filter(call.visible, call.app.messages):
        if _belongs(message):
            messages.setdefault(message["conversationId"], []).append(message)

    def age(item: tuple[str, list[Json]]) -> tuple[int, int]:
        return (call.app.conversations.pinned_at(uid, item[0]) or 0, int(item[1][-1]["id"]))

    newest_first = sorted(messages.items(), key=age, reverse=True)
    return [
        _describe(call, identifier, found[-1]["receiverType"], _other(uid, found[-1]), found)
        for identifier, found in newest_first
    ]


def _other(uid: str, message: Json) -> str:
    """Return the guid of the message's group, or the uid of the other user."""
    mine = message["receiverType"] == "group" or message["sender"] == uid
    other: str = message["receiver"] if mine else message["sender"]
    return other


def _tag(call: Call) -> Json:
    call.app.conversations.tag(call.person().uid, call.conversation(), call.texts("tags"))
    return _one(call)


def _delete(call: Call) -> Json:
    """Delete the conversation for the request's user; others keep it."""
    identifier = call.conversation()
    ids = [int(message["id"]) for message in call.app.messages if message["conversationId"] == identifier]
    call.app.conversations.delete(call.person().uid, identifier, max(ids, default=0))
    return {"data": {"success": True, "message": "The conversation is deleted."}}


CONVERSATION_ROUTES: tuple[Route, ...] = (
    ("GET", "conversations", _list),
    ("GET", "users/{uid}/conversation", _one),
    ("GET", "groups/{guid}/conversation", _one),
    ("PUT", "users/{uid}/conversation", _tag),
    ("PUT", "groups/{guid}/conversation", _tag),
    ("DELETE", "users/{uid}/conversation", _delete),
    ("DELETE", "groups/{guid}/conversation", _delete),
)
