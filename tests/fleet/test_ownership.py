"""One owned account: its handler, its login, its position, and why it is parked."""

from __future__ import annotations

import itertools
import logging
from collections.abc import Callable
from typing import Any

import pytest
import trio
from trio.testing import MockClock

from cometconn import Disconnected, Endpoints
from cometconn.emulator.log import Kind
from cometconn.emulator.world.messages import MessageStore
from cometconn.errors import ApiError, SettingsError
from cometconn.events import TextMessage
from cometconn.fleet import Account, Credentials, FleetSettings, LeaseLostError, Owned, recorder
from cometconn.fleet.changes import HandlerFailed, Parked
from cometconn.fleet.values import EntryKind

from .harness import Fleet, open_fleet, settle


async def parked(fleet: Fleet) -> dict[str, str | None]:
    """Why each account is parked."""
    changes = await fleet.connection.administration.accounts()
    return {change.uid: change.parked for change in changes.changes}


async def test_a_session_in_the_engine_is_for_its_servers(
    autojump_clock: MockClock, caplog: pytest.LogCaptureFixture
) -> None:
    """A fleet that is given other servers logs its accounts in there, and then keeps those sessions."""
    async with open_fleet(1) as fleet:
        elsewhere = Endpoints(
            admin_url="http://localhost/v3.0", client_url="http://localhost/v3.0", socket_url="ws://localhost/"
        )
        for endpoints, logins in ((fleet.server.endpoints, 1), (elsewhere, 2), (elsewhere, 2)):
            async with fleet.open("w1", endpoints=endpoints):
                await fleet.wait_all_connected()
                assert len(fleet.logins) == logins
    (text,) = (record.getMessage() for record in caplog.records if "belongs to" in record.getMessage())
    assert "'user-0'" in text
    assert "EngineStore" in text


@pytest.mark.parametrize("dies", [False, True])
async def test_a_position_in_the_engine_is_that_of_its_servers(
    dies: bool, autojump_clock: MockClock, caplog: pytest.LogCaptureFixture
) -> None:
    """The messages of other servers have ids of their own: none is passed over, nor marked as late, at the next takeover."""
    caplog.set_level(logging.CRITICAL)
    async with open_fleet(1) as fleet:
        fleet.server.world.messages._last_id = 1000
        async with fleet.open("w1"):
            await fleet.wait_all_connected()
            fleet.say("user-0", "there")
            await trio.sleep(1.0)
        fleet.server.world.messages = MessageStore()
        elsewhere = Endpoints(
            admin_url="http://localhost/v3.0", client_url="http://localhost/v3.0", socket_url="ws://localhost/"
        )
        await fleet.start("w2", endpoints=elsewhere)
        await fleet.wait_all_connected()
        if not dies:
            fleet.say("user-0", "here")
        await trio.sleep(2.0)
        assert fleet.workers["w2"].statistics().rewound == 0
        await fleet.kill("w2")
        fleet.say("user-0", "to no socket")
        await fleet.start("w3", endpoints=elsewhere)
        await fleet.wait_all_connected()
        await trio.sleep(2.0)
        await fleet.assert_all_recorded()
        assert not any(entry.late for entry in await fleet.entries())
        assert len(fleet.logins) == 2


# The handler.


async def test_a_handler_gets_what_it_owns(autojump_clock: MockClock) -> None:
    """The account, a fencing token, the lease's deadline and a client; after the end each call raises `LeaseLostError`."""
    kept: list[Owned] = []

    async def run(owned: Owned) -> None:
        kept.append(owned)
        await trio.sleep_forever()

    async with open_fleet(1) as fleet:
        for token in (1, 2):
            async with fleet.open("w1", run=run) as worker:
                await fleet.wait_all_connected()
                owned = kept[-1]
                assert (owned.account, owned.token) == (Account("user-0"), token)
                assert 0 < owned.lease.remaining <= 4.0
                assert owned.lease.deadline == pytest.approx(trio.current_time() + owned.lease.remaining)
                chat = owned.chat
                assert chat.get_logged_in_user() is not None
                assert repr(owned) == f"<Owned 'user-0', token {token}>"
                assert repr(worker) == "<Worker 'w1', 1 accounts>"
                worker._reconciler.owned["user-0"].end("share")  # type: ignore[union-attr]
                assert isinstance(chat.status, Disconnected)  # in the same step
                assert worker.accounts == ()
        for call in (owned.check, owned.events, lambda: owned.chat):
            with pytest.raises(LeaseLostError):
                call()
        with pytest.raises(LeaseLostError):
            await owned.record([])
        with pytest.raises(LeaseLostError):
            await owned.send_text("sender", "too late", key=1)


