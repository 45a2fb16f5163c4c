"""One contender, a process of its own: `python -m benchmarks.contender MODULE:FUNCTION`.

Each line of input is a job, the function's keyword arguments; each line of output is the result.
"""

from __future__ import annotations

import contextlib
import gc
import importlib
import json
import sys

__all__ = ["main"]


def main() -> None:
    """Do jobs until the input ends."""
    module, name = sys.argv[1].split(":")
    answers = sys.stdout
    with contextlib.redirect_stdout(sys.stderr):  # the output of a library is no result
        try:
            work = getattr(importlib.import_module(f"benchmarks.contenders.{module}"), name)
        except ImportError as error:
            print(json.dumps({"left_out": f"{error.name} is not installed"}), file=answers, flush=True)
            return
        print(json.dumps({}), file=answers, flush=True)
        for line in sys.stdin:
            gc.collect()  # so that no round pays for the garbage of the one before
            print(json.dumps(work(**json.loads(line))), file=answers, flush=True)


if __name__ == "__main__":
    main()
