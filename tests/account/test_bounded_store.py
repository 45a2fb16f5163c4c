"""A client with a store that hangs, raises, or returns invalid values."""

from __future__ import annotations

import logging
import math
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING, Any

import attrs
import pytest
import trio

from cometconn import AppSettings, MemoryStore, Timing, open_client
from cometconn._account.bounded_store import BoundedStore
from cometconn._account.session import Session
from cometconn.emulator import Kind
from cometconn.errors import ApiError, NotLoggedInError, StoreError
from cometconn.stores import SavedPosition, SavedSession
from cometconn.testing import open_memory_server

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from trio.testing import MockClock

SESSION = Session("APP", "zed-1", "A-TOKEN", "A-JWT", {"uid": "zed-1"})
POSITION = SavedPosition("APP", "zed-1", None, 7)
CALLS = ("load", "load_position", "save", "save_position", "forget", "aclose")


async def _hang() -> None:
    await trio.sleep_forever()


async def _raise_value_error() -> None:
    message = "could not insert 'A-TOKEN'"
    raise ValueError(message)


async def _raise_group() -> None:
    async with trio.open_nursery() as nursery:
        nursery.start_soon(_raise_value_error)


async def _raise_base() -> None:
    class OddError(BaseException):
        pass

    raise OddError


async def _raise_cancelled() -> None:
    scope = trio.CancelScope()
    scope.cancel()
    scope.__enter__()
    try:
        await trio.lowlevel.checkpoint()
    except trio.Cancelled as error:
        cancelled = error
    scope.__exit__(None, None, None)
    raise cancelled


async def _hang_and_raise() -> None:
    try:
        await trio.sleep_forever()
    finally:
        await _raise_group()


FAULTS: dict[str, Callable[[], Awaitable[Any]]] = {
    fault.__name__.lstrip("_"): fault
    for fault in (_hang, _raise_value_error, _raise_group, _raise_base, _raise_cancelled, _hang_and_raise)
}


class FaultyStore:
    """A MemoryStore in which the calls in `faulty` have a fault."""

    def __init__(self, fault: Callable[[], Awaitable[Any]], *faulty: str) -> None:
        self.memory = MemoryStore()
        self.fault = fault
        self.faulty = set(faulty)
        self.made: list[str] = []

    def __getattr__(self, name: str) -> Any:
        if name not in CALLS:
            raise AttributeError(name)

        async def call(*arguments: Any, **named: Any) -> Any:
            self.made.append(name)
            if name in self.faulty:
                return await self.fault()
            return await getattr(self.memory, name)(*arguments, **named)

        return call


def bounded(store: Any, close_timeout: float = 2.0) -> BoundedStore:
    return BoundedStore(store, "APP", "https://a and wss://a", close_timeout, 10.0)


@pytest.mark.parametrize("name", FAULTS)
@pytest.mark.parametrize("call", CALLS)
async def test_a_faulty_call_is_a_store_error_within_its_bound(call: str, name: str, autojump_clock: MockClock) -> None:
    """A call that raises anything, or never returns, raises StoreError without a token; closing never raises."""
    store = bounded(faulty := FaultyStore(FAULTS[name], call))
    calls: dict[str, Callable[[], Awaitable[Any]]] = {
        "load": store.load,
        "load_position": store.load,
        "save": lambda: store.save(SESSION),
        "save_position": lambda: store.save_position(POSITION, durable=True),
        "forget": store.forget,
        "aclose": store.aclose,
    }
    if not call.startswith("load"):
        await store.load()
    if call == "save_position":
        await store.save(SESSION)
    began = trio.current_time()
    if call == "aclose":
        await store.aclose()
    else:
        with pytest.raises(StoreError) as caught:
            await calls[call]()
        assert "A-TOKEN" not in str(caught.value) or call != "save"
    assert trio.current_time() - began <= (10 if call.startswith("load") else 2) + 0.001
    faulty.faulty.clear()
    await store.aclose()
    assert faulty.made[-1] == "aclose"


