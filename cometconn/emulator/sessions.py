"""Auth tokens and the JWTs made from them."""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

__all__ = ["TOKEN_LIMIT", "Sessions", "random_secret"]

TOKEN_LIMIT = 1_000
"""So many tokens are valid at once; the oldest is forgotten first."""


def random_secret(kind: str, uid: str) -> str:
    """Make an unguessable token, told apart by eye: a server started anew must not know the old ones."""
    return f"{kind}-{uid}-{secrets.token_hex(16)}"


class Sessions:
    """Who may speak as whom: auth tokens for REST, one JWT per token for the socket."""

    def __init__(self, make_secret: Callable[[str, str], str] = random_secret) -> None:
        self._make_secret = make_secret
        self._tokens: dict[str, str] = {}
        self._jwts: dict[str, tuple[str, str]] = {}
        self._jwt_of: dict[str, str] = {}

    def issue_token(self, uid: str) -> str:
        """Give the user a new auth token; earlier ones stay valid."""
        while len(self._tokens) >= TOKEN_LIMIT:
            self.forget(next(iter(self._tokens)))
        token = self._make_secret("token", uid)
        self._tokens[token] = uid
        return token

    def user_of_token(self, token: str) -> str | None:
        """Tell whose token this is; `None` when it is unknown or was forgotten."""
        return self._tokens.get(token)

    def jwt_for(self, token: str) -> str:
        """Give the JWT of a known token: the one it has, or a new one when that expired."""
        jwt = self._jwt_of.get(token)
        if jwt is None:
            uid = self._tokens[token]
            jwt = self._jwt_of[token] = self._make_secret("jwt", uid)
            self._jwts[jwt] = (token, uid)
        return jwt

    def user_of_jwt(self, jwt: str) -> str | None:
        """Tell whose JWT this is; `None` when it is unknown or has expired."""
        known = self._jwts.get(jwt)
        return known[1] if known else None

    def forget(self, token: str) -> None:
        """Make one token, and its JWT, unknown."""
        self._tokens.pop(token, None)
        jwt = self._jwt_of.pop(token, None)
        if jwt is not None:
            del self._jwts[jwt]

    def forget_all(self) -> None:
        """Make every token and every JWT unknown."""
        self._tokens.clear()
        self.expire_jwts()

    def expire_jwts(self) -> None:
        """Make every JWT worthless; the tokens stay, and get a new one when they ask."""
        self._jwts.clear()
        self._jwt_of.clear()

    def values(self) -> Iterator[str]:
        """Iterate over every secret that is valid now, so that the log can hide them."""
        yield from self._tokens
        yield from self._jwts
