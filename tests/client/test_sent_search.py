"""Messages of which no answer came: `resend()` looks for them before it sends them again."""

from __future__ import annotations

import json
from functools import partial
from typing import TYPE_CHECKING, Any

import attrs
import pytest
import trio

from cometconn.environment import Request, Response
from cometconn.errors import ApiError, NotLoggedInError, SendUncertainError, SettingsError
from cometconn.events import CustomMessage, TextMessage
from tests.connection.harness import Pair, open_pair

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from trio.testing import MockClock

DRAFT = {"receiver": "zed-1", "receiverType": "user", "category": "message", "type": "text"}


@attrs.define
class Network:
    """Answers in place of the server, or loses answers; and counts the requests.

    Attributes:
        pair: the client and its server.
        faults: what happens to the next requests, each in its turn: `"lost"` after the server has carried it out,
            `"refused"` before, or the body of a response.
        asked: the requests.
    """

    pair: Pair
    faults: list[Any]
    asked: list[Request] = attrs.field(factory=list)

    async def __call__(self, request: Request) -> Response:
        """Answer one."""
        self.asked.append(request)
        fault = self.faults.pop(0) if self.faults else None
        if fault == "refused":
            raise ConnectionRefusedError
        if isinstance(fault, tuple):
            await trio.lowlevel.checkpoint()
            status, body = fault
            return Response(status, {}, json.dumps(body).encode())
        response = await self.pair.server.request(request)
        if fault == "lost":
            raise ConnectionResetError
        return response

    def methods(self) -> list[str]:
        """The methods, in their order."""
        return [request.method for request in self.asked]


def network(pair: Pair, *faults: Any) -> Network:
    """Let the next requests of the client meet these faults."""
    made = Network(pair, list(faults))
    pair.chat._core.login.api.request = made
    return made


def stored(pair: Pair, text: str = "hello") -> list[Any]:
    """The messages that the server has with this text."""
    return [each for each in pair.server.world.messages if each["data"].get("text") == text]


async def uncertain(pair: Pair, fault: Any, *more: Any, **options: Any) -> tuple[SendUncertainError, Network]:
    """Return the error of a send that meets a fault."""
    line = network(pair, fault, *more)
    with pytest.raises(SendUncertainError) as caught:
        await pair.chat.send_text(options.pop("to", "amy-2"), "hello", **options)
    return caught.value, line


OPTIONS: dict[str, dict[str, Any]] = {
    "to a user": {},
    "to a group": {"to": "hikers", "receiver_type": "group"},
    "with a muid": {"muid": "mine"},
    "in a thread": {"parent_message_id": 1},
}


@pytest.mark.parametrize("options", OPTIONS.values(), ids=OPTIONS)
@pytest.mark.parametrize("arrived", [True, False])
async def test_it_is_sent_once(autojump_clock: MockClock, options: dict[str, Any], arrived: bool) -> None:
    """The error has the muid. A message that the server has is returned; one that it does not have is sent as it was."""
    async with open_pair(manual=True) as pair:
        pair.server.world.post("amy-2", {**DRAFT, "data": {"text": "begins the thread"}})
        error, line = await uncertain(pair, "lost" if arrived else (502, {}), **options)
        assert error.muid == options.get("muid", error.muid)
        assert error.message.endswith(("may have been sent.", "may have carried it out all the same."))
        assert error.__notes__ == ["`await chat.resend(error)` sends the message only if it was not sent."]
        assert len(stored(pair)) == arrived
        sent = await pair.chat.resend(error)
        (only,) = stored(pair)
        assert isinstance(sent, TextMessage)
        assert (sent.id, sent.muid, sent.text) == (int(only["id"]), error.muid, "hello")
        assert sent.parent_message_id == options.get("parent_message_id")
        assert line.methods()[:2] == ["POST", "GET"]
        assert (line.methods()[-1] == "POST") is not arrived
        assert (await pair.chat.resend(error)).id == sent.id  # a second time changes nothing
        assert len(stored(pair)) == 1


async def test_a_custom_message(autojump_clock: MockClock) -> None:
    """What is found is of the class that was sent."""
    async with open_pair(manual=True) as pair:
        network(pair, "lost")
        with pytest.raises(SendUncertainError) as caught:
            await pair.chat.send_custom("amy-2", {"x": 1}, type="place")
        found = await pair.chat.resend(caught.value)
        assert isinstance(found, CustomMessage)
        assert found.custom_data == {"x": 1}


