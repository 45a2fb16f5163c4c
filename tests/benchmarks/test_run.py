"""Rounds, in turn."""

from __future__ import annotations

from benchmarks.process import LeftOutError
from benchmarks.run import Run, interleave


def test_contenders_alternate_in_each_round() -> None:
    """Interleaving spreads the machine's other load over all contenders."""
    order: list[str] = []
    told: list[float] = []
    run = Run(tell=lambda part, _: told.append(part))

    def take(name: str) -> int:
        order.append(name)
        return len(order)

    taken = interleave(run, 3, {"a": lambda: take("a"), "b": lambda: take("b")})
    assert order == ["a", "b"] * 3
    assert taken == {"a": [1, 3, 5], "b": [2, 4, 6]}
    assert told == sorted(told)
    assert 0 <= told[0] < told[-1] < 1


def test_a_contender_that_fails_is_left_out_with_the_reason() -> None:
    """The others go on, and no half of a row stays."""
    run = Run()
    turns = iter((True, False))

    def fail() -> int:
        if next(turns):
            return 1
        raise LeftOutError("it fell over")

    assert interleave(run, 3, {"a": lambda: 1, "b": fail}) == {"a": [1, 1, 1]}
    assert run.left_out == ["b: it fell over"]
