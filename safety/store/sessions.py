"""Sessions: who is logged in, by the hash of a token that only its holder knows."""

from collections.abc import Collection

import msgspec
from sqlalchemy import Connection, select

from devices.identity import hash_secret, new_secret
from safety.store.tables import sessions, users


class Person(msgspec.Struct, frozen=True, kw_only=True):
    """Someone who is logged in: who, in which role and organisation, and until when (epoch ms)."""

    user: str
    login: str
    role: str
    org: str
    session: str
    expires_ms: int


def create_session(connection: Connection, user_id: str, ttl_s: float, now_ms: int) -> str:
    """Log the user in for `ttl_s` seconds and return the token; only its hash is stored."""
    token = new_secret()
    connection.execute(sessions.delete().where(sessions.c.expires_ms <= now_ms))
    connection.execute(
        sessions.insert().values(
            token_hash=hash_secret(token),
            user=user_id,
            created_ms=now_ms,
            expires_ms=now_ms + round(ttl_s * 1000),
        )
    )
    return token


def find_session(connection: Connection, token: str, now_ms: int) -> Person | None:
    """Return who holds `token`, or None if it is unknown or over, or the user is disabled."""
    found = find_sessions(connection, [hash_secret(token)], now_ms)
    return found[0] if found else None


def find_sessions(connection: Connection, hashes: Collection[str], now_ms: int) -> list[Person]:
    """Return those of the sessions with these token hashes that still hold."""
    statement = (
        select(
            sessions.c.token_hash, sessions.c.expires_ms, users.c.id, users.c.login, users.c.role, users.c.org
        )
        .join(users, users.c.id == sessions.c.user)
        .where(
            sessions.c.token_hash.in_(hashes), sessions.c.expires_ms > now_ms, users.c.disabled_ms.is_(None)
        )
    )
    return [
        Person(
            user=row.id,
            login=row.login,
            role=row.role,
            org=row.org,
            session=row.token_hash,
            expires_ms=row.expires_ms,
        )
        for row in connection.execute(statement)
    ]


def end_session(connection: Connection, session: str) -> None:
    """Log out: `session` is the hash in `Person.session`."""
    connection.execute(sessions.delete().where(sessions.c.token_hash == session))


def end_sessions_of(connection: Connection, user_id: str) -> None:
    """Log the user out everywhere, as when the password changed."""
    connection.execute(sessions.delete().where(sessions.c.user == user_id))
