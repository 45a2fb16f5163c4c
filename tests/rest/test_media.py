"""Messages with files, over real HTTP to the emulator; what needs time or an odd server, in memory."""

from __future__ import annotations

import functools
import json
import os
import pathlib
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import attrs
import pytest
import trio

import cometconn
from cometconn import AppSettings, CometChat, MemoryStore, Timing
from cometconn.emulator import Emulator, Kind, open_emulator
from cometconn.environment import Request, Response
from cometconn.errors import ApiError, FileError, NotLoggedInError, SendUncertainError, SettingsError
from cometconn.events import MediaMessage, Message
from tests.connection.harness import Pair, background, open_pair, settle

if TYPE_CHECKING:
    from trio.testing import MockClock

SETTINGS = AppSettings(auto_establish_socket_connection=False, timing=Timing(retry_base=0.01))
LONG = 400_000


@asynccontextmanager
async def running(**faults: Any) -> AsyncGenerator[tuple[CometChat, Emulator], None]:
    """A client on a real socket, and its server."""
    with trio.fail_after(30):
        async with (
            open_emulator(groups={"hikers": ("zed-1", "amy-2")}) as server,
            cometconn.open_client("APP", SETTINGS, store=MemoryStore(), endpoints=server.endpoints) as chat,
        ):
            server.set(**faults)
            await chat.login(uid="zed-1", auth_key="KEY")
            yield chat, server


def stored(server: Any) -> list[Any]:
    """The messages that the server has."""
    return list(server.world.messages)


@pytest.fixture
def picture(tmp_path: pathlib.Path) -> pathlib.Path:
    """A file that is sent in several pieces."""
    path = tmp_path / "a picture.png"
    path.write_bytes(os.urandom(LONG))
    return path


@pytest.mark.parametrize("presigned", [True, False])
async def test_files_are_uploaded_and_sent(picture: pathlib.Path, presigned: bool) -> None:
    """Each attachment has the file's name, type and bytes; the other options are those of `send_text()`."""
    async with running(presigned=presigned) as (chat, server):
        seen: list[tuple[int, int]] = []
        sent = await chat.send_media(
            "hikers", [picture, b"hello"], receiver_type="group", caption="look", progress=lambda *each: seen.append(each),
            muid="m", metadata={"a": 1},
        )  # fmt: skip
        assert (sent.type, sent.caption, sent.muid, sent.metadata, sent.receiver.id) == (
            "file", "look", "m", {"a": 1}, "hikers",
        )  # fmt: skip
        assert [(each.name, each.mime_type, each.size) for each in sent.attachments] == [
            (picture.name, "image/png", LONG), ("file.bin", "application/octet-stream", 5),
        ]  # fmt: skip
        assert (sent.raw["data"].get("url") is None) == presigned
        assert seen[-1] == (LONG + 5, LONG + 5)
        assert [done for done, _ in seen] == sorted({done for done, _ in seen})
        for attachment, content in zip(sent.attachments, (picture.read_bytes(), b"hello"), strict=True):
            copy = picture.with_name(f"copy of {attachment.name}")
            assert await chat.download(attachment, copy) == len(content)
            assert copy.read_bytes() == content
        assert len(stored(server)) == 1


async def test_urls_are_not_uploaded() -> None:
    """The message names them."""
    async with running() as (chat, server):
        sent = await chat.send_media("amy-2", "https://a.test/p/f.jpg?x=1", tags=["t"])
        assert (sent.type, sent.url, sent.attachments[0].name, sent.tags) == (
            "image", "https://a.test/p/f.jpg?x=1", "f.jpg", ("t",),
        )  # fmt: skip
        mixed = await chat.send_media("amy-2", [b"x", "https://a.test/f.jpg"], type="image")
        assert [each.name for each in mixed.attachments] == ["file.bin", "f.jpg"]
        assert mixed.type == "image"
        server.set(presigned=False)
        with pytest.raises(SettingsError, match="no URLs beside files"):
            await chat.send_media("amy-2", [b"x", "https://a.test/f.jpg"])
        assert len(stored(server)) == 2


