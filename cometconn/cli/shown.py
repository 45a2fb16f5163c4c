"""What a command prints: no secret in it, and nothing that a terminal obeys."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any, Final

from cometconn._text.foreign_text import KnownSecrets
from cometconn._transport.proxy import read_proxy

if TYPE_CHECKING:
    from collections.abc import Mapping

    from cometconn import CometChat

__all__ = ["SECRETS", "json_line", "learn_environment", "learn_from", "shown"]

SECRETS: Final = KnownSecrets()
"""Those of this command: from its environment, from files, typed at the terminal, and those of its client."""

_VARIABLES = ("COMETCONN_AUTH_KEY", "COMETCONN_AUTH_TOKEN", "COMETCONN_CLIENT_KEY_PASSWORD")
_PROXIES = ("COMETCONN_PROXY", "HTTPS_PROXY", "HTTP_PROXY", "ALL_PROXY")


def learn_environment(environ: Mapping[str, str] = os.environ) -> None:
    """Note the secrets in the environment, passwords of proxies included."""
    SECRETS.learn(*map(environ.get, _VARIABLES))
    for name in _PROXIES:
        for url in (environ.get(name), environ.get(name.lower())):
            proxy = read_proxy(url if url is None or "://" in url else f"http://{url}")
            if proxy is not None:
                SECRETS.learn_all(proxy.secrets)


def learn_from(chat: CometChat) -> None:
    """Note the secrets that *chat* knows by now: those that the server has given it are among them."""
    SECRETS.learn_all(chat._core.identity.secrets)  # noqa: SLF001 - no public call tells a secret


def shown(text: object) -> str:
    """Return *text* as one line for the terminal: masked, escaped, and not cut."""
    return SECRETS.whole(text)


def json_line(value: Any, indent: int | None = None) -> str:
    """Return JSON for the terminal: masked and escaped; what was only escaped, JSON reads back as it was."""
    return SECRETS.json(value, indent)
