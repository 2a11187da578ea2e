"""Login failures: how often someone guessed wrong, and how long they must wait."""

from sqlalchemy import Connection, select

from safety.store.tables import login_failures

WINDOW_S = 15 * 60
MAX_FAILURES_PER_LOGIN = 5
MAX_FAILURES_PER_ADDRESS = 20


def retry_after_s(connection: Connection, login: str, address: str, now_ms: int) -> int:
    """Return for how many seconds no attempt is taken from `address` or for `login`; 0: go on.

    The failures that count are those of the last 15 minutes; when the oldest that fills the limit
    leaves the window, the next attempt is free.
    """
    waits_ms = (
        _wait_ms(connection, f"login:{login}", MAX_FAILURES_PER_LOGIN, now_ms),
        _wait_ms(connection, f"address:{address}", MAX_FAILURES_PER_ADDRESS, now_ms),
    )
    return -(-max(waits_ms) // 1000)


def note_failure(connection: Connection, login: str, address: str, now_ms: int) -> None:
    """Count a failed attempt, and forget those that no longer count."""
    old_ms = now_ms - WINDOW_S * 1000
    connection.execute(login_failures.delete().where(login_failures.c.at_ms <= old_ms))
    subjects = (f"login:{login}", f"address:{address}")
    connection.execute(login_failures.insert(), [{"subject": s, "at_ms": now_ms} for s in subjects])


def forget_failures(connection: Connection, login: str) -> None:
    """The right password was given: earlier slips of this login no longer count."""
    connection.execute(login_failures.delete().where(login_failures.c.subject == f"login:{login}"))


def _wait_ms(connection: Connection, subject: str, limit: int, now_ms: int) -> int:
    window_ms = WINDOW_S * 1000
    counted = (
        select(login_failures.c.at_ms)
        .where(login_failures.c.subject == subject, login_failures.c.at_ms > now_ms - window_ms)
        .order_by(login_failures.c.at_ms.desc())
        .offset(limit - 1)
        .limit(1)
    )
    filling_ms = connection.execute(counted).scalar()
    return 0 if filling_ms is None else int(filling_ms) + window_ms - now_ms
