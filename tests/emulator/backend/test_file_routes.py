"""`cometconn.emulator.backend.file_routes`: uploads and files, over real HTTP and in memory."""

from __future__ import annotations

import json
import tracemalloc
from typing import TYPE_CHECKING, Any

import httpx2
import pytest
import trio

from cometconn.environment import Request

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from cometconn.emulator import Emulator
    from tests.emulator.conftest import Backend

PICTURE = bytes(range(256)) * 1024  # 256 KiB: more than one piece
DRAFT = {"receiver": "amy-2", "receiverType": "user", "category": "message", "type": "image"}


def token(server: Emulator) -> dict[str, str]:
    """Log zed-1 in; return the header."""
    return {"authToken": server.world.sessions.issue_token("zed-1")}


def described(**file: Any) -> dict[str, Any]:
    """Return the body of a request for one presigned upload."""
    picture = {"fileId": "f", "name": "a picture.png", "size": len(PICTURE), "mimeType": "image/png"}
    return {"receiver": "amy-2", "receiverType": "user", "files": {"f": picture | file}}


async def presigned(server: Emulator, http: httpx2.AsyncClient, **file: Any) -> dict[str, Any]:
    """Request one presigned upload."""
    answer = await http.post("/files/upload-url", headers=token(server), json=described(**file))
    granted: dict[str, Any] = answer.json()["data"]["f"]
    return granted


async def upload(http: httpx2.AsyncClient, granted: dict[str, Any], content: bytes = PICTURE) -> httpx2.Response:
    """Make a presigned upload, as an official client does."""
    request = granted["request"]
    return await http.post(request["url"], data=request["body"], files={"file": ("x", content, "image/png")})


async def test_a_presigned_upload_becomes_an_attachment(server: Emulator, http: httpx2.AsyncClient) -> None:
    """The file is at the URL of the attachment, with its type and length; the permission is used up."""
    with trio.fail_after(10):
        granted = await presigned(server, http)
        done = await upload(http, granted)
        data = {"attachments": [granted["attachment"]]}
        sent = await http.post("/messages", headers=token(server), json={**DRAFT, "data": data})
        attachment = sent.json()["data"]["data"]["attachments"][0]
        file = await http.get(attachment["url"])
        again = await upload(http, granted)

    assert done.status_code == 204
    assert {name: attachment[name] for name in ("name", "extension", "mimeType", "size")} == {
        "name": "a picture.png",
        "extension": "png",
        "mimeType": "image/png",
        "size": len(PICTURE),
    }
    assert file.content == PICTURE
    assert (file.headers["content-type"], file.headers["content-length"]) == ("image/png", str(len(PICTURE)))
    assert again.status_code == 403
    assert server.world.files.used == len(PICTURE)


async def test_files_come_with_a_message_in_a_form(server: Emulator, http: httpx2.AsyncClient) -> None:
    """The message has their URLs; fields that are lists come as JSON text. Empty files are files, too."""
    fields = {**DRAFT, "data": json.dumps({"text": "look"}), "tags": '["t"]', "muid": "m-1"}
    files = [("files[]", ("ä.png", PICTURE, "image/png")), ("files[]", ("none.bin", b""))]
    with trio.fail_after(10):
        sent = await http.post("/messages", headers=token(server), data=fields, files=files)
        message = sent.json()["data"]
        contents = [(await http.get(each["url"])).content for each in message["data"]["attachments"]]

    assert contents == [PICTURE, b""]
    assert message["data"]["url"] == message["data"]["attachments"][0]["url"]
    assert [each["name"] for each in message["data"]["attachments"]] == ["ä.png", "none.bin"]
    assert (message["data"]["text"], message["tags"], message["muid"]) == ("look", ["t"], "m-1")


@pytest.mark.parametrize(
    ("kind", "policy"), [("text/html", "sandbox"), ("image/svg+xml", "sandbox"), ("application/pdf", None)]
)
async def test_a_script_in_a_file_is_not_one_of_the_server(
    server: Emulator, http: httpx2.AsyncClient, kind: str, policy: str | None
) -> None:
    """A browser that opens the file gives it an origin of its own, which the controls refuse."""
    files = [("files[]", ("x", b"<script>fetch('/control/heal', {method: 'POST'})</script>", kind))]
    with trio.fail_after(10):
        sent = await http.post("/messages", headers=token(server), data={**DRAFT, "data": "{}"}, files=files)
        file = await http.get(sent.json()["data"]["data"]["attachments"][0]["url"])
    assert file.headers["content-type"] == kind
    assert file.headers["x-content-type-options"] == "nosniff"
    assert file.headers.get("content-security-policy") == policy


