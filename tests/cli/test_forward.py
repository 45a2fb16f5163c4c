"""`cometconn listen --forward-to`: in virtual time with scripted responses, and as processes that are killed."""

from __future__ import annotations

import itertools
import json
import pathlib
import signal
import sys
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from typing import Any

import attrs
import pytest
import trio

from cometconn import AppSettings, CometChat
from cometconn.cli.forward import Forwarder, ForwardOptions, Receiver, authorization_of
from cometconn.cli.options import Options
from cometconn.emulator import open_emulator
from cometconn.environment import Request, Response
from cometconn.errors import CometConnError, SettingsError
from cometconn.testing import MemoryServer
from tests.docs.terminals import free_port

from .child import running

RECEIVER = (sys.executable, str(pathlib.Path(__file__).with_name("receiver.py")))
URL = "https://hooks.test/secret-path"


@pytest.fixture
def chat_settings() -> AppSettings:
    """What is not handled comes again."""
    return AppSettings(catch_up=True)


@attrs.define(eq=False)
class Service:
    """A web service whose responses are given; the last one is repeated.

    Attributes:
        responses: a status, with headers or a body, or an error, or `None` for no response.
        requests: what came, with the time.
    """

    responses: list[Any]
    requests: list[tuple[float, Request]] = attrs.field(factory=list)

    async def request(self, request: Request) -> Response:
        """Respond to one request."""
        self.requests.append((trio.current_time(), request))
        planned = self.responses.pop(0) if len(self.responses) > 1 else self.responses[0]
        match planned:
            case None:
                await trio.sleep_forever()
            case OSError():
                raise planned
            case (int(status), dict(headers)):
                return Response(status, headers, b"")
            case (int(status), bytes(body)):
                return Response(status, {}, body)
        return Response(planned, {}, b"")

    @property
    def texts(self) -> list[str]:
        """The texts of the messages that came, in order."""
        return [json.loads(request.body or b"")["text"] for _, request in self.requests]

    @property
    def pauses(self) -> list[float]:
        """The seconds between each two requests."""
        times = [time for time, _ in self.requests]
        return [after - before for before, after in itertools.pairwise(times)]


@asynccontextmanager
async def forwarding(chat: CometChat, service: Service, **options: Any) -> AsyncGenerator[list[CometConnError], None]:
    """Forward the events of *chat* for as long as the block lasts, with the longest delays; gives the error that ends it."""
    forwarder = Forwarder(Receiver(URL, "hooks.test"), service.request, lambda: 1.0, ("APP", "zed-1"), **options)
    errors: list[CometConnError] = []

    async def run() -> None:
        try:
            await forwarder.run(events)
        except CometConnError as error:
            errors.append(error)

    with trio.fail_after(7200):  # of virtual time
        async with chat.events(acknowledge="call") as events, trio.open_nursery() as nursery:
            nursery.start_soon(run)
            yield errors
            nursery.cancel_scope.cancel()


async def wait_position(chat: CometChat, number: int) -> None:
    """Wait until the message of this id is handled."""
    while chat.position != number:
        await trio.sleep(1)


async def test_a_message_is_handled_when_it_was_accepted(
    memory_server: MemoryServer, memory_chat: CometChat, capsys: pytest.CaptureFixture[str]
) -> None:
    """In order, with the same key in each attempt; `Retry-After` is respected; until then the position stays."""
    asked = {"retry-after": "120"}
    service = Service([OSError(111, "Connection refused"), None, (503, asked), (429, {"retry-after": "7"}), 408, 204])
    async with forwarding(memory_chat, service):
        for text in ("one", "two"):
            memory_server.say("amy-2", text, receiver="zed-1")
        await trio.sleep(160)
        assert (memory_chat.position, service.texts) == (0, ["one"] * 5)
        await wait_position(memory_chat, 2)
    assert service.texts == [*["one"] * 6, "two"]
    # The window of the delay is 0.5 s and doubles, Retry-After is a floor, and 30 s pass without a response.
    assert service.pauses[:5] == pytest.approx([0.5, 31, 120, 7, 8])
    keys = [request.headers["Idempotency-Key"] for _, request in service.requests]
    assert keys == [*["APP:zed-1:1"] * 6, "APP:zed-1:2"]
    lines = capsys.readouterr().err.splitlines()
    assert "TextMessage 1 to hooks.test: Connection refused; next attempt in 0.5 s" in lines[0]
    assert "no response within 30 s" in lines[1]
    assert "accepted TextMessage 1 (attempt 6," in lines[-1]
    assert not any("secret-path" in line for line in lines)