async def test_a_bot_handles_each_message_once(autojump_clock: MockClock) -> None:
    """F11, run mode: the position moves behind what was acknowledged, so the next owner begins there."""
    handled: list[str] = []

    async def run(owned: Owned) -> None:
        async with owned.events(TextMessage) as events:
            async for event in events:
                if isinstance(event, TextMessage):
                    await trio.sleep(0.01)
                    handled.append(event.text)

    async with open_fleet(1) as fleet:
        await fleet.start("w1", run=run)
        await fleet.wait_all_connected()
        for number in range(5):
            fleet.say("user-0", f"{number}")
        await trio.sleep(1.0)
        await fleet.kill("w1")
        fleet.say("user-0", "5")
        await fleet.start("w2", run=run)
        await fleet.wait_all_connected()
        await trio.sleep(2.0)
        assert handled == ["0", "1", "2", "3", "4", "5"]
        assert await fleet.entries() == []  # ids alone


@pytest.mark.parametrize(
    ("delay", "lost", "ends_after"),
    [
        pytest.param(0.7, False, 0.7, id="finished"),
        pytest.param(8.0, False, 1.0, id="cut after close_timeout"),
        pytest.param(0.7, True, 0.2, id="cut with the lease"),
    ],
)
async def test_a_shielded_answer_is_finished_before_the_account_moves(
    delay: float, lost: bool, ends_after: float, autojump_clock: MockClock
) -> None:
    """F19: a drain waits for it, so that the next owner does not send it again; but not for long, nor without a lease (F4)."""
    began: list[float] = []
    ended: list[float] = []

    async def run(owned: Owned) -> None:
        async with owned.events(TextMessage, markers=False) as messages:
            async for message in messages:
                if isinstance(message, TextMessage) and message.sender.uid == "sender":
                    began.append(trio.current_time())
                    try:
                        with trio.CancelScope(shield=True):
                            await owned.send_text("sender", "answer", key=message.id)
                    finally:
                        ended.append(trio.current_time())

    async with open_fleet(1) as fleet:
        worker = await fleet.start("w1", run=run)
        await fleet.wait_all_connected()
        await trio.sleep(1.0)
        fleet.server.set(rest_delay=delay)
        fleet.say("user-0", "question")
        await fleet.wait_for(lambda: bool(began))
        worker.drain()
        await settle()
        assert fleet.connected() == set()
        await trio.sleep(0.2)
        if lost:
            fleet.lines["w1"].cut()
            worker.lease.lose()
        await worker.drained()
        assert ended[0] - began[0] == pytest.approx(ends_after, abs=0.06)
        fleet.server.set(rest_delay=0.0)
        await fleet.start("w2", run=run)
        await fleet.wait_all_connected()
        await trio.sleep(1.0)
        assert len(began) == (1 if ends_after == delay else 2)


async def test_what_was_not_acknowledged_comes_again(autojump_clock: MockClock) -> None:
    """A worker is killed while its handler works on a message: the next owner gets it."""
    begun: list[str] = []

    async def run(owned: Owned) -> None:
        async with owned.events(TextMessage) as events:
            async for event in events:
                if isinstance(event, TextMessage):
                    begun.append(event.text)
                    await trio.sleep(3.0 if event.text == "slow" and begun.count("slow") == 1 else 0.0)

    async with open_fleet(1) as fleet:
        await fleet.start("w1", run=run)
        await fleet.wait_all_connected()
        fleet.say("user-0", "quick")
        await trio.sleep(1.0)
        fleet.say("user-0", "slow")
        fleet.say("user-0", "waiting")
        await trio.sleep(1.0)
        await fleet.kill("w1")
        await fleet.start("w2", run=run)
        await fleet.wait_all_connected()
        await trio.sleep(1.0)
        assert begun == ["quick", "slow", "slow", "waiting"]


