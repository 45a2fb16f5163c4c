"""The tasks of one client: a machine that holds the state, and tasks that make the world agree.

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
             ├─ cometconn.writer       while something has to wait to be written
             └─ cometconn.catch_up     catch_up.py: only with `AppSettings(catch_up=True)`, until it is through

    Beside the supervisor: cometconn.position with catch-up, cometconn.hooks (`_telemetry.hook_dispatcher`) with hooks.

Every task tells the `Machine` what it saw, by a synchronous call, and then does what the
machine's state says. Nothing else passes between tasks.
"""
