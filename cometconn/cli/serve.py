"""`cometconn serve`: the emulator for other programs, in any language."""

from __future__ import annotations

from functools import partial
from typing import Annotated

from cyclopts import Parameter

from cometconn.emulator.limits import DEFAULT_LIMITS, ServerLimits
from cometconn.emulator.serving import ServeOptions, serve

from .stopping import run
from .terminal import SECRETS

__all__ = ["serve_command"]

_DEFAULTS = ServeOptions()


def _shown(default: object) -> object:
    """Return the default of an option as help shows it: nothing where an option is simply not given."""
    return default or None


def serve_command(
    options: Annotated[ServeOptions, Parameter(name="*", negative=(), show_default=_shown)] = _DEFAULTS,
    limits: Annotated[ServerLimits, Parameter(name="*")] = DEFAULT_LIMITS,
) -> None:
    """Serve until a signal. The help text is in `app`, which does not import this module to list the commands."""
    SECRETS.learn(*options.secrets)
    run(partial(serve, options, limits))