@pytest.mark.parametrize("fault", ["none", "moved", "engine", "date"])
async def test_a_first_takeover_before_any_message_loses_nothing(fault: str, autojump_clock: MockClock) -> None:
    """The owner is killed before it has recorded a message: catching up begins at the login.

    Also if the account moved between the login and its first connection, or if the owner could not reach the engine from then
    on; and, if the login had no `Date`, at the first connection, which is saved again when that has failed.
    """
    slowly = FleetSettings(connects_per_second=0.5, connect_burst=1)  # between a login and the first connection, too
    async with open_fleet(1, fleet=slowly) as fleet:
        fleet.server.set(date=fault != "date")
        await fleet.start("w1")
        await fleet.wait_for(lambda: fleet.logins == ["user-0"])
        await trio.sleep(1.0)
        assert fleet.connected() == set()
        if fault == "engine":
            fleet.lines["w1"].cut()
        elif fault == "moved":
            fleet.workers["w1"].drain()
            await fleet.start("w0")
        elif fault == "date":
            fleet.server.set(date=True)
            fleet.lines["w1"].broken.add("save")
        await fleet.wait_all_connected()
        if fault == "date":
            await trio.sleep(1.0)
            fleet.lines["w1"].broken.clear()
            await trio.sleep(6.0)
        else:
            fleet.say("user-0", "to the first socket")
        await trio.sleep(1.0)
        assert fleet.connected() == set(fleet.uids)
        await fleet.kill("w0" if fault == "moved" else "w1")
        fleet.say("user-0", "to no socket")
        await fleet.start("w2")
        await fleet.wait_all_connected()
        await trio.sleep(1.0)
        await fleet.assert_all_recorded()
        assert await fleet.connection.administration.holes() == ()
        assert len(fleet.logins) == 1


@pytest.mark.parametrize("how", ["raise", "group", "return"])
async def test_a_handler_that_ends_is_called_again(
    how: str, autojump_clock: MockClock, caplog: pytest.LogCaptureFixture
) -> None:
    """It is logged and called again after 1, 2, 4, ... s; its messages are not lost; the other account goes on."""
    times: list[float] = []

    async def run(owned: Owned) -> None:
        if owned.account.uid == "user-1":
            await recorder()(owned)
        times.append(trio.current_time())
        if len(times) < 4:
            if how == "raise":
                raise ValueError("of the handler")
            if how == "group":
                async with trio.open_nursery() as nursery:
                    nursery.start_soon(_fail)
                    nursery.start_soon(_fail)
        else:
            await recorder()(owned)

    caplog.set_level(logging.CRITICAL, logger="cometconn.fleet")
    async with open_fleet(2) as fleet, fleet.open("w1", run=run) as worker, worker.changes() as changes:
        await fleet.wait_all_connected()
        fleet.say("user-0", "kept")
        fleet.say("user-1", "other")
        await trio.sleep(10.0)
        assert [later - earlier for earlier, later in itertools.pairwise(times)] == [1.0, 2.0, 4.0]
        await fleet.assert_all_recorded()
        assert worker.statistics().handler_failures == 3
        assert worker.accounts == fleet.uids
        failed = None
        while not isinstance(failed, HandlerFailed):
            failed = await anext(changes)
        kind = {"raise": ValueError, "group": ExceptionGroup, "return": type(None)}[how]
        assert (failed.uid, failed.retry_in) == ("user-0", 1.0)
        assert isinstance(failed.error, kind)


async def _fail() -> None:
    raise ValueError("of a task of the handler")


async def test_a_handler_that_ignores_cancellation(autojump_clock: MockClock, caplog: pytest.LogCaptureFixture) -> None:
    """Its socket is closed all the same, its writes are refused, and another worker gets the account."""
    stop = trio.Event()
    outcome: list[type[BaseException]] = []

    async def stubborn(owned: Owned) -> None:
        if owned.account.uid == "user-1":
            await recorder()(owned)
        with trio.CancelScope(shield=True):
            await stop.wait()
            try:
                await owned.record([])
            except LeaseLostError as error:
                outcome.append(type(error))

    async with open_fleet(2) as fleet:
        first = await fleet.start("w1", run=stubborn)
        await fleet.wait_all_connected()
        await fleet.connection.administration.drain(first.incarnation)
        await fleet.wait_for(lambda: not fleet.connected(), within=2.0)
        caplog.set_level(logging.CRITICAL, logger="cometconn.fleet")
        await fleet.start("w2")
        await fleet.wait_all_connected(within=8.0)
        assert first.accounts == ()
        await first.drained()
        fleet.say("user-0", "for the new owner")
        stop.set()
        await trio.sleep(1.0)
        assert outcome == [LeaseLostError]
        await fleet.assert_all_recorded()


