"""Sending messages with files: the upload, and then the message."""

from __future__ import annotations

import json
from collections.abc import Mapping
from contextlib import AsyncExitStack
from functools import partial
from typing import TYPE_CHECKING, Any, NoReturn, Protocol

import attrs
import trio

from cometconn._account.retrying import Retrying
from cometconn._account.streaming import UploadFile
from cometconn._environment import Request
from cometconn._wire.outgoing import media_draft
from cometconn.errors import ApiError, NotLoggedInError, SettingsError
from cometconn.events import MediaMessage

from .addresses import is_encrypted_enough, normal_url, url_address
from .download import file_refused
from .encoding import json_bytes
from .media_items import items_of, kind_of
from .multipart import form_around
from .sources import LARGEST, open_source

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from cometconn._account.session import Session

    from .media_items import MediaItem, MediaKind
    from .request_call import TransferCall
    from .sources import Source

__all__ = ["MediaSender"]

_CALL = "send_media()"
_RETRYING = Retrying(30.0, repeats=True, changes=False)
_TO_STORAGE = Retrying(30.0, repeats=True, changes=False, is_foreign=True)
_NO_SUCH_CALL = 404
_SUCCESS = range(200, 300)
_MEGABYTES = 10_000  # a smaller limit of a file's size is one in megabytes
_NO_SUCH_RECEIVER = frozenset({"ERR_UID_NOT_FOUND", "ERR_GUID_NOT_FOUND"})


class _Messages(Protocol):
    """Sends messages: `MessageSender` of `cometconn._client`."""

    def prepare(self, call: str, kind: Any, to: Any, receiver_type: Any, make_draft: Any, **fields: Any) -> Any:
        """Return the message, of which the draft may be changed before it is sent."""
        ...

    def send_prepared(
        self,
        outgoing: Any,
        kind: type[MediaMessage],
        post: Callable[[Session], Awaitable[dict[str, Any]]] | None = None,
    ) -> Callable[[], Awaitable[MediaMessage]]:
        """Return the wait that sends it, by *post* if that is given."""
        ...


