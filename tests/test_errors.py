"""Every error class, as a program gets it: class, code, message, cause."""

from __future__ import annotations

import ast
import pathlib
import re
from typing import TYPE_CHECKING, Any

import pytest
import trio

import cometconn
from cometconn import AppSettings, CometChat, Disconnected, FileStore, MemoryStore, Timing, User, errors, open_client
from cometconn.appstate import follow_logind
from cometconn.events import TextMessage, TypingStarted, UnreadableFrame
from cometconn.instrumentation import read_trace
from cometconn.stores import SavedSession

from .appstate.stand_in import StandIn
from .connection.harness import Pair, background, open_pair, settle

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from trio.testing import MockClock


async def _settings(_: Pair, __: pathlib.Path) -> None:
    Timing(background_grace=-1)


async def _store(pair: Pair, folder: pathlib.Path) -> None:
    pair.server.dialling = "accept"
    (folder / "x").mkdir()
    async with open_client("APP", AppSettings(region="us"), store=FileStore(folder / "x")):
        raise AssertionError


async def _log_in(pair: Pair) -> None:
    await pair.chat.login(uid="zed-1", auth_key="KEY")


async def _login_in_progress(pair: Pair, _: pathlib.Path) -> None:
    await pair.chat.logout()
    pair.server.set(rest="hang")
    async with background(_log_in, pair):
        try:
            await _log_in(pair)
        finally:
            await pair.chat.logout()  # ends the first one


async def _api(pair: Pair, _: pathlib.Path) -> None:
    pair.server.dialling = "refuse"
    await pair.chat.login(uid="amy-2", auth_key="KEY")


async def _not_logged_in(pair: Pair, _: pathlib.Path) -> None:
    await pair.chat.logout()
    await pair.chat.connect()


async def _not_connected(pair: Pair, _: pathlib.Path) -> None:
    await pair.chat.disconnect()
    await pair.chat.ping()


async def _feature_throttled(pair: Pair, _: pathlib.Path) -> None:
    pair.server.set(mode="NO_TRANSIENT")
    await pair.chat.logout()
    await pair.chat.login(uid="zed-1", auth_key="KEY")
    await pair.chat.connect()
    message = TextMessage(id=1, category="message", sender=User("amy-2"), receiver=User("zed-1"), text="x")
    await pair.chat.mark_as_read(message)


async def _send_uncertain(pair: Pair, _: pathlib.Path) -> None:
    pair.server.set(rest="hang")
    await pair.chat.send_text("amy-2", "hello")


async def _connect(pair: Pair, _: pathlib.Path) -> None:
    await pair.chat.disconnect()
    pair.server.dialling = "refuse"
    await pair.chat.connect()


async def _authentication(pair: Pair, _: pathlib.Path) -> None:
    await pair.chat.disconnect()
    pair.server.set(auth="refuse")
    await pair.chat.connect()


async def _connection_lost(pair: Pair, _: pathlib.Path) -> None:
    pair.server.set(pong=False)
    async with background(pair.chat.ping) as outcome:
        pair.device.reset()
    raise outcome[0]


async def _pong_timeout(pair: Pair, _: pathlib.Path) -> None:
    pair.server.set(pong=False)
    async with background(pair.chat.ping) as outcome:
        pair.device.send_json({"type": "other"})
        await trio.sleep(6)
    raise outcome[0]


async def _protocol(pair: Pair, _: pathlib.Path) -> None:
    """The settings in a saved session name no usable host, and no endpoints replace them."""
    by_hand, store = AppSettings(region="us", auto_establish_socket_connection=False), MemoryStore()
    async with open_client("APP", by_hand, store=store, environment=pair.server) as chat:
        await chat.login(uid="amy-2", auth_key="KEY")
    text = (await store.load("APP")).to_text()
    await store.save(SavedSession.from_text(re.sub(r'"(CHAT_HOST\w*)": "[^"]*"', r'"\1": "/"', text)))
    await store.aclose()
    async with open_client("APP", by_hand, store=store, environment=pair.server) as chat:
        with pytest.raises(errors.ConnectError) as caught:
            await chat.connect()
    cause = caught.value.__cause__
    assert cause is not None
    raise cause


async def _decode(pair: Pair, _: pathlib.Path) -> None:
    async with pair.chat.events(UnreadableFrame) as events:
        pair.device.send('{"type": "message", "body": {"category": "message", "type": "text", "id": "x"}}')
        event = await anext(events)
    assert isinstance(event, UnreadableFrame)
    assert event.error.path
    raise event.error


