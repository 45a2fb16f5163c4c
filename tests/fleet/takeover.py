"""A takeover in virtual time, and the picture of it that the documentation shows.

python -m tests.fleet.takeover docs/takeover.svg
"""

from __future__ import annotations

import itertools
import pathlib
import sys
from typing import TYPE_CHECKING

import attrs
import trio
from trio.testing import MockClock

from cometconn.instrumentation.timeline.svg import line, number, path, rect, text

from .harness import Fleet, open_fleet

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["STYLE", "Record", "draw", "record"]

ACCOUNTS = 9
WORKERS = ("w1", "w2", "w3")
KILLED_AT, ENDS_AT = 2.0, 9.5  # seconds of the picture
_LOOK_EVERY = 0.05  # seconds
_TALK_EVERY = 15  # looks from one message to an account to the next

STYLE = """
text{font:11px system-ui,"DejaVu Sans",sans-serif;fill:#24292f}.small{font-size:10px;fill:#57606a}
.middle{text-anchor:middle}.end{text-anchor:end}.paper{fill:#fff}.axis{stroke:#8c959f}.tick{stroke:#eaeef2}
.gap{fill:none;stroke:#afb8c1;stroke-dasharray:3 3}.event{stroke:#cf222e;stroke-width:1.5}.wait{stroke:#57606a;stroke-width:1}
.w1{fill:#a8c7fa}.w2{fill:#9ad9b0}.w3{fill:#f5c78f}.sent{stroke:#24292f;stroke-width:1.2}.recorded{fill:#24292f}
@media(prefers-color-scheme:dark){
text{fill:#e6edf3}.small{fill:#9198a1}.paper{fill:#0d1117}.axis{stroke:#656c76}.tick{stroke:#21262d}.wait{stroke:#9198a1}
.w1{fill:#1f4a8a}.w2{fill:#20603a}.w3{fill:#7a4d1c}.sent{stroke:#e6edf3}.recorded{fill:#e6edf3}.event{stroke:#ff7b72}}
"""


@attrs.frozen
class Record:
    """What happened, by account. All times are seconds of the picture.

    Attributes:
        connected: from when to when it was connected, and in which worker.
        messages: when each message was sent to it, and when it was recorded.
        lease_over: when the engine's lease of the killed worker was over.
        back: when the last account was connected again.
    """

    connected: dict[str, list[tuple[float, float, str]]]
    messages: dict[str, list[tuple[float, float]]]
    lease_over: float
    back: float


async def _run(result: list[Record]) -> None:
    async with open_fleet(ACCOUNTS) as fleet:
        for name in WORKERS:
            await fleet.start(name)
        await fleet.wait_all_connected()
        await trio.sleep(8.0)
        result.append(await _watch(fleet))


async def _watch(fleet: Fleet) -> Record:
    began = trio.current_time()
    looks: list[dict[str, str]] = []
    sent: list[tuple[float, str]] = []
    lease_over = 0.0
    for step in range(round(ENDS_AT / _LOOK_EVERY)):
        await trio.sleep_until(began + step * _LOOK_EVERY)
        at = step * _LOOK_EVERY
        for place, uid in enumerate(fleet.uids):
            if (step - place) % _TALK_EVERY == _TALK_EVERY // 3 and at < ENDS_AT - 1.0:
                fleet.say(uid, str(len(sent)))
                sent.append((trio.current_time(), uid))
        if step == round(KILLED_AT / _LOOK_EVERY):
            members = await fleet.connection.administration.members()
            lease_over = at + next(each.remaining for each in members if each.incarnation.name == "w1")
            fleet.lines["w1"].cut()
            fleet.scopes["w1"].cancel()
            await trio.testing.wait_all_tasks_blocked()
        owners = fleet.owners()
        looks.append({uid: owners[uid][0] for uid in fleet.connected() if owners[uid]})
    await fleet.assert_all_recorded()
    recorded = {text: entry.at for (_, text), entry in zip(await fleet.recorded(), await fleet.entries(), strict=True)}
    messages: dict[str, list[tuple[float, float]]] = {uid: [] for uid in fleet.uids}
    for place, (at, uid) in enumerate(sent):
        messages[uid].append((at - began, recorded[str(place)] - began))
    connected = {uid: list(_spans([look.get(uid, "") for look in looks])) for uid in fleet.uids}
    back = max(spans[-1][0] for spans in connected.values())
    return Record(connected, messages, lease_over, back)