async def test_a_slow_event_loop_is_no_stubborn_handler(
    autojump_clock: MockClock, caplog: pytest.LogCaptureFixture
) -> None:
    """Accounts whose clients take long to close, because the event loop is late, are not given away as stuck."""

    async def run(owned: Owned) -> None:
        try:
            await recorder()(owned)
        finally:
            autojump_clock.jump(1.0)

    async with open_fleet(6, fleet=FleetSettings(lease_ttl=100.0)) as fleet:
        fleet.nursery.start_soon(fleet.start, "w2")
        worker = await fleet.start("w1", run=run)
        await fleet.wait_all_connected()
        await trio.sleep(5.0)
        assert worker.accounts
        worker.drain()
        await worker.drained()
        await fleet.wait_all_connected()
    assert [record.getMessage() for record in caplog.records if record.levelno >= logging.ERROR] == []


async def test_a_stubborn_handler_does_not_keep_the_worker_from_joining_again(
    autojump_clock: MockClock, caplog: pytest.LogCaptureFixture
) -> None:
    """The lease is lost: the worker joins anew, and leaves the stuck account to others until its handler ends."""
    stop = trio.Event()

    async def stubborn(owned: Owned) -> None:
        if owned.account.uid == "user-0" and not stop.is_set():
            with trio.CancelScope(shield=True):
                await stop.wait()
        await recorder()(owned)

    async with open_fleet(2) as fleet:
        caplog.set_level(logging.CRITICAL, logger="cometconn.fleet")
        worker = await fleet.start("w1", run=stubborn)
        await fleet.wait_all_connected()
        fleet.lines["w1"].cut()
        await trio.sleep(6.0)
        fleet.lines["w1"].broken.clear()
        await fleet.wait_for(lambda: worker.accounts == ("user-1",), within=5.0)
        await trio.sleep(5.0)
        assert fleet.connected() == {"user-1"}
        stop.set()
        await fleet.wait_all_connected(within=2.0)


# Recording.


async def test_signals_and_holes_are_recorded(autojump_clock: MockClock) -> None:
    """F10, F12: typing is a signal; what could not be fetched is a hole, never silence."""
    async with open_fleet(1) as fleet, fleet.open("w1"):
        await fleet.wait_all_connected()
        fleet.say("user-0", "one")
        await trio.sleep(1.0)
        fleet.server.push("user-0", {"type": "typing_indicator", "action": "started", "sender": "sender", "receiver": "user-0", "receiverType": "user", "body": {"action": "started", "user": {"uid": "sender", "name": "s"}, "receiver": "user-0", "receiverType": "user"}})  # fmt: skip
        await trio.sleep(1.0)
        fleet.server.set(rest=400)
        fleet.server.drop("user-0")
        await trio.sleep(20.0)
        fleet.server.heal()
        kinds = [entry.kind for entry in await fleet.entries()]
        assert kinds == [EntryKind.MESSAGE, EntryKind.SIGNAL, EntryKind.HOLE]
        (hole,) = await fleet.connection.administration.holes()
        assert hole.account == "user-0"


@pytest.mark.parametrize("own", [True, False])
async def test_own_messages_are_recorded_always_or_never(own: bool, autojump_clock: MockClock) -> None:
    """What the account sends from elsewhere, live and fetched after a takeover."""
    async with open_fleet(1) as fleet:
        for name in ("w1", "w2"):
            async with fleet.open(name, run=recorder(own=own)):
                await fleet.wait_all_connected()
                fleet.server.say("user-0", f"live {name}", receiver="sender")
                fleet.say("user-0", name)
                await trio.sleep(1.0)
            fleet.server.say("user-0", f"fetched {name}", receiver="sender")
        async with fleet.open("w3", run=recorder(own=own)):
            await trio.sleep(1.0)
        texts = [text for _, text in await fleet.recorded()]
        ours = ["live w1", "w1", "fetched w1", "live w2", "w2", "fetched w2"]
        assert texts == (ours if own else ["w1", "w2"])


# Sending.


async def test_a_key_makes_the_same_muid(autojump_clock: MockClock) -> None:
    """F13: sent again for the same key, also by another worker, a message has the same muid; without a key it has none."""

    async def run(owned: Owned) -> None:
        await owned.send_text("sender", "hello", key=7)
        await owned.send_text("sender", "hello", key=8)
        await owned.send_text("sender", "hello", muid="mine")
        await trio.sleep_forever()

    async with open_fleet(1) as fleet:
        for name in ("w1", "w2"):
            async with fleet.open(name, run=run):
                await trio.sleep(2.0)
        muids = [body.get("muid") for body in sent_bodies(fleet)]
        assert muids[:3] == muids[3:]
        assert len(set(muids)) == 3
        assert muids[2] == "mine"


