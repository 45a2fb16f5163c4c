"""Receiving files: over real HTTP from the emulator, and from servers that answer in odd ways."""

from __future__ import annotations

import functools
import io
import os
import pathlib
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import attrs
import pytest
import trio

import cometconn
from cometconn import AppSettings, CometChat, Endpoints, MemoryStore, Timing
from cometconn.emulator import Emulator, open_emulator
from cometconn.environment import Request, StreamedResponse
from cometconn.errors import ApiError, FileError, NotLoggedInError, SettingsError
from cometconn.events import Attachment, MediaMessage, User
from tests.connection.harness import Pair, open_pair, settle

if TYPE_CHECKING:
    from trio.testing import MockClock

SETTINGS = AppSettings(auto_establish_socket_connection=False, timing=Timing(retry_base=0.01))
CONTENT = os.urandom(400_000)


@asynccontextmanager
async def running(**faults: Any) -> AsyncGenerator[tuple[CometChat, Emulator, MediaMessage], None]:
    """A client on a real socket, its server, and a message with a file."""
    with trio.fail_after(30):
        async with (
            open_emulator() as server,
            cometconn.open_client("APP", SETTINGS, store=MemoryStore(), endpoints=server.endpoints) as chat,
        ):
            server.set(secured_media=True)
            await chat.login(uid="zed-1", auth_key="KEY")
            sent = await chat.send_media("amy-2", CONTENT, name="a.bin")
            server.set(**faults)
            yield chat, server, sent


@pytest.mark.parametrize("fault", ["accept", "redirect"])
async def test_a_file_is_received(tmp_path: pathlib.Path, fault: Any) -> None:
    """To a path or a file object, by message, attachment or URL; with the user's token, and through a redirect."""
    async with running(download=fault) as (chat, _, sent):
        seen: list[tuple[int, int | None]] = []
        target = tmp_path / "copy"
        assert await chat.download(sent, target, progress=lambda *each: seen.append(each)) == len(CONTENT)
        assert target.read_bytes() == CONTENT
        assert seen[-1] == (len(CONTENT), len(CONTENT))
        assert os.listdir(tmp_path) == ["copy"]
        assert target.stat().st_mode & 0o777 == 0o666 & ~umask()
        file = io.BytesIO()
        file.write(b"before ")
        assert await chat.download(sent.attachments[0], file) == len(CONTENT)
        assert file.getvalue() == b"before " + CONTENT
        assert sent.url is not None
        with (tmp_path / "raw").open("wb", buffering=0) as raw:
            await chat.download(sent.url, raw)
        assert (tmp_path / "raw").read_bytes() == CONTENT


def umask() -> int:
    """The process's."""
    os.umask(before := os.umask(0))
    return before


async def test_what_cannot_be_written(tmp_path: pathlib.Path) -> None:
    """Each has an error with the reason. Nothing is left, and what was there stays."""
    (tmp_path / "there").write_text("mine")
    (tmp_path / "link").symlink_to(tmp_path / "none")
    read_only = (tmp_path / "there").open("rb")
    full = io.FileIO("/dev/full", "w")
    closed = io.BytesIO()
    closed.close()
    table: list[tuple[Any, str]] = [
        (tmp_path / "there", "something with that name"),
        (tmp_path / "link", "something with that name"),
        (tmp_path, "something with that name"),
        (tmp_path / "no" / "folder", "No such file"),
        ("", "something with that name"),
        ("a\0b", "null"),
        (read_only, "not writable|write"),
        (full, "No space left"),
        (closed, "closed"),
        (io.StringIO(), "argument"),
    ]
    async with running() as (chat, _, sent):
        for to, words in table:
            with pytest.raises(FileError, match=words):
                await chat.download(sent, to)
        assert sorted(os.listdir(tmp_path)) == ["link", "there"]
        assert (tmp_path / "there").read_text() == "mine"
        read_only.close()
        full.close()


async def test_another_file_gets_the_name_meanwhile(tmp_path: pathlib.Path) -> None:
    """It stays."""
    async with running() as (chat, _, sent):
        with pytest.raises(FileError, match="exists"):
            await chat.download(sent, tmp_path / "a", progress=lambda *_: (tmp_path / "a").touch())
        assert os.listdir(tmp_path) == ["a"]
        assert (tmp_path / "a").read_bytes() == b""


async def test_a_connection_that_is_lost_in_the_middle(tmp_path: pathlib.Path) -> None:
    """To a path the file is received from its beginning again; to a file object the error is raised."""
    async with running(download="cut") as (chat, server, sent):
        with pytest.raises(ApiError) as caught:
            await chat.download(sent, io.BytesIO())
        assert caught.value.worth_retrying
        seen: list[int] = []

        def progress(done: int, _: int | None) -> None:
            seen.append(done)
            server.set(download="accept")

        assert await chat.download(sent, tmp_path / "a", progress=progress) == len(CONTENT)
        assert (tmp_path / "a").read_bytes() == CONTENT
        assert seen != sorted(seen)


