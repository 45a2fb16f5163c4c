"""One REST request: what it holds, what it names, and what its user may see."""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING, TypeAlias

import attrs

from cometconn.emulator.jsontext import Json
from cometconn.emulator.world.frames import frame
from cometconn.emulator.world.people import group_conversation, private_conversation

from .query import flag, list_page, names
from .responses import Refusal, listing

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from cometconn._environment import Response
    from cometconn.emulator.faults import Faults
    from cometconn.emulator.world.chat_app import ChatApp
    from cometconn.emulator.world.files import StoredFile
    from cometconn.emulator.world.people import Group, Person

    from .form import Form

__all__ = ["Call", "Handler", "Route"]


@attrs.frozen
class Call:
    """One request, taken apart. A method raises `Refusal` where the request must be refused.

    Attributes:
        app: the app that it is for.
        settings: makes the server's settings object.
        base_url: the address of the server, as clients know it, without a path.
        faults: what the server does wrong on purpose.
        path: the segments of the route's pattern in braces, by name.
        query: the URL's parameters.
        headers: names in lower case.
        body: the JSON object, or the fields of the form; empty when none was sent.
        form: the form, if the body is one.
    """

    app: ChatApp
    settings: Callable[[], Json] = attrs.field(repr=False)
    base_url: str
    faults: Faults
    path: Mapping[str, str]
    query: Mapping[str, str]
    headers: Mapping[str, str] = attrs.field(repr=False)
    body: Json = attrs.field(repr=False)
    form: Form | None = None

    # The request itself

    @property
    def device_id(self) -> str:
        """The session id of the client that sent the request; empty when it names none."""
        return self.headers.get("resource", "")

    def token(self) -> str:
        """Return the auth token, which must be valid."""
        token = self.headers.get("authtoken", "")
        if self.app.sessions.user_of_token(token) is None:
            raise Refusal(401, "AUTH_ERR_AUTH_TOKEN_NOT_FOUND", "The auth token is unknown: log in again.")
        return token

    def person(self) -> Person:
        """Return the user of the auth token."""
        return self.app.people[self.app.sessions.user_of_token(self.token()) or ""]

    def check_key(self, *, rest_api_key: bool = False) -> None:
        """Refuse a request without a key of the app; with *rest_api_key* the auth key is not enough."""
        key = self.headers.get("apikey")
        if key not in {self.app.auth_key, self.app.api_key}:
            raise Refusal(401, "AUTH_ERR_INVALID_API_KEY", "The key is neither the auth key nor the REST API key.")
        if rest_api_key and key != self.app.api_key:
            raise Refusal(403, "AUTH_ERR_NO_ACCESS", "An auth key may not do that: it takes the REST API key.")

    def text(self, name: str) -> str:
        """Return a field of the body that must be a text and not empty."""
        value = self.body.get(name)
        if not isinstance(value, str) or not value:
            raise Refusal(400, "ERR_BAD_REQUEST", f"The field {name} must be a text and not empty.")
        return value

    def texts(self, name: str) -> list[str]:
        """Return a field of the body that may be left out, or must be a list of texts."""
        value = self.body.get(name) or []
        if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
            raise Refusal(400, "ERR_BAD_REQUEST", f"The field {name} must be a list of texts.")
        return value

    def data(self) -> Json:
        """Return the body's `data`, which must be an object."""
        data = self.body.get("data")
        if not isinstance(data, dict):
            raise Refusal(400, "ERR_BAD_REQUEST", "The field data must be an object.")
        return data

    def flag(self, name: str) -> bool:
        """Whether a parameter of the URL is `1` or `true`."""
        return flag(self.query, name)

    def names(self, name: str) -> frozenset[str]:
        """Return the names that a parameter of the URL lists, separated by commas."""
        return names(self.query, name)

    def searches(self, *texts: str) -> bool:
        """Whether one of these texts contains the URL's `searchKey`."""
        wanted = self.query.get("searchKey", "").lower()
        return any(wanted in text.lower() for text in texts)

    def listing(self, items: Sequence[Json]) -> Json:
        """Return the page of a list that the URL names."""
        try:
            page, per_page = list_page(self.query)
        except ValueError as error:
            raise Refusal(400, "ERR_BAD_REQUEST", str(error)) from error
        return listing(items, page=page, per_page=per_page)

    def has_status(self, user: Json) -> bool:
        """Whether a user has the URL's `status`. The JavaScript SDK calls `online` `available`."""
        wanted = self.query.get("status", user["status"])
        return bool(user["status"] == ("online" if wanted == "available" else wanted))

    def set_profile(self, profile: Json, **kinds: type) -> None:
        """Set the fields of a profile that the body names, each of which must have its type; `null` removes one."""
        for name, kind in kinds.items():
            value = self.body.get(name)
            if value is not None and not isinstance(value, kind):
                raise Refusal(400, "ERR_BAD_REQUEST", f"The field {name} has the wrong type.")
        for name in set(kinds) & set(self.body):
            if self.body[name] is None:
                profile.pop(name, None)
            else:
                profile[name] = copy.deepcopy(self.body[name])

    # What it names

    def known_user(self, uid: str) -> str:
        """Return the uid if there is such a user."""
        if uid not in self.app.people:
            raise Refusal(404, "ERR_UID_NOT_FOUND", f"There is no user with the uid {uid}.")
        return uid

    def known_group(self, guid: str) -> Group:
        """Return the group if there is one."""
        group = self.app.groups.get(guid)
        if group is None:
            raise Refusal(404, "ERR_GUID_NOT_FOUND", f"There is no group with the guid {guid}.")
        return group

    def joined_group(self, guid: str) -> Group:
        """Return the group if the request's user is a member."""
        group, uid = self.known_group(guid), self.person().uid
        if uid not in group.members:
            raise Refusal(403, "ERR_GROUP_NOT_JOINED", f"{uid} is not a member of the group {guid}.")
        return group

    def conversation(self) -> str:
        """Return the id of the conversation that the path names, by a guid or by the other user's uid."""
        if "guid" in self.path:
            return group_conversation(self.joined_group(self.path["guid"]).guid)
        return private_conversation(self.person().uid, self.known_user(self.path["uid"]))

    def message(self, identifier: str | None = None) -> Json:
        """Return the message of this id, or of the path's, if it is in a conversation of the request's user."""
        wanted = self.path["id"] if identifier is None else identifier
        message = self.app.messages.get(wanted)
        if message is None or self.person().uid not in self.app.concerned(message):
            raise Refusal(404, "ERR_MESSAGE_ID_NOT_FOUND", "There is no such message in your conversations.")
        return message

    def view(self, message: Json) -> Json:
        """Return a message with its reactions, and when it was saved, as the request's user sees them."""
        uid, messages = self.person().uid, self.app.messages
        view: Json = copy.deepcopy(message)
        view["data"]["reactions"] = messages.reactions.summary(message, uid)
        if (uid, message["id"]) in messages.saved:
            view["savedAt"] = messages.saved[uid, message["id"]]
        if uid in message["data"].get("mentions", ()):
            view["hasMentionedMe"] = True
        if self.flag("withThreadSubscribed"):
            view["threadSubscribed"] = self.subscribed(message)
        return view

    def subscribed(self, message: Json) -> bool:
        """Whether the request's user has subscribed to the thread of this message, by itself or by a reply."""
        return self.app.messages.subscriptions.get((self.person().uid, message["id"]), False)

    def visible(self, message: Json) -> bool:
        """Whether the request's user may see this message on a page."""
        uid = self.person().uid
        return uid in self.app.concerned(message) and self.app.conversations.shows(uid, message)

    def is_unread(self, message: Json) -> bool:
        """Whether this message counts as unread by the request's user."""
        uid, receipts = self.person().uid, self.app.messages.receipts
        deleted = "deletedAt" in message
        counts = message["category"] not in {"action", "call"} and not deleted
        return counts and not receipts.reached(message, uid, "read")

    # What it causes

    def publish(self, message: Json, kind: str, body: Json, *, to: set[str]) -> None:
        """Send these users a frame of this type about *message*, from the request's user."""
        uid, is_group = self.person().uid, message["receiverType"] == "group"
        other = message["receiver"] if is_group or message["sender"] == uid else message["sender"]
        published = frame(
            self.app.app_id,
            kind,
            body,
            sender=uid,
            receiver=other,
            receiver_type=message["receiverType"],
            device_id=self.device_id,
        )
        author = {"messageSender": message["sender"]} if kind in {"receipts", "interaction_completed"} else {}
        self.app.deliver(to, {**published, **author})


Handler: TypeAlias = "Callable[[Call], Json | Response | StoredFile]"
"""Answers one request: returns the JSON of the response, another response, or a file; or raises `Refusal`."""

Route: TypeAlias = tuple[str, str, Handler]
"""Method, path below the (optional) version, and handler."""