@pytest.mark.parametrize("value", [None, 3, "text", SavedSession("OTHER", "d"), SavedSession("APP", ""), POSITION])
async def test_a_store_that_loads_an_invalid_session(value: object, autojump_clock: MockClock) -> None:
    """Anything but a valid SavedSession of this app raises StoreError, and the store is closed."""

    async def fault() -> object:
        return value

    store = FaultyStore(fault, "load")
    with pytest.raises(StoreError):
        await bounded(store).load()
    assert store.made == ["load", "aclose"]


@pytest.mark.parametrize("value", [3, SavedPosition("OTHER", "zed-1", None, 7), SavedPosition("APP", "u", -1e12, None)])
async def test_a_store_that_loads_an_invalid_position(value: object, autojump_clock: MockClock) -> None:
    """Anything but a valid SavedPosition of this app raises StoreError."""

    async def fault() -> object:
        return value

    with pytest.raises(StoreError):
        await bounded(FaultyStore(fault, "load_position")).load()


async def test_a_position_belongs_to_its_user(autojump_clock: MockClock) -> None:
    """A renewal and a new login of the same user keep it; a logout and another user's login do not."""
    store = bounded(MemoryStore())
    await store.load()
    await store.save(SESSION)
    await store.save_position(POSITION, durable=False)
    await store.save(attrs.evolve(SESSION, jwt="ANOTHER"))
    assert store.position == POSITION
    await store.save(None)
    assert store.position is None, "no user is logged in"
    await store.save_position(attrs.evolve(POSITION, message_id=9), durable=False)
    await store.save(SESSION)
    assert store.position == attrs.evolve(POSITION, message_id=9), "the server's logout forgets nothing"
    await store.save(attrs.evolve(SESSION, uid="amy-2"))
    assert store.position is None
    await store.save(SESSION)
    assert store.position is None, "another user was logged in meanwhile"
    await store.save_position(POSITION, durable=True)
    await store.forget()
    await store.save_position(POSITION, durable=True)
    await store.save(SESSION)
    assert store.position is None, "what comes after logout() is not saved"
    await store.aclose()


async def test_what_failed_is_tried_once_more_at_the_end(autojump_clock: MockClock) -> None:
    """After a failed forgetting the error names what may remain, and closing forgets; after a failed save, closing saves."""
    memory = FaultyStore(_raise_value_error)
    store = bounded(memory)
    await store.load()
    await store.save(SESSION)
    memory.faulty = {"forget"}
    with pytest.raises(StoreError, match="may still be saved, with its tokens: .* logged in again"):
        await store.forget()
    memory.faulty = set()
    await store.aclose()
    assert (await bounded(memory).load()).session is None
    await memory.memory.aclose()

    again = bounded(memory)
    await again.load()
    memory.faulty = {"save"}
    with pytest.raises(StoreError):
        await again.save(SESSION)
    memory.faulty = set()
    await again.aclose()
    assert (await bounded(memory).load()).session == SESSION


async def test_without_positions(autojump_clock: MockClock) -> None:
    """A store with three methods is enough; it keeps no positions."""

    class Small:
        saved = SavedSession.new("APP")

        async def load(self, app_id: str) -> SavedSession:
            return self.saved

        async def save(self, saved: SavedSession) -> None:
            self.saved = saved

        async def forget(self) -> None:
            self.saved = self.saved.logged_out()

    store = bounded(small := Small())
    assert not store.keeps_positions
    await store.load()
    await store.save(SESSION)
    assert store.position is None
    with pytest.raises(StoreError, match="keeps no positions"):
        await store.save_position(POSITION, durable=True)
    await store.aclose()
    with pytest.raises(StoreError, match="was left"):
        await store.save(None)
    assert small.saved.session == SESSION


async def test_a_background_save_warns_once(autojump_clock: MockClock, caplog: pytest.LogCaptureFixture) -> None:
    """A background save that fails logs one WARNING until the store works again."""
    store = bounded(faulty := FaultyStore(_raise_value_error))
    await store.load()
    await store.save(SESSION)
    with caplog.at_level(logging.WARNING, "cometconn"):
        for outage in range(2):
            faulty.faulty = {"save_position"}
            for _ in range(3):
                with pytest.raises(StoreError) as caught:
                    await store.save_position(POSITION, durable=False)
                store.warn("The position is not saved", caught.value)
            assert len(caplog.records) == outage + 1
            faulty.faulty = set()
            await store.save_position(POSITION, durable=False)


