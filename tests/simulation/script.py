"""The script of a simulation: what happens to a program, its computer, its network and its server, drawn from a seed."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any

import attrs

from cometconn import AppSettings, SubscriptionType

__all__ = ["Plan", "Step", "draw_plan"]

HOUR = 3600.0
_LONGEST_RETRY_AFTER = 60


@attrs.frozen
class Step:
    """One step of a script.

    Attributes:
        after: seconds since the step before.
        name: the name of a method that performs it.
        arguments: its arguments.
    """

    after: float
    name: str
    arguments: tuple[Any, ...] = ()

    def __str__(self) -> str:
        return f"{self.name}({', '.join(map(repr, self.arguments))})"


@attrs.frozen
class Plan:
    """What a seed determines before anything runs: the settings of the program, and the script."""

    settings: AppSettings
    steps: list[Step]


def draw_plan(seed: int, hours: float, number: int | None = None) -> Plan:
    """Draw settings and the script of *hours*, or one of *number* steps. Each hour ends with the step `calm`."""
    draw = random.Random(f"script {seed}")
    settings = AppSettings(
        catch_up=seed % 4 != 0,
        subscription_type=draw.choice([SubscriptionType.NONE, SubscriptionType.ALL_USERS]),
    )
    steps = [Step(0.0, "open_program"), Step(0.0, "call", ("login", None))]
    passed, end = 0.0, HOUR
    while passed < hours * HOUR if number is None else len(steps) < number:
        after = _pause(draw)
        passed += after
        steps.append(_step(draw, after))
        if passed >= end:
            steps.append(Step(draw.uniform(0, 3), "calm"))
            end += HOUR
    return Plan(settings, steps if number is None else [*steps[:number], Step(0.0, "calm")])


def _pause(draw: random.Random) -> float:
    kind = draw.random()
    if kind < 0.25:
        return 0.0
    if kind < 0.45:
        return draw.uniform(0, 0.1)
    if kind < 0.75:
        return draw.uniform(0, 5)
    if kind < 0.96:
        return draw.choice([draw.uniform(5, 40), 10.0, 15.0, 20.0, 30.0])
    return draw.uniform(40, 400)


def _step(draw: random.Random, after: float) -> Step:
    name = draw.choices(_NAMES, _WEIGHTS)[0]
    arguments = _KINDS[name][1]
    return Step(after, name, tuple(arguments(draw)))


def _patience(draw: random.Random) -> float | None:
    """Return after how many seconds a call is cancelled; `None` for never."""
    return draw.choice([None, None, None, 0.0, draw.uniform(0, 0.05), draw.uniform(0, 12)])


def _retry_after(draw: random.Random) -> int | None:
    return draw.choice([None, None, 0, 3, _LONGEST_RETRY_AFTER])


def _reader(draw: random.Random) -> list[object]:
    return [
        draw.choice(["break", "cancel", "raise"]),
        draw.choice(["pause", "pause", "pause", "drop_oldest", "fail"]),
        draw.choice([1024, 1024, 20, 3]),
        draw.choice(["next", "next", "call"]),
        draw.choice([0.0, 0.0, 0.01, 1.0, 20.0]),
        draw.random() < 0.3,
    ]


def _side_stream(draw: random.Random) -> list[object]:
    return [
        draw.choice(["pause", "drop_oldest", "fail"]),
        draw.choice([1024, 10, 2]),
        draw.choice([0.0, 0.5, 10.0]),
        draw.uniform(1, 300),
    ]


def _say(draw: random.Random) -> list[object]:
    return [draw.choice(["amy-2", "bob-3"]), draw.random() < 0.3, draw.randint(1, 5)]


_CALLS = {"login": 6.0, "logout": 0.3, "connect": 3.0, "disconnect": 1.0, "ping": 5.0, "send_text": 4.0}

_KINDS: dict[str, tuple[float, Callable[[random.Random], list[Any]]]] = {
    # The others, and the server.
    "say": (20, _say),
    "flood": (0.4, lambda draw: [draw.randint(50, 300)]),
    "say_from_another_device": (1, lambda _: []),
    "send_again": (2, lambda _: []),
    "push_noise": (2, lambda draw: [draw.choice(["garbage", "unknown", "pong", "typing"])]),
    "drop": (4, lambda draw: [draw.choice(["close", "reset", "silent"]), draw.choice([1000, 1001, 1011, 1012, 1013])]),
    "cut_in_a_frame": (1, lambda draw: [draw.uniform(0.05, 0.95)]),
    "refuse_or_hang": (1.5, lambda draw: [draw.choice(["refuse", "hang"])]),
    "upgrade": (1, lambda draw: [draw.choice([503, 502, 429, "hang"]), _retry_after(draw)]),
    "auth": (1, lambda draw: [draw.choice(["silent", "silent", "refuse"]), draw.choice([0, 4401])]),
    "refuse_tokens": (0.7, lambda draw: [draw.choice([0, 4401])]),
    "refuse_pages": (0.7, lambda draw: [draw.randint(1, 5), draw.choice([403, 403, 429, 503])]),
    "no_pong": (1, lambda _: []),
    "rest": (2, lambda draw: [draw.choice([403, 408, 425, 429, 500, 503, "hang", "cut"]), _retry_after(draw)]),
    "rest_delay": (1, lambda draw: [draw.choice([0.1, 1.0, 6.0, 12.0])]),
    "rest_weather": (1.5, lambda draw: [draw.choice([0.1, 0.5])]),
    "stop_reading": (0.7, lambda _: []),
    "small_buffers": (1, lambda draw: [draw.choice([64, 64, 500, 65536])]),
    "heal": (8, lambda _: []),
    "forget_tokens": (0.4, lambda _: []),
    "expire_jwts": (1, lambda _: []),
    # The computer.
    "sleep": (1, lambda draw: [draw.choice([2.0, 25.0, 40.0, 3600.0, 9 * 3600.0]), draw.random() < 0.7]),
    "set_wall_clock": (1, lambda draw: [draw.choice([0.0, 3600.0, -3600.0, draw.uniform(-9e4, 9e4)])]),
    "break_disk": (0.5, lambda draw: [draw.choice(["full", "slow", "hangs"])]),
    "heal_disk": (0.7, lambda _: []),
    # The program.
    "call": (16, lambda draw: [draw.choices(list(_CALLS), list(_CALLS.values()))[0], _patience(draw)]),
    "connect_with_retries": (1, lambda draw: [draw.choice([0.0, draw.uniform(0, 60)])]),
    "keep_alive": (1, lambda draw: [draw.uniform(0, 120)]),
    "enter_background": (3, lambda _: []),
    "enter_foreground": (5, lambda _: []),
    "retry_now": (1, lambda _: []),
    "flap": (0.7, lambda draw: [draw.randint(2, 6), draw.uniform(0.05, 0.9), draw.choice([None, 3])]),
    "ping_without_pong": (0.4, lambda _: []),
    "read_and_kill": (0.4, lambda draw: [draw.uniform(0.7, 3)]),
    "start_typing": (1.5, lambda _: []),
    "mark_as_read": (1, lambda _: []),
    "fetch_history": (0.7, lambda draw: [_patience(draw)]),
    "change_reader": (2, _reader),
    "open_side_stream": (1.5, _side_stream),
    "leave": (0.7, lambda draw: [draw.choice([0.0, draw.uniform(0, 60)])]),
    "kill": (0.5, lambda draw: [draw.choice([0.0, draw.uniform(0, 60)]), draw.random() < 0.3]),
}
"""Each kind of step, with its weight, and what draws its arguments."""

_NAMES = list(_KINDS)
_WEIGHTS = [weight for weight, _ in _KINDS.values()]
