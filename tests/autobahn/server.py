"""A server with Autobahn's cases: `python -m tests.autobahn.server CASES WITHOUT`, lists with commas.

It prints its port and, when the client has said that it is done, a JSON object of the verdicts by case.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys

import kosoku


def verdict(result: kosoku._kosoku.CaseResult) -> str:
    """Return the verdict of a case: that on the messages or, if these are as they should be, that on the closing."""
    messages, close = result.behavior.value, result.behavior_close.value
    return close if messages == "OK" else messages


async def serve(cases: list[str], without: list[str]) -> None:
    """Serve the cases until the client requests the reports."""
    async with kosoku.run_fuzzingserver(cases or None, without or None, port=0) as server:
        print(server.port, flush=True)
        try:
            results = await server.get_result()
        except kosoku.FailureError as failure:
            results = failure.results
    print(json.dumps({result.case_id: verdict(result) for result in results}), flush=True)
    os._exit(0)  # once in seven runs of all cases the server was aborted, maybe by kosoku's threads at the usual exit


if __name__ == "__main__":
    asyncio.run(serve(*([name for name in names.split(",") if name] for names in sys.argv[1:])))