async def test_a_long_outage_is_waited_out(
    memory_server: MemoryServer, memory_chat: CometChat, capsys: pytest.CaptureFixture[str]
) -> None:
    """For an hour there is an attempt every 30 s, and a line every five minutes; then the event is accepted."""
    service = Service([*[502] * 125, 200])
    async with forwarding(memory_chat, service):
        memory_server.say("amy-2", "one", receiver="zed-1")
        await trio.sleep(3600)
        assert len(service.requests) == 125
        await wait_position(memory_chat, 1)
    assert max(service.pauses) == pytest.approx(30)
    assert len(capsys.readouterr().err.splitlines()) == 13  # the first, eleven more, and that it goes on


@pytest.mark.parametrize("status", [301, 400, 404, 413])
async def test_a_refusal_ends_it(memory_server: MemoryServer, memory_chat: CometChat, status: int) -> None:
    """After eight in a row there is one error with the reason, and the event is not handled."""
    service = Service([400, 503, (status, b"no field text in\x1b it")])
    async with forwarding(memory_chat, service) as errors:
        memory_server.say("amy-2", "one", receiver="zed-1")
        while not errors:
            await trio.sleep(1)
        assert memory_chat.position == 0
    assert len(service.requests) == 10
    assert f"refused TextMessage 1 8 times: HTTP status {status}, no field text in\\u001b it" in str(errors[0])
    assert ("--skip-refused" in str(errors[0])) == (status in {400, 413})


async def test_refused_events_are_skipped_on_request(
    memory_server: MemoryServer, memory_chat: CometChat, capsys: pytest.CaptureFixture[str]
) -> None:
    """A refused event is reported and counts as handled; a wrong secret or address still ends it."""
    service = Service([*[422] * 8, 200, 401])
    async with forwarding(memory_chat, service, skip_refused=True) as errors:
        for text in ("one", "two", "three"):
            memory_server.say("amy-2", text, receiver="zed-1")
        while not errors:
            await trio.sleep(1)
        assert memory_chat.position == 2
    assert service.texts == [*["one"] * 8, "two", *["three"] * 8]
    assert "forwarding skips an event: hooks.test refused TextMessage 1" in capsys.readouterr().err
    assert "HTTP status 401" in str(errors[0])


async def test_events_without_an_id_have_keys_of_their_own(memory_server: MemoryServer, memory_chat: CometChat) -> None:
    """Two equal events have different keys, and each keeps its key in every attempt."""
    service = Service([500, 200])
    async with forwarding(memory_chat, service):
        for _ in range(2):
            memory_server.push("zed-1", TYPING)
        while len(service.requests) < 3:
            await trio.sleep(1)
    first, again, second = (request.headers["Idempotency-Key"] for _, request in service.requests)
    assert first == again != second
    assert json.loads(service.requests[0][1].body or b"")["event"] == "TypingStarted"


TYPING = (
    '{"type": "typing_indicator", "receiver": "zed-1", "receiverType": "user", "sender": "amy-2",'
    ' "body": {"action": "started", "user": {"uid": "amy-2", "name": "Amy"}}}'
)


SECRETS: list[tuple[str, str]] = [
    ("a-token", "Bearer a-token"),
    ("Bearer a-token", "Bearer a-token"),
    ("amy:pass:word", "Basic YW15OnBhc3M6d29yZA=="),
    ("Basic YW15OnBhc3M=", "Basic YW15OnBhc3M="),
]


@pytest.mark.parametrize(("secret", "header"), SECRETS)
def test_the_secret_of_the_receiver(secret: str, header: str, tmp_path: pathlib.Path) -> None:
    """A token, a user with a password, or the whole header; it is in no repr."""
    file = tmp_path / "secret"
    file.write_text(f"{secret}\n")
    receiver = ForwardOptions(forward_to=URL, forward_auth_file=file).receiver()
    assert receiver is not None
    assert receiver.authorization == header
    assert secret not in repr(receiver)


BAD: list[tuple[dict[str, Any], str]] = [
    ({"forward_to": "hooks.test"}, "--forward-to must look like https://"),
    ({"forward_to": "https://hooks.test/a b"}, "--forward-to must look like https://"),
    ({"forward_to": "https://hooks.test/?a=\n"}, "--forward-to must look like https://"),
    ({"forward_to": "https://me:pass@hooks.test/"}, "use --forward-auth-file instead"),
    ({"forward_to": "http://hooks.test/"}, "--forward-to is not encrypted and hooks.test is not this machine"),
    ({"skip_refused": True}, "need --forward-to"),
    ({"forward_auth_file": pathlib.Path("/nowhere/secret")}, "/nowhere/secret"),
]