async def _trace(_: Pair, folder: pathlib.Path) -> None:
    (folder / "trace").write_text("nothing of ours\n")
    read_trace(folder / "trace")


async def _slow_consumer(pair: Pair, _: pathlib.Path) -> None:
    async with pair.chat.events(max_events=1, overflow="fail") as events:
        for _number in range(3):
            pair.device.send('{"type": "other"}')
        await settle()
        while True:
            await anext(events)


async def _app_state(_: Pair, folder: pathlib.Path) -> None:
    await follow_logind(StandIn(), bus=f"unix:path={folder / 'no-bus'}")


async def _file(pair: Pair, folder: pathlib.Path) -> None:
    await pair.chat.send_media("amy-2", folder / "missing.png")


TREE: dict[type[errors.CometConnError], tuple[Callable[[Pair, Any], Awaitable[None]], str, bool]] = {
    errors.SettingsError: (_settings, "INVALID_SETTINGS", False),
    errors.StoreError: (_store, "STORE_FAILED", False),
    errors.LoginInProgressError: (_login_in_progress, "LOGIN_IN_PROGRESS", False),
    errors.ApiError: (_api, "FAILED_TO_FETCH", True),
    errors.SendUncertainError: (_send_uncertain, "FAILED_TO_FETCH", True),
    errors.NotLoggedInError: (_not_logged_in, "ERROR_USER_NOT_LOGGED_IN", False),
    errors.NotConnectedError: (_not_connected, "NO_WEBSOCKET_CONNECTION", False),
    errors.FeatureThrottledError: (_feature_throttled, "RECEIPTS_TEMPORARILY_BLOCKED", False),
    errors.ConnectError: (_connect, "CONNECT_FAILED", True),
    errors.AuthenticationError: (_authentication, "AUTHENTICATION_FAILED", True),
    errors.ConnectionLostError: (_connection_lost, "CONNECTION_LOST", True),
    errors.PongTimeoutError: (_pong_timeout, "PONG_TIMEOUT", False),
    errors.ProtocolError: (_protocol, "PROTOCOL_ERROR", False),
    errors.DecodeError: (_decode, "DECODE_ERROR", False),
    errors.AppStateError: (_app_state, "APP_STATE_UNAVAILABLE", True),
    errors.FileError: (_file, "FILE_FAILED", True),
    errors.SlowConsumerError: (_slow_consumer, "SLOW_CONSUMER", False),
    errors.TraceError: (_trace, "UNREADABLE_TRACE", False),
}


@pytest.mark.parametrize("kind", TREE, ids=lambda kind: kind.__name__)
async def test_each_error_describes_what_happened(
    kind: type[errors.CometConnError], tmp_path: pathlib.Path, autojump_clock: MockClock
) -> None:
    """It has the expected class and code, a message for people, and a cause if there is one."""
    meet, code, has_cause = TREE[kind]
    caught: errors.CometConnError | None = None
    async with open_pair(manual=True, connect=True) as pair:
        try:
            await meet(pair, tmp_path)
        except errors.CometConnError as error:
            caught = error
        except BaseExceptionGroup as group:  # from a nursery of the test
            (caught,) = (error for error in group.exceptions if isinstance(error, errors.CometConnError))
    assert type(caught) is kind
    assert caught.code == code
    assert caught.message == str(caught)
    assert len(caught.message.split()) > 3
    assert (caught.__cause__ is not None) == has_cause
    assert "KEY" not in caught.message.replace("auth_key", "")


def test_no_error_class_is_missing() -> None:
    """Every public error is raised above, and all have one base class."""
    kinds = {getattr(errors, name) for name in errors.__all__}
    assert kinds == {*TREE, errors.CometConnError}
    assert all(issubclass(kind, errors.CometConnError) for kind in kinds)


async def test_a_status_carries_the_cause(autojump_clock: MockClock) -> None:
    """The status has the error that ended the connection, with the error's own cause."""
    async with open_pair(manual=True) as pair:
        pair.server.dialling = "refuse"
        with pytest.raises(errors.ConnectError):
            await pair.chat.connect()
        status = pair.chat.status
        assert isinstance(status, Disconnected)
        assert isinstance(status.cause, errors.ConnectError)
        assert isinstance(status.cause.__cause__, OSError)


