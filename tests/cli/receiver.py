"""A web service that appends the key and the event of each POST to a file: `python receiver.py PORT FILE [DIES_AT]`.

It ends by SIGKILL when it has written request number DIES_AT, and has not answered it.
"""

from __future__ import annotations

import http.server
import json
import os
import signal
import sys

PORT, FILE, DIES_AT = int(sys.argv[1]), sys.argv[2], int((*sys.argv, "0")[3])


class Handler(http.server.BaseHTTPRequestHandler):
    """Writes each POST to the file, then answers it."""

    count = 0

    def do_POST(self) -> None:
        """Handle one event."""
        body = self.rfile.read(int(self.headers["Content-Length"]))
        entry = {"key": self.headers["Idempotency-Key"], "auth": self.headers["Authorization"], **json.loads(body)}
        with open(FILE, "a", encoding="utf-8") as file:
            file.write(f"{json.dumps(entry)}\n")
        Handler.count += 1
        if Handler.count == DIES_AT:
            os.kill(os.getpid(), signal.SIGKILL)
        self.send_response(204)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Print nothing."""


http.server.HTTPServer(("127.0.0.1", PORT), Handler).serve_forever()
