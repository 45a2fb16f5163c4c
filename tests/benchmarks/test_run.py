"""Rounds, in turn."""

from __future__ import annotations

from benchmarks.process import LeftOutError
from benchmarks.run import PLAIN, Run, Way, interleave


def test_contenders_alternate_in_each_round() -> None:
    """Interleaving spreads the machine's other load over all contenders; each round begins with another one."""
    order: list[str] = []
    told: list[float] = []
    run = Run(tell=lambda part, _: told.append(part))

    def take(name: str) -> int:
        order.append(name)
        return len(order)

    taken = interleave(run, 3, {"a": lambda: take("a"), "b": lambda: take("b")})
    assert order == ["a", "b", "b", "a", "a", "b"]
    assert taken == {"a": [1, 4, 5], "b": [2, 3, 6]}
    assert told == sorted(told)
    assert 0 <= told[0] < told[-1] < 1


def test_a_contender_that_fails_is_left_out_with_the_reason() -> None:
    """The others go on, and no half of a row stays."""
    run = Run()
    turns = iter((True, False, False))

    def fail() -> int:
        if next(turns):
            return 1
        raise LeftOutError("it fell over")

    assert interleave(run, 3, {"a": lambda: 1, "b": fail}) == {"a": [1, 1, 1]}
    assert run.left_out == ["b: it fell over"]
    assert interleave(run, 2, {"b": fail}) == {}


def test_each_transport_has_its_part_of_the_progress() -> None:
    """What one leaves out, and what was told, is the run's."""
    told: list[float] = []
    run = Run(tell=lambda part, _: told.append(part), ways=(PLAIN, Way(", TLS", {"A": "b"})))
    for way, part in run.each_way():
        part.tell(0.5, way.name)
        part.leave_out(f"it{way.name}", LeftOutError("no reason"))
    assert told == [0.25, 0.75]
    assert run.left_out == ["it: no reason", "it, TLS: no reason"]
    assert [way.is_plain for way in run.ways] == [True, False]