@pytest.mark.parametrize(
    ("faults", "code", "status"),
    [
        ({"upload": 413}, "FILE_REFUSED", 413),
        ({"upload": 413, "presigned": False}, "ERR", 413),
        ({"upload": 403}, "FILE_REFUSED", 403),
    ],
)
async def test_the_server_refuses_a_file(picture: pathlib.Path, faults: dict[str, Any], code: str, status: int) -> None:
    """The error has the status; no message is sent, and the client lives on."""
    async with running(**faults) as (chat, server):
        with pytest.raises(ApiError) as caught:
            await chat.send_media("amy-2", picture)
        assert (caught.value.status, caught.value.code[: len(code)]) == (status, code)
        assert not stored(server)
        server.set(upload="accept")
        assert (await chat.send_media("amy-2", picture)).attachments[0].size == LONG


async def test_what_the_server_does_not_take(tmp_path: pathlib.Path) -> None:
    """A receiver that does not exist, and a file that is longer than the server's setting."""
    async with running() as (chat, server):
        with pytest.raises(ApiError, match="ERR_UID_NOT_FOUND"):
            await chat.send_media("nobody", b"x")
        with pytest.raises(FileError, match="No such file"):
            await chat.send_media("amy-2", [b"x", tmp_path / "none"])
        session = chat._core.identity.logged_in("x")
        for limit, is_taken in ((4, True), ("4", True), ("0", True), (None, True), (20_000, True), (15_000, False)):
            chat._core.identity.session = attrs.evolve(session, settings={**session.settings, "file.size.max": limit})
            if is_taken:
                await chat.send_media("amy-2", bytes(20_000))
            else:
                with pytest.raises(FileError, match="at most 15,000"):
                    await chat.send_media("amy-2", bytes(20_000))
        assert len(stored(server)) == 5


async def test_a_connection_that_is_lost_in_the_middle(picture: pathlib.Path) -> None:
    """The upload begins again with the same bytes, and the progress as well."""
    async with running(upload="cut") as (chat, server):
        seen: list[int] = []

        def progress(done: int, _: int) -> None:
            seen.append(done)
            if seen.count(done) > 1:  # not before: the server might not have looked yet
                server.set(upload="accept")

        sent = await chat.send_media("amy-2", picture, progress=progress)
        copy = picture.with_name("copy")
        await chat.download(sent, copy)
        assert copy.read_bytes() == picture.read_bytes()
        assert seen[0] < LONG
        assert seen.count(seen[0]) > 1


@pytest.mark.parametrize("presigned", [True, False])
@pytest.mark.parametrize("how", ["shrinks", "raises", "cancelled"])
async def test_an_upload_that_is_ended(picture: pathlib.Path, presigned: bool, how: str) -> None:
    """By a file that changes, by an error of the program, or by a cancel: no message is sent, and the client lives on."""
    async with running(presigned=presigned) as (chat, server):
        with trio.CancelScope() as scope:

            def progress(done: int, total: int) -> None:
                if how == "shrinks":
                    os.truncate(picture, 100_000)
                elif how == "raises":
                    raise UnicodeError("mine")
                scope.cancel()

            expected = {"shrinks": (FileError, "was changed"), "raises": (UnicodeError, "mine")}
            if how == "cancelled":
                await chat.send_media("amy-2", picture, progress=progress)
            else:
                kind, words = expected[how]
                with pytest.raises(kind, match=words):
                    await chat.send_media("amy-2", picture, progress=progress)
        assert not stored(server)
        assert (await chat.send_media("amy-2", b"x")).attachments[0].size == 1


async def test_a_stalled_upload_ends() -> None:
    """If the server reads no further piece within `request_timeout`, the error states that."""
    timing = Timing(request_timeout=0.3, retry_base=31, retry_cap=100)
    settings = AppSettings(auto_establish_socket_connection=False, timing=timing)
    listeners = await trio.open_tcp_listeners(0, host="127.0.0.1")
    with trio.fail_after(30):
        async with (
            open_emulator() as server,
            cometconn.open_client("APP", settings, store=MemoryStore(), endpoints=server.endpoints) as chat,
            trio.open_nursery() as nursery,
        ):
            await chat.login(uid="zed-1", auth_key="KEY")
            url = f"http://127.0.0.1:{listeners[0].socket.getsockname()[1]}/up"
            presign(chat, {"1": {"request": {"url": url, "body": {}}, "attachment": {}}})
            held: list[trio.SocketStream] = []
            nursery.start_soon(functools.partial(trio.serve_listeners, functools.partial(hold, held), listeners))
            chat._core.requester.calls.random = lambda: 1.0  # the next attempt would come after 30 s
            with pytest.raises(ApiError, match=r"made no progress for request_timeout, 0\.3 s"):
                await chat.send_media("amy-2", bytes(20_000_000))
            nursery.cancel_scope.cancel()


