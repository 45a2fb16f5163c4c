"""The subcommands and their options."""

from __future__ import annotations

import pathlib
import sys
from functools import partial
from typing import Annotated

import trio
from cyclopts import App, Parameter
from rich.console import Console

from cometconn import AppSettings
from cometconn._version import version

from .demo import run_demo
from .listen import Account, listen, presence, secret_of
from .serve import groups_of, serve

__all__ = ["app"]

app: App = App(name="cometconn", help="CometChat connections for Trio.", version=version)


@app.command
def demo(
    *,
    real_time: Annotated[
        bool, Parameter(negative=(), help="Use CometChat's 30 s of background grace instead of 3 s.")
    ] = False,
    port: Annotated[int, Parameter(help="Port of the local server; 0 picks a free one.")] = 0,
) -> None:
    """Start a CometChat server on this machine and show every rule of the connection at work."""
    console = Console(highlight=False, soft_wrap=True)
    failed = trio.run(run_demo, console, 30.0 if real_time else 3.0, port)
    sys.exit(1 if failed else 0)


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
    trio.run(
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
    *,
    app_id: Annotated[str, Parameter(env_var="COMETCONN_APP_ID", help="The app's id, from CometChat's dashboard.")],
    region: Annotated[str | None, Parameter(env_var="COMETCONN_REGION", help="The app's region: us, eu, in.")] = None,
    uid: Annotated[str | None, Parameter(env_var="COMETCONN_UID", help="Who listens.")] = None,
    auth_key_file: Annotated[pathlib.Path | None, Parameter(help="A file with the app's auth key.")] = None,
    auth_token_file: Annotated[pathlib.Path | None, Parameter(help="A file with a token of the user.")] = None,
    endpoint: Annotated[
        str | None, Parameter(env_var="COMETCONN_ENDPOINT", help="Another server, as http://127.0.0.1:9000.")
    ] = None,
    session: Annotated[pathlib.Path | None, Parameter(help="Where the session is saved.")] = None,
    presence_of: Annotated[
        str, Parameter(name="--presence", help="Whose presence: all, friends, none, roles=a,b.")
    ] = "none",
    manual: Annotated[bool, Parameter(negative=(), help="Manual mode: connect once, by request.")] = False,
    catch_up: Annotated[bool, Parameter(negative=(), help="Fetch the messages missed while away.")] = False,
) -> None:
    """Log in and print every event as one line of JSON; the connection's status goes to standard error.

    The secret is the auth key in COMETCONN_AUTH_KEY or a user's token in COMETCONN_AUTH_TOKEN, or in a
    file; without either, the auth key is asked for. The session is saved, so the next time needs neither.
    Ends on Ctrl-C.
    """
    subscription, roles = presence(presence_of)
    settings = AppSettings(
        region=region,
        subscription_type=subscription,
        roles=roles,
        auto_establish_socket_connection=not manual,
        catch_up=catch_up,
    )
    account = Account(
        uid, secret_of("COMETCONN_AUTH_KEY", auth_key_file), secret_of("COMETCONN_AUTH_TOKEN", auth_token_file)
    )
    sys.exit(trio.run(partial(listen, app_id, account, settings, endpoint=endpoint, session=session)))
