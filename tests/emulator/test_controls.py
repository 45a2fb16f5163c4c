"""`cometconn.emulator.controls`: the table of controls, and those that the other tests do not call."""

from __future__ import annotations

import inspect
import json
import re
from typing import TYPE_CHECKING, Any

import attrs
import httpx2
import pytest
import trio

from cometconn.emulator import Emulator, Faults, Kind, open_emulator
from cometconn.emulator.controls import CONTROLS

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from .conftest import Join

BY_NAME = {control.name: control for control in CONTROLS}


@pytest.fixture
async def controlled() -> AsyncIterator[Emulator]:
    """Run an emulator with the control API."""
    async with open_emulator(control=True, users=("zed-1", "amy-2", "bob-3")) as emulator:
        yield emulator


@pytest.fixture
async def control(controlled: Emulator) -> AsyncIterator[httpx2.AsyncClient]:
    """Return an HTTP client of the control API."""
    async with httpx2.AsyncClient(base_url=f"{controlled.url}/control", timeout=5) as client:
        yield client


@pytest.mark.parametrize("name", BY_NAME)
def test_each_description_agrees_with_what_is_called(name: str) -> None:
    """The handler takes the described parameters; what the description calls optional is optional."""
    described = BY_NAME[name]
    assert re.fullmatch(r"[A-Z].*\.", described.about)
    assert all(re.fullmatch(r".*\.", parameter.about) for parameter in described.parameters)
    if described.handler is None:
        return
    takes = dict(list(inspect.signature(described.handler).parameters.items())[1:])
    given = {parameter.name for parameter in described.parameters} | ({"text"} if described.body == "text" else set())
    if "faults" in takes:
        assert given == {field.name for field in attrs.fields(Faults)}
        return
    assert given == set(takes)
    for parameter in described.parameters:
        left_out = takes[parameter.name].default is not inspect.Parameter.empty
        assert left_out == (not parameter.required and "default" not in parameter.schema)


def test_each_preset_is_valid() -> None:
    """It has only parameters of its control, with values that their descriptions allow."""
    for each in CONTROLS:
        known = {parameter.name: parameter for parameter in each.parameters}
        for preset in each.presets:
            for name, value in preset.given.items():
                assert known[name].read(value) == value


def test_every_control_of_the_server_is_there() -> None:
    """A public method that changes the server can be called over HTTP."""
    changing = {
        "push",
        "say",
        "start_typing",
        "end_typing",
        "mark_as_delivered",
        "mark_as_read",
        "set",
        "set_clock",
        "heal",
    }
    changing |= {"drop", "restart", "refuse_connections", "accept_connections", "expire_jwts", "forget_tokens"}
    methods = {name for name, _ in inspect.getmembers(Emulator, inspect.isfunction) if not name.startswith("_")}
    assert methods == changing | {"connections", "wait_connected", "wait_gone", "check_user", "check_addressee"}
    called = {name for each in CONTROLS if each.handler for name in each.handler.__code__.co_names}
    assert changing <= called


async def test_the_table_describes_itself(control: httpx2.AsyncClient) -> None:
    """Each control with its parameters, their types, places and defaults, and a sentence for each."""
    described = {each["name"]: each for each in (await control.get("/controls")).json()["data"]}
    assert list(described) == list(BY_NAME)
    drop = described["drop"]
    assert (drop["method"], drop["path"], drop["body"]) == ("POST", "/control/drop", "none")
    assert drop["parameters"][3] == {
        "name": "code",
        "in": "query",
        "about": "The code of the close frame.",
        "required": False,
        "schema": {"type": "integer", "minimum": 0, "default": 1011},
    }
    faults = {each["name"]: each for each in described["set"]["parameters"]}
    assert faults["upgrade"]["schema"] == {
        "anyOf": [{"type": "string", "enum": ["accept", "hang"]}, {"type": "integer", "minimum": 400, "maximum": 599}]
    }
    assert faults["pong"]["about"] == "pings are answered."
    assert all(each["about"] for each in faults.values())