async def test_several_calls_send_it_once(autojump_clock: MockClock) -> None:
    """Calls at the same time wait for each other, and return the same message."""
    async with open_pair(manual=True) as pair:
        error, _ = await uncertain(pair, (502, {}))
        ids: list[int] = []

        async def resend() -> None:
            ids.append((await pair.chat.resend(error)).id)

        async with trio.open_nursery() as nursery:
            for _number in range(5):
                nursery.start_soon(resend)
        assert len(set(ids)) == 1
        assert len(stored(pair)) == 1


@pytest.mark.parametrize(
    "faults",
    [
        ["lost"],
        [(200, {"data": "no list"})],
        [(403, {"error": {"code": "ERR_X", "message": "no"}})],
        [None, "lost"],
        [None, "refused"],
        [None, (429, {"error": {"code": "TOO_MANY_REQUEST", "message": "no"}})],
    ],
)
async def test_it_may_fail_any_number_of_times(autojump_clock: MockClock, faults: list[Any]) -> None:
    """If it cannot be looked for, or sending fails for a passing reason, an error of the same kind is raised, for another try."""
    async with open_pair(manual=True) as pair:
        error, _ = await uncertain(pair, (502, {}))
        for _number in range(3):
            network(pair, *faults * (20 if faults == ["lost"] else 1))
            if len(stored(pair)):
                break
            with pytest.raises(SendUncertainError) as caught:
                await pair.chat.resend(error)
            assert caught.value.muid == error.muid
            error = caught.value
        network(pair)
        assert (await pair.chat.resend(error)).muid == error.muid
        assert len(stored(pair)) == 1


async def test_the_server_refuses_it(autojump_clock: MockClock) -> None:
    """A message that is not there and that is refused raises the server's reason, which is certain."""
    async with open_pair(manual=True) as pair:
        error, _ = await uncertain(pair, (502, {}))
        network(pair, None, (403, {"error": {"code": "ERR_BLOCKED", "message": "no"}}))
        with pytest.raises(ApiError) as caught:
            await pair.chat.resend(error)
        assert (type(caught.value), caught.value.code) == (ApiError, "ERR_BLOCKED")


@pytest.mark.parametrize("arrived", [True, False])
@pytest.mark.parametrize(("since", "pages"), [(0, 1), (250, 3)])
async def test_no_more_is_read_than_needed(autojump_clock: MockClock, since: int, pages: int, arrived: bool) -> None:
    """Pages are read backwards as far as the message can be, by the server's times alone; older ones are not read."""
    async with open_pair(manual=True) as pair:
        world = pair.server.world
        world.clock_ahead = -86_400_000.0  # it may be wrong
        for _number in range(150):
            world.post("amy-2", {**DRAFT, "data": {"text": "old"}})
            world.clock_ahead += 10
        error, line = await uncertain(pair, "lost" if arrived else (502, {}))
        await trio.sleep(600)
        world.clock_ahead += 600
        for _number in range(since):
            world.post("amy-2", {**DRAFT, "data": {"text": "new"}})
        sent = await pair.chat.resend(error)
        assert [int(each["id"]) for each in stored(pair)] == [sent.id]
        assert line.methods().count("GET") == pages


async def test_another_user_has_the_same_muid(autojump_clock: MockClock) -> None:
    """Their message is not taken for ours."""
    async with open_pair(manual=True) as pair:
        error, _ = await uncertain(pair, (502, {}), muid="answer-1")
        pair.server.world.post("amy-2", {**DRAFT, "muid": "answer-1", "data": {"text": "theirs"}})
        sent = await pair.chat.resend(error)
        assert (sent.sender.uid, len(stored(pair))) == ("zed-1", 1)


async def test_one_that_cannot_be_read_is_not_sent_again(autojump_clock: MockClock) -> None:
    """What the server returns under the muid, but not as such a message, raises an error."""
    async with open_pair(manual=True) as pair:
        error, _ = await uncertain(pair, "lost")
        stored(pair)[0]["category"] = "custom"
        with pytest.raises(SendUncertainError, match="no TextMessage"):
            await pair.chat.resend(error)
        assert len(stored(pair)) == 1


async def test_a_list_without_an_end(autojump_clock: MockClock) -> None:
    """A server that returns the same page again, or pages for ever, ends in an error, and nothing is sent."""

    def page(first: int) -> tuple[int, Any]:
        return 200, {"data": [{"id": str(number)} for number in range(first, first + 100)]}

    async with open_pair(manual=True) as pair:
        error, _ = await uncertain(pair, (502, {}))
        for pages, words in (([page(5)] * 2, "does not continue"), ([page(10**9 - n) for n in range(101)], "10,000")):
            line = network(pair, *pages)
            with pytest.raises(SendUncertainError, match=words) as caught:
                await pair.chat.resend(error)
            assert caught.value.code == "INVALID_LIST"
            assert set(line.methods()) == {"GET"}