@pytest.mark.parametrize(
    ("code", "message", "text"),
    [
        ("ERR_UID_NOT_FOUND", "GET /me: There is no such user.", "GET /me: There is no such user (ERR_UID_NOT_FOUND)."),
        (None, "GET /me was not answered", "GET /me was not answered (FAILED_TO_FETCH)."),
        ("ERR_X", "GET /me: ERR_X, says the server", "GET /me: ERR_X, says the server"),
    ],
)
def test_the_text_of_an_api_error_has_its_code(code: str | None, message: str, text: str) -> None:
    """It stands at the end, unless the text has it already."""
    error = errors.ApiError(message, code=code)
    assert (str(error), error.message) == (text, text)


@pytest.mark.parametrize(
    ("status", "is_worth_it"),
    [(None, True), (408, True), (425, True), (429, True), (500, True), (400, False), (404, False)],
)
def test_which_api_errors_are_worth_retrying(status: int | None, is_worth_it: bool) -> None:
    """Those without a response, 408, 425, 429 and 5xx; `retry_after` is the server's own delay."""
    error = errors.ApiError("no", status=status, retry_after=3.0)
    assert (error.worth_retrying, error.retry_after) == (is_worth_it, 3.0)


AFTER: dict[str, Callable[[CometChat], Awaitable[object]]] = {
    "connect()": lambda chat: chat.connect(),
    "ping()": lambda chat: chat.ping(),
    "start_typing()": lambda chat: chat.start_typing("amy-2"),
    "login()": lambda chat: chat.login(uid="zed-1", auth_key="KEY"),
    "logout()": lambda chat: chat.logout(),
    "send_text()": lambda chat: chat.send_text("amy-2", "hello"),
    "reply()": lambda chat: chat.reply(TypingStarted(sender=User("amy-2"), receiver=User("zed-1")), "hello"),
    "resend()": lambda chat: chat.resend(errors.SendUncertainError("x", muid="m")),
    "edit()": lambda chat: chat.edit(1, "hello"),
    "delete()": lambda chat: chat.delete(1),
    "react()": lambda chat: chat.react(1, "x"),
    "unreact()": lambda chat: chat.unreact(1, "x"),
}


async def _typing(chat: CometChat) -> None:
    async with chat.typing("amy-2"):
        pass


async def test_calls_after_the_client_was_left(autojump_clock: MockClock) -> None:
    """Each error has the name of the call, and what to do; without a running loop, too."""
    async with open_pair(connect=True) as pair:
        pass
    for name, call in AFTER.items():
        for runs in (call, _without_a_loop(call)):
            with pytest.raises((errors.NotConnectedError, errors.NotLoggedInError)) as caught:
                await runs(pair.chat)
            assert caught.value.message == f"{name} came after open_client() was left: open a new client."


def _without_a_loop(call: Callable[[CometChat], Awaitable[object]]) -> Callable[[CometChat], Awaitable[object]]:
    def run(chat: CometChat) -> None:
        trio.run(lambda: call(chat))

    async def wait(chat: CometChat) -> None:
        await trio.to_thread.run_sync(run, chat)

    return wait


async def test_calls_from_another_thread() -> None:
    """Each, synchronous or not, raises one sentence that names what to use, and nothing happens."""
    calls: list[Callable[[CometChat], Any]] = [
        *AFTER.values(),
        _typing,
        CometChat.enter_background,
        CometChat.retry_now,
    ]

    def run(chat: CometChat) -> None:
        for call in calls:
            with pytest.raises(errors.SettingsError, match=r"another thread.*trio\.from_thread\.run") as caught:
                call(chat).send(None)
            assert caught.value.code == "NO_TRIO"

    async with open_pair(connect=True) as pair:
        await trio.to_thread.run_sync(run, pair.chat)
        assert pair.now() == "Connected(1)"


def test_no_error_of_the_library_names_a_command_line_option() -> None:
    """The library does not know that there is a command line. The emulator has one of its own: `python -m cometconn.emulator`."""
    folder = pathlib.Path(cometconn.__file__).parent
    commands = {folder / "emulator" / name for name in ("command.py", "serving.py", "traffic.py")}
    for path in folder.rglob("*.py"):
        if path.is_relative_to(folder / "cli") or path in commands:
            continue
        tree = ast.parse(path.read_text())
        docstrings = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
        for node in ast.walk(tree):
            if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in docstrings:
                assert not re.search(r"(?<![\w-])--[a-z]|cometconn (serve|send|doctor|listen)", node.value), (
                    path,
                    node.value,
                )
