"""Handouts: commands given along with the answers to devices that send over HTTP.

An answer may be lost, a command not: it is handed out again until the device has said that it has it.
"""

from collections.abc import Collection, Sequence
from typing import Any

from sqlalchemy import Connection, Row, or_, select

from devices.commands import Command, CommandKind
from safety.store.once import insert_once
from safety.store.outbox import COMMAND_ORDER, command_of
from safety.store.tables import commands, handouts, http_devices
from safety.store.upsert import replace

MAX_PER_ANSWER = 20
MAX_TIMES = 10
"""A device that never says what it has is told the same thing no more often."""
BEFORE_FIRST_MS = 60_000
"""What came up so long before a device's first request goes with its answer: an answer to a first alarm that
was never sent must not be lost by a restart."""

_COLUMNS = ("times", "handed_ms", "request", "seen_ms")


def heard_over_http(connection: Connection, device: str, now_ms: int) -> None:
    """Note that `device` sends over HTTP; what it is told from now on goes with the answers."""
    since_ms = now_ms - BEFORE_FIRST_MS
    insert_once(connection, http_devices, [{"device": device, "since_ms": since_ms}])


def waiting_commands(connection: Connection, device: str, now_ms: int) -> list[Command]:
    """Return what to tell `device` now, in the order in which it came up; the newest if it is too much."""
    return [command_of(row) for row in _newest(_unseen(connection, device, now_ms))]


def hand_out(
    connection: Connection, device: str, kinds: Collection[CommandKind], request: str | None, now_ms: int
) -> list[Command]:
    """Return what of `kinds` to tell `device`, and note that it was handed out.

    With `request`, what was handed out in answer to another one counts as seen from now on.
    """
    rows = [row for row in _unseen(connection, device, now_ms) if row.kind in kinds]
    if request is not None:
        seen = [row for row in rows if row.request not in {None, request}]
        _note(connection, seen, seen_ms=now_ms)
        rows = [row for row in rows if row not in seen]
    given = _newest(rows)
    _note(connection, given, more=1, handed_ms=now_ms, request=request)
    return [command_of(row) for row in given]


def mark_seen(connection: Connection, device: str, ids: Collection[str], now_ms: int) -> None:
    """Note that `device` has these of its commands, and so what else said the same before them."""
    said: set[tuple[object, ...]] = set()
    seen = []
    for row in reversed(_unseen(connection, device, now_ms)):
        if row.id in ids:
            said.add(_subject(row))
        if _subject(row) in said:
            seen.append(row)
    _note(connection, seen, seen_ms=now_ms)


def _unseen(connection: Connection, device: str, now_ms: int) -> list[Row[Any]]:
    since = select(http_devices.c.since_ms).where(http_devices.c.device == device).scalar_subquery()
    statement = (
        select(commands, *(handouts.c[name] for name in _COLUMNS))
        .select_from(commands.outerjoin(handouts, handouts.c.command == commands.c.id))
        .where(
            commands.c.device == device,
            commands.c.expires_ms > now_ms,
            handouts.c.seen_ms.is_(None),
            # What is older and was told over MQTT before it ever came here need not be told again.
            or_(commands.c.created_ms >= since, commands.c.due_ms >= 0),
            or_(handouts.c.times.is_(None), handouts.c.times < MAX_TIMES),
        )
        .order_by(*COMMAND_ORDER)
    )
    return list(connection.execute(statement))


def _newest(rows: Sequence[Row[Any]]) -> list[Row[Any]]:
    """Leave out what a later one says again, and the oldest where there are too many."""
    latest = {_subject(row): row for row in rows}
    return [row for row in rows if latest[_subject(row)] is row][-MAX_PER_ANSWER:]


def _subject(row: Row[Any]) -> tuple[object, ...]:
    # Each repeat of an alarm is answered; the device needs one of the answers.
    if row.kind == "alarm_received":
        return (row.kind, row.body.get("alarm"), row.body.get("alert"))
    return (row.id,)


def _note(connection: Connection, rows: Sequence[Row[Any]], more: int = 0, **values: object) -> None:
    noted = [
        {
            "command": row.id,
            "times": (row.times or 0) + more,
            "handed_ms": row.handed_ms,
            "request": row.request,
            "seen_ms": None,
            **values,
        }
        for row in rows
    ]
    replace(connection, handouts, noted, key=["command"], columns=_COLUMNS)
