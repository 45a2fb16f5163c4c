"""The subcommands and their options."""

from __future__ import annotations

import datetime
import pathlib
import sys
from functools import partial
from typing import Annotated

from cyclopts import App, Parameter
from rich.console import Console

from cometconn._client.version import __version__

from .demo import demo
from .doctor import doctor
from .listen import listen
from .options import ListenOptions, Options
from .send import Letter, content_of, mapping_of, send
from .serve import groups_of, serve
from .stopping import run
from .timeline.command import timeline

__all__ = ["app"]

app: App = App(name="cometconn", help="CometChat connections for Trio.", version=__version__)


@app.command(name="demo")
def demo_command(
    *,
    real_time: Annotated[
        bool, Parameter(negative=(), help="Use CometChat's 30 s of background grace instead of 3 s.")
    ] = False,
    port: Annotated[int, Parameter(help="Port of the local server; 0 picks a free one.")] = 0,
) -> None:
    """Start a CometChat server on this machine and show every rule of the connection at work."""
    console = Console(highlight=False, soft_wrap=True)
    sys.exit(run(partial(demo, console, 30.0 if real_time else 3.0, port)))


@app.command(name="serve")
def serve_command(
    *,
    host: Annotated[str, Parameter(help="A loopback address; nothing here is encrypted.")] = "127.0.0.1",
    port: Annotated[int, Parameter(help="The port; 0 picks a free one.")] = 9000,
    app_id: Annotated[str, Parameter(help="The app it serves.")] = "APP",
    auth_key: Annotated[str, Parameter(help="The app's auth key.")] = "KEY",
    user: Annotated[tuple[str, ...], Parameter(negative=(), help="A user's uid; may be given again.")] = (),
    group: Annotated[
        tuple[str, ...], Parameter(negative=(), help="A group, as hikers=zed-1,amy-2; may be given again.")
    ] = (),
    control: Annotated[bool, Parameter(negative=(), help="Let /control/... push, drop, misbehave.")] = False,
    public: Annotated[
        str | None, Parameter(help="HOST:PORT to name in the settings, for a TLS proxy in front of the server.")
    ] = None,
) -> None:
    """Run a CometChat server on this machine, for programs in any language, until Ctrl-C or SIGTERM.

    Prints one line of JSON with its addresses when it is ready. Without --user there are zed-1 and
    amy-2; without --group all users are in the group hikers.
    """
    run(
        partial(
            serve,
            host=host,
            port=port,
            app_id=app_id,
            auth_key=auth_key,
            users=user or ("zed-1", "amy-2"),
            groups=groups_of(group) if group else None,
            control=control,
            public=public,
        )
    )


@app.command(name="listen")
def listen_command(
    options: ListenOptions,
    *,
    trace: Annotated[
        pathlib.Path | None, Parameter(help="Write what the connection does to this file, for timeline.")
    ] = None,
) -> None:
    """Log in and print every event as one line of JSON; the connection's status goes to standard error.

    The secret is the auth key in COMETCONN_AUTH_KEY or a user's token in COMETCONN_AUTH_TOKEN, or in a
    file; without either, the auth key is asked for. The session is saved, so the next time needs neither.
    Ends on Ctrl-C.
    """
    sys.exit(run(partial(listen, options, trace)))


@app.command(name="timeline")
def timeline_command(
    trace: Annotated[pathlib.Path, Parameter(help="A trace: of listen --trace, or of a TraceFile.")],
    /,
    *,
    out: Annotated[pathlib.Path, Parameter(name=("--out", "-o"), help="The SVG file to write.")],
    connection: Annotated[
        str | None, Parameter(help="Which client, as APP-1, if there are several in the trace.")
    ] = None,
    since: Annotated[
        datetime.datetime | None, Parameter(help="Begin here, as 2026-03-07T00:10. Times are UTC.")
    ] = None,
    until: Annotated[datetime.datetime | None, Parameter(help="End here.")] = None,
) -> None:
    """Draw a trace as a picture: status, app state, lease, pings, events, gaps and what went wrong, on one time axis.

    The mouse on anything shows what it is.
    """
    timeline(trace, out, connection=connection, since=since, until=until)


@app.command(name="doctor")
def doctor_command(
    options: Options,
    *,
    json: Annotated[bool, Parameter(negative=(), help="Print one JSON object, for programs.")] = False,
    timeout: Annotated[float, Parameter(help="Seconds that each step may take.")] = 10.0,
) -> None:
    """Look step by step for what stands between this machine and a connection, and say what to do.

    Looks names up, connects, passes the proxy, does TLS, logs in, opens the
    WebSocket, and pings. A running client is not disturbed, and nothing is saved.

    Exit status: 0 all is well; 1 the options make no sense; 3 the network (name lookup, TCP, proxy,
    TLS); 4 the account (saved session, login); 5 the WebSocket (upgrade, auth, ping); 6 nothing failed,
    but without a user not all could be seen.
    """
    sys.exit(run(partial(doctor, options, as_json=json, timeout=timeout)))


@app.command(name="send")
def send_command(
    receiver: Annotated[str, Parameter(help="A uid, or with --group a guid.")],
    content: Annotated[str, Parameter(allow_leading_hyphen=True, help="What to say; - takes it from standard input.")],
    /,
    *,
    options: Options,
    group: Annotated[bool, Parameter(negative=(), help="The receiver is a group.")] = False,
    custom: Annotated[str | None, Parameter(help="Send a custom message of this type; its content is JSON.")] = None,
    muid: Annotated[str | None, Parameter(help="An id of your own for the message.")] = None,
    metadata: Annotated[str | None, Parameter(help="Data of your own beside it, as '{\"x\": 1}'.")] = None,
) -> None:
    """Send one message and print it, as the server has it, as one line of JSON.

    Logs in like listen, and opens no connection. One program at a time can use a saved session: while
    listen runs, give send a --session file of its own.
    """
    letter = Letter(
        receiver,
        "group" if group else "user",
        content_of(content),
        custom,
        muid,
        None if metadata is None else mapping_of("--metadata", metadata),
    )
    sys.exit(run(partial(send, options, letter)))