async def hold(held: list[trio.SocketStream], stream: trio.SocketStream) -> None:
    """Keep a connection without reading from it."""
    held.append(stream)
    await trio.sleep_forever()


def presign(chat: CometChat, places: Any) -> None:
    """Let the next requests for upload URLs have this answer."""
    api = chat._core.login.api
    request = api.request

    async def answer(asked: Request) -> Response:
        if asked.url.endswith("/upload-url"):
            await trio.lowlevel.checkpoint()
            return Response(200, {}, json.dumps({"data": places}).encode())
        return await request(asked)

    api.request = answer


async def test_no_secret_goes_to_another_server() -> None:
    """A file goes to the URL in the answer without the token, the app id, and the headers that the program has added."""
    listeners = await trio.open_tcp_listeners(0, host="127.0.0.1")
    got = bytearray()

    async def serve(stream: trio.SocketStream) -> None:
        while not got.endswith(b"--\r\n"):
            got.extend(await stream.receive_some())
        await stream.send_all(b"HTTP/1.1 201 Created\r\nContent-Length: 0\r\n\r\n")
        await stream.aclose()

    with trio.fail_after(30):
        async with (
            open_emulator() as server,
            cometconn.open_client(
                "APP", SETTINGS, store=MemoryStore(), endpoints=server.endpoints, headers={"x-extra": "EXTRA"}
            ) as chat,
            trio.open_nursery() as nursery,
        ):
            await chat.login(uid="zed-1", auth_key="KEY")
            place = f"http://127.0.0.1:{listeners[0].socket.getsockname()[1]}/up?signature=s"
            attachment = {"url": "https://files.test/x", "name": "x", "extension": "", "mimeType": "a/b", "size": 5}
            presign(
                chat,
                {"1": {"request": {"method": "POST", "url": place, "body": {"key": "k"}}, "attachment": attachment}},
            )
            nursery.start_soon(trio.serve_listeners, serve, listeners)
            sent = await chat.send_media("amy-2", b"hello")
            assert sent.attachments[0].url == "https://files.test/x"
            nursery.cancel_scope.cancel()
    assert got.startswith(b"POST /up?signature=s HTTP/1.1\r\n")
    assert b'name="key"\r\n\r\nk\r\n' in got
    head = got.partition(b"\r\n\r\n")[0].lower()
    assert all(word not in head for word in (b"token", b"appid", b"extra", b"resource", b"sdk"))


# In memory.


@pytest.mark.parametrize(
    ("places", "words"),
    [
        ([], "no object as its data"),
        ({}, "does not name where"),
        ({"1": {}}, "does not name where"),
        ({"1": {"request": {"url": "https://a.test"}}}, "does not name where"),
        ({"1": {"request": {"url": 5}, "attachment": {}}}, "does not name where"),
        ({"1": {"request": {"url": "https://a.test", "method": "PUT"}, "attachment": {}}}, "does not name where"),
        ({"1": {"request": {"url": "ftp://a.test"}, "attachment": {}}}, "no URL"),
        ({"1": {"request": {"url": "http://a.test"}, "attachment": {}}}, "without encryption"),
    ],
)
async def test_an_answer_that_names_no_place(autojump_clock: MockClock, places: Any, words: str) -> None:
    """The error is `INVALID_RESPONSE`, and nothing is sent."""
    async with open_pair(manual=True) as pair:
        presign(pair.chat, places)
        identity = pair.chat._core.identity
        assert identity.endpoints is not None
        identity.endpoints = attrs.evolve(
            identity.endpoints,
            allow_insecure=False,
            **dict.fromkeys(("admin_url", "client_url"), "http://127.0.0.1"),
            socket_url="ws://127.0.0.1",
        )
        with pytest.raises(ApiError, match=words) as caught:
            await pair.chat.send_media("amy-2", b"x")
        assert caught.value.code == "INVALID_RESPONSE"
        assert not stored(pair.server)


async def test_a_connection_that_is_lost_again_and_again(autojump_clock: MockClock) -> None:
    """The error has the number of attempts; the last one begins within 30 s of the first."""
    async with open_pair(manual=True) as pair:
        pair.server.set(upload="cut")
        began = trio.current_time()
        with pytest.raises(ApiError, match=r"6 attempts were made\.$") as caught:
            await pair.chat.send_media("amy-2", b"x")
        assert (caught.value.status, trio.current_time() - began) == (None, 1 + 2 + 4 + 8 + 15)
        assert not stored(pair.server)


