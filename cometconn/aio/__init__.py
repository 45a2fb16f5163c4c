"""The client for asyncio programs, with Trio as a guest of the running loop.

`pip install cometconn` is all it needs. The calls, streams and blocks have the names, signatures and errors that they have
in `cometconn`; settings, events, statuses and errors are the same classes::

    import asyncio
    from cometconn import AppSettings, Endpoints, aio
    async def main():
        endpoints = Endpoints.at("http://127.0.0.1:9000")  # `cometconn serve`; for CometChat's cloud leave it out
        async with aio.open_client("APP", AppSettings(region="us"), endpoints=endpoints) as chat:
            await chat.login(uid="amy-2", auth_key="KEY")
            await chat.connect()
            print(f"A ping took {await chat.ping():.4f} s.")
    asyncio.run(main())

It runs under asyncio's loops, uvloop, and anyio on asyncio. Trio runs in the thread of the loop, once, however many clients
are open: it starts with the first one and ends with the last. One loop in each thread can have clients at a time.

What is promised:

- Methods that are no coroutines, such as `enter_background()`, act at once, in the thread of the loop, as do reading `status`
  and the first part of a call that waits: `disconnect()` has changed the status before its first await. Calls take effect
  in the order in which they are made.
- Cancelling the task that waits for a call cancels the call. `CancelledError` is raised when the client has cleaned up, and
  also if the call has succeeded meanwhile, so that a cancel is never lost and never raised for nothing.
  `asyncio.timeout()`, `asyncio.TaskGroup` and anyio's cancel scopes work.
- A read of a stream that is cancelled takes nothing. Each event goes to one reader, in order. With `acknowledge="next"` the
  reader is the asyncio task.
- An exception that a block raises propagates as the same object, in no exception group.
- Leaving a block takes at most `close_timeout`, also if the task is cancelled again and again. After that no task, socket or
  thread of the client is at work.
- A block may be entered in one task and left in another, as test frameworks do. If a client fails from inside, which is a
  bug, the task that has entered its block is cancelled, and leaving the block raises the failure.
- Ctrl-C is the program's: `asyncio.run()` cancels its main task, and under `loop.run_until_complete()` `KeyboardInterrupt` is
  raised as usual, but never in the middle of a step of the client.
- `contextvars` of the calling task are seen in the call: in a store, an environment or a hook.
- Times in statuses, events and details are those of `loop.time()`.

What cannot be promised:

- Whether a cancelled call took effect is not known: it did so whole, or not at all.
- A cancel is raised once. A task that catches it can wait again.
- No ping leaves while a callback or task blocks the loop.
- `loop.close()` with a client open leaves Trio half-way, with warnings when it is collected. `asyncio.run()` closes such
  clients, with a WARNING.
- Nothing else can run Trio as a guest in the same thread, and `asyncio` inside of Trio cannot use this module.
- In asyncio's debug mode, a slow step of a client is reported as one of `GuestState.guest_tick`. Windows was not tried.
- On Python 3.11 `asyncio.wait_for()` makes a task for each call, which with `acknowledge="next"` would be another reader each
  time: use `asyncio.timeout()`.

The calls of `hooks` are made by the loop. A store of the program's own runs in asyncio; an `environment` runs in Trio.
`cometconn.appstate` has no twin: its functions run in Trio. Call `enter_background()` and the others from the program's own
signal handlers.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from cometconn._modules import public_names

from ._chat import CometChat as CometChat
from ._chat import open_client as open_client
from ._streams import EventStream as EventStream
from ._streams import StatusStream as StatusStream

__all__ = ["CometChat", "EventStream", "StatusStream", "open_client"]

if not TYPE_CHECKING:  # otherwise a type checker would accept every name
    __getattr__, __dir__ = public_names(__name__, __all__)