@pytest.mark.parametrize(("on_doubt", "key", "times"), [("repeat", 1, 3), ("skip", 1, 1), ("skip", None, 1)])
async def test_a_doubtful_send(on_doubt: Any, key: Any, times: int, autojump_clock: MockClock) -> None:
    """F13: no usable answer: sent again with the same muid until there is one, or not at all, by choice."""
    results: list[Any] = []

    async def run(owned: Owned) -> None:
        results.append(await owned.send_text("sender", "hello", key=key, on_doubt=on_doubt))
        await trio.sleep_forever()

    async with open_fleet(1) as fleet:
        async with fleet.open("w1", login=fleet.login):
            await fleet.wait_all_connected()
        fleet.server.set(rest=500)
        async with fleet.open("w1", run=run):
            await trio.sleep(2.5)
            fleet.server.heal()
            await trio.sleep(10.0)
        posts = [e for e in fleet.server.world.log.of(Kind.REST) if e.detail["path"].endswith("/messages") and e.detail["method"] == "POST"]  # fmt: skip
        assert len(posts) == times
        assert [result is not None for result in results] == [on_doubt == "repeat"]


async def test_a_refused_send_is_raised(autojump_clock: MockClock) -> None:
    """The server's refusal is no doubt; neither is one without a key repeated."""
    errors: list[Exception] = []

    async def run(owned: Owned) -> None:
        for call in (
            lambda: owned.send_text("no-such-user", "hello", key=1),
            lambda: owned.send_text("sender", "", key=1),
        ):
            try:
                await call()
            except Exception as error:
                errors.append(error)
        await trio.sleep_forever()

    async with open_fleet(1) as fleet, fleet.open("w1", run=run):
        await trio.sleep(5.0)
    assert [type(error) for error in errors] == [ApiError, SettingsError]


def sent_bodies(fleet: Fleet) -> list[dict[str, Any]]:
    """The messages that the accounts sent over REST."""
    return [message for message in fleet.server.world.messages if message["sender"] != "sender"]


# Login, and parking.


async def unreachable(_: Account) -> Credentials:
    """A login function whose backend is down."""
    raise OSError("down")


async def test_a_takeover_needs_no_login(autojump_clock: MockClock) -> None:
    """The session is in the engine: three owners, one login."""
    async with open_fleet(1) as fleet:
        for name in ("w1", "w2", "w3"):
            async with fleet.open(name):
                await fleet.wait_all_connected()
        assert fleet.logins == ["user-0"]
        assert fleet.rest("POST") == 1


async def wrong_type(_: Account) -> Any:
    """A login function that returns a key."""
    return "KEY"


async def wrong_key(_: Account) -> Credentials:
    """A login function with another app's key."""
    return Credentials(auth_key="OTHER")


@pytest.mark.parametrize(
    ("login", "reason"),
    [
        (None, "There is no saved session, and open_worker() was given no login=."),
        (wrong_type, "The login was refused: login= must return Credentials(...), not str."),
        (wrong_key, "The login was refused: POST"),
    ],
)
async def test_a_refused_login_parks_the_account(
    login: Any, reason: str, autojump_clock: MockClock, caplog: pytest.LogCaptureFixture
) -> None:
    """F20: parked with the reason, and not claimed again until it is resumed."""
    caplog.set_level(logging.CRITICAL, logger="cometconn.fleet")
    async with open_fleet(1) as fleet:
        async with fleet.open("w1", login=login) as worker, worker.changes() as changes:
            await trio.sleep(30.0)
            (why,) = (await parked(fleet)).values()
            assert why is not None
            assert why.startswith(reason)
            assert worker.statistics().claims == worker.statistics().parked == 1
            change = None
            while not isinstance(change, Parked):
                change = await anext(changes)
            assert (change.uid, change.reason) == ("user-0", why)
        await fleet.connection.administration.resume(["user-0"])
        async with fleet.open("w1"):
            await fleet.wait_all_connected()


async def test_a_token_of_another_user_parks_the_account(
    autojump_clock: MockClock, caplog: pytest.LogCaptureFixture
) -> None:
    """F20: a token of another account is not used, and is not saved."""
    caplog.set_level(logging.CRITICAL, logger="cometconn.fleet")
    async with open_fleet(2) as fleet:
        token = fleet.server.world.sessions.issue_token("user-1")

        async def login(account: Account) -> Credentials:
            return Credentials(auth_token=token)

        async with fleet.open("w1", login=login):
            await fleet.wait_for(lambda: fleet.connected() == {"user-1"})
            await trio.sleep(5.0)
            reasons = await parked(fleet)
            assert reasons["user-1"] is None
            assert "is that of another user" in str(reasons["user-0"])