def client(server: Any, store: Any, **timing: float) -> Any:
    settings = AppSettings(catch_up=True, timing=Timing(**timing))

    return open_client("APP", settings, store=store, endpoints=server.endpoints, environment=server)


@pytest.mark.parametrize("name", FAULTS)
@pytest.mark.parametrize("call", CALLS)
async def test_no_store_crashes_or_delays_a_client(call: str, name: str, autojump_clock: MockClock) -> None:
    """Opening, login, logout and leaving end within their bounds, and raise StoreError or nothing."""
    store = FaultyStore(FAULTS[name], call)
    async with open_memory_server() as server:
        left = began = trio.current_time()
        try:
            async with client(server, store) as chat:
                try:
                    await chat.login(uid="zed-1", auth_key="KEY")
                except StoreError:
                    assert call == "save"
                    assert chat.get_logged_in_user() is None
                assert trio.current_time() - began <= 2.001
                if call != "save":
                    await chat.connect()
                    began = trio.current_time()
                    if call == "forget":
                        with pytest.raises(StoreError):
                            await chat.logout()
                        methods = [entry.detail["method"] for entry in server.log.of(Kind.REST)]
                        assert methods[-1] == "DELETE"
                    assert trio.current_time() - began <= 2.001
                left = trio.current_time()
        except StoreError:
            assert call.startswith("load")
            return
        assert trio.current_time() - left <= 2.001


@pytest.mark.parametrize("close_timeout", [0, 0.5, 2])
async def test_leaving_waits_for_no_store(close_timeout: float, autojump_clock: MockClock) -> None:
    """With a silent server and a store that hangs in all calls, leaving takes at most close_timeout."""
    store = FaultyStore(_hang)
    async with open_memory_server() as server:
        async with client(server, store, close_timeout=close_timeout) as chat:
            await chat.login(uid="zed-1", auth_key="KEY")
            await chat.connect()
            store.faulty = set(CALLS)
            server.drop("zed-1", how="silent")
            left = trio.current_time()
        assert trio.current_time() - left <= close_timeout + 0.001


async def test_leaving_ends_a_save_that_hangs(autojump_clock: MockClock) -> None:
    """A save that is running when the client is left may take close_timeout from then on."""
    store = FaultyStore(_hang)
    async with open_memory_server() as server:
        async with client(server, store, close_timeout=0.5) as chat:
            await chat.login(uid="zed-1", auth_key="KEY")
            await chat.connect()
            store.faulty = {"save"}
            saves = store.made.count("save")
            server.world.sessions.expire_jwts()
            server.drop("zed-1", how="close")
            while store.made.count("save") == saves:
                await trio.sleep(0.01)
            left = trio.current_time()
        assert trio.current_time() - left <= 0.501


async def test_the_end_of_a_login_by_leaving_saves_nothing(autojump_clock: MockClock) -> None:
    """A session that login() was saving when the client was left is removed again before the store is closed."""
    slow = trio.Event()

    async def save_slowly() -> None:
        slow.set()
        await trio.sleep(1)

    store = FaultyStore(save_slowly, "save")
    real = store.memory.save

    async def save(saved: SavedSession) -> None:
        if saved.session is not None:
            await save_slowly()
        await real(saved)

    store.__dict__["save"] = save
    raised: list[Exception] = []

    async def log_in(chat: Any) -> None:
        try:
            await chat.login(uid="zed-1", auth_key="KEY")
        except NotLoggedInError as error:
            raised.append(error)

    async with open_memory_server() as server, trio.open_nursery() as outer:
        async with client(server, store) as chat:
            outer.start_soon(log_in, chat)
            await slow.wait()
        assert store.made[-1] == "aclose"
        saved = store.memory._saved["APP"]
        assert saved.session is None
        await trio.testing.wait_all_tasks_blocked()
        assert store.memory._saved["APP"] == saved
    assert len(raised) == 1


