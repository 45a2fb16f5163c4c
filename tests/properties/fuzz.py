"""Many scripts: `python -m tests.properties.fuzz --scripts 20000 --seed 1`, or `nox -s fuzz -- ...`."""

from __future__ import annotations

import argparse
import random
import sys
import time

from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st

from cometconn import Timing
from cometconn.testing.strategies import scripts

from .compare import check_script

__all__ = ["fuzz"]

_CHUNK = 500  # scripts between two lines of progress


def fuzz(number: int, start: int, *, show: bool = False) -> None:
    """Compare client and model in *number* scripts. Raises what the shortest failing script found shows."""
    began, done = time.monotonic(), 0
    while done < number:
        count = min(_CHUNK, number - done)

        @seed(start + done)
        @settings(
            max_examples=count,
            deadline=None,
            database=None,
            suppress_health_check=list(HealthCheck),
            phases=[Phase.generate, Phase.shrink],
            print_blob=False,
        )
        @given(scripts(Timing()), st.booleans())
        def agree(script: list[object], manual: bool) -> None:
            check_script(script, manual=manual)  # type: ignore[arg-type]

        agree()
        done += count
        if show:
            print(f"{done} of {number} scripts agree, {time.monotonic() - began:.0f} s", flush=True)


def main() -> None:
    """Read the options, say the seed, go."""
    parser = argparse.ArgumentParser(prog="fuzz", description=__doc__)
    parser.add_argument("--scripts", type=int, default=20_000, help="how many")
    parser.add_argument("--seed", type=int, default=random.randrange(2**31), help="where to begin")
    options = parser.parse_args()
    print(f"seed {options.seed}", flush=True)
    try:
        fuzz(options.scripts, options.seed, show=True)
    except AssertionError as error:
        sys.exit(f"seed {options.seed}: {error}")


if __name__ == "__main__":
    main()
