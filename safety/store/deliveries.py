"""Deliveries: what became of the commands that people and rules asked for, and what devices answered."""

from collections.abc import Iterable
from typing import Any, Literal, NamedTuple

from sqlalchemy import Connection, Row, Select, and_, select, update

from safety.domain.asking import ANSWERED
from safety.errors import NotFound
from safety.store.once import insert_once
from safety.store.queries import Listed, Page, Scope, read_page
from safety.store.tables import commands, deliveries, devices, handouts, positions

DeliveryState = Literal["queued", "sent", "accepted", "fetched", "answered", "expired", "refused"]


class Came(NamedTuple):
    """A fix that came in (epoch ms); `newest`: it tells where the device is now, not where it was."""

    device: str
    received_ms: int
    newest: bool
    seq: int | None = None


def note_asked(
    connection: Connection,
    command: str,
    device: str,
    kind: str,
    *,
    expires_ms: int,
    asked_by: str | None,
    alert: str | None = None,
) -> None:
    """Note that the effect of a command matters; again under the same id changes nothing."""
    asked = {
        "command": command,
        "device": device,
        "kind": kind,
        "asked_by": asked_by,
        "alert": alert,
        "awaited_ms": expires_ms if kind in ANSWERED else None,
    }
    insert_once(connection, deliveries, [asked])


def note_answers(connection: Connection, fixes: Iterable[Came], now_ms: int) -> None:
    """Take what came in for the answer to what is awaited: a fix to `locate`, a lost one to `resend`.

    What is awaited by nobody costs one look at an index.
    """
    rows = connection.execute(_AWAITED).all()
    if not rows:
        return
    came = list(fixes)
    for row in rows:
        if row.awaited_ms <= now_ms:
            _close(connection, row.command)
        elif (row.sent_ms or row.handed_ms) is not None:
            answer = next((fix for fix in came if _answers(row, fix)), None)
            if answer is not None:
                _close(connection, row.command, answered_ms=answer.received_ms)


def note_sent(connection: Connection, command: str) -> None:
    """Take for its answer what came while the broker had the command and this was not stored yet."""
    awaited = (
        select(deliveries.c.command, positions.c.received_ms)
        .join(commands, commands.c.id == deliveries.c.command)
        .join(devices, devices.c.id == deliveries.c.device)
        .join(positions, and_(positions.c.nurse == devices.c.nurse, positions.c.device == devices.c.id))
        .where(
            deliveries.c.command == command,
            deliveries.c.awaited_ms >= 0,
            deliveries.c.kind == "locate",
            positions.c.received_ms >= commands.c.created_ms,
        )
    )
    row = connection.execute(awaited).first()
    if row is not None:
        _close(connection, command, answered_ms=row.received_ms)


def note_refused(connection: Connection, command: str, now_ms: int) -> None:
    """Note that the device will never be told."""
    change = update(deliveries).where(deliveries.c.command == command)
    connection.execute(change.values(refused_ms=now_ms, awaited_ms=None))


def list_deliveries(connection: Connection, scope: Scope, device: str, page: Page) -> Listed:
    """Return what `device` was to be told, newest first; the key is (created_ms, id)."""
    statement = _told(scope).where(commands.c.device == device)
    return read_page(connection, statement, (commands.c.created_ms, commands.c.id), page, newest_first=True)


def read_delivery(connection: Connection, scope: Scope, command: str) -> Row[Any]:
    """Return one command and what became of it.

    Raises:
        NotFound: there is none, or it is to a device of another organisation.
    """
    row = connection.execute(_told(scope).where(commands.c.id == command)).first()
    if row is None:
        raise NotFound(f"no command {command}")
    return row


def state_of(row: Row[Any], now_ms: int) -> DeliveryState:
    """Return what became of a command, of a row as `list_deliveries` gives it.

    `sent` was given out without a word that it arrived, `accepted` is with the broker, `fetched` was with
    the answer to a request of the device's own.
    """
    if row.answered_ms is not None:
        return "answered"
    fetched = row.handed_ms is not None or row.seen_ms is not None
    given = fetched or row.sent_ms is not None
    if row.refused_ms is not None and not given:
        return "refused"
    if row.expires_ms <= now_ms and (row.kind in ANSWERED or not given):
        return "expired"
    if given:
        return "fetched" if fetched else "accepted"
    return "sent" if row.attempts else "queued"


def _answers(row: Row[Any], fix: Came) -> bool:
    if fix.device != row.device or fix.received_ms < row.created_ms:
        return False
    if row.kind == "locate":
        return fix.newest
    wanted = row.body["details"]
    return fix.seq is not None and wanted["first_seq"] <= fix.seq <= wanted["last_seq"]


def _close(connection: Connection, command: str, **values: object) -> None:
    change = update(deliveries).where(deliveries.c.command == command)
    connection.execute(change.values(awaited_ms=None, **values))


def _told(scope: Scope) -> Select[Any]:
    own = ("id", "device", "kind", "body", "created_ms", "expires_ms", "attempts")
    return (
        _with_sending(*(commands.c[name] for name in own))
        .add_columns(
            deliveries.c.asked_by, deliveries.c.answered_ms, deliveries.c.refused_ms, handouts.c.seen_ms
        )
        .join(devices, devices.c.id == commands.c.device)
        .where(scope.covers(devices.c.org))
    )


def _with_sending(*columns: Any) -> Select[Any]:
    """Select of commands, what is known of them beside, and when they were given out."""
    tables = commands.outerjoin(deliveries, deliveries.c.command == commands.c.id).outerjoin(
        handouts, handouts.c.command == commands.c.id
    )
    return select(*columns, commands.c.sent_ms, handouts.c.handed_ms).select_from(tables)


# Says `awaited_ms >= 0` so that SQLite looks it up in the index. Asked with every batch, and so made once.
_AWAITED = (
    _with_sending(deliveries.c.command, deliveries.c.device, deliveries.c.kind, deliveries.c.awaited_ms)
    .add_columns(commands.c.created_ms, commands.c.body)
    .where(deliveries.c.awaited_ms >= 0)
)