@pytest.mark.parametrize("rest", [500, "hang"])
async def test_logout_does_every_step(rest: object, autojump_clock: MockClock) -> None:
    """Whatever fails, the session is forgotten, DELETE is sent and the socket is closed; the first error is raised."""
    store = FaultyStore(_raise_value_error)
    async with open_memory_server() as server, client(server, store) as chat:
        await chat.login(uid="zed-1", auth_key="KEY")
        await chat.connect()
        store.faulty = {"forget"}
        server.set(rest=rest)
        began = trio.current_time()
        with pytest.raises(StoreError, match="may still be saved"):
            await chat.logout()
        assert trio.current_time() - began <= 12.001
        assert [entry.detail["method"] for entry in server.log.of(Kind.REST)][-1] == "DELETE" or rest == "hang"
        assert chat.get_logged_in_user() is None
        store.faulty = set()
        server.set(rest="accept")
        await chat.login(uid="zed-1", auth_key="KEY")
        server.set(rest=500)
        with pytest.raises(ApiError):
            await chat.logout()
        assert store.memory._saved["APP"].session is None


async def test_a_cancelled_logout_does_every_step(autojump_clock: MockClock) -> None:
    """A logout cancelled before it begins forgets the session, sends DELETE and closes the socket."""
    store = MemoryStore()
    async with open_memory_server() as server, client(server, store) as chat:
        await chat.login(uid="zed-1", auth_key="KEY")
        await chat.connect()
        with trio.CancelScope() as scope:
            scope.cancel()
            await chat.logout()
        assert store._saved["APP"].session is None
        assert [entry.detail["method"] for entry in server.log.of(Kind.REST)][-1] == "DELETE"
        await chat.wait_closed()
        assert math.isfinite(trio.current_time())


@pytest.mark.parametrize("seconds", [0.0, 1.5, 2.5])
async def test_a_cancelled_logout_ends_within_one_bound(seconds: float, autojump_clock: MockClock) -> None:
    """The store and a server that does not answer share the 2 s that a cancelled logout may take."""
    store = FaultyStore(partial(trio.sleep, seconds), "forget")
    async with open_memory_server() as server, client(server, store) as chat:
        await chat.login(uid="zed-1", auth_key="KEY")
        server.set(rest="hang")
        began = trio.current_time()
        with trio.CancelScope() as scope, suppress(StoreError):
            scope.cancel()
            await chat.logout()
        assert trio.current_time() - began <= 2.001
        assert chat.get_logged_in_user() is None


async def test_a_login_that_is_not_wanted_leaves_the_session_of_other_servers() -> None:
    """A login that was ended before it could be saved changes nothing; one that is saved replaces session and position."""
    memory = MemoryStore()
    await memory.load("APP")
    other = SavedSession("APP", "A-DEVICE", SESSION, "https://b and wss://b")
    await memory.save(other)
    await memory.save_position(POSITION, durable=True)
    await memory.aclose()
    store = bounded(memory)
    assert (await store.load()).session is None
    assert store.session is store.position is None
    await store.save(SESSION, is_login=True, wanted=lambda: False)
    await store.aclose()
    assert await memory.load("APP") == other
    assert await memory.load_position() == POSITION
    await memory.aclose()
    store = bounded(memory)
    await store.load()
    await store.save(SESSION, is_login=True)
    await store.aclose()
    assert await memory.load("APP") == attrs.evolve(other, origin="https://a and wss://a")
    assert await memory.load_position() is None


async def test_a_store_that_cannot_save_which_servers_it_is_for(
    autojump_clock: MockClock, caplog: pytest.LogCaptureFixture
) -> None:
    """A session without servers is used, with a WARNING; leaving the client tries to save them once more."""
    store = FaultyStore(_raise_value_error)
    await store.memory.load("APP")
    await store.memory.save(SavedSession("APP", "A-DEVICE", SESSION))
    await store.memory.aclose()
    store.faulty = {"save"}
    made = bounded(store)
    with caplog.at_level(logging.WARNING):
        assert (await made.load()).session == SESSION
    (record,) = caplog.records
    assert "Which servers" in record.getMessage()
    assert "A-TOKEN" not in record.getMessage()
    store.faulty.clear()
    await made.aclose()
    assert (await store.memory.load("APP")).origin == "https://a and wss://a"
