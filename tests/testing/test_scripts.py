"""Scripts of lifecycle events: what they do, and what they return."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings

from cometconn import AppSettings, CometChat, Connected, Timing
from cometconn.events import TextMessage
from cometconn.testing import actions as act
from cometconn.testing.scripts import play
from cometconn.testing.strategies import scripts, waits

MANUAL = AppSettings(auto_establish_socket_connection=False)


def test_a_script_is_recorded_step_by_step() -> None:
    """The results contain time, statuses, outcomes and events of each action, and all dials and close frames."""
    told = play([act.Login(), act.Connect(), act.Push(), act.EnterBackground(), act.Wait(30), act.Ping()], MANUAL)
    assert [step.at for step in told.steps] == [0, 0, 0, 0, 30, 30]
    assert told.steps[1].statuses == ("Connecting", "Connected")
    assert told.steps[1].outcomes == ((1, "ok"),)
    assert told.steps[2].events == ("TextMessage 1",)
    assert told.steps[4].statuses == ("BACKGROUND_TIMEOUT",)
    assert told.steps[5].outcomes == ((5, "NotConnectedError"),)
    assert (told.dials, told.closes, told.most_sockets) == ((0.0,), ((30.0, 1000),), 1)


@pytest.mark.parametrize(
    ("script", "status"),
    [
        ([act.CloseFromServer(1012)], "Waiting until 4"),
        ([act.Reset()], "Waiting until 1"),
        ([act.Silence(), act.Ping(), act.Wait(5)], "Waiting until 6"),
        ([act.Pongs(answered=False), act.Ping(), act.Wait(5)], "Waiting until 6"),
        ([act.Dialling("refuse"), act.Reset(), act.Wait(1)], "Waiting until 3"),
        ([act.Upgrade(503), act.Reset(), act.Wait(1)], "Waiting until 3"),
        ([act.Upgrade("hang"), act.Reset(), act.Wait(1)], "Connecting"),
        ([act.TokenAnswer("silent"), act.Reset(), act.Wait(1)], "Connecting"),
        ([act.TokenAnswer("refuse"), act.Reset(), act.Wait(1)], "AUTHENTICATION_FAILED"),
    ],
)
def test_every_fault_of_the_server_has_its_effect(script: list[act.Action], status: str) -> None:
    """Each action on the server's side leads to the expected status."""
    told = play([act.Login(), *script])
    assert [status for step in told.steps for status in step.statuses][-1] == status


def test_frames_of_all_kinds() -> None:
    """Duplicates are dropped; reordered messages are yielded in the order in which they were received."""
    told = play([act.Login(), act.Push(), act.Duplicate(), act.Reordered(), act.Garbage(), act.LatePong()])
    events = [event for step in told.steps for event in step.events]
    assert events == ["TextMessage 1", "TextMessage 4", "TextMessage 3", "UnreadableFrame"]


def test_calls_can_be_cancelled_and_clients_left() -> None:
    """The call that has waited longest is cancelled; after a client was left, no calls are made until the next one."""
    script = [
        act.Dialling("hang"),
        act.Login(),
        act.Connect(),
        act.CancelCall(),
        act.CancelCall(),
        act.Leave(),
        act.Ping(),
    ]
    told = play([*script, act.Dialling("accept"), act.Reopen(), act.Reopen(), act.Connect()], MANUAL)
    assert told.steps[3].outcomes == ((2, "cancelled"),)
    assert told.steps[3].statuses == ("NOT_REQUESTED",)
    assert told.steps[6].outcomes == ()
    assert told.steps[8].statuses == ("NOT_REQUESTED",)
    assert told.steps[10].outcomes == ((10, "ok"),)


class Echo:
    """An application under test: it collects texts, and must not raise."""

    def __init__(self) -> None:
        self.said: list[str] = []

    async def run(self, chat: CometChat) -> None:
        """Collect the texts until it is cancelled."""
        async with chat.events(TextMessage) as events:
            async for event in events:
                if isinstance(event, TextMessage):
                    self.said.append(event.text)


def test_an_application_runs_beside_the_script() -> None:
    """It is started for every client, and cancelled when that is left."""
    echo = Echo()
    play([act.Login(), act.Push(), act.Leave(), act.Push(), act.Reopen(), act.Push()], app=echo.run)
    assert echo.said == ["1", "5"]


def test_what_the_application_raises_is_raised() -> None:
    """`play()` raises the application's own exception."""

    async def faulty(chat: CometChat) -> None:
        async with chat.statuses() as statuses:
            async for change in statuses:
                if isinstance(change.current, Connected):
                    raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        play([act.Login(), act.Wait(1)], app=faulty)


@settings(max_examples=30, deadline=None, suppress_health_check=list(HealthCheck), database=None)
@given(scripts(Timing()))
def test_an_application_survives_any_script(script: Any) -> None:
    """An example of fuzzing an application: its own invariant holds whatever happens to the connection."""
    echo = Echo()
    play(script, app=echo.run)
    assert all(text.isdecimal() for text in echo.said)


@settings(max_examples=50, database=None)
@given(waits(Timing(background_grace=7)))
def test_waits_are_around_what_is_due(wait: act.Wait) -> None:
    """They end just before, at, or just after a deadline of the given timing."""
    due = (7, 14 / 3, 15, 5, 2.5, 10, 1, 15, 10, 2)
    assert any(abs(wait.seconds - moment) <= 0.0011 for moment in due)
