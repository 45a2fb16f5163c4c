"""What msgspec decodes the usual frames into, on the fast path: the wire's own objects, key by key.

Every key that is known to come stands here, also those nobody reads: msgspec passes over an
unknown key without looking closely at its value, and an event must not be made of a
frame that is no JSON. So a key that is not here is an error, and takes the frame off the fastest path.

The types are narrower than what the reference takes: where it would accept a number as text,
or an empty array for an empty object, the fast path only has to say that this is not for it. They also
bound how deeply a frame may be nested, far below the limit that the reference keeps, at no cost.
"""

from __future__ import annotations

import types
import typing
from typing import TYPE_CHECKING, Any, TypeAlias

import msgspec

__all__ = [
    "ABSENT",
    "Body",
    "Data",
    "Entities",
    "Entity",
    "File",
    "Frame",
    "MessageFrame",
    "Party",
    "PresenceFrame",
    "ReactionFrame",
    "ReceiptFrame",
    "StepFrame",
    "TransientFrame",
    "TypingFrame",
    "loose",
]


_DEEPEST_VALUE = 8  # arrays and objects inside one another, in what is the app's own affair


def _json(depth: int) -> Any:
    """Return the type of a JSON value that is nested no more deeply than that."""
    plain = str | int | float | bool | None
    return plain | list[_json(depth - 1)] | dict[str, _json(depth - 1)] if depth else plain  # type: ignore[misc]


if TYPE_CHECKING:
    _Json: TypeAlias = Any
else:
    _Json = _json(_DEEPEST_VALUE)
_Mapping: TypeAlias = dict[str, _Json]


ABSENT = msgspec.Raw()
"""Where a piece of JSON would be. What is there must be decoded: msgspec has only passed over it."""


class _Shape(msgspec.Struct, rename="camel", forbid_unknown_fields=True, gc=False):
    """A JSON object whose keys are all known. Tells no secrets, because nobody sees it."""


class Party(_Shape):
    """A user or a group; a group if it has a guid."""

    uid: str | None = None
    name: str | None = None
    guid: str | msgspec.UnsetType = msgspec.UNSET
    role: str | None = None
    avatar: str | None = None
    status: str | None = None
    metadata: _Mapping | None = None
    link: str | None = None
    last_active_at: int | None = None
    tags: tuple[str, ...] | None = None
    has_blocked_me: bool | None = None
    blocked_by_me: bool | None = None
    created_at: int | None = None
    deactivated_at: int | None = None
    type: str | None = None
    owner: str | None = None
    icon: str | None = None
    description: str | None = None
    members_count: int | None = None
    scope: str | None = None
    has_joined: bool | None = None
    updated_at: int | None = None
    conversation_id: str | None = None


class Entity(_Shape):
    """A user or a group among a message's entities."""

    entity: Party
    entity_type: str | None = None


class Subject(_Shape):
    """What an action was done to, as JSON: only the action tells what that is."""

    entity: msgspec.Raw
    entity_type: str | None = None


class Entities(_Shape):
    """Who a message is from and to; of an action, who did it (`by`), to what (`on`) and where (`for`).

    As JSON, each an `Entity`: the same few come again and again, and `opened` remembers them.
    """

    sender: msgspec.Raw = ABSENT
    receiver: msgspec.Raw = ABSENT
    by: msgspec.Raw = ABSENT
    on: Subject | None = None
    for_: msgspec.Raw = msgspec.field(default=ABSENT, name="for")


class Scope(_Shape):
    """A member's scope in a group, before and after."""

    new: str | None = None
    old: str | None = None


class Extras(_Shape):
    """More about an action."""

    scope: Scope | None = None


class File(_Shape):
    """One file of a media message."""

    url: str | None = None
    name: str | None = None
    extension: str | None = None
    mime_type: str | None = None
    size: int | None = None


class Data(_Shape):
    """A message's content; of any kind of message, which its body tells."""

    entities: Entities
    text: str | None = None
    metadata: _Mapping | None = None
    resource: str | None = None
    mentions: dict[str, Party] | None = None
    url: str | None = None
    attachments: list[File] | None = None
    custom_data: _Mapping | None = None
    sub_type: str | None = None
    interactive_data: _Mapping | None = None
    interaction_goal: _Mapping | None = None
    allow_sender_interaction: bool | None = None
    action: str | None = None
    extras: Extras | None = None
    moderation: _Mapping | None = None


