"""The subcommands and their options. A command imports what it runs when it runs, so that all of them start sooner."""

from __future__ import annotations

import datetime
import pathlib
import sys
from functools import partial
from typing import Annotated, Literal

from cyclopts import App, Parameter

from cometconn._client.version import __version__

from .fleet.app import fleet
from .forward import ForwardOptions
from .history import HistoryOptions
from .options import ListenOptions, Options
from .stopping import run
from .terminal import TerminalConsole

__all__ = ["app"]

_SERVE_HELP = """Run a CometChat server on this machine, for programs in any language, until Ctrl-C or SIGTERM.

Prints one line of JSON with its addresses when it is ready. Without --user and --users, the users are zed-1 and
amy-2; without --group, all users are in the group hikers. python -m cometconn.emulator does the same, and starts sooner.
"""

app: App = App(
    name="cometconn",
    help="CometChat connections for Trio: try them, watch them, find out what is wrong with them.",
    version=__version__,
)
app.command(fleet)
app.command(
    "cometconn.cli.serve:serve_command",  # its options are the server's, which takes long to import
    name="serve",
    help=_SERVE_HELP,
)
_NO_FORWARDING, _EVERYTHING = ForwardOptions(), HistoryOptions()


@app.command(name="demo")
def demo_command(
    *,
    real_time: Annotated[
        bool,
        Parameter(negative=(), show_default=False, help="Use CometChat's 30 s of background grace instead of 3 s."),
    ] = False,
    port: Annotated[int, Parameter(help="The port of the local server; 0 picks a free one.")] = 0,
) -> None:
    """Run a CometChat server on this machine, and check every connection rule of CometChat's documentation against it.

    Takes about twenty seconds, and needs neither an account nor a network.
    """
    from cometconn.emulator.serving import parse_port

    from .demo import demo

    console = TerminalConsole(highlight=False, soft_wrap=True)
    sys.exit(run(partial(demo, console, 30.0 if real_time else 3.0, parse_port(port))))


@app.command(name="listen")
def listen_command(
    options: ListenOptions,
    forwarding: ForwardOptions = _NO_FORWARDING,
    *,
    trace: Annotated[
        pathlib.Path | None,
        Parameter(help="Write what the connection does to this file, which cometconn timeline draws."),
    ] = None,
) -> None:
    """Log in and print every event as one line of JSON, and the connection's status on standard error, until Ctrl-C.

    With --forward-to the events are sent to a web service instead, each when the one before it was accepted.

    The first login needs the app's auth key (COMETCONN_AUTH_KEY or --auth-key-file) or a token of the user
    (COMETCONN_AUTH_TOKEN or --auth-token-file); without them, a terminal is prompted for the auth key. The
    session is saved, so later runs need neither.
    """
    from .listen import listen

    sys.exit(run(partial(listen, options, trace, forwarding)))


@app.command(name="history")
def history_command(options: Options, wanted: HistoryOptions = _EVERYTHING) -> None:
    """Print messages that were sent, the newest first, each as one line of JSON.

    Without --user, --group or --thread, those of all conversations. Logs in as listen does, and opens no
    WebSocket. Only one program at a time can use a saved session: while listen runs, give history another
    --session file.
    """
    from .history import history

    sys.exit(run(partial(history, options, wanted)))


@app.command(name="timeline")
def timeline_command(
    trace: Annotated[pathlib.Path, Parameter(help="A file that listen --trace or a TraceFile has written.")],
    /,
    *,
    out: Annotated[pathlib.Path, Parameter(name=("--out", "-o"), help="The SVG file to write.")],
    connection: Annotated[
        str | None, Parameter(help="The client to draw, as APP-1, if the trace holds several.")
    ] = None,
    since: Annotated[
        datetime.datetime | None, Parameter(help="Draw from this time on, as 2026-03-07T00:10, in UTC.")
    ] = None,
    until: Annotated[datetime.datetime | None, Parameter(help="Draw up to this time, in UTC.")] = None,
) -> None:
    """Draw a trace as an SVG picture: status, app state, lease, pings, events, gaps and failures on one time axis.

    In a browser, pointing at an element shows what it is.
    """
    from .timeline import timeline

    timeline(trace, out, connection=connection, since=since, until=until)


@app.command(name="doctor")
def doctor_command(
    options: Options,
    *,
    json: Annotated[
        bool, Parameter(negative=(), show_default=False, help="Print one JSON object, for programs.")
    ] = False,
    timeout: Annotated[float, Parameter(help="Seconds that each step may take at most.")] = 10.0,
) -> None:
    """Check step by step whether this machine can connect, and print what to do about the first failure.

    Looks up the host names, connects, passes the proxy, sets up TLS, logs in, opens the WebSocket and sends
    a ping. A running client is not disturbed, and nothing is saved.

    Exit status: 0 all steps passed; 1 the options are invalid; 3 the network failed (name lookup, TCP,
    proxy, TLS); 4 the account failed (saved session, login); 5 the WebSocket failed (upgrade, auth, ping);
    6 nothing failed, but without a user some steps were skipped.
    """
    from .doctor import doctor

    sys.exit(run(partial(doctor, options, as_json=json, timeout=timeout)))


@app.command(name="completion")
def completion_command(
    shell: Annotated[Literal["bash", "zsh", "fish"], Parameter(help="The shell: bash, zsh or fish.")], /
) -> None:
    """Print a script with which a shell completes commands, options and file names.

    For bash: eval "$(cometconn completion bash)". For zsh, save it as _cometconn in a folder of $fpath. For fish,
    save it as ~/.config/fish/completions/cometconn.fish.
    """
    print(app.generate_completion(shell=shell), end="", flush=True)  # noqa: T201 - a program's output


@app.command(name="send")
def send_command(
    receiver: Annotated[str, Parameter(help="The uid of a user, or with --group the guid of a group.")],
    content: Annotated[
        str | None,
        Parameter(
            allow_leading_hyphen=True,
            help="The text, or the caption of the files; - reads it from standard input.",
        ),
    ] = None,
    /,
    *,
    options: Options,
    file: Annotated[
        tuple[pathlib.Path, ...],
        Parameter(negative=(), show_default=False, help="A file to send; may be repeated, up to ten times."),
    ] = (),
    group: Annotated[bool, Parameter(negative=(), show_default=False, help="The receiver is a group.")] = False,
    custom: Annotated[
        str | None, Parameter(help="Send a custom message of this type; CONTENT is a JSON object.")
    ] = None,
    muid: Annotated[str | None, Parameter(help="An id of your own for the message (muid).")] = None,
    metadata: Annotated[
        str | None, Parameter(help="A JSON object of your own to send with it, as '{\"x\": 1}'.")
    ] = None,
) -> None:
    """Send one message, a text or files, and print it as the server stored it, as one line of JSON.

    Shows on a terminal how much of the files is uploaded. Logs in as listen does, and opens no WebSocket. Only one program at a time can use a saved session:
    while listen runs, give send another --session file.
    """
    from .send import OutgoingMessage, parse_json_object, read_content, send

    message = OutgoingMessage(
        receiver,
        "group" if group else "user",
        None if content is None else read_content(content),
        custom,
        muid,
        None if metadata is None else parse_json_object("--metadata", metadata),
        file,
    )
    sys.exit(run(partial(send, options, message)))
