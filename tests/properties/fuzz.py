"""Compares client and model in many scripts: `python -m tests.properties.fuzz --scripts 20000 --seed 1`, or `nox -s fuzz -- ...`."""

from __future__ import annotations

import argparse
import logging
import random
import sys
import time
from typing import TYPE_CHECKING

from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st

from cometconn import Timing
from cometconn.testing.strategies import scripts

from .compare import DisagreementError, check_script
from .shorten import shortest

if TYPE_CHECKING:
    from cometconn.testing.actions import Action, Script

__all__ = ["fuzz"]

_CHUNK = 10  # from its eleventh example on Hypothesis varies earlier ones: 300 scripts would be 50 and their likes
_PROGRESS = 500  # scripts from one line to the next
_HAPPENINGS = 40  # most in one script: it takes about 20 ms


def fuzz(number: int, start: int, *, shrink: bool = True, show: bool = False, on_asyncio: bool = False) -> None:
    """Compare client and model in *number* scripts. The same *start* gives the same ones.

    Raises:
        DisagreementError: they disagree; the message ends with the script as a test, a short one if *shrink*.
    """
    began = time.monotonic()
    for done in range(0, number, _CHUNK):
        try:
            _chunk(min(_CHUNK, number - done), start + done, shrink=shrink, on_asyncio=on_asyncio)
        except DisagreementError as error:
            if shrink:
                _show_shortest(error.script, error.manual, on_asyncio)
            raise
        reached = min(done + _CHUNK, number)
        if show and (reached % _PROGRESS == 0 or reached == number):
            print(f"{reached} of {number} scripts agree, {time.monotonic() - began:.0f} s", flush=True)


def _show_shortest(script: Script, manual: bool, on_asyncio: bool) -> None:
    short = shortest(script, lambda shorter: _fails(shorter, manual, on_asyncio))
    check_script(short, manual=manual, on_asyncio=on_asyncio)


def _fails(script: list[Action], manual: bool, on_asyncio: bool) -> bool:
    try:
        check_script(script, manual=manual, on_asyncio=on_asyncio)
    except DisagreementError:
        return True
    return False


def _chunk(count: int, start: int, *, shrink: bool, on_asyncio: bool) -> None:
    @seed(start)
    @settings(
        max_examples=count,
        deadline=None,
        database=None,
        suppress_health_check=list(HealthCheck),
        phases=[Phase.generate, Phase.shrink] if shrink else [Phase.generate],
        print_blob=False,
    )
    @given(scripts(Timing(), most=_HAPPENINGS), st.booleans())
    def agree(script: list[object], manual: bool) -> None:
        check_script(script, manual=manual, on_asyncio=on_asyncio)  # type: ignore[arg-type]

    agree()


def main() -> None:
    """Read the options, print the seed, and run."""
    parser = argparse.ArgumentParser(prog="fuzz", description=__doc__)
    parser.add_argument("--scripts", type=int, default=20_000, help="how many")
    parser.add_argument("--seed", type=int, default=random.randrange(2**31), help="where to begin")
    parser.add_argument("--asyncio", action="store_true", help="use the client of cometconn.aio")
    options = parser.parse_args()
    logging.getLogger("cometconn").setLevel(logging.ERROR)  # each token that is forgotten is a WARNING
    print(f"seed {options.seed}", flush=True)
    try:
        fuzz(options.scripts, options.seed, show=True, on_asyncio=options.asyncio)
    except DisagreementError as error:
        sys.exit(f"seed {options.seed}: {error}")


if __name__ == "__main__":
    main()