async def test_secured_media_needs_the_fat_of_a_user(server: Emulator, http: httpx2.AsyncClient) -> None:
    """The settings then name the server as the host of secured media, and a login returns the user's `fat`."""
    server.set(secured_media=True)
    with trio.fail_after(10):
        me = (await http.get("/me", headers=token(server))).json()["data"]
        granted = await presigned(server, http)
        await upload(http, granted)
        url = granted["attachment"]["url"]
        again = (await http.get("/me", headers=token(server))).json()["data"]["fat"]
        statuses = [(await http.get(url + fat)).status_code for fat in ("", "?fat=wrong", f"?fat={me['fat']}")]

    assert me["settings"]["SECURED_MEDIA_HOST"] == f"127.0.0.1:{server.port}"
    assert url.startswith(f"http://{me['settings']['SECURED_MEDIA_HOST']}/")
    assert statuses == [403, 403, 200]
    assert me["fat"] == again
    assert me["fat"] not in str([entry.detail for entry in server.log])


async def test_a_download_may_be_redirected(server: Emulator, http: httpx2.AsyncClient) -> None:
    """From the secured URL to one that needs no `fat`."""
    server.set(download="redirect")
    with trio.fail_after(10):
        granted = await presigned(server, http)
        await upload(http, granted)
        first = await http.get(granted["attachment"]["url"])
        second = await http.get(first.headers["location"])
    assert (first.status_code, second.content) == (302, PICTURE)


@pytest.mark.parametrize("status", [403, 413, 500])
async def test_uploads_and_downloads_can_be_made_to_fail(
    server: Emulator, http: httpx2.AsyncClient, status: int
) -> None:
    """Each with its fault; other requests are answered."""
    with trio.fail_after(10):
        granted = await presigned(server, http)
        server.set(upload=status)
        failed = await upload(http, granted)
        form = await http.post("/messages", headers=token(server), data=DRAFT, files={"files[]": b"x"})
        server.set(upload="accept", download=status)
        done = await upload(http, granted)
        unread = await http.get(granted["attachment"]["url"])
        settings = await http.get("/settings")
    assert [answer.status_code for answer in (failed, form, done, unread, settings)] == [
        status,
        status,
        204,
        status,
        200,
    ]


async def test_uploads_and_downloads_can_be_cut(server: Emulator, http: httpx2.AsyncClient) -> None:
    """The connection is reset in the middle, nothing of the upload is kept, and the server goes on."""
    server.set(upload="cut")
    with trio.fail_after(10):
        granted = await presigned(server, http)
        with pytest.raises((httpx2.WriteError, httpx2.ReadError, httpx2.RemoteProtocolError)):
            await upload(http, granted, PICTURE)
        assert server.world.files.used == 0
        server.set(upload="accept", download="cut")
        assert (await upload(http, granted)).status_code == 204
        with pytest.raises((httpx2.ReadError, httpx2.RemoteProtocolError)):
            await http.get(granted["attachment"]["url"])
        server.heal()
        assert (await http.get(granted["attachment"]["url"])).content == PICTURE


async def test_presigned_uploads_can_be_switched_off(server: Emulator, http: httpx2.AsyncClient) -> None:
    """The server then only accepts files with the message."""
    server.set(presigned=False)
    answer = await http.post("/files/upload-url", headers=token(server), json=described())
    assert (answer.status_code, answer.json()["error"]["code"]) == (404, "ERR_API_NOT_FOUND")


@pytest.mark.parametrize(
    ("file", "status"),
    [
        ({"size": 100 * 1024 * 1024 + 1}, 413),
        ({"size": 100 * 1024 * 1024}, 200),
        ({"size": -1}, 400),
        ({"size": True}, 400),
        ({"size": "7"}, 400),
        ({"name": ""}, 400),
        ({"name": "x" * 256}, 400),
        ({"name": 7}, 400),
        ({"name": "\ud800/../\r\n"}, 200),
        ({"mimeType": 7}, 400),
        ({"mimeType": "\ud800"}, 400),
    ],
)
def test_what_may_be_uploaded_is_checked_before(backend: Backend, file: dict[str, Any], status: int) -> None:
    """Its size, its name and its type."""
    authorized = {"authToken": backend.token("zed-1")}
    assert backend.request("POST", "/files/upload-url", described(**file), **authorized)[0] == status