@pytest.mark.parametrize(("options", "message"), BAD, ids=[row[1] for row in BAD])
def test_bad_options(options: dict[str, Any], message: str) -> None:
    """The error names the option, and not what may be a secret."""
    with pytest.raises(SettingsError, match=message) as caught:
        ForwardOptions(**options).receiver()
    assert "pass" not in str(caught.value).replace("password", "")


def test_good_options() -> None:
    """This machine needs no TLS, another one does unless the option permits it; a query is kept."""
    for url, more in {"http://127.0.0.1:1/x": {}, "https://h.test/?a=1&b=%20": {}, "http://h.test": INSECURE}.items():
        receiver = ForwardOptions(forward_to=url, **more).receiver()
        assert receiver is not None
        assert receiver.url == url
    assert ForwardOptions().receiver() is None
    with pytest.raises(SettingsError, match="character"):
        authorization_of("a token")


def test_how_the_receiver_is_reached() -> None:
    """Another machine through the proxy of the options, this one never, and neither with the client's certificate."""
    options = Options(app_id="APP", proxy="http://proxy.test:3128", client_cert=pathlib.Path("/nowhere/certificate"))
    for url, is_proxied in {"http://127.0.0.1:1/": False, "http://[::1]/": False, "https://hooks.test/": True}.items():
        receiver = ForwardOptions(forward_to=url).receiver()
        assert receiver is not None
        assert (receiver.environment(options).proxies.leading_to(url) is not None) == is_proxied


INSECURE: dict[str, Any] = {"allow_insecure": True}


def entries(file: pathlib.Path) -> list[dict[str, Any]]:
    """The lines that the receiver has written whole: a line that crosses a page of the file can be seen in part."""
    written, _, _ = file.read_text().rpartition("\n") if file.exists() else ("", "", "")
    return [json.loads(line) for line in written.splitlines()]


async def wait_for(file: pathlib.Path, condition: Callable[[list[dict[str, Any]]], bool]) -> None:
    """Wait until the receiver has written what is expected."""
    while not condition(entries(file)):
        await trio.sleep(0.02)


async def test_nothing_is_lost_when_processes_are_killed(tmp_path: pathlib.Path) -> None:
    """The receiver dies with an event in hand, and `listen` is killed while it is away: each message comes, in order."""
    port, file, auth = free_port(), tmp_path / "events.jsonl", tmp_path / "auth"
    auth.write_text("hook:geheim")
    words = ["listen", "--app-id", "APP", "--uid", "zed-1", "--session", str(tmp_path / "zed.json")]
    words += ["--forward-to", f"http://127.0.0.1:{port}/hook", "--forward-auth-file", str(auth)]
    async with open_emulator() as server:
        words += ["--endpoint", server.url]

        def say(*numbers: int) -> None:
            for number in numbers:
                server.say("amy-2", f"m{number}", receiver="zed-1")

        async with running(*words, COMETCONN_AUTH_KEY="KEY") as child:
            async with running(str(port), str(file), "3", command=RECEIVER) as receiver:
                await server.wait_connected("zed-1")
                say(1, 2, 3, 4)
                assert await receiver.process.wait() == -signal.SIGKILL
            await child.wait_for_error_text("forwarding waits: TextMessage 3")
            await child.stop(signal.SIGKILL)
        say(5)
        async with running(*words) as child:
            await server.wait_connected("zed-1")
            say(6)
            async with running(str(port), str(file), command=RECEIVER):
                await wait_for(file, lambda seen: any(entry.get("text") == "m6" for entry in seen))
            assert await child.stop(signal.SIGTERM) == 143
        assert b"geheim" not in child.errors
        assert b"Traceback" not in child.errors
    texts = [entry["text"] for entry in entries(file) if entry["event"] == "TextMessage"]
    assert texts.count("m3") > 1
    assert list(dict.fromkeys(texts)) == [f"m{number}" for number in range(1, 7)]
    keys = {entry["key"]: entry["text"] for entry in entries(file) if entry["event"] == "TextMessage"}
    assert list(keys.values()) == list(dict.fromkeys(texts))
    assert {entry["auth"] for entry in entries(file)} == {"Basic aG9vazpnZWhlaW0="}