@pytest.mark.parametrize("how", ["raises", "cancelled"])
async def test_a_download_that_is_ended(tmp_path: pathlib.Path, how: str) -> None:
    """By an error of the program or a cancel: nothing is left, and the client lives on."""
    async with running() as (chat, _, sent):
        with trio.CancelScope() as scope:

            def progress(*_: object) -> None:
                if how == "raises":
                    raise ValueError("mine")
                scope.cancel()

            if how == "raises":
                with pytest.raises(ValueError, match="mine"):
                    await chat.download(sent, tmp_path / "a", progress=progress)
            else:
                await chat.download(sent, tmp_path / "a", progress=progress)
        assert os.listdir(tmp_path) == []
        assert await chat.download(sent, tmp_path / "a") == len(CONTENT)


async def test_a_new_file_token(tmp_path: pathlib.Path) -> None:
    """If the server no longer takes the token that was used before, a new one is fetched, once."""
    async with running() as (chat, server, sent):
        await chat.download(sent, tmp_path / "a")
        server.world.sessions._fats.clear()
        await chat.download(sent, tmp_path / "b")
        server.set(download=403)
        with pytest.raises(ApiError, match="refused the file with HTTP status 403") as caught:
            await chat.download(sent, tmp_path / "c")
        assert (caught.value.code, caught.value.status) == ("FILE_REFUSED", 403)


# Servers that answer in odd ways.


@asynccontextmanager
async def answering(chat: CometChat, answer: bytes) -> AsyncGenerator[tuple[str, list[bytes]], None]:
    """A server that sends the same bytes to every client, and the requests that it got."""
    listeners = await trio.open_tcp_listeners(0, host="127.0.0.1")
    got: list[bytes] = []

    async def serve(stream: trio.SocketStream) -> None:
        async with stream:
            head = b""
            while not head.endswith(b"\r\n\r\n"):
                head += await stream.receive_some()
            got.append(head)
            await stream.send_all(answer.replace(b"PORT", str(listeners[0].socket.getsockname()[1]).encode()))

    async with trio.open_nursery() as nursery:
        nursery.start_soon(functools.partial(trio.serve_listeners, serve, listeners))
        yield f"http://127.0.0.1:{listeners[0].socket.getsockname()[1]}/file?x=1", got
        nursery.cancel_scope.cancel()


REDIRECT = b"HTTP/1.1 302 Found\r\nContent-Length: 0\r\nLocation: "


