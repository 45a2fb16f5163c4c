"""What the server lets users send (its setting `MODE`): followed over real sockets and shown by `chat.features`."""

from __future__ import annotations

import json
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import pytest
import trio
import trio.testing

import cometconn
from cometconn import AppSettings, CometChat, MemoryStore, User
from cometconn.emulator import Emulator, Kind, open_emulator
from cometconn.environment import Request, Response, SystemEnvironment
from cometconn.errors import FeatureThrottledError, NotConnectedError, SettingsError
from cometconn.events import TextMessage, TransientMessage, TypingStarted
from cometconn.status import Features

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

    from cometconn.emulator.faults import Mode

EVERYTHING = Features(typing=True, receipts=True, transient=True, mode="DEFAULT")
LIMITED = Features(typing=False, receipts=False, transient=True, mode="LIMITED_TRANSIENT")
NOTHING = Features(typing=False, receipts=False, transient=False, mode="NO_TRANSIENT")
RECEIPTS = ["receipts"] * 3  # delivered; delivered and read
TYPING = ["typing_indicator", "typing_indicator"]


@asynccontextmanager
async def manual_client(
    server: Emulator, store: MemoryStore | None = None, environment: SystemEnvironment | None = None
) -> AsyncGenerator[CometChat, None]:
    """Open a client in manual mode. A user is logged in only if *store* holds a session."""
    settings = AppSettings(auto_establish_socket_connection=False)
    async with cometconn.open_client(
        "APP", settings, store=store or MemoryStore(), endpoints=server.endpoints, environment=environment
    ) as chat:
        yield chat


def message() -> TextMessage:
    """A message that amy-2 sent to zed-1."""
    return TextMessage(id=1, category="message", sender=User("amy-2"), receiver=User("zed-1"), text="x")


async def send_each_kind(chat: CometChat) -> list[str]:
    """Call all five, and return the codes of what the two receipts raised."""
    codes = []
    await chat.start_typing("amy-2")
    await chat.end_typing("amy-2")
    for mark in (chat.mark_as_delivered, chat.mark_as_read):
        try:
            await mark(message())
        except FeatureThrottledError as error:
            codes.append(error.code)
    await chat.send_transient("amy-2", {"k": 1})
    await chat.ping()  # what was sent before it has come
    return codes


def came(server: Emulator) -> list[str]:
    """What the server got on its sockets beside auth frames and pings."""
    frames = [entry.detail["frame"] for entry in server.log.of(Kind.FRAME_IN)]
    return [frame["type"] for frame in frames if frame.get("type") not in {None, "auth"}]


@pytest.mark.parametrize(
    ("mode", "features", "sent"),
    [
        ("DEFAULT", EVERYTHING, [*TYPING, *RECEIPTS, "transient_message"]),
        ("LIMITED_TRANSIENT", LIMITED, ["transient_message"]),
        ("NO_TRANSIENT", NOTHING, []),
    ],
)
async def test_each_mode_is_followed(mode: Mode, features: Features, sent: list[str]) -> None:
    """What the mode holds back is not written: receipts raise, other calls return, and the connection stays."""
    with trio.fail_after(20):
        async with open_emulator() as server, manual_client(server) as chat:
            server.set(mode=mode)
            assert chat.features == EVERYTHING
            await chat.login(uid="zed-1", auth_key="KEY")
            assert chat.features == features
            await chat.connect()
            codes = await send_each_kind(chat)
            assert came(server) == sent
            assert codes == ([] if features.receipts else ["RECEIPTS_TEMPORARILY_BLOCKED"] * 2)
            assert chat.statistics().connections == 1


async def test_the_other_user_gets_what_may_be_sent() -> None:
    """With `LIMITED_TRANSIENT` the other user gets the transient message, and no typing event before it."""
    with trio.fail_after(20):
        async with open_emulator() as server, manual_client(server) as amy, manual_client(server) as zed:
            await amy.login(uid="amy-2", auth_key="KEY")
            await amy.connect()
            server.set(mode="LIMITED_TRANSIENT")
            await zed.login(uid="zed-1", auth_key="KEY")
            await zed.connect()
            async with amy.events(TypingStarted, TransientMessage) as events:
                await send_each_kind(zed)
                assert isinstance(await anext(events), TransientMessage)


async def test_the_error_explains_what_to_do() -> None:
    """`FeatureThrottledError` names the call, the mode, and what helps."""
    with trio.fail_after(20):
        async with open_emulator() as server, manual_client(server) as chat:
            server.set(mode="NO_TRANSIENT")
            await chat.login(uid="zed-1", auth_key="KEY")
            await chat.connect()
            with pytest.raises(FeatureThrottledError, match=r"mark_as_read\(\).*NO_TRANSIENT.*later.*login\(\)"):
                await chat.mark_as_read(message())