@pytest.mark.parametrize("fault", ["function", "server"])
async def test_a_login_that_fails_for_a_passing_reason_is_repeated(
    fault: str, autojump_clock: MockClock, caplog: pytest.LogCaptureFixture
) -> None:
    """F20: an exception of `login`, and a 503 with its Retry-After, park nothing."""
    caplog.set_level(logging.CRITICAL, logger="cometconn.fleet")
    async with open_fleet(1) as fleet:
        functions: list[Callable[..., Any]] = [unreachable, unreachable] if fault == "function" else []

        async def login(account: Account) -> Credentials:
            if functions:
                await functions.pop()(account)
            return Credentials(auth_key="KEY")

        if fault == "server":
            fleet.server.set(rest=503, retry_after=7)
        async with fleet.open("w1", login=login):
            await settle()
            await trio.sleep(1.5)
            fleet.server.heal()
            took = await fleet.wait_all_connected()
            assert (5.0 < took < 8.0) if fault == "server" else (took < 4.0)
            assert (await parked(fleet))["user-0"] is None


async def test_a_token_that_became_unknown(autojump_clock: MockClock, caplog: pytest.LogCaptureFixture) -> None:
    """F20: `login` is called once more, and the account goes on without a loss; refused, it is parked."""
    caplog.set_level(logging.CRITICAL)
    async with open_fleet(1) as fleet:
        await fleet.start("w1")
        await fleet.wait_all_connected()
        fleet.say("user-0", "one")
        await trio.sleep(11.0)
        fleet.server.forget_tokens()
        fleet.server.set(auth="refuse")
        fleet.server.drop("user-0")
        await settle()
        fleet.server.set(auth="accept")
        fleet.say("user-0", "two")
        await fleet.wait_all_connected()
        await trio.sleep(2.0)
        assert len(fleet.logins) == 2
        await fleet.assert_all_recorded()
        fleet.server.forget_tokens()
        fleet.server.world.auth_key = "CHANGED"
        fleet.server.drop("user-0")
        await trio.sleep(20.0)
        assert len(fleet.logins) == 3
        assert "The login was refused" in str((await parked(fleet))["user-0"])


async def test_a_handler_that_logs_out_parks_the_account(
    autojump_clock: MockClock, caplog: pytest.LogCaptureFixture
) -> None:
    """F20: LOGGED_OUT by the program itself is final."""
    caplog.set_level(logging.CRITICAL)

    async def run(owned: Owned) -> None:
        await owned.chat.logout()
        await trio.sleep_forever()

    async with open_fleet(1) as fleet, fleet.open("w1", run=run):
        await trio.sleep(5.0)
        assert (await parked(fleet))["user-0"] == "LOGGED_OUT: logout() was called."
        assert len(fleet.logins) == 1


async def test_a_refused_jwt_parks_the_account(autojump_clock: MockClock, caplog: pytest.LogCaptureFixture) -> None:
    """F20: AUTHENTICATION_FAILED is parked, with the reason."""
    caplog.set_level(logging.CRITICAL)
    async with open_fleet(1) as fleet:
        fleet.server.set(auth="refuse")
        async with fleet.open("w1"):
            await trio.sleep(20.0)
            assert str((await parked(fleet))["user-0"]).startswith("AUTHENTICATION_FAILED: ")


async def test_an_unreadable_session_counts_as_none(autojump_clock: MockClock) -> None:
    """What the engine has is no session of this account: one login, and nothing is lost."""
    from cometconn.fleet.values import Claim, Incarnation, Release, Save

    async with open_fleet(1) as fleet:
        someone = Incarnation("someone")
        await fleet.connection.lease(someone, 60.0, joining=True)
        (claimed,) = await fleet.connection.claim(someone, [Claim("user-0")])
        await fleet.connection.save([Save("user-0", claimed.word, b'{"schema": 1, "session": "}', 1)])  # type: ignore[union-attr]
        await fleet.connection.release([Release("user-0", claimed.word)])  # type: ignore[union-attr]
        await fleet.connection.lease(someone, 0)
        async with fleet.open("w1"):
            await fleet.wait_all_connected()
        assert len(fleet.logins) == 1