@pytest.mark.parametrize(
    ("answer", "words", "requests"),
    [
        (b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\ntoo short", "ended too early", 1),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nabc", "ended too early", 1),
        (b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 1\r\n\r\nx", "compressed", 1),
        (b"HTTP/1.1 404 No\r\nContent-Length: 2\r\n\r\n{}", "HTTP status 404", 1),
        (b"SSH-2.0-x\r\n\r\n", "not HTTP", 1),
        (b"", "not HTTP", 1),
        (REDIRECT + b"/again\r\n\r\n", "more than 5 times", 6),
        (REDIRECT + b"ftp://127.0.0.1/x\r\n\r\n", "no URL of a file", 1),
        (REDIRECT + b"http://u:p@127.0.0.1:PORT/x\r\n\r\n", "no URL of a file", 1),
        (REDIRECT + b"http://example.test/x\r\n\r\n", "without encryption", 1),
    ],
)
async def test_an_odd_answer(tmp_path: pathlib.Path, answer: bytes, words: str, requests: int) -> None:
    """The error names what is wrong, nothing is left, and no secret was sent."""
    async with running() as (chat, _, _sent), answering(chat, answer) as (url, got):
        with pytest.raises(ApiError, match=words) as caught:
            await chat.download(url, io.BytesIO() if "early" in words or "HTTP" in words else tmp_path / "a")
        assert "x=1" not in str(caught.value)
        assert os.listdir(tmp_path) == []
        assert len(got) == requests
        assert all(b"token" not in head.lower() and b"appid" not in head.lower() for head in got)
        assert all(b"fat" not in head for head in got)


def redirecting(pair: Pair, **steps: Any) -> list[str]:
    """Let the hosts in *steps* redirect to these URLs, and the others send a file; return the URLs that are requested."""
    asked: list[str] = []

    @asynccontextmanager
    async def opened(request: Request, body: Any = None) -> AsyncGenerator[StreamedResponse, None]:
        await trio.lowlevel.checkpoint()
        assert request.is_foreign
        assert not request.headers
        asked.append(request.url)
        location = steps.get(request.url.split("/")[2].partition(".")[0])

        async def chunks() -> AsyncGenerator[bytes, None]:
            yield b"file"

        if location is None:
            yield StreamedResponse(200, {}, chunks())
        else:
            yield StreamedResponse(302, {"location": location}, chunks())

    pair.chat._core.login.api.open_response = opened
    return asked


def choose(pair: Pair, endpoints: Endpoints | None, **settings: Any) -> None:
    """Give the client other servers and settings, as if its login had brought them."""
    identity = pair.chat._core.identity
    identity.endpoints = endpoints
    session = identity.logged_in("x")
    identity.session = attrs.evolve(session, settings={**session.settings, **settings})


@pytest.mark.parametrize(
    ("steps", "urls", "words"),
    [
        ({"media": "https://other.test/x"}, ["https://media.test/f?fat=FAT", "https://other.test/x"], ""),
        ({"media": "/y"}, ["https://media.test/f?fat=FAT"] + ["https://media.test/y?fat=FAT"] * 5, "more than 5"),
        ({"media": "http://media.test/x"}, ["https://media.test/f?fat=FAT"], "without encryption"),
        ({"media": "https://127.0.0.1/x"}, ["https://media.test/f?fat=FAT"], "to this machine"),
        ({"media": "https://other.test/?f=FAT"}, ["https://media.test/f?fat=FAT"], "file token to another server"),
        ({"media": "https://other.test/?f=F%41T"}, ["https://media.test/f?fat=FAT"], "file token to another server"),
    ],
)
async def test_where_the_file_token_goes(
    autojump_clock: MockClock, steps: dict[str, str], urls: list[str], words: str
) -> None:
    """Only to the app's server for secured files, and only with encryption."""
    async with open_pair(manual=True) as pair:
        asked = redirecting(pair, **steps)
        choose(pair, None, SECURED_MEDIA_HOST="media.test")
        token = pair.chat._core.identity.logged_in("x").auth_token
        pair.chat._core.requester.file_token = (token, "FAT")
        file = io.BytesIO()
        if words:
            with pytest.raises(ApiError, match=words):
                await pair.chat.download("https://media.test/f", file)
        else:
            assert await pair.chat.download("https://media.test/f", file) == 4
        assert asked == urls
        asked.clear()
        await pair.chat.download("https://elsewhere.test/f", file)
        assert asked == ["https://elsewhere.test/f"]


async def test_what_is_no_file(autojump_clock: MockClock) -> None:
    """It is refused before any request."""
    message = MediaMessage(id=1, category="message", sender=User("amy-2"), receiver=User("zed-1"), type="image")
    async with open_pair(manual=True) as pair:
        asked = redirecting(pair)
        choose(pair, None)
        for given, words in (
            (message, "the MediaMessage has no URL"),
            (Attachment(), "the Attachment has no URL"),
            ("file:///etc/passwd", "must look like https"),
            ("http://a.test/x", "not encrypted"),
            ("http://127.0.0.1/x", "not encrypted"),
        ):
            with pytest.raises(SettingsError, match=words):
                await pair.chat.download(given, io.BytesIO())  # type: ignore[arg-type]
        assert not asked
        await pair.chat.logout()
        with pytest.raises(NotLoggedInError, match="download"):
            await pair.chat.download("https://a.test/x", io.BytesIO())
        await settle()


async def test_a_file_does_not_mean_that_the_token_is_accepted(autojump_clock: MockClock) -> None:
    """Another server has given it, so the key for a new login is kept."""
    async with open_pair(manual=True) as pair:
        redirecting(pair)
        key = pair.chat._core.login.renewal.key
        key.value = "KEY"
        await pair.chat.download("https://elsewhere.test/f", io.BytesIO())
        assert key.value == "KEY"
        await pair.chat.request("GET", "/users")
        assert key.value is None


async def test_a_redirect_never_leads_away_from_encryption(autojump_clock: MockClock) -> None:
    """Not even where the program allows servers without it."""
    async with open_pair(manual=True) as pair:
        asked = redirecting(pair, a="http://b.test/x")
        choose(pair, Endpoints.at("http://b.test", allow_insecure=True))
        with pytest.raises(ApiError, match="without encryption"):
            await pair.chat.download("https://a.test/f", io.BytesIO())
        assert await pair.chat.download("http://b.test/f", io.BytesIO()) == 4
        assert asked == ["https://a.test/f", "http://b.test/f"]


async def test_the_next_attempt_begins_with_an_empty_file(tmp_path: pathlib.Path) -> None:
    """A file that has become shorter meanwhile has no rest of the first attempt.

    In real time, because threads write the file, and virtual time would jump while they do.
    """
    contents = [[b"0123456789", OSError("cut")], [b"new"]]

    @asynccontextmanager
    async def opened(request: Request, body: Any = None) -> AsyncGenerator[StreamedResponse, None]:
        async def chunks() -> AsyncGenerator[bytes, None]:
            for piece in content:
                if isinstance(piece, OSError):
                    raise piece
                yield piece

        content = contents.pop(0)
        await trio.lowlevel.checkpoint()
        yield StreamedResponse(200, {}, chunks())

    async with open_pair(manual=True) as pair:
        pair.chat._core.login.api.open_response = opened
        pair.chat._core.requester.calls.random = lambda: 0.0  # no delay between the attempts
        assert await pair.chat.download("http://a.test/f", tmp_path / "a") == 3
        assert (tmp_path / "a").read_bytes() == b"new"