async def test_it_is_saved_and_the_next_login_lifts_it() -> None:
    """A reopened session follows the same mode without a request; after a new login the new settings apply."""
    store = MemoryStore()
    with trio.fail_after(20):
        async with open_emulator() as server:
            server.set(mode="LIMITED_TRANSIENT")
            async with manual_client(server, store) as chat:
                await chat.login(uid="zed-1", auth_key="KEY")
            server.heal()
            asked = len(server.log.of(Kind.REST))
            async with manual_client(server, store) as chat:
                assert chat.features == LIMITED
                assert len(server.log.of(Kind.REST)) == asked
                await chat.connect()
                assert await send_each_kind(chat) == ["RECEIPTS_TEMPORARILY_BLOCKED"] * 2
                await chat.logout()
                assert chat.features == EVERYTHING
                await chat.login(uid="zed-1", auth_key="KEY")
                assert chat.features == EVERYTHING
                await chat.connect()
                assert await send_each_kind(chat) == []
                assert came(server) == ["transient_message", *TYPING, *RECEIPTS, "transient_message"]


async def test_mistakes_raise_in_every_mode() -> None:
    """Without a connection, and with invalid arguments, the calls raise the same errors in every mode."""
    with trio.fail_after(20):
        async with open_emulator() as server, manual_client(server) as chat:
            server.set(mode="NO_TRANSIENT")
            await chat.login(uid="zed-1", auth_key="KEY")
            for call in (
                lambda: chat.start_typing("amy-2"),
                lambda: chat.mark_as_read(message()),
                lambda: chat.send_transient("amy-2", {}),
            ):
                with pytest.raises(NotConnectedError):
                    await call()
            await chat.connect()
            with pytest.raises(SettingsError):
                await chat.start_typing("")
            with pytest.raises(SettingsError):
                await chat.send_transient("amy-2", {"k": object()})
            assert came(server) == []


async def test_what_is_not_sent_is_a_checkpoint_all_the_same() -> None:
    """A call that sends nothing is still a checkpoint: a loop of them lets other tasks run, and a cancelled one raises."""
    with trio.fail_after(20):
        async with open_emulator() as server, manual_client(server) as chat:
            server.set(mode="NO_TRANSIENT")
            await chat.login(uid="zed-1", auth_key="KEY")
            await chat.connect()
            for call in (chat.start_typing, chat.end_typing):
                with trio.testing.assert_checkpoints():
                    await call("amy-2")
                with trio.CancelScope() as scope:
                    scope.cancel()
                    await call("amy-2")
                assert scope.cancelled_caught


class OtherMode(SystemEnvironment):
    """The network, where the settings in each answer have another `MODE`, or none."""

    def __init__(self, *mode: Any, in_me: bool) -> None:
        super().__init__(proxy="")
        self.mode = mode
        self.in_me = in_me

    async def request(self, request: Request) -> Response:
        """Change the answer. Where the settings are not to be in that of `/me`, they must be fetched."""
        response = await super().request(request)
        answer = json.loads(response.body)
        settings = answer["data"].get("settings", answer["data"])
        if "MODE" in settings:
            del settings["MODE"]
            if self.mode:
                settings["MODE"] = self.mode[0]
        if not self.in_me:
            answer["data"].pop("settings", None)
        return Response(response.status, response.headers, json.dumps(answer).encode())


@pytest.mark.parametrize("in_me", [True, False])
@pytest.mark.parametrize(
    "mode",
    [(), (None,), ("",), ("no_transient",), ("SOMETHING_NEW",), (3,), (True,), ([],), (["NO_TRANSIENT"],), ({"a": 1},)],
    ids=repr,
)
async def test_a_mode_that_is_none_throttles_nothing(mode: tuple[Any, ...], *, in_me: bool) -> None:
    """A mode that is absent, unknown or of another type, in `PUT /me` or `GET /settings`, throttles nothing and raises nothing."""
    with trio.fail_after(20):
        async with (
            open_emulator() as server,
            manual_client(server, environment=OtherMode(*mode, in_me=in_me)) as chat,
        ):
            server.set(mode="NO_TRANSIENT")
            await chat.login(uid="zed-1", auth_key="KEY")
            assert chat.features == EVERYTHING
            await chat.connect()
            assert await send_each_kind(chat) == []
            assert came(server) == [*TYPING, *RECEIPTS, "transient_message"]


async def test_settings_that_are_fetched_are_followed() -> None:
    """If the response of `PUT /me` has no settings, they are fetched, and their mode applies."""
    with trio.fail_after(20):
        async with (
            open_emulator() as server,
            manual_client(server, environment=OtherMode("NO_TRANSIENT", in_me=False)) as chat,
        ):
            await chat.login(uid="zed-1", auth_key="KEY")
            assert chat.features == NOTHING