@attrs.frozen(eq=False)
class MediaSender:
    """Sends messages with files.

    Attributes:
        requester: makes the requests.
        messages: sends the message itself.
    """

    requester: TransferCall
    messages: _Messages

    def send(
        self,
        to: object,
        media: object,
        *,
        receiver_type: str,
        name: str | None,
        mime_type: str | None,
        type: MediaKind | None,  # noqa: A002 - CometChat's word, and the event's
        caption: str | None,
        progress: Callable[[int, int], object] | None,
        **options: Any,
    ) -> Callable[[], Awaitable[MediaMessage]]:
        """Take a message, and return the wait that sends it: see `CometChat.send_media()`."""
        items = items_of(media, name, mime_type)
        kind = type or kind_of(items)
        outgoing = self.messages.prepare(
            _CALL,
            MediaMessage,
            to,
            receiver_type,
            partial(media_draft, type=kind, attachments=[], caption=caption),
            **options,
        )
        return partial(self._send, outgoing, items, progress)

    @trio.lowlevel.enable_ki_protection
    async def _send(
        self, outgoing: Any, items: list[MediaItem], progress: Callable[[int, int], object] | None
    ) -> MediaMessage:
        draft: dict[str, Any] = json.loads(outgoing.draft)
        if all(item.content is None for item in items):
            draft["data"] |= {"attachments": [item.attachment for item in items], "url": items[0].url}
            return await self._message(outgoing, draft)
        async with AsyncExitStack() as stack:
            largest = _largest(self.requester.logged_in(_CALL).settings)
            # All are opened first, so that nothing is sent if one of them cannot be read.
            sources = [
                None
                if item.content is None
                else await stack.enter_async_context(open_source(_CALL, item.content, largest))
                for item in items
            ]
            files = {str(number): source for number, source in enumerate(sources, 1) if source is not None}
            by_id = {str(number): item for number, item in enumerate(items, 1)}
            places = await self._places(draft, by_id, files)
            if places is None:
                return await self._with_message(outgoing, draft, items, sources, progress)
            uploaded = await self._upload(places, by_id, files, progress)
        draft["data"]["attachments"] = [uploaded.get(each) or item.attachment for each, item in by_id.items()]
        return await self._message(outgoing, draft)

    async def _places(
        self, draft: Mapping[str, Any], items: Mapping[str, MediaItem], files: Mapping[str, Source]
    ) -> Mapping[str, Any] | None:
        """Return where each file is to be uploaded; `None` if the server takes files only with the message."""
        described = {
            each: {"fileId": each, "name": items[each].name, "size": source.size, "mimeType": items[each].mime_type}
            for each, source in files.items()
        }
        body = {"files": described, "receiver": draft["receiver"], "receiverType": draft["receiverType"]}
        if "parentId" in draft:
            body["parentMessageId"] = draft["parentId"]
        text = json_bytes(_CALL, body)

        def attempt(session: Session) -> Awaitable[dict[str, Any]]:
            return self.requester.api.program_request(session, "POST", "/files/upload-url", text, "application/json")

        try:
            answer = await self.requester.begin(_CALL, attempt, _RETRYING)()
        except ApiError as error:
            if error.status != _NO_SUCH_CALL or error.code in _NO_SUCH_RECEIVER:
                raise
            return None
        places = answer["data"]
        if not isinstance(places, Mapping):
            _malformed("holds no object as its data")
        return places

    async def _upload(
        self,
        places: Mapping[str, Any],
        items: Mapping[str, MediaItem],
        files: Mapping[str, Source],
        progress: Callable[[int, int], object] | None,
    ) -> dict[str, Any]:
        """Upload the files, one after the other, and return how the message describes each."""
        uploads = {each: _Place.read(places.get(each), self.requester) for each in files}
        total, before = sum(source.size for source in files.values()), 0
        for each, source in files.items():
            report = None if progress is None else partial(_report, progress, before, total)
            file = UploadFile("file", items[each].name, b"", items[each].mime_type)
            body = form_around(uploads[each].fields, [(file, source)], report)
            request = Request("POST", uploads[each].url, {"Content-Type": body.content_type}, is_foreign=True)

            async def attempt(_: Session, request: Request = request, body: Any = body) -> None:
                async with self.requester.api.transfer(request, body) as transfer:
                    await transfer.whole()
                    if transfer.response.status not in _SUCCESS:
                        raise file_refused(transfer)

            await self.requester.begin(_CALL, attempt, _TO_STORAGE)()
            before += source.size
        return {each: place.attachment for each, place in uploads.items()}

    async def _with_message(
        self,
        outgoing: Any,
        draft: dict[str, Any],
        items: list[MediaItem],
        sources: list[Source | None],
        progress: Callable[[int, int], object] | None,
    ) -> MediaMessage:
        """Send the files in one form with the message."""
        del draft["data"]["attachments"]
        files = [
            (UploadFile("files[]", item.name, b"", item.mime_type), source)
            for item, source in zip(items, sources, strict=True)
            if source is not None
        ]
        if len(files) < len(items):
            message = f"{_CALL}: this server takes no URLs beside files in one message. Nothing was sent."
            raise SettingsError(message)
        fields = {key: value if isinstance(value, str) else json.dumps(value) for key, value in draft.items()}
        body = form_around(fields, files, progress)

        async def post(session: Session) -> dict[str, Any]:
            answer = await self.requester.api.program_request(session, "POST", "/messages", body, body.content_type)
            data = answer["data"]
            return data if isinstance(data, dict) else {}

        return await self._message(attrs.evolve(outgoing, draft=""), draft, post)

    async def _message(
        self,
        outgoing: Any,
        draft: Mapping[str, Any],
        post: Callable[[Session], Awaitable[dict[str, Any]]] | None = None,
    ) -> MediaMessage:
        if self.requester.logged_in(_CALL).uid != outgoing.uid:
            message = f"{_CALL}: another user has logged in meanwhile. The message was not sent."
            raise NotLoggedInError(message)
        if post is None:
            outgoing = attrs.evolve(outgoing, draft=json.dumps(draft, ensure_ascii=False))
        return await self.messages.send_prepared(outgoing, MediaMessage, post)()


@attrs.frozen
class _Place:
    """Where a file is uploaded, and how the message describes it then."""

    url: str
    fields: Mapping[str, str]
    attachment: Mapping[str, Any]

    @classmethod
    def read(cls, place: Any, requester: TransferCall) -> _Place:
        """Return the place in the server's answer. Raises `ApiError` if there is none that can be used."""
        request = place.get("request") if isinstance(place, Mapping) else None
        attachment = place.get("attachment") if isinstance(place, Mapping) else None
        if not (isinstance(request, Mapping) and isinstance(attachment, Mapping)):
            _malformed("does not name where each file goes")
        url, fields = request.get("url"), request.get("body", {})
        if request.get("method", "POST") != "POST" or not (isinstance(url, str) and isinstance(fields, Mapping)):
            _malformed("does not name where each file goes")
        address = url_address(url)
        if address is None:
            _malformed("names no URL for a file")
        if not is_encrypted_enough(address, requester.endpoints):
            _malformed("names a URL without encryption for a file")
        return cls(normal_url(url), {str(name): str(value) for name, value in fields.items()}, attachment)


def _report(progress: Callable[[int, int], object], before: int, total: int, sent: int, _: int) -> None:
    progress(before + sent, total)


def _malformed(fault: str) -> NoReturn:
    message = f"{_CALL}: the answer to POST /files/upload-url {fault}."
    raise ApiError(message, code="INVALID_RESPONSE", status=200)


def _largest(settings: Mapping[str, Any]) -> int:
    """Return the most bytes of a file, according to the server's setting `file.size.max`, in bytes or in megabytes."""
    value = settings.get("file.size.max")
    text = str(value) if isinstance(value, int | str) and not isinstance(value, bool) else ""
    if not (text.isascii() and text.isdecimal() and len(text) <= 15 and int(text)):  # noqa: PLR2004 - more than any file
        return LARGEST
    return min(LARGEST, int(text) * (1024 * 1024 if int(text) < _MEGABYTES else 1))