async def test_typing_and_receipts_are_sent(controlled: Emulator, control: httpx2.AsyncClient, join: Join) -> None:
    """As if from another device of that user; a receipt is recorded, too."""
    with trio.fail_after(10):
        async with join(controlled, "zed-1") as zed, join(controlled, "bob-3") as bob:
            for typing, action in ((True, "started"), (False, "ended")):
                await control.post("/typing", json={"sender": "amy-2", "receiver": "zed-1", "typing": typing})
                frame = await zed.receive()
                assert (frame["type"], frame["sender"], frame["body"]["action"]) == (
                    "typing_indicator",
                    "amy-2",
                    action,
                )
            await control.post("/typing", json={"sender": "amy-2", "group": "hikers"})
            for member in (zed, bob):
                frame = await member.receive()
                assert (frame["receiver"], frame["receiverType"]) == ("hikers", "group")
            message = controlled.say("zed-1", "hello", receiver="amy-2")
            await zed.receive()
            for mark in ("delivered", "read"):
                await control.post("/receipt", json={"uid": "amy-2", "message": int(message["id"]), "mark": mark})
                frame = await zed.receive()
                assert (frame["type"], frame["body"]["action"], frame["body"]["messageId"]) == (
                    "receipts",
                    mark,
                    message["id"],
                )
            assert controlled.world.messages.receipts.reached(message, "amy-2", "read")


async def test_a_receipt_for_a_group_reaches_the_author(
    controlled: Emulator, control: httpx2.AsyncClient, join: Join
) -> None:
    """And when all have read it, the author is sent that, too."""
    with trio.fail_after(10):
        async with join(controlled, "zed-1") as zed:
            message = controlled.say("zed-1", "hello", group="hikers")
            await zed.receive()
            for uid in ("amy-2", "bob-3"):
                await control.post("/receipt", json={"uid": uid, "message": int(message["id"])})
                assert (await zed.receive())["sender"] == uid
            assert (await zed.receive())["body"]["action"] == "readByAll"


async def test_one_connection_is_dropped(controlled: Emulator, control: httpx2.AsyncClient, join: Join) -> None:
    """By its number in the log; the other one of the user stays."""
    with trio.fail_after(10):
        async with join(controlled, "zed-1", "a"), join(controlled, "zed-1", "b") as two:
            assert (await control.post("/drop?connection=1&how=reset")).json() == {"data": {"sockets": 1}}
            await controlled.log.wait_for(lambda entry: entry.kind is Kind.GONE)
            controlled.push("zed-1", "{}")
            assert await two.receive() == {}
            noted = controlled.log.of(Kind.CONTROL)[0]
            assert (noted.connection, noted.uid, dict(noted.detail)) == (1, None, {"what": "drop", "how": "reset"})
            assert (await control.post("/drop?connection=9")).json() == {"data": {"sockets": 0}}


async def test_a_restart_is_announced(controlled: Emulator, control: httpx2.AsyncClient, join: Join) -> None:
    """Every connection is closed with code 1012."""
    with trio.fail_after(10):
        async with join(controlled, "zed-1"), join(controlled, "amy-2"):
            assert (await control.post("/restart")).json() == {"data": {"sockets": 2}}
            for uid in ("zed-1", "amy-2"):
                await controlled.wait_gone(uid)
            assert [entry.detail["code"] for entry in controlled.log.of(Kind.CLOSE_OUT)] == [1012, 1012]


async def test_connections_are_refused_for_a_time(controlled: Emulator, control: httpx2.AsyncClient) -> None:
    """Then the server listens again by itself, or at once by `accept`; the open connection is served all the time."""

    async def refused() -> bool:
        try:
            await (await trio.open_tcp_stream("127.0.0.1", controlled.port)).aclose()
        except OSError:
            return True
        return False

    with trio.fail_after(10):
        await control.post("/refuse", json={"seconds": 0.2})
        began = trio.current_time()
        assert await refused()
        while await refused():
            await trio.sleep(0.02)
        assert trio.current_time() - began >= 0.15
        await control.post("/refuse", json={"seconds": 600})
        assert await refused()
        await control.post("/accept")
        assert not await refused()
        assert [dict(entry.detail) for entry in controlled.log.of(Kind.CONTROL)] == [
            {"what": "refuse_connections", "seconds": 0.2},
            {"what": "refuse_connections", "seconds": 600},
            {"what": "accept_connections"},
        ]