class Body(_Shape):
    """A message."""

    id: int | str
    category: str
    data: Data
    type: str | None = None
    muid: str | None = None
    conversation_id: str | None = None
    sender: str | None = None
    receiver: str | None = None
    receiver_type: str | None = None
    sent_at: int | None = None
    updated_at: int | None = None
    tags: tuple[str, ...] | None = None
    parent_id: int | str | None = None
    quoted_message: None = None
    edited_at: int | None = None
    edited_by: str | None = None
    deleted_at: int | None = None
    deleted_by: str | None = None
    delivered_at: int | None = None
    read_at: int | None = None
    my_receipts: _Json = None
    resource: str | None = None


class _Signal(_Shape):
    """A body without a receiver: CometChat's signals name it in the envelope."""

    receiver: None = None
    receiver_type: None = None


class ReceiptBody(_Signal, kw_only=True):
    """How far somebody has received or read."""

    action: str
    message_id: int | str
    user: msgspec.Raw
    timestamp: int | None = None


class TypingBody(_Signal, kw_only=True):
    """Whether somebody types."""

    action: str
    user: msgspec.Raw
    metadata: _Mapping | None = None


class PresenceBody(_Shape):
    """Whether somebody is there."""

    action: str
    user: Party
    timestamp: int | None = None


class TransientBody(_Signal, kw_only=True):
    """Data that is kept nowhere."""

    user: msgspec.Raw
    data: _Json = None


class ReactionBody(_Signal, kw_only=True):
    """What somebody feels about a message."""

    action: str
    message_id: int | str
    reaction: str
    reacted_by: msgspec.Raw
    id: str | None = None
    uid: str | None = None
    reacted_at: int | None = None
    conversation_id: str | None = None
    parent_id: int | str | None = None


class StepBody(_Shape):
    """One step of an AI agent's run."""

    type: str
    id: int | str | None = None
    conversation_id: str | None = None
    parent_id: int | str | None = None
    data: _Mapping | None = None


class _Envelope(_Shape, tag_field="type"):
    """What surrounds every body. An `action` beside the `type` would make it a pong."""

    app_id: str | None = None
    receiver: str | None = None
    receiver_type: str | None = None
    device_id: str | None = None
    sender: str | None = None
    message_sender: str | None = None
    action: None = None


class MessageFrame(_Envelope, tag="message", kw_only=True):
    """A message."""

    body: Body


class ReceiptFrame(_Envelope, tag="receipts", kw_only=True):
    """A receipt."""

    body: ReceiptBody


class TypingFrame(_Envelope, tag="typing_indicator", kw_only=True):
    """A sign of typing."""

    body: TypingBody


class PresenceFrame(_Envelope, tag="presence", kw_only=True):
    """A change of presence."""

    body: PresenceBody


class TransientFrame(_Envelope, tag="transient_message", kw_only=True):
    """A transient message."""

    body: TransientBody


class ReactionFrame(_Envelope, tag="reaction", kw_only=True):
    """A reaction."""

    body: ReactionBody


class StepFrame(_Envelope, tag="streamed_message", kw_only=True):
    """A step of an AI agent."""

    body: StepBody


Frame: TypeAlias = (
    MessageFrame | ReceiptFrame | TypingFrame | PresenceFrame | TransientFrame | ReactionFrame | StepFrame
)
"""A frame of a kind that comes often."""


def loose(kind: Any) -> Any:
    """Return *kind*, a type made of shapes, with shapes that pass over the keys they do not know."""
    if isinstance(kind, type) and issubclass(kind, _Shape):
        fields = [
            (field.name, loose(field.type), msgspec.field(default=field.default, name=field.encode_name))
            for field in msgspec.structs.fields(kind)
        ]
        return msgspec.defstruct(
            kind.__name__,
            fields,
            bases=(kind,),
            forbid_unknown_fields=False,
            kw_only=True,
            gc=False,
            tag_field=kind.__struct_config__.tag_field,
            tag=kind.__struct_config__.tag,
        )
    arguments = tuple(loose(argument) for argument in typing.get_args(kind))
    if isinstance(kind, types.UnionType):
        return typing.Union[arguments]  # noqa: UP007 - made at run time
    return typing.get_origin(kind)[arguments] if arguments else kind
