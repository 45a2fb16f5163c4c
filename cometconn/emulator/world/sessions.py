"""Auth tokens, the JWTs made from them, and the tokens for secured media."""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING

from cometconn.emulator.limits import DEFAULT_LIMITS, most_tokens

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

__all__ = ["Sessions", "random_secret"]


def random_secret(kind: str, uid: str) -> str:
    """Make a random token that shows its kind and user. Random, because a new server must not accept those of an old one."""
    return f"{kind}-{uid}-{secrets.token_hex(16)}"


class Sessions:
    """The valid secrets and their users: auth tokens for REST, one JWT per token for the socket, one `fat` per user.

    A user's `fat`, the file access token, opens secured media.

    Args:
        make_secret: makes a secret from its kind and the uid.
        limit: at most this many tokens are valid at once; the oldest is forgotten first.
    """

    def __init__(
        self, make_secret: Callable[[str, str], str] = random_secret, *, limit: int = most_tokens(DEFAULT_LIMITS)
    ) -> None:
        self._make_secret = make_secret
        self._limit = limit
        self._tokens: dict[str, str] = {}
        self._jwts: dict[str, tuple[str, str]] = {}
        self._jwt_of: dict[str, str] = {}
        self._fats: dict[str, str] = {}

    def issue_token(self, uid: str) -> str:
        """Make a new auth token for a user; earlier ones stay valid."""
        while len(self._tokens) >= self._limit:
            self.forget(next(iter(self._tokens)))
        token = self._make_secret("token", uid)
        self._tokens[token] = uid
        return token

    def user_of_token(self, token: str) -> str | None:
        """Return the uid of a token; `None` when it is unknown or was forgotten."""
        return self._tokens.get(token)

    def jwt_for(self, token: str) -> str:
        """Return the JWT of a known token: the one it has, or a new one when that expired."""
        jwt = self._jwt_of.get(token)
        if jwt is None:
            uid = self._tokens[token]
            jwt = self._jwt_of[token] = self._make_secret("jwt", uid)
            self._jwts[jwt] = (token, uid)
        return jwt

    def user_of_jwt(self, jwt: str) -> str | None:
        """Return the uid of a JWT; `None` when it is unknown or has expired."""
        known = self._jwts.get(jwt)
        return known[1] if known else None

    def fat_for(self, uid: str) -> str:
        """Return the user's token for secured media."""
        if uid not in self._fats:
            self._fats[uid] = self._make_secret("fat", uid)
        return self._fats[uid]

    def opens_media(self, fat: str) -> bool:
        """Whether this is the token of a user for secured media."""
        return fat in self._fats.values()

    def tokens_of(self, uid: str) -> list[str]:
        """Return the valid auth tokens of a user, oldest first."""
        return [token for token, owner in self._tokens.items() if owner == uid]

    def forget(self, token: str) -> None:
        """Make one token and its JWT invalid."""
        self._tokens.pop(token, None)
        jwt = self._jwt_of.pop(token, None)
        if jwt is not None:
            del self._jwts[jwt]

    def forget_all(self) -> None:
        """Make every token and every JWT invalid, and those for secured media, too."""
        self._tokens.clear()
        self._fats.clear()
        self.expire_jwts()

    def expire_jwts(self) -> None:
        """Make every JWT invalid; the tokens stay valid, and `jwt_for()` makes new JWTs for them."""
        self._jwts.clear()
        self._jwt_of.clear()

    def values(self) -> Iterator[str]:
        """Iterate over all valid secrets, so that the log can hide them."""
        yield from self._tokens
        yield from self._jwts
        yield from self._fats.values()