async def test_tokens_clock_and_faults(controlled: Emulator, control: httpx2.AsyncClient) -> None:
    """The other controls do what the methods of the same name do."""
    token = controlled.world.sessions.issue_token("zed-1")
    jwt = controlled.world.sessions.jwt_for(token)
    await control.post("/expire_jwts")
    assert controlled.world.sessions.user_of_jwt(jwt) is None
    await control.post("/forget_tokens")
    assert controlled.world.sessions.user_of_token(token) is None
    await control.post("/set_clock", json={"ahead": -60})
    assert controlled.world.clock_ahead == -60
    await control.post("/set", json={"pong": False})
    assert (await control.post("/heal")).json()["data"]["pong"] is True


BAD: tuple[tuple[str, str, Any, str], ...] = (
    ("POST", "/message", {"sender": "amy-2", "text": "x"}, "There must be a receiver or a group"),
    ("POST", "/typing", {"sender": "amy-2"}, "There must be a receiver or a group"),
    ("POST", "/typing", {"sender": "amy-2", "receiver": "nobody"}, "There is no user 'nobody' that amy-2 reaches."),
    ("POST", "/typing", {"sender": "amy-2", "receiver": "zed-1", "typing": "yes"}, "typing must be true or false"),
    ("POST", "/receipt", {"uid": "amy-2", "message": 7}, "amy-2 has no message 7"),
    ("POST", "/receipt", {"uid": "nobody", "message": 7}, "no user 'nobody'"),
    ("POST", "/receipt", {"uid": "amy-2", "message": 7, "mark": "seen"}, "'delivered' or 'read'"),
    ("POST", "/drop?uid=zed-1&connection=1", None, "not both"),
    ("POST", "/refuse", {"seconds": 0}, "from 0.1 to 600"),
    ("POST", "/refuse", {"seconds": 1e300}, "from 0.1 to 600"),
    ("POST", "/set_clock", {"ahead": 1e18}, "ahead must be a number"),
    ("POST", "/set_clock", {}, "must have ahead"),
    ("POST", "/set", {"rest_delay": 1e300}, "rest_delay"),
    ("POST", "/set", {"retry_after": 10**30}, "retry_after"),
    ("POST", "/restart", {}, "no body"),
    ("POST", "/record", {"on": 1}, "true or false"),
    ("GET", "/conversation?sender=zed-1", None, "There must be a receiver or a group"),
    ("GET", "/conversation?sender=zed-1&group=none", None, "There is no group 'none' that zed-1 reaches."),
    ("GET", "/timeline?uid=nobody", None, "no user 'nobody'"),
    ("GET", "/timeline?uid=zed-1&seconds=0", None, "from 1 to 86400"),
    ("GET", "/transcript?uid=nobody", None, "no user 'nobody'"),
    ("GET", "/transcript?uid=zed-1", None, "POST /control/record first"),
    ("GET", "/log?connection=x", None, "connection must be"),
    ("GET", "/events?since=x", None, "since must be"),
    ("GET", "/state?all=1", None, "must be: none"),
)
"""Method, path and body of a request, and a part of the message of its refusal."""


async def test_bad_input_is_refused_with_a_word(controlled: Emulator, control: httpx2.AsyncClient) -> None:
    """And changes nothing."""
    for method, path, body, named in BAD:
        content = None if body is None else json.dumps(body).encode()
        answer = await control.request(method, path, content=content)
        assert 400 <= answer.status_code < 500, path
        assert named in answer.json()["error"]["message"]
    assert controlled.world.faults == Faults()
    assert not controlled.log.of(Kind.CONTROL)


async def test_an_error_names_only_some_of_many_users() -> None:
    """Otherwise the error about one of 5,000 users would be a page long."""
    async with open_emulator(users=[f"user-{number}" for number in range(5_000)]) as server:
        with pytest.raises(Exception, match=r"user-19 and 4980 more\.") as refused:
            server.connections("nobody")
        assert len(str(refused.value)) < 400


async def test_the_log_is_of_one_connection_or_user(
    controlled: Emulator, control: httpx2.AsyncClient, join: Join
) -> None:
    """`connection` and `uid` select entries."""
    with trio.fail_after(10):
        async with join(controlled, "zed-1"), join(controlled, "amy-2"):
            own = (await control.get("/log?connection=2")).json()["data"]
            assert {entry["connection"] for entry in own} == {2}
            assert [entry["kind"] for entry in own[:2]] == ["connect", "upgrade"]
            users = (await control.get("/log?uid=zed-1")).json()["data"]
            assert {entry["uid"] for entry in users} == {"zed-1"}
