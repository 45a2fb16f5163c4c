"""The machine that holds the state of one client's connection, and the tasks that act on it.

    client nursery
    ├─ cometconn.watcher             supervisor.py
    └─ cometconn.supervisor          supervisor.py
       └─ link nursery               link_nursery.py: one per WebSocket, shielded
          ├─ cometconn.receive_loop  receive_loop.py
          ├─ cometconn.upgrade       until the handshake is done
          ├─ trio_websocket.reader   trio-websocket's own: see `_transport.trio_websocket_adapter`
          └─ with lease
             ├─ cometconn.background_timeout
             ├─ cometconn.keepalive
             ├─ cometconn.writer       while a frame has to wait for the socket
             └─ cometconn.catch_up     range_filler.py: only with `AppSettings(catch_up=True)`, until all is fetched

    Beside the supervisor: cometconn.position with catch-up, cometconn.hooks (`_telemetry.hook_dispatcher`) with hooks.

Every task reports what it saw to the `Machine`, by a synchronous call, and then acts as the machine's state requires.
Tasks share nothing else but the `Link`.
"""
