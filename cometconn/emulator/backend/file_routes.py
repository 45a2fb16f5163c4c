"""REST for files: permissions to upload, the uploads themselves, and the files."""

from __future__ import annotations

import hmac
import secrets
from typing import TYPE_CHECKING, Final

from cometconn._environment import Response
from cometconn.emulator.world.files import FILES_AT_ONCE, UPLOAD_TIME, StoredFile, Ticket

from .call import Call, Route
from .responses import Refusal
from .send_routes import check_receiver

if TYPE_CHECKING:
    from cometconn.emulator.jsontext import Json

__all__ = ["FILE_ROUTES", "is_storage"]

_NAME_LIMIT: Final = 255
"""The most characters of a file's name."""


def is_storage(path: str) -> bool:
    """Whether this path belongs to the storage of files, which is not part of the REST API and has no auth tokens."""
    return path.startswith(("/uploads/", "/files/", "/media/"))


def _presign(call: Call) -> Json:
    """Return, for each file, where to upload it as a form, and how it will stand in the message."""
    if not call.faults.presigned:
        raise Refusal(404, "ERR_API_NOT_FOUND", "There is nothing at this path.")
    call.person()
    check_receiver(call)
    files = call.body.get("files")
    if not isinstance(files, dict) or not 1 <= len(files) <= FILES_AT_ONCE:
        raise Refusal(400, "ERR_BAD_REQUEST", f"The field files must be an object of 1 to {FILES_AT_ONCE} files.")
    checked = {identifier: _checked(call, file) for identifier, file in files.items()}
    return {"data": {identifier: _issue(call, *described) for identifier, described in checked.items()}}


def _checked(call: Call, file: object) -> tuple[str, str, int]:
    """Return the name, the type and the size of a file."""
    if not isinstance(file, dict):
        raise Refusal(400, "ERR_BAD_REQUEST", "Each of the files must be an object.")
    name, mime_type, size = file.get("name"), file.get("mimeType", ""), file.get("size")
    if not isinstance(name, str) or not 1 <= len(name) <= _NAME_LIMIT:
        raise Refusal(400, "ERR_BAD_REQUEST", f"The name of a file must have 1 to {_NAME_LIMIT} characters.")
    if not isinstance(mime_type, str) or not mime_type.isascii():
        raise Refusal(400, "ERR_BAD_REQUEST", "The mimeType of a file must be a text such as image/png.")
    if isinstance(size, bool) or not isinstance(size, int) or size < 0:
        raise Refusal(400, "ERR_BAD_REQUEST", "The size of a file must be a whole number of bytes.")
    limit = call.app.files.file_limit
    if size > limit:
        raise Refusal(413, "ERR_FILE_SIZE_EXCEEDED", f"A file has at most {limit} bytes.")
    return name, mime_type, size


def _issue(call: Call, name: str, mime_type: str, size: int) -> Json:
    app, key = call.app, secrets.token_hex(8)
    expires_at = app.now() + UPLOAD_TIME
    fields = {"key": f"{app.app_id}/media/{key}", "policy": secrets.token_hex(16), "Content-Type": mime_type}
    ticket = Ticket(app.files.new_id(), name, mime_type, size, fields, expires_at)
    app.files.issue(key, ticket)
    return {
        "request": {"method": "POST", "url": f"{call.base_url}/uploads/{key}", "body": fields},
        "attachment": ticket.attachment(call.base_url),
        "expiresAt": expires_at,
    }


def _upload(call: Call) -> Response:
    """Take a presigned upload: the form fields that the client was given, and one file."""
    key, form, files = call.path["key"], call.form, call.app.files
    ticket = files.ticket(key)
    if ticket is None or ticket.expires_at < call.app.now():
        raise Refusal(403, "ERR_UPLOAD_EXPIRED", "This permission to upload is unknown, used or expired.")
    if form is None or len(form.files) != 1:
        raise Refusal(400, "ERR_BAD_REQUEST", "The body must be a form with one file.")
    for name, value in ticket.fields.items():
        if not hmac.compare_digest(form.fields.get(name, "").encode(), value.encode()):
            raise Refusal(403, "ERR_UPLOAD_NOT_SIGNED", f"The field {name} of the form is not the one that was given.")
    (file,) = form.files
    if file.field != "file":
        raise Refusal(400, "ERR_BAD_REQUEST", "The field of the file must be called file.")
    if file.writer.size > ticket.size:
        message = f"The upload is for at most {ticket.size} bytes, and {file.writer.size} came."
        raise Refusal(413, "ERR_FILE_SIZE_EXCEEDED", message)
    files.redeem(key)
    form.take(file).finish(ticket.file_id, ticket.name, ticket.mime_type)
    return Response(204, {}, b"")


def _download(call: Call) -> StoredFile | Response:
    """Return a file, or a redirect to a URL of it that needs no `fat`, as a storage with presigned URLs does."""
    if call.faults.secured_media and not call.app.sessions.opens_media(call.query.get("fat", "")):
        raise Refusal(403, "ERR_MEDIA_NOT_ALLOWED", "The URL must have fat= with the fat of a user.")
    file = _file(call)
    if call.faults.download == "redirect":
        return Response(302, {"location": f"{call.base_url}/media{file.url_path.removeprefix('/files')}"}, b"")
    return file


def _file(call: Call) -> StoredFile:
    file = call.app.files.get(call.path["file"])
    if file is None:
        raise Refusal(404, "ERR_FILE_NOT_FOUND", "There is no such file, or newer ones took its place.")
    return file


FILE_ROUTES: tuple[Route, ...] = (
    ("POST", "files/upload-url", _presign),
    ("POST", "uploads/{key}", _upload),
    ("GET", "files/{file}/{name}", _download),
    ("GET", "media/{file}/{name}", _file),
)