async def test_a_server_that_includes_the_bound(autojump_clock: MockClock) -> None:
    """A last page with nothing but the message that it was to begin before is the end, and the message is sent."""
    async with open_pair(manual=True) as pair:
        error, _ = await uncertain(pair, (502, {}))
        line = network(pair, (200, {"data": [{"id": "4"}, {"id": "5"}]}), (200, {"data": [{"id": 4}]}))
        assert (await pair.chat.resend(error)).muid == error.muid
        assert line.methods() == ["GET", "GET", "POST"]


@pytest.mark.parametrize("sent_at", [None, "x", "inf", "nan", "1e999", [], {}])
async def test_times_that_cannot_be_read(autojump_clock: MockClock, sent_at: Any) -> None:
    """A time that is none ends no search, wherever it stands; one in milliseconds is as good as one in seconds."""
    async with open_pair(manual=True) as pair:
        error, _ = await uncertain(pair, "lost")
        for first, last in ((sent_at, 9e9), (0, sent_at)):
            line = network(pair, (200, {"data": [{"id": "8", "sentAt": first}, {"id": "9", "sentAt": last}]}))
            assert (await pair.chat.resend(error)).id == 1
            assert line.methods() == ["GET", "GET"]
        for text in ("1800000000000", 1_800_000_000):
            line = network(pair, (200, {"data": [{"id": 8, "sentAt": 1_799_999_000}, {"id": 9, "sentAt": text}]}))
            await pair.chat.resend(error)
            assert line.methods() == ["GET", "POST"]


async def _log_out(pair: Pair) -> None:
    await pair.chat.logout()


async def _other_user(pair: Pair) -> None:
    await pair.chat.login(uid="amy-2", auth_key="KEY")


@pytest.mark.parametrize(
    ("change", "kind", "words"),
    [(_log_out, NotLoggedInError, r"resend\(\)"), (_other_user, SettingsError, "user zed-1 of the app APP")],
)
async def test_the_user_has_changed(
    autojump_clock: MockClock, change: Callable[[Pair], Awaitable[None]], kind: Any, words: str
) -> None:
    """It is not sent as another user."""
    async with open_pair(manual=True) as pair:
        error, _ = await uncertain(pair, (502, {}))
        await change(pair)
        line = network(pair)
        with pytest.raises(kind, match=words):
            await pair.chat.resend(error)
        assert not line.asked


async def test_what_is_no_uncertain_send(autojump_clock: MockClock) -> None:
    """An error that a program made, or another one, is refused."""
    async with open_pair(manual=True) as pair:
        wrong: list[Any] = [SendUncertainError("x", muid="m"), ApiError("x"), "m"]
        for error in wrong:
            with pytest.raises(SettingsError, match=r"resend\(error=...\) must be"):
                await pair.chat.resend(error)


async def test_another_client_of_the_user(autojump_clock: MockClock) -> None:
    """It can take over the error of a client that was left."""
    async with open_pair(manual=True) as pair:
        error, _ = await uncertain(pair, "lost")
        async with open_pair(given=pair.server, manual=True) as second:
            assert (await second.chat.resend(error)).muid == error.muid
            assert len(stored(pair)) == 1


async def test_a_cancel_leaves_it_resendable(autojump_clock: MockClock) -> None:
    """After a cancel while it is looked for, or sent, the next call returns the one message."""
    async with open_pair(manual=True) as pair:
        error, _ = await uncertain(pair, (502, {}))
        for delay in (0.0, 5.0):
            pair.server.set(rest_delay=5.0)
            with trio.move_on_after(delay + 1):
                await pair.chat.resend(error)
        pair.server.set(rest_delay=0.0)
        sent = await pair.chat.resend(error)
        assert [int(each["id"]) for each in stored(pair)] == [sent.id]


async def test_no_answer_in_time(autojump_clock: MockClock) -> None:
    """The server takes the message, and its answer comes too late: the message is found."""
    async with open_pair(manual=True) as pair:
        pair.server.set(rest_delay=11.0)
        with pytest.raises(SendUncertainError, match="request_timeout") as caught:
            await partial(pair.chat.send_text, "amy-2", "hello")()
        pair.server.set(rest_delay=0.0)
        assert (await pair.chat.resend(caught.value)).id == 1
        assert len(stored(pair)) == 1
