"""What msgspec decodes the usual frames into, on the fast path: the wire's own objects, key by key.

Every key that is known to come stands here, also those nobody reads: msgspec passes over an
unknown key, and over a `Raw` value, without looking closely, and an event must not be made of a
frame that is no JSON. So a key that is not here is an error, and takes the frame off the fastest path;
and whoever has a `Raw` must decode it, and know that its key was not written twice.

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
    "Body",
    "Data",
    "Entities",
    "Entity",
    "File",
    "Json",
    "JsonMapping",
    "Party",
    "Shape",
    "Subject",
    "loose",
]


_DEEPEST_VALUE = 8  # arrays and objects inside one another, in what is the app's own affair


def _json(depth: int) -> Any:
    """Return the type of a JSON value that is nested no more deeply than that."""
    plain = str | int | float | bool | None
    return plain | list[_json(depth - 1)] | dict[str, _json(depth - 1)] if depth else plain  # type: ignore[misc]


if TYPE_CHECKING:
    Json: TypeAlias = Any
else:
    Json = _json(_DEEPEST_VALUE)
JsonMapping: TypeAlias = dict[str, Json]


class Shape(msgspec.Struct, rename="camel", forbid_unknown_fields=True, gc=False):
    """A JSON object whose keys are all known. Tells no secrets, because nobody sees it."""


class Party(Shape):
    """A user or a group; a group if it has a guid."""

    uid: str | None = None
    name: str | None = None
    guid: str | msgspec.UnsetType = msgspec.UNSET
    role: str | None = None
    avatar: str | None = None
    status: str | None = None
    metadata: JsonMapping | None = None
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


class Entity(Shape):
    """A user or a group among a message's entities."""

    entity: Party
    entity_type: str | None = None


class Subject(Shape):
    """What an action was done to, as JSON: only the action tells what that is."""

    entity: msgspec.Raw
    entity_type: str | None = None


class Entities(Shape):
    """Who a message is from and to; of an action, who did it (`by`), to what (`on`) and where (`for`)."""

    sender: Entity | None = None
    receiver: Entity | None = None
    by: Entity | None = None
    on: Subject | None = None
    for_: Entity | None = msgspec.field(default=None, name="for")


class Scope(Shape):
    """A member's scope in a group, before and after."""

    new: str | None = None
    old: str | None = None


class Extras(Shape):
    """More about an action."""

    scope: Scope | None = None


class File(Shape):
    """One file of a media message."""

    url: str | None = None
    name: str | None = None
    extension: str | None = None
    mime_type: str | None = None
    size: int | None = None


class Data(Shape, kw_only=True):
    """A message's content; of any kind of message, which its body tells.

    Its `Entities` are JSON here: the same few come again and again, and `people` remembers them.
    """

    text: str | None = None
    metadata: JsonMapping | None = None
    url: str | None = None
    custom_data: JsonMapping | None = None
    sub_type: str | None = None
    interactive_data: JsonMapping | None = None
    interaction_goal: JsonMapping | None = None
    allow_sender_interaction: bool | None = None
    attachments: list[File] | None = None
    mentions: dict[str, Party] | None = None
    action: str | None = None
    extras: Extras | None = None
    entities: msgspec.Raw
    resource: str | None = None
    moderation: JsonMapping | None = None


class Body(Shape, kw_only=True):
    """A message."""

    id: int | str
    conversation_id: str | None = None
    sender: str | None = None
    receiver_type: str | None = None
    receiver: str | None = None
    category: str
    type: str | None = None
    data: Data
    sent_at: int | None = None
    updated_at: int | None = None
    muid: str | None = None
    parent_id: int | str | None = None
    tags: tuple[str, ...] | None = None
    quoted_message: None = None
    edited_at: int | None = None
    edited_by: str | None = None
    deleted_at: int | None = None
    deleted_by: str | None = None
    delivered_at: int | None = None
    read_at: int | None = None
    my_receipts: Json = None
    resource: str | None = None


def loose(kind: Any) -> Any:
    """Return *kind*, a type made of shapes, with shapes that pass over the keys they do not know."""
    if isinstance(kind, type) and issubclass(kind, Shape):
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