@pytest.mark.parametrize("files", [None, {}, [], {"f": None}, {key: {"name": "x", "size": 1} for key in "abcdefghijk"}])
def test_one_to_ten_files_may_be_uploaded(backend: Backend, files: Any) -> None:
    """Fewer, more, and what are no files are refused."""
    body = {**described(), "files": files}
    assert backend.request("POST", "/files/upload-url", body, authToken=backend.token("zed-1"))[0] == 400


def form(fields: dict[str, str], *files: tuple[str, bytes]) -> tuple[dict[str, str], bytes]:
    """Return the headers and the body of a form."""
    parts = [f'--B\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{text}\r\n' for name, text in fields.items()]
    body = "".join(parts).encode()
    for name, content in files:
        body += f'--B\r\nContent-Disposition: form-data; name="{name}"; filename="x"\r\n\r\n'.encode()
        body += content + b"\r\n"
    return {"content-type": "multipart/form-data; boundary=B"}, body + b"--B--\r\n"


@pytest.mark.parametrize(
    ("changed", "files", "later", "status"),
    [
        ({}, [("file", b"12345678")], 0, 204),
        ({}, [("file", b"")], 15 * 60, 204),
        ({}, [("file", b"12345678")], 15 * 60 + 1, 403),
        ({"policy": "made up"}, [("file", b"12345678")], 0, 403),
        ({}, [("file", b"123456789")], 0, 413),
        ({}, [("files", b"1")], 0, 400),
        ({}, [], 0, 400),
        ({}, [("file", b"1"), ("file", b"1")], 0, 400),
    ],
)
def test_an_upload_must_be_as_it_was_granted(
    backend: Backend, changed: dict[str, str], files: list[tuple[str, bytes]], later: int, status: int
) -> None:
    """Its fields, one file of at most the size that was named, within a quarter of an hour. No token is needed."""
    body = described(size=8)
    granted = backend.request("POST", "/files/upload-url", body, authToken=backend.token("zed-1"))[1]["data"]["f"]
    backend.clock[0] += later
    headers, sent = form({**granted["request"]["body"], **changed}, *files)
    response = backend.world.answer(Request("POST", granted["request"]["url"], headers, sent))
    assert response.status == status
    assert backend.world.files.used == (len(files[0][1]) if status == 204 else 0)
    got = backend.world.answer(Request("GET", granted["attachment"]["url"], {}))
    assert got.status == (200 if status == 204 else 404)
    assert status != 204 or got.body == files[0][1]


@pytest.mark.parametrize(
    ("fields", "files"),
    [
        ({"data": "{"}, [("files[]", b"x")]),
        ({"data": "[]"}, [("files[]", b"x")]),
        ({"tags": '{"a":1}'}, [("files[]", b"x")]),
        ({"receiver": "nobody"}, [("files[]", b"x")]),
        ({}, []),
    ],
)
def test_a_bad_message_in_a_form_is_refused(
    backend: Backend, fields: dict[str, str], files: list[tuple[str, bytes]]
) -> None:
    """Nothing of its files is kept."""
    headers, body = form({**DRAFT, **fields}, *files)
    headers["authToken"] = backend.token("zed-1")
    response = backend.world.answer(Request("POST", "http://127.0.0.1:1/messages", headers, body))
    assert 400 <= response.status < 500
    assert backend.world.files.used == 0


async def test_files_are_not_held_in_memory(server: Emulator, http: httpx2.AsyncClient) -> None:
    """Of 6 MiB that are sent and received piece by piece at most a few pieces are in memory at once."""
    size = 6 * 1024 * 1024
    end = b"\r\n--B--\r\n"
    fields = "".join(
        f'--B\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{text}\r\n' for name, text in DRAFT.items()
    )
    head = f'{fields}--B\r\nContent-Disposition: form-data; name="files[]"; filename="x"\r\n\r\n'.encode()
    piece = bytes(65_536)

    async def body() -> AsyncIterator[bytes]:
        yield head
        for _ in range(size // len(piece)):
            yield piece
        yield end

    headers = {"content-type": "multipart/form-data; boundary=B", **token(server)}
    headers["content-length"] = str(len(head) + size + len(end))
    await http.get("/settings")  # what is made once, such as modules that are imported
    tracemalloc.start()
    try:
        with trio.fail_after(30):
            sent = await http.post("/messages", headers=headers, content=body())
            received = 0
            async with http.stream("GET", sent.json()["data"]["data"]["url"]) as answer:
                async for got in answer.aiter_raw():
                    received += len(got)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert (received, server.world.files.used) == (size, size)
    assert peak < 2 * 1024 * 1024
