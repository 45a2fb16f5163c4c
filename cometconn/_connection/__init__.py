"""The state of one client's connection, and the tasks that act on it.

Four words are used throughout this package:

* The *machine* (`Machine`) holds the state of the connection. In "the machine slept" it is the computer.
* An *attempt* lasts from the first dial until the client is connected or has failed to connect, at most
  `connect_timeout`. If the token has to be renewed, the renewal and the second dial belong to the same attempt, whose
  time limit begins anew with the renewal.
* A *link* (`Link`) is what the tasks of one WebSocket share, from its dial to its close. A renewal has a link without
  a socket.
* The *lease* is the wish to be connected as a cancel scope: all that opens or uses a socket runs inside it. Each link has
  a scope of its own for this, `Link.lease`. When the wish ends or the socket is lost, the machine cancels that scope;
  the tasks that close the socket run outside it.

The tasks:

    client nursery
    ├─ cometconn.watcher             supervisor.py
    └─ cometconn.supervisor          supervisor.py
       └─ link nursery               link_nursery.py: one per WebSocket, shielded
          ├─ cometconn.receive_loop  receive_loop.py
          ├─ trio_websocket.reader   from the first bytes that are for it: see `_transport.trio_websocket_adapter`
          └─ with lease
             ├─ cometconn.background_timeout
             ├─ cometconn.keepalive
             ├─ cometconn.writer       while a frame has to wait for the socket
             └─ cometconn.catch_up     range_filler.py: only with `AppSettings(catch_up=True)`, until all is fetched

    Beside the supervisor: cometconn.position with catch-up, cometconn.hooks (`_telemetry.hook_dispatcher`) with hooks.

Every task reports what has happened to the `Machine` by a synchronous call, and then acts as the machine's state
requires. Apart from the machine, tasks share only the `Link`.
"""