async def test_it_is_not_known_whether_the_message_was_sent(autojump_clock: MockClock) -> None:
    """`resend()` finds it, or sends it with the files that are uploaded already."""
    async with open_pair(manual=True) as pair:
        for is_done in (True, False):
            lose_answer(pair, is_done=is_done)
            with pytest.raises(SendUncertainError) as caught:
                await pair.chat.send_media("amy-2", b"hello")
            found = await pair.chat.resend(caught.value)
            assert isinstance(found, MediaMessage)
            assert (found.attachments[0].size, found.muid) == (5, caught.value.muid)
        assert len(stored(pair.server)) == 2


async def test_files_that_were_sent_with_the_message_are_not_kept(autojump_clock: MockClock) -> None:
    """`resend()` finds the message, or states that it was not sent."""
    async with open_pair(manual=True) as pair:
        pair.server.set(presigned=False)
        outcomes: list[Message | SettingsError] = []
        for is_done in (True, False):
            lose_answer(pair, is_done=is_done)
            with pytest.raises(SendUncertainError) as caught:
                await pair.chat.send_media("amy-2", b"hello")
            try:
                outcomes.append(await pair.chat.resend(caught.value))
            except SettingsError as error:
                outcomes.append(error)
        assert isinstance(outcomes[0], MediaMessage)
        assert "its files are not kept" in str(outcomes[1])
        assert len(stored(pair.server)) == 1


def lose_answer(pair: Pair, *, is_done: bool) -> None:
    """Lose the answer to the next message; with *is_done* the server has taken it."""
    api, server = pair.chat._core.login.api, pair.server

    @asynccontextmanager
    async def opened(request: Request, body: Any = None) -> AsyncGenerator[Any, None]:
        if request.url.endswith("/messages"):
            api.open_response = server.open_response
            if is_done:
                async with server.open_response(request, body):
                    pass
            raise OSError("lost")
        async with server.open_response(request, body) as response:
            yield response

    async def asked(request: Request) -> Response:
        if request.url.endswith("/messages") and request.method == "POST":
            api.request = server.request
            if is_done:
                await server.request(request)
            raise OSError("lost")
        return await server.request(request)

    api.request, api.open_response = asked, opened


async def test_another_user_logs_in_meanwhile(autojump_clock: MockClock) -> None:
    """The message of the first user is not sent as the second one's."""
    async with open_pair(manual=True) as pair:
        gate, api = trio.Event(), pair.chat._core.login.api

        @asynccontextmanager
        async def slow(request: Request, body: Any = None) -> AsyncGenerator[Any, None]:
            async with pair.server.open_response(request, body) as response:
                await gate.wait()
                yield response

        api.open_response = slow
        async with background(functools.partial(pair.chat.send_media, "amy-2", b"x")) as outcome:
            await trio.sleep(1)
            await pair.chat.login(uid="amy-2", auth_key="KEY")
            gate.set()
        assert isinstance(outcome[0], NotLoggedInError)
        assert "another user" in str(outcome[0])
        assert not stored(pair.server)


async def test_leaving_the_client_ends_it(autojump_clock: MockClock) -> None:
    """A call that still uploads raises at once."""
    outcome: list[Exception] = []

    async def run(chat: CometChat) -> None:
        with pytest.raises(NotLoggedInError, match="leaving the client") as caught:
            await chat.send_media("amy-2", b"x")
        outcome.append(caught.value)

    async with trio.open_nursery() as nursery:
        async with open_pair(manual=True) as pair:
            pair.server.set(rest="hang")
            nursery.start_soon(run, pair.chat)
            await trio.sleep(1)
        await settle()
        assert outcome


async def test_an_environment_that_cannot_send_files(autojump_clock: MockClock) -> None:
    """One sentence says so, and nothing is sent."""
    async with open_pair(manual=True) as pair:
        pair.chat._core.login.api.open_response = None
        with pytest.raises(SettingsError, match=r"no open_response\(\)"):
            await pair.chat.send_media("amy-2", b"x")
        with pytest.raises(SettingsError, match=r"no open_response\(\)"):
            await pair.chat.download("https://a.test/x", "x")
        await pair.chat.send_media("amy-2", "https://a.test/x")
        assert [entry.detail["path"] for entry in pair.log(Kind.REST)][-1].endswith("/messages")
