"""What the server says on the socket, read fast: the frames that come often, straight into the event classes.

Everything else (rare kinds; unreadable, unknown and odd frames; echoes; answers) is left to
the reference, `codec`, which decides. A differential test holds the two equal.

What makes it fast: msgspec decodes the text into `shapes`, in C; `opened` fills events without
the `__init__` of a frozen class; and `raw` is parsed only when somebody asks for it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import msgspec

from cometconn import events
from cometconn._json_parts import has_too_many_items
from cometconn._nesting import is_too_deep
from cometconn.errors import DecodeError
from cometconn.events import Event, Group, User

from . import codec
from .codec import Decoded, Pong
from .envelopes import (
    Frame,
    MessageFrame,
    PresenceFrame,
    ReactionFrame,
    ReceiptFrame,
    StepFrame,
    TransientFrame,
    TypingFrame,
)
from .fast_bodies import BODY_READERS, Made
from .opened import OddError, choice, moment, number, opened
from .people import KnownPeople, user
from .shapes import loose

__all__ = ["KnownPeople", "decode", "first_events"]

_PONGS = frozenset({'{"action":"pong"}', '{"action":"pong","ack":"true"}'})  # as the server writes them
_PONG = Pong()
_MOST_ITEMS = 10_000
_anything = msgspec.json.Decoder().decode
_frame: Callable[[str], Frame] = msgspec.json.Decoder(Frame).decode
_loose_frame: Callable[[str], Frame] = msgspec.json.Decoder(loose(Frame)).decode


def decode(
    text: str | bytes,
    *,
    own_uid: str | None,
    session_id: str | None,
    known: KnownPeople | None = None,
    max_items: int = _MOST_ITEMS,
) -> Decoded:
    """Return what one frame says: the same as `codec.decode`, and as surely. *known*: see `first_events()`."""
    if isinstance(text, str):
        if text in _PONGS:
            return _PONG
        for event in first_events((text,), session_id=session_id, known=known, max_items=max_items):
            return event
        if has_too_many_items(text, max_items):
            words = f"The frame has more than {max_items:,} items (Limits.max_items)."
            return events.UnreadableFrame(text, DecodeError(words), codec._framed_message_id(text))  # noqa: SLF001
    return codec.decode(text, own_uid=own_uid, session_id=session_id)


def first_events(  # noqa: C901
    texts: Sequence[str],
    *,
    session_id: str | None,
    known: KnownPeople | None = None,
    max_items: int = _MOST_ITEMS,
) -> list[Event]:
    """Return the events that *texts* begin with, up to the first text that is left to the reference.

    *known* is what this connection remembers from one call to the next; without it nothing is remembered.
    """
    known = KnownPeople() if known is None else known
    made: list[Event] = []
    messages = 0
    try:
        for text in texts:
            if has_too_many_items(text, max_items):
                break
            raw = None
            try:
                frame = _frame(text)
            except msgspec.ValidationError as error:
                frame, raw = _with_unknown_keys(text, str(error))
            if isinstance(frame, MessageFrame):
                if frame.device_id == session_id:
                    break  # an echo, most likely
                event, kind = BODY_READERS[frame.body.category](frame.body, known)
                messages += 1
            else:
                event, kind = _READERS[type(frame)](frame)
            if raw is None:
                event._text = text  # noqa: SLF001 - see `events.base`
            else:
                event.raw = raw
            event.__class__ = kind
            made.append(event)
    except Exception:  # noqa: BLE001, S110 - whatever is odd about it, the reference decides, and never raises
        pass
    if made and _may_hide(texts[0] if len(made) == 1 else "".join(texts[: len(made)]), messages):
        for place, text in enumerate(texts[: len(made)]):
            if _may_hide(text, 1) and not _is_json(text):
                return made[:place]
    return made


def _may_hide(text: str, messages: int) -> bool:
    """Tell whether *text*, with so many messages in it, may hide what is no JSON: a message needs its entities once.

    When their key is there twice, one of the two values was passed over. One search through many texts costs half of
    one search in each.
    """
    return text.count('"entities"') > messages or ("\\" in text and "\\u00" in text)


def _is_json(text: str) -> bool:
    """Tell whether all of *text* can be read, wherever it stands."""
    try:
        _parsed(text)
    except Exception:  # noqa: BLE001 - whatever it is, the reference has words for it
        return False
    return True


def _with_unknown_keys(text: str, why: str) -> tuple[Frame, Any]:
    """Read a frame with a key that is not known, if that is *why* it was not read. All of it is parsed: see `shapes`."""
    if "unknown field" not in why:
        raise OddError
    return _loose_frame(text), _parsed(text)


def _parsed(text: str) -> Any:
    """Parse all of *text*: what is no JSON in it is seen, wherever it hides."""
    raw = _anything(text)
    if is_too_deep(raw, text):
        raise OddError
    return raw


def _addressee(frame: ReceiptFrame | TypingFrame | TransientFrame | ReactionFrame) -> User | Group:
    if not frame.receiver:
        raise OddError
    return (Group if frame.receiver_type == Group.receiver_type else User)(frame.receiver)


def _read_receipt(frame: ReceiptFrame) -> Made:
    body = frame.body
    made, kind = _open_one_of(_RECEIPTS, body.action)
    made.message_id = number(body.message_id)
    made.sender = user(body.user)
    made.receiver = _addressee(frame)
    made.message_sender = frame.message_sender
    made.timestamp = moment(body.timestamp)
    return made, kind


def _read_typing(frame: TypingFrame) -> Made:
    body = frame.body
    made, kind = _open_one_of(_TYPINGS, body.action)
    made.sender = user(body.user)
    made.receiver = _addressee(frame)
    made.metadata = body.metadata or {}
    return made, kind


def _read_presence(frame: PresenceFrame) -> Made:
    body = frame.body
    made, kind = _open_one_of(_PRESENCES, body.action)
    moment(body.user.last_active_at)  # must be a time although another counts
    body.user.status = "online" if kind is events.UserOnline else "offline"
    body.user.last_active_at = body.timestamp or body.user.last_active_at
    made.user = user(body.user)
    return made, kind


def _read_transient(frame: TransientFrame) -> Made:
    made = _OpenTransient()
    made.sender = user(frame.body.user)
    made.receiver = _addressee(frame)
    made.data = frame.body.data
    return made, events.TransientMessage


def _read_reaction(frame: ReactionFrame) -> Made:
    body = frame.body
    made, kind = _open_one_of(_REACTIONS, body.action)
    made.message_id = number(body.message_id)
    made.reaction = body.reaction
    made.reacted_by = user(body.reacted_by)
    made.receiver = _addressee(frame)
    made.reacted_at = moment(body.reacted_at)
    made.id = body.id
    made.conversation_id = body.conversation_id or ""
    made.parent_message_id = None if body.parent_id is None else number(body.parent_id)
    return made, kind


def _read_step(frame: StepFrame) -> Made:
    body = frame.body
    made = _OpenStep()
    made.type = body.type
    made.conversation_id = body.conversation_id or ""
    made.data = body.data or {}
    return made, events.AIAssistantEvent


def _open_one_of(kinds: Mapping[str, tuple[type[Any], type[Event]]], action: str) -> Made:
    if action not in kinds:
        raise OddError
    open_kind, kind = kinds[action]
    return open_kind(), kind


_OpenTransient, _OpenStep = opened(events.TransientMessage), opened(events.AIAssistantEvent)

_RECEIPTS = choice(
    delivered=events.MessagesDelivered,
    read=events.MessagesRead,
    deliveredToAll=events.MessagesDeliveredToAll,
    readByAll=events.MessagesReadByAll,
)
_TYPINGS = choice(started=events.TypingStarted, ended=events.TypingEnded)
_PRESENCES = choice(online=events.UserOnline, available=events.UserOnline, offline=events.UserOffline)
_REACTIONS = choice(message_reaction_added=events.ReactionAdded, message_reaction_removed=events.ReactionRemoved)

_READERS: dict[type[Any], Callable[[Any], Made]] = {
    ReceiptFrame: _read_receipt,
    TypingFrame: _read_typing,
    PresenceFrame: _read_presence,
    TransientFrame: _read_transient,
    ReactionFrame: _read_reaction,
    StepFrame: _read_step,
}
_READERS |= {loosened: reader for kind, reader in _READERS.items() for loosened in kind.__subclasses__()}
