"""`cometconn.emulator.world.sessions`."""

from __future__ import annotations

import itertools

from cometconn.emulator.limits import DEFAULT_LIMITS, most_tokens
from cometconn.emulator.world.chat_app import ChatApp
from cometconn.emulator.world.sessions import Sessions, random_secret


def _numbered() -> Sessions:
    numbers = itertools.count()
    return Sessions(lambda kind, uid: f"{kind}-{uid}-{next(numbers)}")


def test_tokens_and_jwts_name_their_user() -> None:
    """A token and its JWT belong to the user; unknown ones belong to none."""
    sessions = _numbered()
    token = sessions.issue_token("zed-1")
    jwt = sessions.jwt_for(token)

    assert sessions.user_of_token(token) == sessions.user_of_jwt(jwt) == "zed-1"
    assert sessions.user_of_token(jwt) is None
    assert sessions.user_of_jwt(token) is None
    assert set(sessions.values()) == {token, jwt}


def test_a_jwt_stays_until_it_expires() -> None:
    """The same JWT is returned until all are expired; then the token gets another."""
    sessions = _numbered()
    token = sessions.issue_token("zed-1")
    jwt = sessions.jwt_for(token)
    assert sessions.jwt_for(token) == jwt

    sessions.expire_jwts()

    assert sessions.user_of_jwt(jwt) is None
    assert sessions.user_of_token(token) == "zed-1"
    assert sessions.jwt_for(token) != jwt
    assert sessions.user_of_jwt(sessions.jwt_for(token)) == "zed-1"


def test_forgetting_a_token_takes_its_jwt_along() -> None:
    """Neither is valid afterwards; another token of the same user still is."""
    sessions = _numbered()
    token, other = sessions.issue_token("zed-1"), sessions.issue_token("zed-1")
    jwt, other_jwt = sessions.jwt_for(token), sessions.jwt_for(other)

    sessions.forget(token)
    sessions.forget(token)

    assert sessions.user_of_token(token) is None
    assert sessions.user_of_jwt(jwt) is None
    assert sessions.user_of_jwt(other_jwt) == "zed-1"


def test_all_tokens_can_be_forgotten() -> None:
    """No token and no JWT is valid after `forget_all`."""
    sessions = _numbered()
    sessions.jwt_for(sessions.issue_token("zed-1"))

    sessions.forget_all()

    assert not list(sessions.values())


def test_the_number_of_tokens_is_bounded() -> None:
    """The oldest token is forgotten when one too many is issued."""
    sessions = _numbered()
    first, second = sessions.issue_token("zed-1"), sessions.issue_token("zed-1")

    for _ in range(most_tokens(DEFAULT_LIMITS) - 1):
        sessions.issue_token("amy-2")

    assert sessions.user_of_token(first) is None
    assert sessions.user_of_token(second) == "zed-1"


def test_real_tokens_are_never_the_same() -> None:
    """A new server does not issue the tokens of an old one."""
    assert random_secret("token", "zed-1") != random_secret("token", "zed-1")


def test_every_user_can_have_two_tokens() -> None:
    """Also if there are more users than tokens are kept otherwise."""
    uids = [f"user-{number}" for number in range(1_000)]
    app = ChatApp(users=uids)
    tokens = {app.sessions.issue_token(uid): uid for uid in (*uids, *uids)}
    assert {token: app.sessions.user_of_token(token) for token in tokens} == tokens
    first = next(iter(tokens))
    app.sessions.issue_token(uids[0])
    assert app.sessions.user_of_token(first) is None