def _spans(owners: list[str]) -> Iterator[tuple[float, float, str]]:
    step = 0
    for name, group in itertools.groupby(owners):
        length = len(list(group))
        if name:
            yield step * _LOOK_EVERY, (step + length) * _LOOK_EVERY, name
        step += length


def record() -> Record:
    """Run three workers, kill the first, and return what happened to each account."""
    result: list[Record] = []
    trio.run(_run, result, clock=MockClock(autojump_threshold=0))
    return result[0]


_WIDTH, _LEFT, _RIGHT, _TOP, _ROW = 360, 46, 8, 76, 20


def _x(at: float) -> float:
    return _LEFT + at / ENDS_AT * (_WIDTH - _LEFT - _RIGHT)


def draw(seen: Record) -> str:
    """Return the picture as SVG: narrow, so that its words can be read on a phone."""
    bottom = _TOP + _ROW * len(seen.connected)
    height = bottom + 82
    took = f"{seen.back - KILLED_AT:.1f} s"
    title = f"Nine accounts on three workers: one worker is killed, and its accounts are connected again {took} later"
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {height}" role="img">',
        f"<title>{title}</title>",
        f"<style>{STYLE}</style>",
        rect(0, 0, _WIDTH, height, "paper"),
        *(line(_x(second), _TOP - 4, _x(second), bottom + 4, "tick") for second in range(int(ENDS_AT) + 1)),
    ]
    for place, (uid, spans) in enumerate(seen.connected.items()):
        parts += _draw_account(uid, spans, seen.messages[uid], _TOP + _ROW * place)
    marks = (
        (seen.back, f"after {seen.back - KILLED_AT:.1f} s all are connected again", "end"),
        (seen.lease_over, f"after {seen.lease_over - KILLED_AT:.1f} s its lease is over", "end"),
        (KILLED_AT, "w1 is killed", ""),
    )
    for place, (at, words, side) in enumerate(marks):
        y = 16 + 18 * place
        parts.append(line(_x(at), y - 9, _x(at), bottom + 4, "event"))
        parts.append(text(_x(at) + (-5 if side else 5), y, words, side))
    parts.append(line(_LEFT, bottom + 4, _WIDTH - _RIGHT, bottom + 4, "axis"))
    for second in range(0, int(ENDS_AT) + 1, 2):
        parts.append(text(_x(second), bottom + 17, f"{second - KILLED_AT:g} s", "small middle"))
    parts += _draw_legend(bottom + 32)
    return "\n".join([*parts, "</svg>\n"])


def _draw_account(
    uid: str, spans: list[tuple[float, float, str]], messages: list[tuple[float, float]], y: float
) -> Iterator[str]:
    yield text(_LEFT - 4, y + 14, uid, "small end")
    for (_, ends, _), (begins, _, _) in itertools.pairwise(spans):
        yield rect(_x(ends), y + 3, _x(begins) - _x(ends), _ROW - 6, "gap", f"{uid}: connected nowhere")
    for begins, ends, name in spans:
        yield rect(_x(begins), y + 2, _x(ends) - _x(begins), _ROW - 4, name, f"{uid}: connected in {name}")
    late = [(sent, recorded) for sent, recorded in messages if recorded - sent > _LOOK_EVERY]
    yield path((f"M{number(_x(sent))} {number(y + 6)}v{_ROW - 12}" for sent, _ in messages), "sent")
    yield path((_dot(_x(recorded), y + _ROW / 2) for _, recorded in messages), "recorded")
    if late:
        yield path((f"M{number(_x(sent))} {number(y + _ROW / 2)}H{number(_x(at))}" for sent, at in late), "wait")


def _dot(x: float, y: float) -> str:
    return f"M{number(x - 2.5)} {number(y)}a2.5 2.5 0 1 0 5 0a2.5 2.5 0 1 0 -5 0z"


def _draw_legend(y: float) -> Iterator[str]:
    x = float(_LEFT)
    for name in WORKERS:
        yield rect(x, y, 14, 10, name)
        yield text(x + 18, y + 9, f"in {name}", "small")
        x += 62
    yield rect(x, y, 14, 10, "gap")
    yield text(x + 18, y + 9, "connected nowhere", "small")
    yield path([f"M{_LEFT + 3} {y + 18}v8"], "sent")
    yield text(_LEFT + 18, y + 26, "a message is sent to the account", "small")
    yield path([_dot(_LEFT + 3, y + 38)], "recorded")
    yield text(_LEFT + 18, y + 41, "it is in the log, once", "small")


if __name__ == "__main__":
    pathlib.Path(sys.argv[1]).write_text(draw(record()), encoding="utf-8")
